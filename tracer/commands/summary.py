"""`reclaim-tracer summary`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from ..terminal.loading import loading
from ..terminal.messages import print_result
from .gate_options import GateGroup, exit_by
from .grouped import with_groups
from .options import GAP_S, HORIZON_S, Details, FileOrStdin, From, Gap, Horizon, Redact, To

_NO_GATE = GateGroup()


class By(StrEnum):
    """What `--by` splits the summary by."""

    CGROUP = "cgroup"


@with_groups
def summary(
    file: FileOrStdin,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    from_s: From = None,
    to_s: To = None,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    redact: Redact = False,
    gate: GateGroup = _NO_GATE,
    by: Annotated[
        By | None, typer.Option(help="Also who paid, by cgroup: waits, pages reclaimed, kills.", show_default=False)
    ] = None,
    cgroup: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Only stalls and cgroups whose path, unit, pod or container matches (*, ?, [...]).",
            show_default=False,
        ),
    ] = None,
    verbose: Details = False,
) -> None:
    """Analyse a recording and print text or JSON.

    \b
    Examples:
      reclaim-tracer summary trace.rtrace
      reclaim-tracer summary trace.rtrace --from 10 --to 20
      reclaim-tracer summary trace.rtrace --json --fail-on cycles,loss
      reclaim-tracer summary trace.rtrace --fail-on kind:starved --junit g.xml
      reclaim-tracer summary trace.rtrace --by cgroup
      ssh root@guest cat trace.rtrace | reclaim-tracer summary -
      reclaim-tracer summary trace.rtrace --cgroup '/system.slice/*'
    """
    with loading():
        from ..analyze import Options
        from ..analyze.only_cgroups import only_cgroups
        from ..gates.judging import judge
        from ..jobs.analysis import Span, analyse_file
        from ..jobs.memory_bound import bounded_memory
        from ..store import STDIN, files_of
        from ..terminal.paper import stdout_paper
        from ..terminal.summary_text import summary_text
        from ..wording.summary import summary_json

    conditions = gate.conditions([] if file == STDIN else files_of(file))
    with bounded_memory(file):
        analysis, facts = analyse_file(file, Options(horizon_s=horizon, gap_s=gap), Span(from_s, to_s), redact=redact)
        shown = analysis if cgroup is None else only_cgroups(analysis, cgroup)
        if as_json:
            text = json.dumps(summary_json(shown, facts), indent=2) + "\n"
        else:
            by_cgroup = by is By.CGROUP or cgroup is not None
            text = summary_text(shown, facts, stdout_paper(), verbose=verbose, by_cgroup=by_cgroup)
        judged = judge(conditions, analysis, facts)
    gate.tell(judged, f"reclaim-tracer summary {facts.source}")
    print_result(text)
    exit_by(judged)
