"""What is fuzzed, by name; each input is made by a number alone, so that a finding is told by its target and number."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import facts_inputs
import import_inputs
import recording_inputs
import view_inputs
import views

Target = Callable[[int, Path], str]
"""Tries the input of that number in a folder and says which way it went. Raises for what must not happen."""


def _read(number: int, folder: Path) -> str:
    path, content = folder / "x.rtrace", recording_inputs.case_of(number)
    path.write_bytes(content)
    return recording_inputs.read(path, len(content))


def _import(kind: str, number: int, folder: Path) -> str:
    return import_inputs.case_of(kind, number).run(folder)


def _look(number: int, folder: Path) -> str:
    path = folder / "x.rtrace"
    path.write_bytes(view_inputs.case_of(number))
    return views.look(path, random.Random(f"look {number}"))


def _describe(number: int, _: Path) -> str:
    return facts_inputs.read(number, facts_inputs.case_of(number))


TARGETS: dict[str, Target] = {
    "reader": _read,
    **{kind: partial(_import, kind) for kind in import_inputs.KINDS},
    "views": _look,
    "facts": _describe,
}
