"""`reclaim-tracer programs`: compiled programs that are carried along."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..recorder.handover import HandOver
from .options import Force, Quiet, named

_PACKAGE = __package__.partition(".")[0]

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
    # Where it is needed there is little memory.
    target = None if output is None else named(output)
    raise HandOver(f"{_PACKAGE}.jobs.describing", {"output": target, "force": force, "quiet": quiet})


@app.command("build", short_help="Compile the programs for this kernel, or others, into a file.")
def build(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write.", show_default=False),
    ],
    kernels: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="FACTS|RELEASE",
            help="A kernel that programs describe has described: its file, a folder of such files, or a RELEASE with"
            " RELEASE.facts in this folder. Can be repeated. Default: this kernel.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Compile, with bcc, what record loads; the file needs neither bcc nor LLVM afterwards.

    \b
    Examples (as root):
      reclaim-tracer programs build -o /var/lib/reclaim.programs
      reclaim-tracer programs build -o guests.programs --for guests/
      reclaim-tracer record --programs /var/lib/reclaim.programs
    """
    from ..jobs.carrying import build

    build(named(output), tuple(kernels or ()), force=force, quiet=quiet)


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
