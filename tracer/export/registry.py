"""Every format that a recording can be exported to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from ..errors import TracerError
from .source import Folder, Source, Writer

Write = Callable[[bytes], object]
Target = Write | Folder


@dataclass(frozen=True)
class Format:
    """One format. `maker` is module and class of its writer in this package; `binary` output is none for a terminal.

    `needs` is the extra that brings its library. One that `looks_ahead` reads all losses before the first event.
    A format `in_folder` is many files with its suffix in a Folder; any other is one file, or standard output.
    """

    name: str
    what: str
    suffix: str
    maker: tuple[str, str]
    binary: bool = False
    in_folder: bool = False
    needs: str = ""
    looks_ahead: bool = False

    @property
    def reads_twice(self) -> bool:
        """Whether it needs a file: standard input can be read once only."""
        return self.in_folder or self.looks_ahead

    def writer(self, source: Source, target: Target) -> Writer:
        """A writer of one recording, which hands what it makes to `target`. Raises TracerError."""
        module, name = self.maker
        try:
            made: Writer = getattr(import_module(f".{module}", __package__), name)(source, target)
        except ModuleNotFoundError as error:
            if not self.needs or error.name is None or error.name.startswith(__package__):
                raise
            raise TracerError(f"{error.name} is not installed: pip install 'reclaim-tracer[{self.needs}]'") from None
        return made


FORMATS: Final = (
    Format("perfetto", "trace for Perfetto", ".pftrace", ("perfetto", "PerfettoWriter"), binary=True),
    Format("chrome", "JSON for chrome://tracing", ".json", ("chrome", "ChromeWriter")),
    Format("parquet", "Parquet files, one a table", ".parquet", ("parquet", "ParquetWriter"), in_folder=True),
    Format("arrow", "Arrow files, one a table", ".arrow", ("arrow", "ArrowWriter"), in_folder=True),
    Format("csv", "CSV files, one a table", ".csv", ("csv_files", "CsvWriter"), in_folder=True),
    Format("folded", "stacks of waiting, for flame graphs", ".folded", ("folded", "FoldedWriter")),
    Format("ftrace", "text as ftrace prints it", ".txt", ("ftrace", "FtraceWriter"), looks_ahead=True),
    Format("prometheus", "metrics for Prometheus", ".prom", ("prometheus", "PrometheusWriter"), needs="metrics"),
    Format("otlp", "spans, log records and metrics for OpenTelemetry", ".jsonl", ("otlp", "OtlpWriter"), needs="otlp"),
)

BY_NAME: Final = {each.name: each for each in FORMATS}
