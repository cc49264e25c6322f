"""`--fail-on` and `--junit`, and how a command ends by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..errors import UsageError, shown
from ..gates.conditions import EXAMPLES, Condition, completions, parse
from ..terminal.messages import say
from .options import named

if TYPE_CHECKING:
    from ..gates.judging import Judged

CONDITION_MET: Final = 5

FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help=f"Exit with 5 if any of these is so, or can't be judged. LIST: {EXAMPLES}.",
        autocompletion=lambda incomplete: list(completions(incomplete)),
        show_default=False,
    ),
]
Junit = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write what came of each condition as JUnit XML (overwritten).",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class GateGroup:
    """What a command fails on."""

    fail_on: FailOn = None
    junit: Junit = None

    def conditions(self, recordings: Iterable[Path], *, compares: bool = False) -> tuple[Condition, ...]:
        """As they were given. Raises typer.BadParameter, TracerError where the JUnit file can't be had or is one of the
        recordings."""
        try:
            conditions = parse(self.fail_on, compares=compares)
        except UsageError as error:
            raise typer.BadParameter(str(error), param_hint="'--fail-on'") from error
        if self.junit is not None:
            if not conditions:
                raise typer.BadParameter("it needs conditions: --fail-on LIST", param_hint="'--junit'")
            from ..gates.junit import OPTION, WHAT
            from ..outputs import check_output

            check_output(named(self.junit), force=True, what=WHAT, inputs=recordings, option=OPTION)
        return conditions

    def tell(self, judged: Sequence[Judged], name: str) -> None:
        """Say on stderr what was met or could not be judged, and write the JUnit file. Raises TracerError."""
        from ..gates.judging import failures

        for line in failures(judged):
            say(line)
        if self.junit is not None:
            from ..gates.junit import write_junit

            write_junit(self.junit, name, judged)
            say(f"Wrote {shown(self.junit)}")


def exit_by(judged: Sequence[Judged]) -> None:
    """Raises typer.Exit with 5 where a condition was met or could not be judged."""
    if any(each.fails for each in judged):
        raise typer.Exit(CONDITION_MET)
