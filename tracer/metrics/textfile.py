"""Metrics in a file, for node_exporter's textfile collector."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry

from ..outputs import check_output, write_file

_WHAT: Final = "a file of metrics"
_OPTION: Final = "--metrics-file"
_READABLE: Final = 0o644
"""node_exporter has a user of its own."""


class MetricsFile:
    """A file that is replaced as a whole each time it is written."""

    def __init__(self, path: Path, registry: CollectorRegistry) -> None:
        """Try whether it can be written. Raises TracerError."""
        self._path, self._registry = path, registry
        check_output(path, force=True, what=_WHAT, option=_OPTION)

    def write(self) -> None:
        """Write what the metrics are now. Raises TracerError."""
        data = generate_latest(self._registry)
        write_file(self._path, data, force=True, what=_WHAT, mode=_READABLE, option=_OPTION)
