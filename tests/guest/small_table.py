"""The table of `tests.guest.small`: `python -m tests.guest.small_table small.jsonl...`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

UNKNOWN: Final = "-"
Row = Mapping[str, Any]


def _number(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _mib(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value / (1 << 20):.0f} MiB"


def _phase(name: str, key: str) -> Callable[[Row], str]:
    return lambda row: _number(row["phases"].get(name, {}).get(key))


def _stalls(name: str) -> Callable[[Row], str]:
    """The recorder's own of everybody's, and in how long."""
    return lambda row: f"{_phase(name, 'own_stalls')(row)} of {_everybodys(name)(row)}"


def _everybodys(name: str) -> Callable[[Row], str]:
    def text(row: Row) -> str:
        seconds = row["phases"].get(name, {}).get("seconds")
        return UNKNOWN if seconds is None else f"{_phase(name, 'stalls')(row)} in {seconds:.0f} s"

    return text


def _peak(name: str) -> Callable[[Row], str]:
    """Largest charge so far; at least that where the kernel does not keep it."""

    def text(row: Row) -> str:
        held = row["held"].get(name, {})
        peak = held.get("peak")
        return ("" if peak is None or held["peak_is_kernels"] else ">= ") + _mib(peak)

    return text


def _running(row: Row) -> str:
    held = row["held"].get("running", {})
    return f"{_mib(held.get('current'))} ({_mib(held.get('anon'))} anonymous)"


def _own_share(row: Row) -> str:
    own, every = row["recorded"].get("own_pages"), row["recorded"].get("pages")
    return UNKNOWN if own is None or not every else f"{own / every:.2%}"


def _lost(row: Row) -> str:
    recorded = row["recorded"]
    return f"{_number(recorded.get('lost'))} of {_number(recorded.get('events'))}"


_COLUMNS: Final[Mapping[str, Callable[[Row], str]]] = {
    "kernel": lambda row: str(row["kernel"]),
    "memory": lambda row: f"{row['memory_mib']} MiB",
    "available": lambda row: f"{_number(row['available_mib'])} MiB",
    "programs": lambda row: "carried" if row["way"] else "compiled",
    "recorder": lambda row: str(row["state"]),
    "before: stalls": _everybodys("before"),
    "start: stalls": _stalls("starting"),
    "reclaimed for it": _phase("starting", "extra_pages"),
    "peak": _peak("starting"),
    "running": _running,
    "stalls": _stalls("running"),
    "storm: stalls": _stalls("storm"),
    "lost": _lost,
    "end: stalls": _stalls("ending"),
    "peak in all": _peak("ending"),
    "own reclaim": _own_share,
}
HEAD: Final = f"| {' | '.join(_COLUMNS)} |\n|{' --- |' * len(_COLUMNS)}"


def row_text(row: Row) -> str:
    """A line of the table."""
    return f"| {' | '.join(text(row) for text in _COLUMNS.values())} |"


def main() -> int:
    """Rows by kernel, memory and programs, file by file."""
    print(HEAD)
    for path in map(Path, sys.argv[1:]):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in sorted(rows, key=lambda row: (row["kernel"], row["memory_mib"], row["way"])):
            print(row_text(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
