"""Writing a recording: what arrives is buffered and becomes blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..batch import LostStretch, Samples
from ..metadata import Metadata
from ..output_stream import OutputStream
from ..outputs import FileIdentity
from ..schema import EVENT_DTYPE
from . import payloads
from .event_columns import EventEncoder
from .format import BLOCK_EVENTS, FORMAT_NAME, JSON, LOST_STRETCHES, VERSION_MAJOR, VERSION_MINOR, BlockType
from .kinds import kind_table

_BUFFER_BYTES: Final = BLOCK_EVENTS * EVENT_DTYPE.itemsize
_BLOCK_SAMPLES: Final = 4096
"""Sample rows the writer puts into one block."""


class Fsync(StrEnum):
    """When the writer waits until the disk has what was written: only in `close`, or in every `flush` too."""

    CLOSE = "close"
    FLUSH = "flush"


@dataclass
class _Waiting:
    """What becomes blocks at the next flush, beside events."""

    samples: list[Samples] = field(default_factory=list)
    symbols: dict[int, str] = field(default_factory=dict)
    cgroups: dict[int, str] = field(default_factory=dict)
    lost: list[LostStretch] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)


class Writer:
    """Append-only `.rtrace` writer. Mode 0600, owned by SUDO_UID/SUDO_GID when run with sudo.

    What is written is buffered until a block of events is full, `flush` or `close`. When the disk refuses, the first
    call that notices raises TracerError, the file keeps its good blocks, and everything after that is ignored.
    """

    def __init__(
        self,
        path: Path,
        metadata: Metadata,
        *,
        force: bool = False,
        fsync: Fsync = Fsync.CLOSE,
        encoder: EventEncoder | None = None,
        whole: bool = False,
        inputs: Iterable[Path] = (),
        events_before: int = 0,
        folder: int | None = None,
        stream: OutputStream | None = None,
    ) -> None:
        """Create the file and write its first block. Raises TracerError; no file is left behind then.

        `encoder` is one to use again, whose writer is closed. With `whole` there is no file, or still the one before,
        until `close`; `inputs` are files that it must not replace, `events_before` how many events earlier files of the
        same recording hold, `folder` is its directory's descriptor, where that is held already. A `stream` is
        written to instead of a file, and `path` is what messages call it.
        """
        from .blocks import BlockFile

        start = payloads.pack_json(_description(metadata))
        self._file = BlockFile(
            path,
            start,
            force=force,
            whole=whole,
            inputs=inputs,
            events_before=events_before,
            folder=folder,
            stream=stream,
        )
        self._fsync = fsync
        self._encoder = encoder or EventEncoder(BLOCK_EVENTS)
        # Made at the first event that has to wait in it: who writes whole blocks needs none.
        self._buffer: npt.NDArray[np.uint8] | None = None
        self._filled = 0
        self._waiting = _Waiting()
        self._ended = False

    @property
    def identity(self) -> FileIdentity:
        """Which file it is."""
        return self._file.identity

    @property
    def bytes_written(self) -> int:
        """Bytes on disk."""
        return self._file.bytes_written

    @property
    def events_written(self) -> int:
        """Events on disk, without those still buffered."""
        return self._file.counts[BlockType.EVENTS]

    @property
    def buffer_bytes(self) -> int:
        """Memory that packing takes, whatever is written."""
        return self._encoder.buffer_bytes

    @property
    def is_open(self) -> bool:
        """Whether what is written still reaches the disk."""
        return self._file.is_open

    def write_events(self, records: npt.NDArray[np.void]) -> None:
        """Records of EVENT_DTYPE in order of arrival; they are copied. Raises TracerError when the disk refuses."""
        data = np.ascontiguousarray(records).view(np.uint8)
        while len(data) and self._file.is_open:
            if not self._filled and len(data) >= _BUFFER_BYTES:
                self._flush_blocks(data[:_BUFFER_BYTES])
                data = data[_BUFFER_BYTES:]
            else:
                data = self._fill(data)

    def write_block(self, records: npt.NDArray[np.void]) -> None:
        """Records of EVENT_DTYPE or SHORT_DTYPE, at most MAX_BLOCK_ROWS, as a block of their own, at once.

        Raises TracerError when the disk refuses.
        """
        if len(records) and self._file.is_open:
            self._append_events(records)

    def write_samples(self, samples: Samples) -> None:
        """Readings of counters."""
        if len(samples) and self._file.is_open:
            self._waiting.samples.append(samples)

    def write_symbols(self, symbols: Mapping[int, str]) -> None:
        """Names of kernel addresses not written before."""
        self._waiting.symbols.update(symbols)

    def write_cgroups(self, paths: Mapping[int, str]) -> None:
        """Paths of cgroups not written before, by their numbers."""
        self._waiting.cgroups.update(paths)

    def write_lost(self, stretch: LostStretch) -> None:
        """A stretch in which events were lost."""
        self._waiting.lost.append(stretch)

    def write_note(self, key: str, value: JSON) -> None:
        """A small fact known only late; a key's last note counts. Raises TypeError, ValueError for what is no JSON."""
        self._waiting.notes.append(payloads.pack_json({"key": key, "value": value}))

    def flush(self) -> None:
        """Everything buffered becomes blocks. Raises TracerError when the disk refuses."""
        self._flush_blocks(self._take_filled())
        if self._fsync is Fsync.FLUSH:
            self._file.sync()

    def _take_filled(self) -> npt.NDArray[np.uint8] | None:
        size, self._filled = self._filled, 0
        return None if self._buffer is None or not size else self._buffer[:size]

    def _flush_blocks(self, events: npt.NDArray[np.uint8] | None) -> None:
        waiting, self._waiting = self._waiting, _Waiting()
        self._append_names(waiting)
        if events is not None:
            self._append_events(events.view(EVENT_DTYPE))
        self._append_samples(waiting.samples)
        self._append_lost(waiting.lost)
        for note in waiting.notes:
            self._file.append(BlockType.NOTE, note, 1)

    def close(self) -> None:
        """Flush, mark the end, sync; idempotent. Raises TracerError where the disk refuses for the first time."""
        try:
            if not self._ended:
                self._ended = True
                self._flush_blocks(self._take_filled())
                self._file.append_end()
        finally:
            self._file.close()

    def discard(self) -> None:
        """Leave nothing of a file written `whole`; idempotent."""
        self._ended = True
        self._file.discard()

    def _fill(self, data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if self._buffer is None:
            self._buffer = np.empty(_BUFFER_BYTES, np.uint8)
        part = data[: _BUFFER_BYTES - self._filled]
        self._buffer[self._filled : self._filled + len(part)] = part
        self._filled += len(part)
        if self._filled == _BUFFER_BYTES:
            self._flush_blocks(self._take_filled())
        return data[len(part) :]

    def _append_events(self, records: npt.NDArray[np.void]) -> None:
        payload = self._encoder.encode(records)
        self._file.append(BlockType.EVENTS, payload, len(records), _extent(records["time_ns"]), self._encoder.kinds)

    def _append_names(self, waiting: _Waiting) -> None:
        for kind, names in ((BlockType.SYMBOLS, waiting.symbols), (BlockType.CGROUPS, waiting.cgroups)):
            if names:
                self._file.append(kind, payloads.pack_names(names), len(names))

    def _append_samples(self, pending: list[Samples]) -> None:
        for samples in _sample_blocks(pending):
            payload = payloads.encode_samples(samples)
            self._file.append(BlockType.SAMPLES, payload, len(samples), _extent(samples.time_ns))

    def _append_lost(self, lost: list[LostStretch]) -> None:
        for start in range(0, len(lost), LOST_STRETCHES):
            part = lost[start : start + LOST_STRETCHES]
            extent = min(stretch.start_ns for stretch in part), max(stretch.end_ns for stretch in part)
            self._file.append(BlockType.LOST, payloads.pack_lost(part), len(part), extent)


def _description(metadata: Metadata) -> dict[str, JSON]:
    return {
        "format": FORMAT_NAME,
        "version": [VERSION_MAJOR, VERSION_MINOR],
        "metadata": metadata.to_json(),
        "kinds": kind_table(),
    }


def _extent(times: npt.NDArray[Any]) -> tuple[int, int]:
    return int(times.min()), int(times.max())


def _sample_blocks(pending: Iterable[Samples]) -> Iterator[Samples]:
    """Consecutive readings of the same counters as one, none longer than a block."""
    for names, group in groupby(pending, key=lambda samples: samples.names):
        parts = list(group)
        time_ns = np.concatenate([part.time_ns for part in parts])
        values = np.concatenate([part.values for part in parts])
        for start in range(0, len(time_ns), _BLOCK_SAMPLES):
            rows = slice(start, start + _BLOCK_SAMPLES)
            yield Samples(time_ns[rows], names, values[rows])
