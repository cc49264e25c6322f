"""Which views a question names, and which times and kinds it leaves of each, so that nothing else is read.

Read from DuckDB's own syntax tree (`json_serialize_sql`). A limit is taken from comparisons of a column with
constants that all rows must pass: in the WHERE of the SELECT that names the view. Whatever is not understood limits
nothing, and DuckDB filters all rows itself in any case: a limit changes what is read, never what is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any, Final, NamedTuple

from ..schema import KIND_BY_NAME

Node = Mapping[str, Any]

KIND: Final = "kind"
"""The column whose values are names of kinds."""
_PLAIN_JOINS: Final = frozenset({"INNER", "LEFT", "RIGHT", "OUTER", "SEMI", "ANTI"})
_PLAIN_WAYS: Final = frozenset({"REGULAR", "CROSS"})
"""Not POSITIONAL or ASOF: there a row that is not read changes which rows meet."""
_OWN_FUNCTIONS: Final = frozenset({"range", "generate_series", "unnest"})
_NAMES_OTHERS: Final = frozenset({"SHOW_REF", "PIVOT", "DELIM_GET", "BOUND_TABLE_REF"})
"""May look at views that the tree does not name."""
_MIRRORED: Final = {
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_EQUAL": "COMPARE_EQUAL",
}


class Range(NamedTuple):
    """Both ends belong to it; None for no limit."""

    low: float | None = None
    high: float | None = None

    def meet(self, other: Range) -> Range:
        """What lies in both."""
        lows = [each for each in (self.low, other.low) if each is not None]
        highs = [each for each in (self.high, other.high) if each is not None]
        return Range(max(lows, default=None), min(highs, default=None))

    def join(self, other: Range) -> Range:
        """What holds both."""
        low = None if self.low is None or other.low is None else min(self.low, other.low)
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        return Range(low, high)


class Limits(NamedTuple):
    """What rows that count keep to: two columns of time, and the kinds that an event may be of; None for any."""

    time_s: Range = Range()
    time_ns: Range = Range()
    kinds: frozenset[str] | None = None

    def meet(self, other: Limits) -> Limits:
        """What keeps to both."""
        both = [each for each in (self.kinds, other.kinds) if each is not None]
        kinds = frozenset.intersection(*both) if both else None
        return Limits(self.time_s.meet(other.time_s), self.time_ns.meet(other.time_ns), kinds)

    def join(self, other: Limits) -> Limits:
        """What holds all that keeps to either."""
        kinds = None if self.kinds is None or other.kinds is None else self.kinds | other.kinds
        return Limits(self.time_s.join(other.time_s), self.time_ns.join(other.time_ns), kinds)


NO_LIMITS: Final = Limits()
_JUNCTIONS: Final = {"CONJUNCTION_AND": Limits.meet, "CONJUNCTION_OR": Limits.join}


@dataclass
class Reading:
    """What a question reads: views by name with their limits, or all views where that can't be told."""

    views: dict[str, Limits] = field(default_factory=dict)
    everything: bool = False

    def add(self, name: str, limits: Limits) -> None:
        """One more place that names a view: what is read must do for all of them."""
        self.views[name] = self.views[name].join(limits) if name in self.views else limits


def reading_of(tree: Node, views: Collection[str]) -> Reading:
    """What a serialized SELECT reads of these views, whose names are in lower case."""
    found = Reading()
    for statement in tree.get("statements", ()):
        _visit(statement, {}, found)
    if found.everything or not found.views.keys() <= set(views):
        found.everything = True
    if any(node.get("type") in _NAMES_OTHERS or _is_foreign(node) for node in _nodes(tree)):
        return Reading(everything=True)
    return found


def _visit(node: Any, limits: Mapping[int, Limits], found: Reading) -> None:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        for each in node:
            _visit(each, limits, found)
    elif isinstance(node, dict):
        if node.get("type") == "SELECT_NODE":
            limits = {**limits, **_limited(node)}
        elif node.get("type") == "BASE_TABLE":
            name = str(node.get("table_name", "")).lower()
            found.add(name, limits.get(id(node), NO_LIMITS))
        for each in node.values():
            _visit(each, limits, found)


