"""A second state that goes on from where one is: what is open is copied, what can no longer change is shared.

Columns, frozen rows, names and numbers do not change once they are made, so that both states hold them. A class that
writes into columns of its own names the fields that hold them in `written_columns`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import chain
from operator import is_
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, NoneType
from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
T = TypeVar("T")
K = TypeVar("K")

_SHARED: Final = (NoneType, int, float, str, bytes, range, frozenset, Enum, np.ndarray, np.generic, type)
_known_shared: dict[type[Any], bool] = {}
_known_slots: dict[type[Any], tuple[str, ...]] = {}


class Branch:
    """The copies of one branching: one of each object, however often it is met."""

    def __init__(self, shared: Iterable[object] = (), left_out: Iterable[object] = ()) -> None:
        """`shared`: what both states hold although it may grow; `left_out`: what the other one does without."""
        self._copies: dict[int, Any] = {id(one): one for one in shared} | {id(one): None for one in left_out}

    def of(self, value: T) -> T:
        """The other state's own; the same where it can't change."""
        kind = type(value)
        if _is_shared(kind):
            return value
        if id(value) in self._copies:
            found: T = self._copies[id(value)]
            return found
        copy: T = _way(kind)(self, value)
        self._copies[id(value)] = copy
        return copy

    def fields(self, value: T) -> T:
        """An object's copy, field by field."""
        copy: Any = object.__new__(type(value))
        # Known before its fields are, for those of them that lead back to it.
        self._copies[id(value)] = copy
        for name in _slots(type(value)):
            if hasattr(value, name):
                one = getattr(value, name)
                # Most fields are numbers: asked here, a copy of many rows takes half the time.
                object.__setattr__(copy, name, one if _known_shared.get(type(one)) else self.of(one))
        if hasattr(value, "__dict__"):
            copy.__dict__.update(self.values(value.__dict__))
            for name in getattr(value, "written_columns", ()):
                copy.__dict__[name] = _written(value.__dict__[name])
        return copy  # type: ignore[no-any-return]

    def values(self, mapping: Mapping[K, T]) -> dict[K, T]:
        """The same keys with copies of the values."""
        kinds: set[type[Any]] = set(map(type, mapping.values()))
        if _all_shared(kinds):
            return dict(mapping)
        return {key: self.of(one) for key, one in mapping.items()}

    def each(self, values: Iterable[T]) -> list[T]:
        """Copies of several."""
        listed = list(values)
        kinds: set[type[Any]] = set(map(type, listed))
        if kinds == {tuple}:
            kinds = set(map(type, chain.from_iterable(cast("list[tuple[object, ...]]", listed))))
        return listed if _all_shared(kinds) else [self.of(one) for one in listed]


def _all_shared(kinds: set[type[Any]]) -> bool:
    return all(map(_known_shared.get, kinds)) or all(map(_is_shared, kinds))


def _is_shared(kind: type[Any]) -> bool:
    known = _known_shared.get(kind)
    if known is None:
        dataclass = getattr(kind, "__dataclass_params__", None)
        is_row = issubclass(kind, tuple) and hasattr(kind, "_fields")
        known = is_row or issubclass(kind, _SHARED) or bool(dataclass and dataclass.frozen)
        _known_shared[kind] = known
    return known


def _slots(kind: type[Any]) -> tuple[str, ...]:
    known = _known_slots.get(kind)
    if known is None:
        named = (name for one in kind.__mro__ for name in getattr(one, "__slots__", ()))
        known = _known_slots[kind] = tuple(name for name in named if not name.startswith("__"))
    return known


def _way(kind: type[Any]) -> Way:
    """How objects of a class are copied."""
    known = _known_ways.get(kind)
    if known is None:
        known = next((way for base, way in _WAYS.items() if issubclass(kind, base)), Branch.fields)
        _known_ways[kind] = known
    return known


def _written(columns: Column | Mapping[str, Column]) -> Column | dict[str, Column]:
    return {name: one.copy() for name, one in columns.items()} if isinstance(columns, Mapping) else columns.copy()


def _dict(branch: Branch, value: dict[Any, Any]) -> dict[Any, Any]:
    copy = type(value)()
    copy.update(branch.values(value))
    return copy


def _tuple(branch: Branch, value: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same one where nothing in it is copied, which all do that are rows of numbers."""
    copies = branch.each(value)
    return value if all(map(is_, copies, value)) else tuple(copies)


Way = Callable[[Branch, Any], Any]
_known_ways: dict[type[Any], Way] = {}
_WAYS: Final[dict[type, Way]] = {
    list: lambda branch, value: branch.each(value),
    dict: _dict,
    tuple: _tuple,
    set: lambda branch, value: set(branch.each(value)),
    deque: lambda branch, value: deque(branch.each(value), value.maxlen),
    FunctionType: lambda _, value: value,
    BuiltinFunctionType: lambda _, value: value,
    MappingProxyType: lambda _, value: value,
    MethodType: lambda branch, value: MethodType(value.__func__, branch.of(value.__self__)),
}
