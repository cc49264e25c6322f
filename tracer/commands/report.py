"""`reclaim-tracer report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ..terminal.loading import loading
from ..terminal.messages import print_result
from .options import GAP_S, HORIZON_S, FileOrStdin, Force, From, Gap, Horizon, Redact, To, named

if TYPE_CHECKING:
    from ..analyze import Options
    from ..jobs.analysis import Span


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    MAIL = "mail"


def report(
    file: FileOrStdin,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Default: FILE with .html; of text: standard output.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format", help="html: one page; markdown: short, for a ticket; mail: the same as plain text, 72 columns."
        ),
    ] = Format.HTML,
    force: Force = False,
    from_s: From = None,
    to_s: To = None,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    title: Annotated[
        str,
        typer.Option("--title", metavar="WORDS", help="What stands above it, for the host's name.", show_default=False),
    ] = "",
    redact: Redact = False,
) -> None:
    """Analyse a recording and write a report: one HTML file that needs no network, or a short text.

    \b
    Examples:
      reclaim-tracer report trace.rtrace
      reclaim-tracer report trace.rtrace -o report.html --force
      reclaim-tracer report trace.rtrace --format mail --redact
    """
    with loading():
        from ..analyze import Options
        from ..jobs.analysis import Span
        from ..jobs.memory_bound import bounded_memory

    source = _Source(file, Options(horizon_s=horizon, gap_s=gap), Span(from_s, to_s), title, redact)
    with bounded_memory(file):
        if format_ is Format.HTML:
            _page(source, output, force=force)
        else:
            _text(source, format_, output, force=force)


class _Source(NamedTuple):
    file: Path
    options: Options
    span: Span
    title: str
    redact: bool

    @property
    def files(self) -> list[Path]:
        """Those that it is read from, which no report replaces."""
        from ..store import STDIN, files_of

        return [] if self.file == STDIN else files_of(self.file)


def _page(source: _Source, output: Path | None, *, force: bool) -> None:
    from ..errors import shown
    from ..jobs.analysis import analyse_file
    from ..outputs import check_output
    from ..report import write_report
    from ..store import STDIN

    if source.file == STDIN and output is None:
        raise typer.BadParameter("a report of standard input needs a name: -o OUT.html")
    target = named(output or named(source.file).with_suffix(".html"))
    check_output(target, force=force, what="a report", inputs=source.files)
    analysis, facts = analyse_file(source.file, source.options, source.span, redact=source.redact)
    size = write_report(target, analysis, facts, source.files, force=force, title=source.title)
    typer.echo(f"Wrote {shown(target)} ({size / 2**20:.1f} MiB)")


def _text(source: _Source, format_: Format, output: Path | None, *, force: bool) -> None:
    from ..errors import shown
    from ..jobs.analysis import opened
    from ..jobs.letters import letter_of
    from ..outputs import check_output, write_file
    from ..report.letter import mail, markdown

    what = "a report"
    if output is not None:
        check_output(named(output), force=force, what=what, inputs=source.files)
    recording = opened(source.file, source.span, redact=source.redact)
    letter = letter_of(recording, source.options, source.span, source.title)
    text = mail(letter) if format_ is Format.MAIL else markdown(letter)
    if output is None:
        print_result(text)
        return
    write_file(output, text.encode(), force=force, what=what, inputs=source.files)
    typer.echo(f"Wrote {shown(output)}")
