"""`reclaim-tracer programs`: compiled programs that are carried along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Force, Quiet, named

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("describe", short_help="Describe this kernel, so that another machine can compile for it.")
def describe(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FACTS", help="Default: KERNEL-RELEASE.facts.", show_default=False),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write down what compiled programs depend on: tracepoint formats, symbols, types. Needs no compiler.

    \b
    Examples (as root):
      reclaim-tracer programs describe
      reclaim-tracer programs describe -o target.facts
    """
    from ..jobs.describing import run

    run(None if output is None else named(output), force=force, quiet=quiet)
