"""Questions in SQL to one or several recordings, each answered by a database of its own that can reach nothing else."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..errors import TracerError, UsageError, printable, shown
from ..tables.library import library

if TYPE_CHECKING:
    import pyarrow as pa

    from .limits import Reading
    from .members import Member

MEMORY_BYTES: Final = 512 << 20
"""Of the database: sorted rows, groups, tables of joins."""
_BATCH_ROWS: Final = 4096
_MOST_THREADS: Final = 4
_CONFIG: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "memory_limit": f"{MEMORY_BYTES >> 20}MiB",
}
_LOCK: Final = ("SET enable_progress_bar=false", "SET lock_configuration=true")
"""A progress bar goes to standard output, where the answer belongs."""
_ANSWERED: Final = frozenset({"SELECT", "EXPLAIN"})
_MISSING: Final = re.compile(r"Table with name (.+?) does not exist")
_POINTER: Final = re.compile(r"\s*\n\s*\nLINE \d+:.*", re.DOTALL)
_ELSEWHERE: Final = re.compile(r'\s*Did you mean "(pg_|duckdb_|sqlite_|information_schema)[^"]*"\?')


@dataclass(frozen=True)
class Answer:
    """What a question came to: `schema` of the rows, and the rows as they are made. Iterating raises TracerError."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class Session:
    """Recordings that questions are put to, as one: the views' rows are told apart by `recording_id`."""

    def __init__(self, members: Sequence[Member]) -> None:
        """Raises TracerError where DuckDB is not installed, UsageError where a recording is there twice."""
        self._duckdb = library("duckdb")
        arrow = library("pyarrow")
        arrow.set_memory_pool(arrow.system_memory_pool())
        self.members = tuple(members)
        _refuse_copies(self.members)

    @property
    def read_bytes(self) -> int:
        """Of the recordings' files that were read so far."""
        return sum(member.read_bytes for member in self.members)

    @property
    def file_bytes(self) -> int:
        """The recordings' files together."""
        return sum(member.file_bytes for member in self.members)

    @contextmanager
    def ask(self, question: str) -> Iterator[Answer]:
        """Answer a SELECT, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN in bounded memory.

        Raises UsageError for what is wrong with it, TracerError where it needs too much memory, RecordingError.
        """
        from .views import Scans

        scans = Scans()
        # After running out of memory a database may hang at the next question: each has one of its own.
        database = self._duckdb.connect(config={**_CONFIG, "threads": _threads()})
        for member in self.members:
            member.stop.clear()
        worker = ThreadPoolExecutor(1)
        try:
            with self._refusals(scans):
                self._refuse_other_statements(database, question)
                self._register(database, question, scans)
                for setting in _LOCK:
                    database.execute(setting).fetchall()
                relation = database.sql(question)
                if relation is None:
                    raise UsageError("a query gives rows: this one gives none")
                reader = self._run(worker, database, partial(relation.to_arrow_reader, _BATCH_ROWS))
            read = partial(self._run, worker, database, partial(next, reader, None))
            yield Answer(reader.schema, self._batches(read, scans))
        finally:
            worker.shutdown()
            # One whose query was interrupted may still be winding up, and is closed when nothing refers to it.
            with suppress(self._duckdb.Error):
                database.close()

    def _batches(self, read: Callable[[], Any], scans: Any) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
        with self._refusals(scans):
            while (batch := read()) is not None:
                yield batch

    def _run(self, worker: ThreadPoolExecutor, database: Any, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Do it on the worker's thread: DuckDB does not look for signals while a scan reads, this thread does."""
        doing: Future[Any] | None = None
        try:
            doing = worker.submit(work)
            return doing.result()
        except KeyboardInterrupt:
            for member in self.members:
                member.stop.set()
            database.interrupt()
            wait([doing] if doing else [])
            raise

    def _refuse_other_statements(self, database: Any, question: str) -> None:  # noqa: ANN401
        statements = database.extract_statements(question)
        if len(statements) != 1:
            raise UsageError("one query at a time" if statements else "the query is empty")
        kind = statements[0].type.name
        if kind not in _ANSWERED:
            raise UsageError(f"{kind} is refused: recordings are only read, by SELECT, DESCRIBE, SUMMARIZE, EXPLAIN")

    def _register(self, database: Any, question: str, scans: Any) -> None:  # noqa: ANN401
        from .limits import NO_LIMITS
        from .views import TABLES, View

        reading = _reading(database, question)
        for name in TABLES if reading.everything else reading.views:
            database.register(name, View(name, self.members, reading.views.get(name, NO_LIMITS), scans))

    @contextmanager
    def _refusals(self, scans: Any) -> Iterator[None]:  # noqa: ANN401
        """What went wrong as one line."""
        try:
            yield
        except self._duckdb.Error as error:
            self._raise_cause(scans, error)
            if isinstance(error, self._duckdb.InterruptException):
                raise KeyboardInterrupt from None
            if isinstance(error, self._duckdb.OutOfMemoryException):
                most = f"{MEMORY_BYTES >> 20} MiB"
                raise TracerError(f"the query needs more than {most}: ask for fewer rows, columns or groups") from None
            raise UsageError(_one_line(str(error))) from None
        except (OSError, RuntimeError) as error:
            # A scan that fails is Arrow's error by now; a query that Ctrl-C ended is a RuntimeError.
            self._raise_cause(scans, error)
            if any(member.stop.is_set() for member in self.members):
                raise KeyboardInterrupt from None
            raise

    @staticmethod
    def _raise_cause(scans: Any, error: Exception) -> None:  # noqa: ANN401
        if scans.failure is not None:
            raise scans.failure from error


def _reading(database: Any, question: str) -> Reading:  # noqa: ANN401
    from .limits import Reading, reading_of
    from .views import TABLES

    ((told,),) = database.execute("SELECT json_serialize_sql(?)", [question]).fetchall()
    tree = json.loads(told)
    return Reading(everything=True) if tree.get("error") else reading_of(tree, TABLES)


def _refuse_copies(members: Sequence[Member]) -> None:
    seen: dict[str, Member] = {}
    for member in members:
        if (other := seen.setdefault(member.origin.recording_id, member)) is not member:
            one, two = (shown(each.part.recording.path) for each in (other, member))
            raise UsageError(f"{one} and {two} are the same recording: name one of them")


def _one_line(text: str) -> str:
    """DuckDB's words without the picture of the query below them."""
    from .views import TABLES

    if missing := _MISSING.search(text):
        near = difflib.get_close_matches(missing[1].lower(), TABLES, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "SHOW TABLES lists them"
        return printable(f"there is no table {missing[1]}: {hint}")
    return printable(" ".join(_ELSEWHERE.sub("", _POINTER.sub("", text)).split()))


def _threads() -> str:
    return str(min(len(os.sched_getaffinity(0)), _MOST_THREADS))
