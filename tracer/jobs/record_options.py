"""What `record` was asked for, as it crosses from the command line's interpreter to the one that records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .metrics_options import MetricsOptions


@dataclass(frozen=True)
class RecordOptions:
    """The options of the command line under their own names, sizes in bytes; None where an option was not given."""

    output: Path
    duration_s: float | None
    command: tuple[str, ...]
    as_user: str | None
    force: bool
    fsync: str
    flush_s: float | None
    rotate_bytes: int | None
    keep: int | None
    queue_bytes: int | None
    sample_interval_s: float
    buffer_bytes: int | None
    transport: str | None
    balloon_source: str
    oom_notifiers: tuple[str, ...]
    lru_detail: str
    summary: bool
    force_start: bool
    programs: Path | None
    cached: bool
    marks: bool
    labels: Mapping[str, str]
    quiet: bool
    verbose: bool
    metrics: MetricsOptions | None = None
