"""Questions in SQL put to recordings, and their answers as rows of plain values."""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from ..errors import TracerError, UsageError, shown
from ..outputs import NewFile
from ..store import STDIN, files_of
from ..store.slicing import part_of
from ..tables.library import library, without_pandas
from .analysis import opened
from .memory_bound import bounded_memory

if TYPE_CHECKING:
    from ..analyze import Options
    from ..sql.session import Answer, Session

_BESIDE_BYTES: Final = 512 << 20
"""Of the process beside the database: blocks that are read, an analysis, rows on their way out."""


@dataclass(frozen=True)
class Rows:
    """An answer: names of the columns, each there once, which of them are numbers, and rows of plain values."""

    names: tuple[str, ...]
    numbers: tuple[bool, ...]
    rows: Iterator[list[Any]]


@dataclass(frozen=True)
class Cost:
    """What an answer took: its rows, bytes that were read of `file_bytes`, and seconds."""

    rows: int
    read_bytes: int
    file_bytes: int
    seconds: float


def divided(words: Sequence[str]) -> tuple[list[Path], str | None]:
    """The recordings and the query of a command line: the last word is a query where it is several words and no file.

    Raises UsageError where no recording is named.
    """
    files, question = [Path(word) for word in words], None
    if len(words[-1].split()) > 1 and not files_of(files[-1]):
        question = words[-1]
        files.pop()
    if not files:
        raise UsageError("name a recording before the query")
    if STDIN in files:
        raise UsageError("a query needs files: write standard input to one first")
    return files, question


class Asking:
    """Recordings, opened, that any number of questions are put to one after another."""

    def __init__(self, files: Sequence[Path], options: Options, *, redact: bool = False) -> None:
        """Raises RecordingError, UsageError, TracerError where a library is missing."""
        library("pyarrow")
        from ..sql.members import Member
        from ..sql.session import Session
        from ..store.aliases import Aliases

        aliases = Aliases() if redact else False
        recordings = [opened(path, redact=aliases) for path in files]
        self._session: Session = Session([Member(part_of(each, None, None), options) for each in recordings])

    @contextmanager
    def rows(self, question: str, on_cost: Callable[[Cost], object]) -> Iterator[Rows]:
        """The answer in rows; `on_cost` is told what it took. Raises as `Session.ask`."""
        session, before, began, count = self._session, self._session.read_bytes, monotonic(), 0

        def counted(rows: Iterator[list[Any]]) -> Iterator[list[Any]]:
            nonlocal count
            for row in rows:
                count += 1
                yield row

        with session.ask(question) as answer:
            yield _rows(answer, counted)
        on_cost(Cost(count, session.read_bytes - before, session.file_bytes, monotonic() - began))

    def write_parquet(self, question: str, stream: BinaryIO, on_cost: Callable[[Cost], object]) -> None:
        """The answer as one Parquet file. Raises as `Session.ask`."""
        session, before, began, count = self._session, self._session.read_bytes, monotonic(), 0
        with (
            session.ask(question) as answer,
            library("pyarrow.parquet").ParquetWriter(stream, answer.schema, compression="zstd") as writer,
        ):
            for batch in answer.batches:
                writer.write_batch(batch)
                count += batch.num_rows
        on_cost(Cost(count, session.read_bytes - before, session.file_bytes, monotonic() - began))

    def missing_part(self) -> str:
        """What of the recordings is not there, as clauses; empty where nothing is known to be missing."""
        from ..wording.evidence import unseen_part
        from ..wording.numbers import listing

        facts = [member.facts() for member in self._session.members]
        told = [f"{each.source}: {listing(missed)}" for each in facts if (missed := unseen_part(each))]
        return "; ".join(told)


@dataclass(frozen=True)
class NewAnswer:
    """A file that an answer is to become, whole or not at all."""

    path: Path
    force: bool
    recordings: Sequence[Path]

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """What is written to it. Raises TracerError."""
        inputs = [file for path in self.recordings for file in files_of(path)]
        with NewFile(self.path, force=self.force, what="an answer", inputs=inputs) as file:
            try:
                with os.fdopen(os.dup(file.descriptor), "wb") as stream:
                    yield stream
            except OSError as error:
                reason = error.strerror or error
                raise TracerError(f"{shown(self.path)}: can't write an answer there: {reason}") from error
            file.publish()


@contextmanager
def bounded(files: Sequence[Path]) -> Iterator[None]:
    """Memory for the database and for what feeds it, and no more: no pandas either. Raises RecordingError."""
    from ..sql.session import MEMORY_BYTES

    with bounded_memory(files[0], MEMORY_BYTES + _BESIDE_BYTES):
        without_pandas()
        yield


def tables() -> dict[str, str]:
    """What a row of each table is, by the table's name."""
    from ..sql.views import TABLES

    return {name: table.doc for name, table in TABLES.items()}


def columns_of(name: str) -> list[tuple[str, str, str]]:
    """Name, unit and meaning of a table's columns. Raises UsageError for one that is not there."""
    from ..sql.views import TABLES

    if name not in TABLES:
        raise UsageError(f"there is no table {name}: .tables lists them")
    return [(each.name, each.measured_in, each.doc) for each in TABLES[name].columns]


def plain(value: Any) -> Any:  # noqa: ANN401 - any value of SQL
    """A value as JSON has it: a number without fraction is whole; what is no number, such as NaN, is None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return _plain_list(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def _plain_list(values: list[Any]) -> Any:  # noqa: ANN401 - a list, or a map as Arrow gives it
    if values and all(isinstance(each, tuple) for each in values):
        return {str(name): plain(each) for name, each in values}
    return [plain(each) for each in values]


def _rows(answer: Answer, counted: Callable[[Iterator[list[Any]]], Iterator[list[Any]]]) -> Rows:
    types = library("pyarrow").types
    numbers = tuple(
        types.is_integer(each.type) or types.is_floating(each.type) or types.is_decimal(each.type)
        for each in answer.schema
    )
    rows = (
        [plain(value) for value in row]
        for batch in answer.batches
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )
    return Rows(_unique(answer.schema.names), numbers, counted(rows))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """The second `kind` is `kind_2`: an object has each name once."""
    given: dict[str, None] = {}
    for name in names:
        number, chosen = 2, name
        while chosen in given:
            chosen, number = f"{name}_{number}", number + 1
        given[chosen] = None
    return tuple(given)
