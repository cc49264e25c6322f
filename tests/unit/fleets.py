"""Small fleets for tests, and constructed rows of larger ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fleet_recordings import DAMAGES, read_sources, write_fleet

from tracer.analyze.terms import Quality
from tracer.fleet.gathered import Recorded
from tracer.fleet.kept import Found
from tracer.fleet.tables import RECORDINGS
from tracer.gates.conditions import MEASURES
from tracer.gates.measures import Number

SOURCES = ("memcg-kill", "drop-slab", "guest-no-deflate")
"""Those that are read in a moment."""


def small_fleet(folder: Path, count: int, damaged: int = 0, seed: int = 1) -> list[Path]:
    """So many recordings, the first ones damaged."""
    made = folder / "recordings"
    made.mkdir()
    return write_fleet(made, read_sources(folder, SOURCES), count, damaged, seed)


ALL_DAMAGES = len(DAMAGES)


def recorded(name: str, hours: float = 1.0, findings: tuple[Found, ...] = (), **told: Any) -> Recorded:
    """A recording of a guest with these numbers by name (None: not known), and these facts or `labels`."""
    labels: Mapping[str, str] = told.pop("labels", {})
    numbers = {each: _number(told.pop(each, 0.0)) for each in MEASURES}
    facts = dict.fromkeys(RECORDINGS.dtypes) | {
        "host": name,
        "kernel_release": "6.12",
        "duration_s": hours * 3600,
        "events": 1,
        "balloon_reclaim_path": "none",
        "verdict": "A sentence.",
        "missing_parts": [],
        **told,
    }
    return Recorded(f"{name}.rtrace", f"key-{name}", f"id-{name}", labels, facts, numbers, findings, {})


def _number(value: Any) -> Number:
    if isinstance(value, Number):
        return value
    return Number(None, Quality.UNKNOWN, "not traced") if value is None else Number(float(value))