def _limited(select: Node) -> dict[int, Limits]:
    """Limits of the tables in a SELECT's own FROM, by the table's node."""
    if select.get("sample"):
        return {}
    condition = select.get("where_clause") or {}
    return {
        id(table): _kept_to(condition, partial(_column, table, select))
        for table in _plain_tables(select.get("from_table") or {})
    }


def _plain_tables(node: Node) -> list[Node]:
    """The tables that are joined in ways that a filter may go before; none where there is any other way."""
    if node.get("type") == "BASE_TABLE":
        return [] if node.get("sample") or node.get("column_name_alias") else [node]
    if node.get("type") != "JOIN":
        return []
    if node.get("join_type") not in _PLAIN_JOINS or node.get("ref_type") not in _PLAIN_WAYS:
        return []
    return [*_plain_tables(node["left"]), *_plain_tables(node["right"])]


def _column(table: Node, select: Node, node: Node) -> str:
    """The column of this table that it is; empty where it is anything else."""
    names = [str(name).lower() for name in node.get("column_names", ())]
    if node.get("type") != "COLUMN_REF" or not 1 <= len(names) <= 2:
        return ""
    if len(names) == 1:
        return names[0] if table is select["from_table"] else ""
    return names[1] if names[0] == str(table.get("alias") or table.get("table_name")).lower() else ""


def _kept_to(node: Node, column_of: Callable[[Node], str]) -> Limits:
    """What all rows keep to for which this condition is true."""
    kind = str(node.get("type"))
    if kind in _JUNCTIONS:
        return reduce(_JUNCTIONS[kind], (_kept_to(child, column_of) for child in node["children"]))
    if kind == "COMPARE_BETWEEN":
        return _in(column_of(node["input"]), Range(_number(node["lower"]), _number(node["upper"])))
    if kind == "COMPARE_IN":
        column, *values = node["children"]
        return _among(column_of(column), values)
    if kind in _MIRRORED:
        left, right = node["left"], node["right"]
        return _compared(kind, column_of(left), right).meet(_compared(_MIRRORED[kind], column_of(right), left))
    return NO_LIMITS


def _compared(kind: str, column: str, constant: Node) -> Limits:
    if kind == "COMPARE_EQUAL" and column == KIND:
        return _among(column, [constant])
    value = _number(constant)
    return _in(column, Range(None if "LESS" in kind else value, None if "GREATER" in kind else value))


def _in(column: str, of: Range) -> Limits:
    return {"time_s": Limits(time_s=of), "time_ns": Limits(time_ns=of)}.get(column, NO_LIMITS)


def _among(column: str, values: Iterable[Node]) -> Limits:
    """Values that are no kind's name, whatever they are compared as, leave all kinds."""
    words = [_word(value) for value in values]
    return Limits(kinds=frozenset(words)) if column == KIND and KIND_BY_NAME.keys() >= {*words} else NO_LIMITS


def _word(node: Node) -> str:
    """The text that a plain constant stands for; empty where it is anything else."""
    told = node.get("literal") or {}
    is_text = node.get("type") == "VALUE_CONSTANT" and told.get("kind") == "STRING"
    return str(told.get("text", "")) if is_text else ""


def _number(node: Node) -> float | None:
    """The number that a plain constant stands for."""
    if node.get("type") != "VALUE_CONSTANT":
        return None
    told = node.get("literal") or {}
    if told.get("kind") not in {"INTEGER", "NUMERIC"}:
        return None
    try:
        return float(told["text"])
    except (KeyError, ValueError):
        return None


def _nodes(tree: Any) -> Iterable[Node]:  # noqa: ANN401 - JSON
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for each in tree:
            yield from _nodes(each)


def _is_foreign(node: Node) -> bool:
    """Whether it is a function that gives a table of its own: `query('...')` may name any view."""
    if node.get("type") != "TABLE_FUNCTION":
        return False
    return str((node.get("function") or {}).get("function_name", "")).lower() not in _OWN_FUNCTIONS
