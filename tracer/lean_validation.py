"""What typer needs of pydantic to read plain options, without pydantic: 8 MiB of anonymous memory and 4 of files.

A value that is as plain as it should be is taken as pydantic takes it. Anything else, and so every mistake, is left to
pydantic itself, which is loaded then: what it accepts and what it says of a mistake stay its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin

_NAME: Final = "pydantic"
_ERRORS: Final = f"{_NAME}.errors"
_PLAIN_NUMBER: Final = {int: re.compile(r"-?[0-9]{1,15}"), float: re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")}


class ValidationError(ValueError):
    """pydantic's, of which `errors` are kept."""

    def __init__(self, theirs: Any) -> None:  # noqa: ANN401 - pydantic's is not known before it is loaded
        super().__init__(str(theirs))
        self._errors = theirs.errors()

    def errors(self) -> Any:  # noqa: ANN401
        """What is wrong, as pydantic tells it."""
        return self._errors


class PydanticSchemaGenerationError(TypeError):
    """No type that pydantic knows."""


class BeforeValidator(NamedTuple):
    """A function that is asked before the type."""

    func: Callable[..., Any]


class AfterValidator(NamedTuple):
    """A function that is asked after the type."""

    func: Callable[..., Any]


class Bounds(NamedTuple):
    """Of a number; other arguments of `Field` are only pydantic's."""

    arguments: dict[str, Any]


def field(**arguments: Any) -> Bounds:  # noqa: ANN401
    """pydantic's `Field`."""
    return Bounds(arguments)


class TypeAdapter:
    """Makes a value of a type."""

    def __init__(self, annotation: Any) -> None:  # noqa: ANN401 - any type there is
        self._annotation = annotation
        if not _is_plain(annotation):
            self._pydantics()

    def __class_getitem__(cls, _: object) -> type[TypeAdapter]:
        return cls

    def validate_python(self, value: Any, context: object = None) -> Any:  # noqa: ANN401
        """Raises ValidationError."""
        try:
            return _plain(self._annotation, value, SimpleNamespace(context=context))
        except (ValueError, AssertionError):
            return self._by_pydantic(value, context)

    def _by_pydantic(self, value: Any, context: object) -> Any:  # noqa: ANN401
        adapter = self._pydantics()
        with _pydantic() as pydantic:
            known = pydantic.ValidationError
        try:
            return adapter.validate_python(value, context=context)
        except known as error:
            raise ValidationError(error) from error

    def _pydantics(self) -> Any:  # noqa: ANN401
        with _pydantic() as pydantic:
            try:
                return pydantic.TypeAdapter(_theirs(self._annotation, pydantic))
            except pydantic.errors.PydanticSchemaGenerationError as error:
                raise PydanticSchemaGenerationError(*error.args) from error


def stand_in() -> None:
    """Have the first import of pydantic bring this; nothing where it is loaded, or missing."""
    if _NAME in sys.modules or find_spec(_NAME) is None:
        return
    package, errors = ModuleType(_NAME), ModuleType(_ERRORS)
    names = {each.__name__: each for each in (TypeAdapter, BeforeValidator, AfterValidator, ValidationError)}
    package.__dict__.update(names, Field=field, ValidationInfo=SimpleNamespace, errors=errors, __path__=[])
    package.__dict__["__getattr__"] = _look_up
    errors.__dict__["PydanticSchemaGenerationError"] = PydanticSchemaGenerationError
    _ours.update({_NAME: package, _ERRORS: errors})
    sys.modules.update(_ours)


def _look_up(name: str) -> Any:  # noqa: ANN401
    """What only pydantic has."""
    if name.startswith("__"):
        raise AttributeError(name)
    with _pydantic() as pydantic:
        return getattr(pydantic, name)


_ours: dict[str, ModuleType] = {}
_loaded: dict[str, ModuleType] = {}


@contextmanager
def _pydantic() -> Iterator[Any]:
    """pydantic itself, found by its own modules as long as the block is open."""
    for name in _ours:
        del sys.modules[name]
    sys.modules.update(_loaded)
    try:
        import pydantic
        import pydantic.errors

        yield pydantic
    finally:
        _loaded.update({name: sys.modules[name] for name in _ours if name in sys.modules})
        sys.modules.update(_ours)


def _theirs(annotation: Any, pydantic: Any) -> Any:  # noqa: ANN401
    """The annotation in pydantic's words."""
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *said = get_args(annotation)
    return Annotated[(kind, *(_their_word(word, pydantic) for word in said))]


def _their_word(word: Any, pydantic: Any) -> Any:  # noqa: ANN401
    if isinstance(word, Bounds):
        return pydantic.Field(**word.arguments)
    return getattr(pydantic, type(word).__name__)(word.func)


def _is_plain(annotation: Any) -> bool:  # noqa: ANN401
    """Whether values of that type are made here, if they are plain themselves."""
    kind, *said = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    return (
        len(said) <= 1
        and (kind in (Any, bool, str, int, float, list[Any]) or (isinstance(kind, type) and issubclass(kind, Path)))
        and all(isinstance(word, (BeforeValidator, Bounds)) for word in said)
    )


def _plain(annotation: Any, value: Any, info: object) -> Any:  # noqa: ANN401
    """The value as pydantic makes it. Raises ValueError where only pydantic can tell, and what validators raise."""
    kind, *said = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    for word in said:
        if isinstance(word, BeforeValidator):
            value = word.func(value, info) if _wants_info(word.func) else word.func(value)
    made = value if kind is Any else _made(kind, value)
    if any(isinstance(word, Bounds) and not _within(made, word.arguments) for word in said):
        raise ValueError(value)
    return made


def _wants_info(function: Callable[..., Any]) -> bool:
    """Raises ValueError for what is no function of Python's own."""
    if not isinstance(function, FunctionType):
        raise ValueError(function)
    return function.__code__.co_argcount > 1


def _made(kind: Any, value: Any) -> Any:  # noqa: ANN401
    """Raises ValueError for what is not plain."""
    if type(value) is (get_origin(kind) or kind):
        return value
    if isinstance(value, str) and kind in _PLAIN_NUMBER and _PLAIN_NUMBER[kind].fullmatch(value):
        return kind(value)
    if isinstance(value, str) and isinstance(kind, type) and issubclass(kind, Path):
        return kind(value)
    raise ValueError(value)


def _within(number: Any, bounds: dict[str, Any]) -> bool:  # noqa: ANN401
    """Whether a number is; False for bounds of another sort."""
    tests: dict[str, Callable[[Any], bool]] = {"ge": lambda least: number >= least, "le": lambda most: number <= most}
    return all(name in tests and tests[name](value) for name, value in bounds.items())
