"""Appending blocks to a recording: each is on disk whole or not at all."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NoReturn

from zstandard import ZstdCompressor

from ..errors import TracerError, shown
from ..output_stream import OutputStream
from ..outputs import NewFile, write_at
from .format import (
    BLOCK_HEADER_BYTES,
    FILE_HEAD,
    FILE_MAGIC,
    JSON,
    NS_MAX,
    VERSION_MAJOR,
    VERSION_MINOR,
    BlockHeader,
    BlockType,
    Codec,
)
from .index import IndexGrowing
from .kind_index import ANY_KIND, KindsGrowing
from .payloads import pack_json

_ZSTD_LEVEL: Final = 1
_CLOSING: Final = (BlockType.KINDS, BlockType.INDEX, BlockType.END)
"""Blocks that belong together: no INDEX comes between them."""


class BlockFile:
    """A recording's file. `bytes_written`, `blocks` and `counts` (by type, as in the headers) are what is on disk.

    The first write that fails raises TracerError and cuts the file back to its last good block; later ones are ignored.
    """

    def __init__(
        self,
        path: Path,
        meta: bytes,
        *,
        force: bool,
        whole: bool = False,
        inputs: Iterable[Path] = (),
        events_before: int = 0,
        folder: int | None = None,
        stream: OutputStream | None = None,
    ) -> None:
        """With `whole` it takes its name when it is closed, and nothing stays of it where that is not reached.

        `events_before` are in earlier files of the same recording, `folder` is as `NewFile` has it. Raises TracerError.
        A `stream` is written to instead of a file: nothing is cut back or synced there.
        """
        self._events_before = events_before
        self.path = path
        self.blocks = 0
        self.counts: Counter[BlockType] = Counter()
        self._file_id = int.from_bytes(os.urandom(4), "little")
        self._index, self._kinds = IndexGrowing(), KindsGrowing()
        self._compressor = ZstdCompressor(level=_ZSTD_LEVEL)
        head = FILE_HEAD.pack(FILE_MAGIC, VERSION_MAJOR, VERSION_MINOR, self._file_id)
        start = head + self._pack(BlockType.META, Codec.STORED, meta, meta, 1, (0, 0))
        self._whole, self._stream = whole, stream
        self._output = stream or NewFile(path, force=force, inputs=inputs, folder=folder)
        self.identity = self._output.identity
        self._descriptor: int | None = self._output.descriptor
        self._failed = False
        self.bytes_written = 0
        self._start(start)
        self.bytes_written = len(head)
        self._account(BlockType.META, 1, start[len(head) :])

    def _start(self, data: bytes) -> None:
        if isinstance(self._output, OutputStream):
            self._put(self._output.descriptor, data)
            return
        self._output.start(data)
        if not self._whole:
            self._output.publish()

    @property
    def is_open(self) -> bool:
        """Whether what is appended still reaches the disk."""
        return self._descriptor is not None and not self._failed

    def append(
        self,
        kind: BlockType,
        raw: bytes | memoryview,
        count: int,
        times: tuple[int, int] = (0, 0),
        kinds: int = ANY_KIND,
    ) -> None:
        """One block at the end; `times` are the first and last ns in it, `kinds` the mask of its events'.

        Raises TracerError once.
        """
        if self._descriptor is None or self._failed:
            return
        packed = self._compressor.compress(raw)
        codec, payload = (Codec.ZSTD, packed) if len(packed) < len(raw) else (Codec.STORED, bytes(raw))
        self._append(self._descriptor, kind, count, self._pack(kind, codec, payload, raw, count, times), kinds)

    def append_packed(self, header: BlockHeader, payload: bytes) -> None:
        """Another recording's block, packed as it was there, under the next number: its kinds are not known.

        Raises TracerError once.
        """
        if self._descriptor is None or self._failed:
            return
        block = header._replace(sequence=self.blocks).pack(self._file_id) + payload
        self._append(self._descriptor, BlockType(header.type), header.rows, block)

    def append_end(self) -> None:
        """The last blocks: the index, and the mark that it was closed in order. Raises TracerError once."""
        index = self.append_index()
        counts: dict[str, JSON] = {kind.name.lower(): count for kind, count in sorted(self.counts.items())}
        self.append(BlockType.END, pack_json({"blocks": self.blocks, "counts": counts, "index": index}), 1)

    def _append(self, descriptor: int, kind: BlockType, count: int, block: bytes, kinds: int = ANY_KIND) -> None:
        self._put(descriptor, block)
        self._account(kind, count, block)
        if kind == BlockType.EVENTS:
            self._kinds.add(kinds)
        if self._index.is_due and kind not in _CLOSING:
            self.append_index()

    def _put(self, descriptor: int, block: bytes) -> None:
        try:
            if self._stream:
                self._stream.write(block)
            else:
                write_at(descriptor, block, self.bytes_written)
        except OSError as error:
            self._fail(descriptor, error)

    def append_index(self) -> int:
        """An INDEX of the blocks since the last one, after their kinds; its offset. Raises TracerError once."""
        masks, blocks = self._kinds.take()
        if masks:
            self.append(BlockType.KINDS, masks, blocks)
        payload, rows = self._index.payload(), self._index.rows
        self._index.restart(self.bytes_written)
        self.append(BlockType.INDEX, payload, rows)
        return self._index.offset

    def sync(self) -> None:
        """Wait until the disk has everything, and give back the page cache it took. Raises TracerError once."""
        if self._descriptor is None or self._failed or self._stream:
            return
        try:
            os.fdatasync(self._descriptor)
            os.posix_fadvise(self._descriptor, 0, self.bytes_written, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            self._fail(self._descriptor, error)

    def close(self) -> None:
        """Sync and close; idempotent. Raises TracerError where that fails first, or where the file has gone."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            if isinstance(self._output, NewFile):
                os.ftruncate(descriptor, self.bytes_written)
                os.fsync(descriptor)
                self._settle_name(self._output)
        except OSError as error:
            if not self._failed:
                self._fail(descriptor, error)
        finally:
            self._output.close()

    def discard(self) -> None:
        """Close it without its name: of a file written `whole` nothing stays. Idempotent."""
        self._descriptor = None
        self._output.close()

    def _settle_name(self, output: NewFile) -> None:
        if self._whole and not self._failed:
            output.publish()
        elif not self._whole and not output.has_its_name():
            lost = f"the {self.counts[BlockType.EVENTS]:,} events in it are lost"
            raise TracerError(f"{shown(self.path)}: it was removed or replaced while being written; {lost}")

    def _account(self, kind: BlockType, count: int, block: bytes) -> None:
        self.blocks += 1
        self.counts[kind] += count
        self.bytes_written += len(block)
        self._index.add(block[:BLOCK_HEADER_BYTES])

    def _pack(
        self,
        kind: BlockType,
        codec: Codec,
        payload: bytes,
        raw: bytes | memoryview,
        count: int,
        times: tuple[int, int],
    ) -> bytes:
        first_ns, last_ns = (min(max(time, 0), NS_MAX) for time in times)
        header = BlockHeader(
            kind, codec, len(payload), len(raw), self.blocks, count, first_ns, last_ns, zlib.crc32(payload)
        )
        return header.pack(self._file_id) + payload

    def _fail(self, descriptor: int, error: OSError) -> NoReturn:
        self._failed = True
        with contextlib.suppress(OSError):
            if not self._stream:
                os.ftruncate(descriptor, self.bytes_written)
        reason = os.strerror(error.errno) if error.errno else str(error)
        events = self.counts[BlockType.EVENTS]
        told = f"{shown(self.path)}: recording stopped: {reason}"
        if self._stream:
            raise TracerError(f"{told}; it was given {events:,} events") from error
        kept = "nothing was written" if self._whole else f"kept the first {self._events_before + events:,} events"
        advice = "free some space or choose another path with -o"
        raise TracerError(f"{told}; {kept}; {advice}") from error
