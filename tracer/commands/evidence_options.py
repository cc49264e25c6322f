"""Options of `events` and `spans`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from ..errors import UsageError
from ..terminal.messages import say
from .options import From, To

if TYPE_CHECKING:
    from pathlib import Path

    from ..analyze import Options
    from ..jobs.showing_evidence import Shown

Row = TypeVar("Row")
_PID_MAX: Final = (1 << 22) - 1
"""The kernel's PID_MAX_LIMIT is one more."""


class TimeColumn(StrEnum):
    """What the first column of the text counts."""

    START = "start"
    WALL = "wall"
    DMESG = "dmesg"


KindsOption = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="KIND", help="Only this kind. Can be repeated.", show_default=False),
]
PidsOption = Annotated[
    list[int] | None,
    typer.Option(
        "--pid",
        metavar="N",
        min=0,
        max=_PID_MAX,
        help="Only this thread or process. Can be repeated.",
        show_default=False,
    ),
]
CgroupOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="Only tasks in cgroups whose path, unit, pod or container matches (*, ?, [...]).",
        show_default=False,
    ),
]
FindingOption = Annotated[
    int | None,
    typer.Option(metavar="ID", help="Only the time of this finding (summary --json has ids).", show_default=False),
]
CycleOption = Annotated[int | None, typer.Option(metavar="N", help="Only the time of this cycle.", show_default=False)]
TimeOption = Annotated[
    TimeColumn,
    typer.Option("--time", help="Times in text: seconds since the recording's start, UTC, or seconds since boot."),
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", "-n", metavar="N", min=1, help="At most N rows.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV.")]


@dataclass(frozen=True)
class ChoiceGroup:
    """Which rows are asked for."""

    from_s: From = None
    to_s: To = None
    kind: KindsOption = None
    pid: PidsOption = None
    cgroup: CgroupOption = None
    finding: FindingOption = None
    cycle: CycleOption = None

    def shown(self, file: Path, options: Options, *, redact: bool) -> Shown:
        """The recording and what is asked for. Raises RecordingError, UsageError."""
        from ..jobs.analysis import Span
        from ..jobs.showing_evidence import Shown, Wanted

        span = Span(self.from_s, self.to_s)
        wanted = Wanted(span, self.kind or (), self.pid or (), self.cgroup, self.finding, self.cycle)
        return Shown(file, wanted, options, redact=redact)

    @property
    def kinds(self) -> frozenset[str] | None:
        """None where all are asked for."""
        return frozenset(self.kind or ()) or None


@dataclass(frozen=True)
class FormGroup:
    """What rows look like, and how many."""

    time: TimeOption = TimeColumn.START
    limit: LimitOption = None
    as_json: JsonOption = False
    as_csv: CsvOption = False

    def require_one(self) -> None:
        """Raises UsageError where two forms are wanted."""
        if self.as_json and self.as_csv:
            raise UsageError("--json and --csv exclude each other")


def up_to(rows: Iterable[Row], limit: int | None, shown: Shown) -> Iterator[Row]:
    """At most so many; says where there are more, and at the end what the recording lacks of what was asked for."""
    each = iter(rows)
    yield from islice(each, None if limit is None else min(limit, sys.maxsize))
    if limit is not None and next(each, None) is not None:
        say(f"More rows follow: --limit {limit} was reached.")
        return
    if why := shown.unknown_cgroup():
        say(f"No row: {why}.")
    if missing := shown.missing_part():
        say(f"Rows may be missing: {missing}.")


def json_lines(values: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One object a line; what is not ASCII is escaped."""
    return (json.dumps(each, separators=(",", ":")) for each in values)


def csv_lines(columns: tuple[str, ...], rows: Iterable[list[object]]) -> Iterator[str]:
    """A head and rows."""
    import csv

    line = _Line()
    write = csv.writer(line, lineterminator="").writerow
    for row in chain((columns,), rows):
        write(row)
        yield line.text


class _Line:
    """What was written last."""

    text = ""

    def write(self, text: str) -> None:
        """As a file does."""
        self.text = text
