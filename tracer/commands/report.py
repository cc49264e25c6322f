"""`reclaim-tracer report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from ..terminal.loading import loading
from ..terminal.messages import print_result
from .options import GAP_S, HORIZON_S, FileOrStdin, Force, From, Gap, Horizon, Redact, To, named

if TYPE_CHECKING:
    from ..analyze import Analysis, Options
    from ..jobs.analysis import Span
    from ..jobs.standing import ReportSource
    from ..recording_facts import RecordingFacts
    from ..report.letter import Letter
    from ..store import AnyRecording


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    MAIL = "mail"
    PNG = "png"
    SVG = "svg"


_TEXTS: Final = frozenset({Format.MARKDOWN, Format.MAIL})


def report(
    file: FileOrStdin,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Default: FILE with .html, .png, .svg; of text: standard output.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="html: one page; markdown: short, for a ticket; mail: the same as plain text, 72 columns;"
            " png, svg: the timeline alone, drawn by an installed Chromium.",
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

    source = _Source(file, Options(horizon_s=horizon, gap_s=gap), Span(from_s, to_s), title, redact)
    if format_ in _TEXTS:
        _text(source, format_, output, force=force)
    elif format_ is Format.HTML:
        _page(source, output, force=force)
    else:
        _picture(source, format_, output, force=force)


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

    def target(self, output: Path | None, format_: Format, *, force: bool) -> Path:
        """Where it is written to, tried. Raises typer.BadParameter, TracerError."""
        from ..outputs import check_output
        from ..store import STDIN

        if self.file == STDIN and output is None:
            raise typer.BadParameter(f"a report of standard input needs a name: -o OUT.{format_.value}")
        target = named(output or named(self.file).with_suffix(f".{format_.value}"))
        check_output(target, force=force, what="a report", inputs=self.files)
        return target

    def analysed(self) -> tuple[Analysis, RecordingFacts]:
        """The results. Raises RecordingError, UsageError."""
        from ..jobs.analysis import analyse_file
        from ..jobs.memory_bound import bounded_memory

        with bounded_memory(self.file):
            return analyse_file(self.file, self.options, self.span, redact=self.redact)

    def with_evidence(self) -> ReportSource:
        """The results with what they stand on. Raises TracerError."""
        from ..jobs.standing import analyse_for_report, analyse_stdin_for_report

        if recording := self._in_files():
            return analyse_for_report(recording, self.options, self.span)
        return analyse_stdin_for_report(self.options, redact=self.redact)

    def letter(self) -> Letter:
        """The results as a short text's parts. Raises TracerError."""
        from ..jobs.letters import letter_of, letter_of_stdin

        if recording := self._in_files():
            return letter_of(recording, self.options, self.span, self.title)
        return letter_of_stdin(self.options, self.title, redact=self.redact)

    def _in_files(self) -> AnyRecording | None:
        """None for standard input."""
        from ..jobs.analysis import WHOLE, opened
        from ..store import STDIN

        if self.file == STDIN and self.span == WHOLE:
            return None
        return opened(self.file, self.span, redact=self.redact)


def _page(source: _Source, output: Path | None, *, force: bool) -> None:
    from ..jobs.memory_bound import bounded_memory
    from ..report import write_report

    target = source.target(output, Format.HTML, force=force)
    with bounded_memory(source.file):
        found = source.with_evidence()
        size = write_report(
            target,
            found.analysis,
            found.facts,
            source.files,
            force=force,
            title=source.title,
            evidence=found.evidence,
            anatomies=found.anatomies,
        )
    _tell(target, size)


def _picture(source: _Source, format_: Format, output: Path | None, *, force: bool) -> None:
    from ..jobs.pictures import find_browser, png_picture, svg_picture
    from ..report import write_made

    browser = find_browser()
    target = source.target(output, format_, force=force)
    draw = png_picture if format_ is Format.PNG else svg_picture
    drawn = draw(browser, *source.analysed(), source.title)
    _tell(target, write_made(target, drawn, source.files, force=force))


def _text(source: _Source, format_: Format, output: Path | None, *, force: bool) -> None:
    from ..jobs.memory_bound import bounded_memory
    from ..report import write_made
    from ..report.letter import mail, markdown

    target = None if output is None else source.target(output, format_, force=force)
    with bounded_memory(source.file):
        letter = source.letter()
    text = mail(letter) if format_ is Format.MAIL else markdown(letter)
    if target is None:
        print_result(text)
    else:
        _tell(target, write_made(target, text.encode(), source.files, force=force))


def _tell(target: Path, size: int) -> None:
    from ..errors import shown
    from ..wording.numbers import bytes_

    typer.echo(f"Wrote {shown(target)} ({bytes_(size)})")
