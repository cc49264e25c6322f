"""Puts the report together and writes it."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from .. import __version__
from ..analyze.model import Analysis
from ..evidence.anatomy import Anatomy
from ..outputs import PRIVATE, write_file
from ..recording_facts import RecordingFacts
from .frame import document, filled
from .header import header
from .section import Source
from .sections import SECTIONS
from .table import Table


def write_report(
    path: Path,
    analysis: Analysis,
    facts: RecordingFacts,
    recording: Iterable[Path] = (),
    *,
    force: bool = False,
    title: str = "",
    evidence: Mapping[int, Table] = MappingProxyType({}),
    anatomies: Sequence[Anatomy] = (),
) -> int:
    """Write the report to `path` and return its size in bytes.

    `recording` are the files it is made from: it may be read by those who may read the first of them, and replaces
    none. `title` stands for the host's name; `evidence` are tables for findings, by their ids; `anatomies` are
    stretches of time span by span. Raises TracerError when it can't be written; then there is no half a report.
    """
    page = render(analysis, facts, title=title, evidence=evidence, anatomies=anatomies).encode("utf-8")
    return write_made(path, page, recording, force=force)


def write_made(path: Path, data: bytes, recording: Iterable[Path] = (), *, force: bool = False) -> int:
    """Write what a report is made of, as `write_report` does. Raises TracerError."""
    inputs = [*recording]
    write_file(path, data, force=force, what="a report", mode=_mode_of(inputs), inputs=inputs)
    return len(data)


def _mode_of(recording: list[Path]) -> int:
    """Whoever may read the recording may read what it tells; nobody but its owner may write it."""
    with suppress(OSError, IndexError):
        return stat.S_IMODE(recording[0].stat().st_mode) & 0o644
    return PRIVATE


def render(
    analysis: Analysis,
    facts: RecordingFacts,
    *,
    title: str = "",
    evidence: Mapping[int, Table] = MappingProxyType({}),
    anatomies: Sequence[Anatomy] = (),
) -> str:
    """The whole page as one self-contained HTML document."""
    source = Source(analysis, facts, title, evidence, anatomies)
    metadata = facts.metadata
    context: dict[str, object] = {
        "title": f"{title or facts.name}: reclaim-tracer report",
        "header": header(source),
        "tool_version": __version__,
        "recorded_by": metadata.tool_version or "of unknown version",
    }
    return document("report.html", filled(SECTIONS, source), {"duration": analysis.duration_s}, context)
