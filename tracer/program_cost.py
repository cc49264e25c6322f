"""What BPF programs cost while the kernel measured them, and how a recording keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

COST_NOTE: Final = "program_cost"
"""The note's key in a recording."""


@dataclass(frozen=True)
class ProgramCost:
    """A program's runs, those that its filter ended at once too, and ns in them."""

    runs: int
    run_time_ns: int


def costs_to_note(costs: Mapping[str, ProgramCost]) -> dict[str, Any]:
    """As the note's JSON value."""
    return {name: asdict(cost) for name, cost in costs.items()}


def costs_from_notes(notes: Mapping[str, Any]) -> dict[str, ProgramCost]:
    """By program, from a recording's notes; empty where none were measured."""
    return {name: ProgramCost(cost["runs"], cost["run_time_ns"]) for name, cost in notes.get(COST_NOTE, {}).items()}
