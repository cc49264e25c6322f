"""`reclaim-tracer compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from ..errors import shown
from ..terminal.loading import loading
from ..terminal.messages import print_result, say
from .compare_options import ArmsCommand, ArmsGroup, HowGroup
from .gate_options import GateGroup, exit_by
from .grouped import with_groups
from .options import Force, Redact, named

COMMAND_CLASS: Final = ArmsCommand

_NONE, _BY_SECOND, _NO_GATE = ArmsGroup(), HowGroup(), GateGroup()


@with_groups
def compare(
    what: ArmsGroup = _NONE,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.html", help="Also write a page.", show_default=False),
    ] = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    title: Annotated[
        str,
        typer.Option("--title", metavar="WORDS", help="What stands above text and page.", show_default=False),
    ] = "",
    how: HowGroup = _BY_SECOND,
    redact: Redact = False,
    gate: GateGroup = _NO_GATE,
) -> None:
    """Hold recordings against each other: what differs, and how sure one can be of it.

    \b
    Examples:
      reclaim-tracer compare before.rtrace after.rtrace -o compared.html
      reclaim-tracer compare --before a1.rtrace a2.rtrace --after b1.rtrace b2.rtrace
      reclaim-tracer compare --arm none n.rtrace --arm shrinker s.rtrace --arm notifier o.rtrace
      reclaim-tracer compare before.rtrace after.rtrace --fail-on 'refault>+20%, stall>+1s' --junit gate.xml
    """
    with loading():
        from ..compare.as_json import compare_json
        from ..compare.gating import judge_comparison
        from ..report.compared.page import write_comparison
        from ..terminal.compare_text import compare_text
        from ..terminal.paper import stdout_paper
        from ..wording.numbers import bytes_

    arms = what.named(redact=redact)
    recordings = [path for arm in arms for path in arm.files]
    conditions = gate.conditions(recordings, compares=True)
    _check_output(output, gate.junit, recordings, force=force)
    comparison = how.request(arms, redact=redact).run()
    judged = judge_comparison(conditions, comparison)
    if as_json:
        text = json.dumps(compare_json(comparison, judged), indent=2) + "\n"
    else:
        text = compare_text(comparison, stdout_paper(), title)
    if output is not None:
        size = write_comparison(output, comparison, recordings, force=force, title=title)
        say(f"Wrote {shown(output)} ({bytes_(size)})")
    gate.tell(judged, "reclaim-tracer compare")
    print_result(text)
    exit_by(judged)


def _check_output(output: Path | None, junit: Path | None, recordings: list[Path], *, force: bool) -> None:
    """Raises typer.BadParameter, TracerError where the page can't be written."""
    from ..outputs import check_output
    from ..report.compared.page import WHAT

    if output is None:
        return
    if junit is not None and output.resolve() == junit.resolve():
        raise typer.BadParameter("--output names the same file", param_hint="'--junit'")
    check_output(named(output), force=force, what=WHAT, inputs=recordings)
