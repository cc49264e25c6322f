"""A recording exported to a file or to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import TracerError, shown
from ..output_stream import STDOUT, refuse_terminal
from ..outputs import NewFile
from .analysis import Span, opened

if TYPE_CHECKING:
    from ..analyze import Options
    from ..export.registry import Format

_BUFFER_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class ExportRequest:
    """What to export, how and where to: `output` is STDOUT or a file."""

    recording: Path
    format: Format
    output: Path
    force: bool
    options: Options
    span: Span


@dataclass(frozen=True)
class Exported:
    """How much was written, and what of the recording could not be, as a clause, empty where nothing."""

    written_bytes: int
    missing_part: str


def export(request: ExportRequest, progress: Callable[[str, float | None], object]) -> Exported:
    """Write it. Raises TracerError."""
    from ..export.source import Source
    from ..store import STDIN, files_of
    from ..wording.evidence import unseen_part
    from ..wording.numbers import listing

    inputs = [] if request.recording == STDIN else files_of(request.recording)
    written = 0
    with _target(request, inputs) as write:

        def count(data: bytes) -> None:
            nonlocal written
            written += len(data)
            write(data)

        part = request.span.part(opened(request.recording, request.span))
        source = Source(part, request.options, lambda share: progress("Exporting", share))
        facts = source.pour(request.format.writer(source, count))
    return Exported(written, listing(unseen_part(facts)))


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
