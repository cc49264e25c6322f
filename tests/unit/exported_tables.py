"""Tables exported in this process."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from tracer.analyze import Options
from tracer.export.registry import BY_NAME
from tracer.jobs.analysis import Span
from tracer.jobs.exporting import ExportRequest, export


def export_tables(recording: Path, folder: Path, name: str = "parquet", span: Span | None = None) -> Path:
    """A recording's tables in a new folder."""
    request = ExportRequest(recording, BY_NAME[name], folder, False, Options(), span or Span())
    export(request, lambda *_: None)
    return folder


def read_table(folder: Path, name: str) -> pa.Table:
    """One of them by its name, from Parquet or Arrow."""
    parquet = folder / f"{name}.parquet"
    if parquet.exists():
        return pq.read_table(parquet)
    return feather.read_table(folder / f"{name}.arrow", memory_map=False)
