"""One recording: read, analysed and kept as a fragment. What every process and every cluster's node does."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from ...errors import RecordingError, TracerError
from ...fleet.fragments import Fragments
from ...fleet.identity import key_of, stamps_of
from ...fleet.places import file_system, is_url, place
from ...fleet.tables import fragments_name
from ...outputs import kind_of_file
from ..memory_bound import MOST_BYTES, bounded_memory

if TYPE_CHECKING:
    import pyarrow as pa

    from ...analyze import Options

MADE: Final = "made"
KEPT: Final = "kept"
UNREAD: Final = "unread"
FAILED: Final = "failed"
"""How it went: a new fragment, one that was there, a recording that can't be read (kept as such), or nothing: what
failed may go well the next time."""


@dataclass(frozen=True)
class Task:
    """A recording (a path, or a URL for fsspec), where fragments go to, and how much memory its analysis may take."""

    source: str
    output: str
    horizon_s: float
    gap_s: float
    memory_bytes: int = MOST_BYTES

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What came of a task. `stamps` are those of the files that `key` is of; `peak_bytes` the process's so far."""

    source: str
    state: str
    key: str = ""
    why: str = ""
    stamps: tuple[tuple[int, int, int], ...] = ()
    events: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0
    is_memory: bool = False

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Outcome:
        """From `asdict`'s values."""
        return cls(**{**told, "stamps": tuple(tuple(stamp) for stamp in told["stamps"])})


def rows(path: Path, options: Options | None = None, key: str = "") -> dict[str, pa.RecordBatch]:
    """The tables that a fleet keeps of a recording, by name. Raises RecordingError; TracerError without pyarrow."""
    from ...analyze import Options
    from ...analyze.findings.needs import nothing_recorded
    from ...fleet.rows import Result, tables_of
    from ...store import files_of
    from ..analysis import WHOLE, analyse, opened

    recording = opened(path)
    part = WHOLE.part(recording)
    analysis = analyse(part, options or Options())
    facts = part.facts(analysis.accounting.lost)
    if nothing_recorded(analysis, recording.metadata):
        raise RecordingError(f"{path}: nothing was recorded")
    return tables_of(Result(analysis, facts, recording.metadata), key or key_of(files_of(path)))


def work(task: Task) -> Outcome:
    """Do it; whatever goes wrong is told in the outcome. Only signals and the machine end it otherwise."""
    start_s = time.monotonic()
    try:
        outcome = _worked(task)
    except MemoryError:
        outcome = {"state": FAILED, "why": "out of memory", "is_memory": True}
    except OSError as error:
        outcome = {"state": FAILED, "why": error.strerror or str(error)}
    except TracerError as error:
        outcome = {"state": FAILED, "why": str(error)}
    except Exception as error:  # noqa: BLE001 - a defect costs one recording, and is told
        outcome = {"state": FAILED, "why": f"{type(error).__name__}: {error}"}
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return Outcome(task.source, seconds=time.monotonic() - start_s, peak_bytes=peak_bytes, **outcome)


def _worked(task: Task) -> dict[str, Any]:
    from ...analyze import Options
    from ...fleet.rows import unread_table
    from ...store import files_of

    options = Options(horizon_s=task.horizon_s, gap_s=task.gap_s)
    fragments = Fragments(place(task.output), fragments_name(options))
    with _local(task.source) as path:
        files = files_of(path)
        if not files:
            return {"state": FAILED, "why": "no such file"}
        if kind := next(filter(None, (kind_of_file(file.stat().st_mode) for file in files)), None):
            return {"state": FAILED, "why": f"is {kind}, not a file"}
        stamps, key = stamps_of(files), key_of(files)
        told = {"key": key, "stamps": tuple(map(tuple, stamps))}
        read_bytes = sum(stamp.size for stamp in stamps)
        if fragments.holds(key):
            return told | {"state": KEPT, "read_bytes": read_bytes}
        try:
            with bounded_memory(path, task.memory_bytes):
                tables = rows(path, options, key)
        except RecordingError as error:
            if isinstance(error.__cause__, MemoryError):
                return {"state": FAILED, "why": _without(path, error), "is_memory": True}
            why = _without(path, error)
            return told | {"state": UNREAD, "why": why, "written_bytes": fragments.write(key, unread_table(key, why))}
        if stamps_of(files) != stamps:
            return {"state": FAILED, "why": "it changed while it was read"}
        written_bytes = fragments.write(key, tables)
    events = tables["metadata"].column("events")[0].as_py()
    return told | {"state": MADE, "events": events, "read_bytes": read_bytes, "written_bytes": written_bytes}


def _without(path: Path, error: Exception) -> str:
    """An error's words without the name of the file, which may have others."""
    return str(error).removeprefix(f"{path}: ")


@contextmanager
def _local(source: str) -> Iterator[Path]:
    """The recording's file here: another file system's is fetched. Raises OSError."""
    if not is_url(source):
        yield Path(source)
        return
    system, path = file_system(source)
    with tempfile.TemporaryDirectory(prefix="reclaim-tracer-") as folder:
        here = Path(folder) / PurePosixPath(path).name
        system.get_file(path, str(here))
        yield here
