"""A recording exported to a file or to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import TracerError, UsageError, shown
from ..output_stream import STDOUT, refuse_terminal
from ..outputs import NewFile
from ..tables.library import without_pandas
from .analysis import Span, opened

if TYPE_CHECKING:
    from ..analyze import Options
    from ..export.registry import Format, Target
    from ..recording_facts import RecordingFacts

    Progress = Callable[[float | None], object]
    Written = tuple[RecordingFacts, list[str], int]

_BUFFER_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class ExportRequest:
    """What to export, how and where to: `output` is STDOUT, a file, or a folder for a format of many files."""

    recording: Path
    format: Format
    output: Path
    force: bool
    options: Options
    span: Span


@dataclass(frozen=True)
class Exported:
    """How much was written; `missing_part` of the recording could not be read, for `unsaid` the format has no words:
    clauses, empty where nothing."""

    written_bytes: int
    missing_part: str
    unsaid: str


def export(request: ExportRequest, progress: Callable[[str, float | None], object]) -> Exported:
    """Write it. Raises TracerError."""
    from ..store import STDIN
    from ..wording.evidence import unseen_part
    from ..wording.numbers import listing

    if request.recording == STDIN and request.format.reads_twice:
        raise UsageError(f"--format {request.format.name} needs a file: write standard input to one first")
    write = _to_folder if request.format.in_folder else _to_file
    facts, unsaid, written = write(request, lambda share: progress("Exporting", share))
    return Exported(written, listing(unseen_part(facts)), listing(unsaid))


def lighten(format_: Format) -> None:
    """Keep out of a process that only exports what its library would load besides."""
    if format_.in_folder:
        without_pandas()


def _to_file(request: ExportRequest, progress: Progress) -> Written:
    from ..store import STDIN, files_of

    inputs = [] if request.recording == STDIN else files_of(request.recording)
    written = 0
    with _target(request, inputs) as write:

        def count(data: bytes) -> None:
            nonlocal written
            written += len(data)
            write(data)

        poured = _poured(request, count, progress)
    return *poured, written


def _to_folder(request: ExportRequest, progress: Progress) -> Written:
    from ..output_folder import NewFolder

    suffix = request.format.suffix
    if request.output == STDOUT:
        raise UsageError(f"--format {request.format.name} is many files: name a folder with -o")
    is_ours = partial(_is_table, suffix=suffix)
    with NewFolder(request.output, force=request.force, what="an export", is_ours=is_ours) as folder:
        with folder.refusals():
            poured = _poured(request, folder, progress)
        folder.publish()
    return *poured, folder.written_bytes


def _poured(request: ExportRequest, target: Target, progress: Progress) -> tuple[RecordingFacts, list[str]]:
    from ..export.source import Source

    part = request.span.part(opened(request.recording, request.span))
    source = Source(part, request.options, progress)
    return source.pour(request.format.writer(source, target)), source.unsaid


def _is_table(file: Path, suffix: str) -> bool:
    """Whether a file in an export's folder is one that an export of the same format replaces."""
    from ..tables.registry import TABLE_BY_NAME

    return file.suffix == suffix and str(file.with_suffix("")) in TABLE_BY_NAME


@contextmanager
def _target(request: ExportRequest, inputs: list[Path]) -> Iterator[Callable[[bytes], object]]:
    """Somewhere to write to: a file is there whole in the end, or not at all."""
    if request.output == STDOUT:
        if request.format.binary:
            refuse_terminal()
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    with NewFile(request.output, force=request.force, what="an export", inputs=inputs) as file:
        try:
            with os.fdopen(os.dup(file.descriptor), "wb", _BUFFER_BYTES) as stream:
                yield stream.write
        except OSError as error:
            reason = error.strerror or error
            raise TracerError(f"{shown(request.output)}: can't write an export there: {reason}") from error
        file.publish()
