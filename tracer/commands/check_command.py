"""`reclaim-tracer check`."""

from __future__ import annotations

from typing import Annotated

import typer


def check(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """What can be traced on this machine, and how to get what is missing.

    \b
    Examples:
      reclaim-tracer check
      reclaim-tracer check --json
    """
    from .check import run

    raise typer.Exit(run(as_json=as_json))
