"""Recordings in other tools' formats, and a slice of time asked for in SQL: speed, size, memory.

Every export and query is a process of its own, on recordings of two lengths: memory of both tells whether it grows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from .command import run
from .rows import Row, Subject
from .setting import Setting
from .synthetic_recording import write_recording

GROUP: Final = "Exports and SQL (synthetic events)"
FORMATS: Final = ("perfetto", "parquet", "chrome", "csv", "ftrace", "otlp")
_BUDGETS: Final = {"perfetto": "1 M events/s", "parquet": "1 M events/s"}
LENGTHS: Final = (("1e6", 1_000_000), ("1e7", 10_000_000))
_QUICK: Final = 25_000
SLICE: Final = "SELECT count(*), sum(nr_reclaimed) FROM lru_shrink_inactive WHERE time_s BETWEEN {from_s} AND {to_s}"
_EVENTS_PER_S: Final = 100_000
"""Of the recording's time."""


def rows(setting: Setting) -> Iterator[Row]:
    """All formats of both lengths, then a second of the longer one in SQL."""
    peaks: dict[tuple[str, str], float] = {}
    for length, number in LENGTHS:
        path = setting.folder / f"exported-{length}.rtrace"
        events = write_recording(path, setting.size(number, _QUICK))
        for name in FORMATS:
            row, peaks[name, length] = _export(setting, path, name, (length, events))
            yield row
        if length == LENGTHS[-1][0]:
            yield _slice(setting, path, events)
        path.unlink()
    (short, _), (long, _) = LENGTHS
    for name in FORMATS:
        subject = Subject(f"export_{name}_peak", GROUP, f"`{name}` of 10 million events: memory at its peak", "MiB")
        yield subject.alone([peaks[name, long]], why=f"of 1 million: {peaks[name, short]:,.0f} MiB.")


def _export(setting: Setting, path: Path, name: str, of: tuple[str, int]) -> tuple[Row, float]:
    """Its row, and its peak of memory in MiB."""
    length, events = of
    out = setting.folder / f"exported-{name}"
    ran = []
    for _ in range(setting.size(3, 1)):
        _remove(out)
        ran.append(run("export", path, "--format", name, "-o", out, "--quiet"))
    wall_s = median(one.wall_s for one in ran)
    why = f"{_size_bytes(out) / 1e6:,.0f} MB in {wall_s:.1f} s from start to end."
    _remove(out)
    subject = Subject(
        f"export_{name}_{length}", GROUP, f"`{name}`: events of {events:,} in a second of CPU time", "M events/s", True,
        budget=_BUDGETS.get(name, ""),
    )  # fmt: skip
    return subject.alone([events / one.cpu_s / 1e6 for one in ran], why=why), max(one.peak_mib for one in ran)


def _slice(setting: Setting, path: Path, events: int) -> Row:
    middle_s = events // _EVENTS_PER_S // 2
    question = SLICE.format(from_s=middle_s, to_s=middle_s + 1)
    ran = [run("sql", path, question, "--csv", "-v") for _ in range(setting.size(3, 1))]
    read = next(line for line in ran[-1].said.splitlines() if "read " in line)
    subject = Subject("sql_slice", GROUP, f"SQL: a second of {events:,} events, from start to end", "s", budget="2 s")
    return subject.alone([one.wall_s for one in ran], why=f"{read.strip()}; {ran[-1].peak_mib:,.0f} MiB of memory.")


def _size_bytes(path: Path) -> int:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
