"""`reclaim-tracer fleet`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from ..errors import shown
from ..terminal.loading import loading
from .options import GAP_S, HORIZON_S, Gap, Horizon, Quiet

_WORST: Final = 20
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B?)", re.IGNORECASE)
_POWER: Final = {"K": 10, "M": 20, "G": 30, "T": 40}
_ALL: Final = -1
INCOMPLETE: Final = 130
"""As other commands that Ctrl-C ended."""


def memory_bytes(text: str) -> int:
    """Bytes of a size as people write it: `512M`, `2GiB`. Raises typer.BadParameter."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a size: give a number with K, M, G or T, such as 2G")
    return int(float(match[1]) * (1 << _POWER[match[2][0].upper()]))


def reports_wanted(text: str) -> int:
    """How many of the worst guests get a report of their own: `worst:20`, `none`, `all`. Raises typer.BadParameter."""
    if text in ("none", "all"):
        return 0 if text == "none" else _ALL
    name, _, number = text.partition(":")
    if name != "worst" or not number.isascii() or not number.isdigit():
        raise typer.BadParameter(f"{text!r} is none of worst:N, all, none")
    return int(number)


def fleet(
    recordings: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|GLOB|MANIFEST...",
            help="Folders, patterns, recordings, or manifests (.csv, .json, .jsonl) that label them.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder for the report, tables and fragments.")
    ],
    reports: Annotated[
        int,
        typer.Option(metavar="worst:N|all|none", parser=reports_wanted, help="Guests that get a report of their own."),
    ] = "worst:20",  # type: ignore[assignment]
    cpus: Annotated[
        int | None,
        typer.Option("--cpus", metavar="N", min=1, max=1024, help="Processes. Default: one a CPU.", show_default=False),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            parser=memory_bytes,
            help="Memory of all processes together, such as 2G.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    quiet: Quiet = False,
) -> None:
    """Analyse many recordings, and write one report over all of them. What was analysed is kept for the next time.

    \b
    Examples:
      reclaim-tracer fleet recordings/ -o fleet/
      reclaim-tracer fleet 'nightly/*.rtrace' -o fleet/ --reports worst:50 --memory 4G
      reclaim-tracer fleet manifest.csv -o fleet/
    """
    with loading():
        from ..analyze import Options
        from ..fleet.as_json import fleet_json
        from ..fleet.manifest import entries_of
        from ..fleet.results import results_of
        from ..jobs.fleet.local import LocalPool
        from ..jobs.fleet.reporting import write_all
        from ..jobs.fleet.running import Request, Run, check_ready, share_of
        from ..terminal.fleet_text import fleet_text, run_words
        from ..terminal.messages import Messages, print_result, say
        from ..terminal.paper import stdout_paper
        from ..terminal.progress import progress_bar

    check_ready(output)
    share = share_of(cpus or len(os.sched_getaffinity(0)), memory)
    options = Options(horizon_s=horizon, gap_s=gap)
    request = Request(entries_of(recordings), str(output), options, share)
    with progress_bar(quiet=quiet) as progress:
        run = Run(request, progress)
        run.work(LocalPool(share.processes), LocalPool)
    if run.stopped:
        say(f"{run.missing:,} recordings are left: the same command goes on with them")
        raise typer.Exit(INCOMPLETE)
    with progress_bar(quiet=quiet) as progress:
        results = results_of(run.gather())
        written = write_all(output, results, run.fragments, options, reports, progress)
    messages = Messages(quiet=quiet)
    messages.info(run_words(run.tally))
    for source, why in written.refused:
        say(f"No report of {source}: {why}")
    messages.info(f"Wrote {shown(written.page)} and {written.reports:,} reports")
    print_result(json.dumps(fleet_json(results), indent=1) + "\n" if as_json else fleet_text(results, stdout_paper()))
