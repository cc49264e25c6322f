"""Where metrics of a recording go, as it crosses from one process to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

METRICS_BYTES: Final = 64 << 20
"""What a process that tells metrics takes, of a recording that goes on for long."""


@dataclass(frozen=True)
class MetricsOptions:
    """An `address` (a number) with its `port` that answers Prometheus, 0 any free one, or a `file` for node_exporter,
    or both; None where not wanted."""

    address: str | None = None
    port: int = 0
    file: Path | None = None
