"""Which views a question names, and which part of the time it leaves of each, so that nothing else is read.

Read from DuckDB's own syntax tree (`json_serialize_sql`). A limit is taken from a comparison of a column with a
constant that all rows must pass: in the WHERE of the SELECT that names the view. Whatever is not understood limits
nothing, and DuckDB filters all rows itself in any case: a limit changes what is read, never what is answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

Node = Mapping[str, Any]

TIMES: Final = frozenset({"time_s", "time_ns"})
"""Columns whose limits count."""
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


Limits = Mapping[str, Range]
"""By column of TIMES."""
NO_LIMITS: Final[Limits] = {}


@dataclass
class Reading:
    """What a question reads: views by name with their limits, or all views where that can't be told."""

    views: dict[str, Limits] = field(default_factory=dict)
    everything: bool = False

    def add(self, name: str, limits: Limits) -> None:
        """One more place that names a view: what is read must do for all of them."""
        self.views[name] = _hull(self.views[name], limits) if name in self.views else limits


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
    tables = _plain_tables(select.get("from_table") or {})
    if not tables or select.get("sample"):
        return {}
    limits: dict[int, dict[str, Range]] = {id(table): {} for table in tables}
    for qualifier, column, one in _comparisons(select.get("where_clause")):
        for table in tables:
            if _is_its(table, qualifier, select):
                of = limits[id(table)]
                of[column] = of.get(column, Range()).meet(one)
    return {key: value for key, value in limits.items() if value}


def _plain_tables(node: Node) -> list[Node]:
    """The tables that are joined in ways that a filter may go before; none where there is any other way."""
    if node.get("type") == "BASE_TABLE":
        return [] if node.get("sample") or node.get("column_name_alias") else [node]
    if node.get("type") != "JOIN":
        return []
    if node.get("join_type") not in _PLAIN_JOINS or node.get("ref_type") not in _PLAIN_WAYS:
        return []
    return [*_plain_tables(node["left"]), *_plain_tables(node["right"])]


def _is_its(table: Node, qualifier: str, select: Node) -> bool:
    if not qualifier:
        return table is select["from_table"]
    return qualifier == str(table.get("alias") or table.get("table_name")).lower()


def _comparisons(node: Any) -> Iterator[tuple[str, str, Range]]:  # noqa: ANN401 - JSON
    """Qualifier, column and range of every comparison that must hold."""
    if not isinstance(node, dict):
        return
    kind = node.get("type")
    if kind == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _comparisons(child)
    elif kind == "COMPARE_BETWEEN":
        low, high = _number(node["lower"]), _number(node["upper"])
        yield from _named(node["input"], Range(low, high))
    elif kind in _MIRRORED:
        yield from _compared(kind, node["left"], node["right"])
        yield from _compared(_MIRRORED[kind], node["right"], node["left"])


def _compared(kind: str, column: Node, constant: Node) -> Iterator[tuple[str, str, Range]]:
    if (value := _number(constant)) is not None:
        low = None if "LESS" in kind else value
        high = None if "GREATER" in kind else value
        yield from _named(column, Range(low, high))


def _named(node: Node, one: Range) -> Iterator[tuple[str, str, Range]]:
    names = [str(name).lower() for name in node.get("column_names", ())]
    if node.get("type") == "COLUMN_REF" and names and names[-1] in TIMES and len(names) <= 2:
        yield (names[0] if len(names) == 2 else "", names[-1], one)


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


def _hull(one: Limits, other: Limits) -> Limits:
    return {column: one[column].join(other[column]) for column in one.keys() & other.keys()}


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
