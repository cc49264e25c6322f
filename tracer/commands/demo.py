"""`reclaim-tracer demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..terminal.loading import loading
from .options import Quiet, Verbose, length_s, within


def _length_s(value: str | float) -> float:
    """What was asked for, or the default: typer hands that to the parser, too."""
    return value if isinstance(value, float) else within(length_s(value), value, 1.0, 600.0)


def demo(
    duration: Annotated[
        float,
        typer.Option(
            "--duration", "-d", metavar="TIME", parser=_length_s, help="How long to trace, from 1 s to 10 minutes."
        ),
    ] = 10.0,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where demo.rtrace and demo.html go (overwritten).")
    ] = Path("out"),
    drop_caches: Annotated[bool, typer.Option("--drop-caches", help="Drop the kernel's caches once.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Trace this machine under a bounded load; write a recording and a report.

    The load (at most 128 MiB in its own memory cgroup) reads files and looks up names, so that page cache and
    slab have to be reclaimed. Where tracing is not possible, a bundled recording is replayed.

    \b
    Examples (as root):
      reclaim-tracer demo
      reclaim-tracer demo -d 30 -o /tmp/demo --drop-caches
    """
    with loading():
        from ..jobs.demonstration import Demonstration
        from ..terminal.messages import Messages

    Demonstration(duration, output, drop_caches, Messages(quiet=quiet, verbose=verbose)).run()
