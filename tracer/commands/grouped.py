"""Options that several commands declare together, as one dataclass."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

Command = Callable[..., None]


def with_groups(command: Command) -> Command:
    """A command with the fields of each parameter that is a dataclass in that parameter's place.

    typer reads a command's signature (PEP 362), and calls it by name; fields are annotated, and have their defaults, as
    parameters have.
    """
    own = inspect.signature(command, eval_str=True)
    groups = {name: one.annotation for name, one in own.parameters.items() if _is_group(one.annotation)}

    @wraps(command)
    def run(**values: Any) -> None:  # noqa: ANN401 - whatever typer has made of what was typed
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    spread = [each for one in own.parameters.values() for each in _spread(one)]
    vars(run)["__signature__"] = own.replace(parameters=spread)
    return run


def _is_group(annotation: Any) -> bool:  # noqa: ANN401 - a parameter's may be anything
    return is_dataclass(annotation)


def _spread(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    group = parameter.annotation
    if not _is_group(group):
        yield parameter
        return
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield parameter.replace(name=field.name, annotation=hints[field.name], default=field.default)
