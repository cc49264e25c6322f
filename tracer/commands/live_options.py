"""The options that only `live` has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import LEAST_S, length_s
from .recording_options import MOST_MIB

if TYPE_CHECKING:
    from ..jobs.exec_on import FindingCommand
    from ..jobs.live_watch import Wishes
    from ..store.kept import KeptStream

_INTERVAL_S = 1.0
Source = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        readable=False,
        help="Follow a recording that another process writes; - is a pipe.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Also write the recording to a file.", show_default=False),
]
Host = Annotated[
    str | None,
    typer.Option(metavar="[USER@]GUEST", help="Record there, by ssh; view and analysis run here.", show_default=False),
]
Duration = Annotated[
    float | None,
    typer.Option(
        "--duration",
        "-d",
        metavar="TIME",
        parser=length_s,
        help="Stop after this time: seconds, or 500ms, 30s, 5m, 2h.",
        show_default=False,
    ),
]
Flush = Annotated[
    float, typer.Option(metavar="S", min=LEAST_S, max=60.0, help="How old what is shown may be, beside analysis.")
]
Summary = Annotated[bool, typer.Option("--summary/--no-summary", help="Print the summary at the end.")]
Lines = Annotated[
    bool,
    typer.Option("--lines", help="Print a line at each interval instead of the screen, as without a terminal."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON object at each interval.")]
Interval = Annotated[
    float | None,
    typer.Option(
        metavar="S",
        min=LEAST_S,
        max=3600.0,
        help="How often a line or an object is printed. Default: 1.",
        show_default=False,
    ),
]
Count = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="End after N lines or objects.", show_default=False)
]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="KIND[,KIND]",
        help="End, with exit code 5, at a finding of this kind; also at cycles, conflicts, kills, loss.",
        show_default=False,
    ),
]
KeepMinutes = Annotated[
    float, typer.Option(metavar="N", min=0.1, max=1e6, help="Without -o: keep the last N minutes to be saved.")
]
KeepSize = Annotated[
    int, typer.Option(metavar="MIB", min=1, max=MOST_MIB, help="Without -o: keep no more than this in memory.")
]
ExecOn = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--exec-on",
        metavar="KIND[,KIND] CMD",
        help="Run CMD for each such finding, as JSON on its stdin.",
        show_default=False,
    ),
]
ExecAs = Annotated[
    str | None,
    typer.Option(
        "--exec-as", metavar="USER", help="Run it as this user. Default: the one who ran sudo.", show_default=False
    ),
]


@dataclass(frozen=True)
class WatchGroup:
    """Lines or objects instead of a screen, and what they end at."""

    lines: Lines = False
    as_json: AsJson = False
    interval: Interval = None
    count: Count = None
    until: Until = None

    def wishes(self) -> Wishes:
        """As the view takes them. Raises typer.BadParameter."""
        from ..jobs.live_watch import CONDITIONS, Wishes

        return Wishes(
            interval_s=self.interval or _INTERVAL_S,
            count=self.count,
            until=_kinds(self.until, "--until", CONDITIONS),
            lines=bool(self.lines or self.as_json or self.interval or self.count or self.until),
            as_json=self.as_json,
        )


@dataclass(frozen=True)
class ExecGroup:
    """What is run at a finding."""

    exec_on: ExecOn = None
    exec_as: ExecAs = None

    def command(self) -> FindingCommand | None:
        """None where nothing is. Raises typer.BadParameter, UsageError."""
        from ..jobs.exec_on import finding_command

        if self.exec_on is None:
            if self.exec_as is not None:
                raise typer.BadParameter("--exec-as needs --exec-on")
            return None
        kinds, text = self.exec_on
        return finding_command(_kinds(kinds, "--exec-on"), text, self.exec_as)


@dataclass(frozen=True)
class KeptGroup:
    """How much of a stream that goes to no file is kept."""

    keep_minutes: KeepMinutes = 30.0
    keep_size: KeepSize = 64

    def stream(self) -> KeptStream:
        """What keeps it."""
        from ..store.kept import KeptStream

        return KeptStream(self.keep_size << 20, round(self.keep_minutes * 60e9))


def _kinds(text: str | None, option: str, conditions: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Raises typer.BadParameter for what is neither a kind of finding nor a condition."""
    from ..analyze.findings.registry import KIND_BY_NAME

    known = (*conditions, *KIND_BY_NAME)
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint=f"'{option}'")
    return names
