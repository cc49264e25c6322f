"""What a fleet comes to, written: tables over all recordings, recordings' own reports, the page and its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...errors import TracerError
from ...fleet.fragments import Fragments
from ...fleet.gathered import Recorded
from ...fleet.joined import write_joined
from ...fleet.places import is_url
from ...fleet.results import Results
from ...fleet.tables import KEPT
from ...outputs import make_folders, write_file
from ..analysis import analyse_file
from ..memory_bound import bounded_memory
from .running import TABLES, Progress, Run

if TYPE_CHECKING:
    from ...analyze import Options

PAGE: Final = "fleet.html"
NUMBERS: Final = "fleet.json"
REPORTS: Final = "reports"
ALL: Final = -1


@dataclass(frozen=True)
class Written:
    """Where things are, and reports that could not be made, with why."""

    page: Path
    reports: int
    refused: Sequence[tuple[str, str]]


def write_all(run: Run, results: Results, told: Mapping[str, Any], most_reports: int, progress: Progress) -> Written:
    """Everything but fragments; `told` is the results' JSON. Raises TracerError."""
    from ...report.fleet.page import render

    output = Path(run.request.output)
    make_folders(output / TABLES)
    write_tables(output / TABLES, results.fleet.recordings, run.fragments, progress)
    links, refused = _write_reports(output, results, run.request.options, most_reports, progress)
    _put(output / NUMBERS, json.dumps(told, indent=1).encode() + b"\n")
    _put(output / PAGE, render(results, links).encode())
    return Written(output / PAGE, len(links), refused)


def _put(path: Path, data: bytes) -> None:
    write_file(path, data, force=True, what="a fleet's report")


def write_tables(
    folder: Path, recordings: Sequence[Recorded], fragments: Fragments, progress: Progress
) -> None:  # fmt: skip
    """One Parquet file a table, recordings in order of their names. What is there as it would be is left."""
    keys = [each.key for each in recordings]
    for number, table in enumerate(KEPT):
        progress("Joining tables", number / len(KEPT))
        write_joined(folder, table, fragments, keys)


def _write_reports(
    output: Path, results: Results, options: Options, most: int, progress: Progress
) -> tuple[Mapping[str, str], list[tuple[str, str]]]:
    """The reports of the worst guests' costliest recordings; links by key. Those of earlier runs that are not among
    them go."""
    from ...report.page import write_report
    from ...store import files_of

    guests = results.guests if most == ALL else results.guests[:most]
    links: dict[str, str] = {}
    refused: list[tuple[str, str]] = []
    if guests:
        make_folders(output / REPORTS)
    for number, guest in enumerate(guests):
        progress("Writing reports", number / len(guests))
        recording = guest.costliest
        name = f"{recording.key}.html"
        if is_url(recording.source):
            refused.append((recording.source, "its report is made where its file is"))
            continue
        path = Path(recording.source)
        try:
            with bounded_memory(path):
                analysis, facts = analyse_file(path, options)
                write_report(output / REPORTS / name, analysis, facts, files_of(path), force=True, title=guest.name)
        except TracerError as error:
            refused.append((recording.source, str(error)))
            continue
        links[recording.key] = f"{REPORTS}/{name}"
    _remove_others(output / REPORTS, {f"{key}.html" for key in links})
    return links, refused


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Reports of this folder's own kind of name alone: nobody else's file goes."""
    for file in folder.glob("????????-????????????????????????.html"):
        if file.name not in kept:
            with suppress(OSError):
                file.unlink()
