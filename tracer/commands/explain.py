"""`reclaim-tracer explain`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

import typer

from ..errors import UsageError, printable
from ..terminal.messages import print_result


def _complete(incomplete: str) -> list[str]:
    from ..analyze.findings.registry import KIND_BY_NAME

    return [name for name in KIND_BY_NAME if name.startswith(incomplete)]


def explain(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="Default: list all kinds.", autocompletion=_complete, show_default=False),
    ] = None,
) -> None:
    """Explain a kind of finding: meaning, computation, usual causes, and what to try.

    \b
    Examples:
      reclaim-tracer explain
      reclaim-tracer explain storm
    """
    from ..analyze.findings.registry import KIND_BY_NAME, KINDS
    from ..terminal.explain_text import kind_text, kinds_text
    from ..terminal.paper import stdout_paper

    if kind is None:
        print_result(kinds_text(KINDS, stdout_paper()))
        return
    name = kind.strip().lower().replace("-", "_")
    if name not in KIND_BY_NAME:
        raise UsageError(f"{printable(kind)}: no such kind of finding{_near(name, list(KIND_BY_NAME))}")
    print_result(kind_text(KIND_BY_NAME[name], stdout_paper()))


def _near(name: str, names: list[str]) -> str:
    """Names that may have been meant, or where all are listed."""
    near = get_close_matches(name, names, n=2, cutoff=0.5) or [each for each in names if name and name in each]
    return f"; did you mean {' or '.join(near)}?" if near else "; `reclaim-tracer explain` lists them"
