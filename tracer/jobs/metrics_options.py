"""Where metrics of a recording go, as it crosses from one process to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..push.endpoint import Endpoint

METRICS_BYTES: Final = 64 << 20
"""What a process that tells metrics takes, of a recording that goes on for long."""


OTLP_EVERY_S: Final = 10.0


@dataclass(frozen=True)
class OtlpOptions:
    """An endpoint that gets metrics every `interval_s`, with what else was found; `headers` is a file of headers."""

    endpoint: Endpoint
    headers: Path | None = None
    interval_s: float = OTLP_EVERY_S


@dataclass(frozen=True)
class MetricsOptions:
    """An `address` (a number) with its `port` that answers Prometheus, 0 any free one, a `file` for node_exporter, an
    endpoint for `otlp`, or several of them; None where not wanted."""

    address: str | None = None
    port: int = 0
    file: Path | None = None
    otlp: OtlpOptions | None = None
