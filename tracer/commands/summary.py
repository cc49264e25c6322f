"""`reclaim-tracer summary`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..terminal.loading import loading
from ..terminal.messages import print_result, say
from .options import GAP_S, HORIZON_S, Details, FileOrStdin, From, Gap, Horizon, To

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..recording_facts import RecordingFacts


class By(StrEnum):
    """What `--by` splits the summary by."""

    CGROUP = "cgroup"


CONDITIONS: Final = ("cycles", "conflicts", "loss", "kills")
CONDITION_MET: Final = 5


def _conditions(text: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    for name in names:
        if name not in CONDITIONS:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(CONDITIONS)}", param_hint="'--fail-on'")
    return names


def _complete_conditions(incomplete: str) -> list[str]:
    """What the last one of a list may become."""
    before, comma, last = incomplete.rpartition(",")
    given = before.split(",")
    return [f"{before}{comma}{name}" for name in CONDITIONS if name.startswith(last) and name not in given]


def met(analysis: Analysis, conditions: tuple[str, ...], facts: RecordingFacts) -> list[str]:
    """Those of the conditions that hold, each with its number: `cycles 2`."""
    from ..wording.numbers import bytes_, plural

    numbers = {
        "cycles": len(analysis.cycles),
        "conflicts": len(analysis.conflicts),
        "loss": analysis.accounting.lost_total,
        "kills": sum(row.kills for row in analysis.tiers),
    }
    found = [f"{name} {numbers[name]}" for name in conditions if numbers[name]]
    if "loss" not in conditions:
        return found
    if missing := len(facts.files.missing):
        found.append(f"loss {plural(missing, 'missing file')}")
    if facts.cut_bytes:
        found.append(f"loss {bytes_(facts.cut_bytes)} cut")
    elif facts.source_damage:
        found.append("loss damaged source")
    elif not facts.complete:
        found.append("loss not closed")
    if facts.bad_blocks:
        found.append(f"loss {plural(facts.bad_blocks, 'damaged block')}")
    return found


def summary(
    file: FileOrStdin,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    from_s: From = None,
    to_s: To = None,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help=f"Exit with 5 if there are any of these: {','.join(CONDITIONS)}.",
            autocompletion=_complete_conditions,
            show_default=False,
        ),
    ] = None,
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
      reclaim-tracer summary trace.rtrace --by cgroup
      ssh root@guest cat trace.rtrace | reclaim-tracer summary -
      reclaim-tracer summary trace.rtrace --cgroup '/system.slice/*'
    """
    with loading():
        from ..analyze import Options
        from ..analyze.only_cgroups import only_cgroups
        from ..jobs.analysis import Span, analyse_file
        from ..jobs.memory_bound import bounded_memory
        from ..terminal.paper import stdout_paper
        from ..terminal.summary_text import summary_text
        from ..wording.summary import summary_json

    conditions = _conditions(fail_on)
    with bounded_memory(file):
        analysis, facts = analyse_file(file, Options(horizon_s=horizon, gap_s=gap), Span(from_s, to_s))
        shown = analysis if cgroup is None else only_cgroups(analysis, cgroup)
        if as_json:
            text = json.dumps(summary_json(shown, facts), indent=2) + "\n"
        else:
            by_cgroup = by is By.CGROUP or cgroup is not None
            text = summary_text(shown, facts, stdout_paper(), verbose=verbose, by_cgroup=by_cgroup)
    found = met(analysis, conditions, facts)
    if found:
        say(f"--fail-on: {', '.join(found)}")
    print_result(text)
    if found:
        raise typer.Exit(CONDITION_MET)
