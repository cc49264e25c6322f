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


@app.command("build", short_help="Compile the programs for this kernel into a file.")
def build(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write.", show_default=False),
    ],
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Compile, with bcc, what record loads; the file needs neither bcc nor LLVM afterwards.

    \b
    Examples (as root):
      reclaim-tracer programs build -o /var/lib/reclaim.programs
      reclaim-tracer record --programs /var/lib/reclaim.programs
    """
    from ..jobs.carrying import build

    build(named(output), force=force, quiet=quiet)


@app.command("list", short_help="List what a file, or this machine's cache, has programs for.")
def list_(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Default: this machine's cache.", show_default=False),
    ] = None,
) -> None:
    """List the kernels that programs were compiled for, a line for each set of programs."""
    from ..jobs.carrying import show

    show(file)


@app.command("clean", short_help="Remove this machine's cache of compiled programs.")
def clean(quiet: Quiet = False) -> None:
    """Remove what record has cached; the next start compiles again."""
    from ..jobs.carrying import clean

    clean(quiet=quiet)
