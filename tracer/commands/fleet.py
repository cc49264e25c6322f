"""`reclaim-tracer fleet`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..errors import shown
from ..terminal.loading import loading
from .fleet_options import Arm, Recordings, Reports, WorkGroup, named_arm
from .gate_options import GateGroup, exit_by
from .grouped import with_groups
from .options import Quiet

if TYPE_CHECKING:
    from ..jobs.fleet.reporting import Written
    from ..jobs.fleet.running import Run

INCOMPLETE: Final = 130
"""As other commands that Ctrl-C ended."""
_HERE, _NO_GATE = WorkGroup(), GateGroup()


@with_groups
def fleet(
    recordings: Recordings,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder for the report, tables and fragments.")
    ],
    reports: Reports = "worst:20",  # type: ignore[assignment]
    arm: Arm = None,
    how: WorkGroup = _HERE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    gate: GateGroup = _NO_GATE,
    quiet: Quiet = False,
) -> None:
    """Analyse many recordings, and write one report over all of them. What was analysed is kept for the next time.

    \b
    Examples:
      reclaim-tracer fleet recordings/ -o fleet/
      reclaim-tracer fleet 'nightly/*.rtrace' -o fleet/ --reports worst:50 --memory 4G
      reclaim-tracer fleet manifest.csv -o fleet/ --arm policy=static --fail-on 'stall>+20%, kind:storm'
    """
    with loading():
        from ..fleet.as_json import fleet_json
        from ..fleet.gating import judge_fleet
        from ..fleet.manifest import entries_of
        from ..fleet.results import results_of
        from ..jobs.fleet.reporting import write_all
        from ..jobs.fleet.running import check_ready
        from ..terminal.fleet_text import fleet_text
        from ..terminal.messages import print_result
        from ..terminal.paper import stdout_paper
        from ..terminal.progress import progress_bar

    check_ready(output)
    entries = entries_of(recordings)
    conditions = gate.conditions([Path(each.source) for each in entries], compares=arm is not None)
    request = how.request(entries, output)
    with progress_bar(quiet=quiet) as progress:
        run = how.run(request, progress)
    _check_whole(run)
    with progress_bar(quiet=quiet) as progress:
        results = results_of(run.gather(), named_arm(arm))
        judged = judge_fleet(conditions, results.fleet, results.arms)
        told = fleet_json(results, judged)
        written = write_all(run, results, told, reports, progress)
    _tell_run(run, written, quiet=quiet)
    gate.tell(judged, "reclaim-tracer fleet")
    print_result(json.dumps(told, indent=1) + "\n" if as_json else fleet_text(results, stdout_paper()))
    exit_by(judged)


def _check_whole(run: Run) -> None:
    """Raises typer.Exit where Ctrl-C ended it."""
    from ..terminal.messages import say

    if run.stopped:
        say(f"{run.missing:,} recordings are left: the same command goes on with them")
        raise typer.Exit(INCOMPLETE)


def _tell_run(run: Run, written: Written, *, quiet: bool) -> None:
    """How it went, and where the report is."""
    from ..terminal.fleet_text import run_words
    from ..terminal.messages import Messages, say
    from ..wording.numbers import plural

    messages = Messages(quiet=quiet)
    messages.info(run_words(run.tally))
    for source, why in written.refused:
        say(f"No report of {source}: {why}")
    messages.info(f"Wrote {shown(written.page)} and {plural(written.reports, 'report')}")
