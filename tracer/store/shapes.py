"""What a JSON value may be, declared as data: types, ranges, lengths, what may be null, what must be there.

A shape's `check` raises ShapeError where a value is not as declared. Values are whatever `json.loads` gives; checking
goes no deeper than the declaration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from ..errors import printable

_SHOWN_CHARS = 40


class ShapeError(ValueError):
    """A value is not as declared: `rule` says what it is not, `where` which one it is."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule
        self.where = ""

    def inside(self, place: str | int) -> Self:
        """The same, seen from what the value lies in."""
        step = f"[{place}]" if isinstance(place, int) else f".{printable(place[:_SHOWN_CHARS])}"
        self.where = step + self.where
        return self

    def __str__(self) -> str:
        return f"{self.where.lstrip('.')} {self.rule}".lstrip()


class Shape(Protocol):
    """A declaration that values can be held against."""

    def check(self, value: Any) -> None:  # noqa: ANN401
        """Raise ShapeError if `value` is not as declared."""


def _check_members(members: Iterable[tuple[str | int, Shape, Any]]) -> None:
    for place, shape, value in members:
        try:
            shape.check(value)
        except ShapeError as error:
            raise error.inside(place) from None


@dataclass(frozen=True)
class Whole:
    """An integer, `low <= value <= high`."""

    low: int
    high: int

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ShapeError(f"is not an integer from {self.low} to {self.high}")


@dataclass(frozen=True)
class Real:
    """A finite number, `low <= value <= high`."""

    low: float
    high: float

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`; a NaN is not between any two numbers."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ShapeError(f"is not a number from {self.low:g} to {self.high:g}")


@dataclass(frozen=True)
class Text:
    """Text of at most `most` characters; one of `words`, if there are any."""

    most: int
    words: frozenset[str] = frozenset()

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""
        if not isinstance(value, str):
            raise ShapeError("is not a string")
        if len(value) > self.most:
            raise ShapeError(f"has {len(value):,} characters, more than {self.most:,}")
        if self.words and value not in self.words:
            raise ShapeError(f"is not one of {', '.join(sorted(self.words))}")


@dataclass(frozen=True)
class Anything:
    """Any value: nobody computes with it."""

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""


@dataclass(frozen=True)
class Nullable:
    """`shape`, or null."""

    shape: Shape

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""
        if value is not None:
            self.shape.check(value)


@dataclass(frozen=True)
class ListOf:
    """A list of at most `most` elements of one shape."""

    shape: Shape
    most: int

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""
        if not isinstance(value, list):
            raise ShapeError("is not a list")
        if len(value) > self.most:
            raise ShapeError(f"has {len(value):,} elements, more than {self.most:,}")
        _check_members((number, self.shape, element) for number, element in enumerate(value))


@dataclass(frozen=True)
class Row:
    """A list of exactly these elements."""

    shapes: tuple[Shape, ...]

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""
        if not isinstance(value, list) or len(value) != len(self.shapes):
            raise ShapeError(f"is not a list of {len(self.shapes)}")
        _check_members((number, *pair) for number, pair in enumerate(zip(self.shapes, value, strict=True)))


@dataclass(frozen=True)
class MapOf:
    """An object of at most `most` members of one shape, their names of at most `name_most` characters."""

    shape: Shape
    most: int
    name_most: int

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""
        if not isinstance(value, dict):
            raise ShapeError("is not an object")
        if len(value) > self.most:
            raise ShapeError(f"has {len(value):,} members, more than {self.most:,}")
        if any(len(name) > self.name_most for name in value):
            raise ShapeError(f"has a name of more than {self.name_most} characters")
        _check_members((name, self.shape, member) for name, member in value.items())


@dataclass(frozen=True)
class Members:
    """An object with these members; `required` ones must be there, others that are not declared are passed over."""

    shapes: Mapping[str, Shape]
    required: frozenset[str] = frozenset()

    def check(self, value: Any) -> None:  # noqa: ANN401
        """As `Shape.check`."""
        if not isinstance(value, dict):
            raise ShapeError("is not an object")
        if missing := self.required - value.keys():
            raise ShapeError(f"has no {', '.join(sorted(missing))}")
        _check_members((name, shape, value[name]) for name, shape in self.shapes.items() if name in value)
