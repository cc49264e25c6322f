"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

HORIZON_S = 10.0
GAP_S = 1.0
LEAST_S = 0.1
MOST_S = 1e9
"""Some thirty years: what is no number or does not fit into 64 bits of nanoseconds is a mistake."""


_UNIT_S = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_LENGTH = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)")


def length_s(text: str) -> float:
    """Seconds of a length of time as people write it: `10`, `0.5`, `30s`, `5m`, `2h`. Raises typer.BadParameter."""
    return within(_seconds(text), text, LEAST_S, MOST_S)


def moment_s(text: str) -> float:
    """Seconds from the beginning, written as a length of time may be; 0 is one. Raises typer.BadParameter."""
    return within(_seconds(text), text, 0.0, MOST_S)


def _seconds(text: str) -> float:
    match = _LENGTH.fullmatch(text.strip().lower())
    if match is None or match[2] not in _UNIT_S:
        raise typer.BadParameter(f"{text!r} is not a duration: give seconds, or a number with ms, s, m, h or d")
    return float(match[1]) * _UNIT_S[match[2]]


def within(value_s: float, text: str, least_s: float, most_s: float) -> float:
    """The value. Raises typer.BadParameter where it is out of bounds."""
    if not least_s <= value_s <= most_s:
        raise typer.BadParameter(f"{text!r} must be from {least_s:g} s to {most_s:,.0f} s")
    return value_s


def named(path: Path) -> Path:
    """The path. Raises typer.BadParameter where it has no file's name to go by: `.`, `/`, nothing at all."""
    if not path.name:
        raise typer.BadParameter(f"{str(path)!r} is a directory: name a file")
    return path


class BalloonSource(StrEnum):
    """Who counts the pages of the balloon; the plan's own choices, which are too slow to import for `--help`."""

    AUTO = "auto"
    FENTRY = "fentry"
    KPROBE = "kprobe"
    COUNTERS = "counters"
    PAGES = "pages"
    TRACEPOINTS = "tracepoints"
    SAMPLES = "samples"


BalloonSourceOption = Annotated[
    BalloonSource,
    typer.Option(
        "--balloon-source",
        help="How balloon pages are counted: the balloon's functions (fentry, kprobe), the kernel's counters at"
        " both ends of a run, page allocations during it (tracepoints: without function probes), or only"
        " /proc/vmstat samples.",
    ),
]
OomNotifier = Annotated[
    list[str] | None,
    typer.Option(
        "--oom-notifier",
        metavar="SYMBOL",
        help="Also trace this OOM notifier callback. Can be repeated.",
        show_default=False,
    ),
]
Programs = Annotated[
    Path | None,
    typer.Option(
        "--programs",
        metavar="FILE",
        help="Compiled programs (programs build): no compiler is needed where they fit.",
        show_default=False,
    ),
]
FileOrStdin = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        readable=False,
        help="A recording (.rtrace); for one in several files (--rotate), its original name; - is standard input.",
        show_default=False,
    ),
]
Horizon = Annotated[
    float,
    typer.Option(
        "--horizon",
        metavar="S",
        min=0.001,
        max=MOST_S,
        help="Pages that return to the balloon within S seconds are a cycle.",
    ),
]
Gap = Annotated[
    float,
    typer.Option("--gap", metavar="S", min=0.0, max=MOST_S, help="Longest pause within an episode, in seconds."),
]
From = Annotated[
    float | None,
    typer.Option("--from", metavar="TIME", parser=moment_s, help="Ignore everything before TIME.", show_default=False),
]
To = Annotated[
    float | None,
    typer.Option("--to", metavar="TIME", parser=moment_s, help="Ignore everything after TIME.", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what is being done.")]
Redact = Annotated[
    bool,
    typer.Option("--redact", help="Aliases (task-1, cgroup-2, ...) for tasks, cgroups, host, command, file and marks."),
]
Details = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also list the kinds of events that could not be traced.")
]
