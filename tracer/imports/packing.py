"""Packed files: what packed them, and their text as UTF-8."""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from zstandard import ZstdDecompressor, ZstdError

MAGIC_BYTES: Final = 10

_NOT_UNPACKED: Final = {
    b"PK\x03\x04": "zip",
    b"\x04\x22\x4d\x18": "lz4",
    b"LZIP": "lzip",
    b"\x89LZO": "lzop",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\x1f\x9d": "compress",
}
_BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""The longer ones first: UTF-32's little-endian mark begins with UTF-16's."""
_LONGEST_MARK: Final = 4
_MOST_MEMORY_BYTES: Final = 1 << 27
"""Memory a packed file may ask for: that of `zstd --long=27`; `xz -9` takes half of it."""
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
"""zlib's word for gzip's head and checksum around the data."""
_ERRORS: Final = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, ZstdError)
"""What the libraries raise where data is damaged, bz2 an OSError."""

Read = Callable[[int], bytes]


class DamageError(Exception):
    """Packed data that is cut or damaged; all text before the damage was given. The message says where, and how."""


@dataclass(frozen=True)
class Packing:
    """One way of packing. `piece_bytes` are unpacked at a time; some packers fill a frame's end with zeros."""

    name: str
    magic: bytes
    new_frame: Callable[[], Any]
    piece_bytes: int
    is_padded: bool = False


def _zstd_frame() -> Any:  # noqa: ANN401 - zstandard and the library's own share methods, no class
    return ZstdDecompressor(max_window_size=_MOST_MEMORY_BYTES).decompressobj()


def _xz_frame() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=_MOST_MEMORY_BYTES)


def _gzip_frame() -> Any:  # noqa: ANN401 - zlib's class has no public name
    return zlib.decompressobj(_GZIP_WINDOW)


_PACKINGS: Final = (
    Packing("gzip", b"\x1f\x8b", _gzip_frame, 1 << 14, is_padded=True),
    Packing("zstd", b"\x28\xb5\x2f\xfd", _zstd_frame, 1 << 10),
    Packing("xz", b"\xfd7zXZ\x00", _xz_frame, 1 << 10, is_padded=True),
    Packing("bzip2", b"BZh", bz2.BZ2Decompressor, 1 << 10),
)
"""What a piece becomes at worst, runs of one byte: 16 MiB of gzip's, 32 MiB of zstd's."""
PACKED: Final = tuple(packing.magic for packing in _PACKINGS)


def not_unpacked(magic: bytes) -> str:
    """What packed a file that is not unpacked here; empty for all others."""
    return next((name for start, name in _NOT_UNPACKED.items() if magic.startswith(start)), "")


def unpacked(stream: IO[bytes]) -> Read:
    """Reads a file from its start: unpacked, and as UTF-8 where a byte order mark says that it is something else.

    Raises DamageError where the packed data is cut or damaged, once everything before the damage was read.
    """
    stream.seek(0)
    magic = stream.read(MAGIC_BYTES)
    stream.seek(0)
    packing = next((packing for packing in _PACKINGS if magic.startswith(packing.magic)), None)
    return _as_utf8(_FrameReader(stream, packing).read if packing else stream.read)


class _FrameReader:
    """Reads packed frames one after another.

    What a library unpacked of a piece before it met damage is lost with the error: the frame is then unpacked once more
    up to that piece, and the piece byte by byte.
    """

    def __init__(self, stream: IO[bytes], packing: Packing) -> None:
        self._stream = stream
        self._packing = packing
        self._frame = packing.new_frame()
        self._begun = False
        self._at = 0
        """Where in the file what is unpacked next begins."""
        self._frame_at = 0
        self._damage = ""

    def read(self, size: int) -> bytes:
        """Some `size` bytes or a little more, none at the end. Raises DamageError."""
        parts: list[bytes] = []
        have = 0
        while have < size and not self._damage and (data := self._stream.read(self._packing.piece_bytes)):
            for part in self._unpack(data):
                parts.append(part)
                have += len(part)
        if not parts and self._begun:
            raise DamageError(self._damage or f"{self._packing.name} data is cut at byte {self._at:,}")
        return b"".join(parts)

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        while data := data if self._begun else self._frame_in(data):
            try:
                part = self._frame.decompress(data)
            except _ERRORS as error:
                if part := self._salvaged(data, error):
                    yield part
                return
            self._at += len(data) - len(self._frame.unused_data)
            self._begun, data = not self._frame.eof, self._frame.unused_data
            if self._frame.eof:
                self._frame = self._packing.new_frame()
            if part:
                yield part

    def _frame_in(self, data: bytes) -> bytes:
        """Data from the next frame's begin on."""
        begin = data.lstrip(b"\0") if self._packing.is_padded else data
        self._at += len(data) - len(begin)
        self._frame_at, self._begun = self._at, bool(begin)
        return begin

    def _salvaged(self, data: bytes, why: Exception) -> bytes:
        """The text of the begin of `data`, up to where it is damaged."""
        frame = self._again()
        parts = []
        with suppress(*_ERRORS):
            for at in range(len(data)):
                parts.append(frame.decompress(data[at : at + 1]))
                self._at += 1
        self._damage = self._damaged(str(why).rpartition(": ")[2])
        return b"".join(parts)

    def _again(self) -> Any:  # noqa: ANN401 - one of four libraries' frames
        """The frame as it was before the last piece: fed with the same pieces once more."""
        frame, at = self._packing.new_frame(), self._frame_at
        self._stream.seek(at)
        while at < self._at:
            data = self._stream.read(min(self._at - at, self._packing.piece_bytes - at % self._packing.piece_bytes))
            frame.decompress(data)
            at += len(data)
        return frame

    def _damaged(self, why: str) -> str:
        size = self._stream.seek(0, io.SEEK_END)
        self._stream.seek(self._frame_at)
        if self._frame_at and self._stream.read(MAGIC_BYTES)[: len(self._packing.magic)] != self._packing.magic:
            return f"no {self._packing.name} data from byte {self._frame_at:,} of {size:,} on"
        return f"{self._packing.name} data is damaged at byte {self._at:,} of {size:,}: {why}"


def _as_utf8(read: Read) -> Read:
    """The same as UTF-8; the first read tells."""
    decoder: codecs.IncrementalDecoder | None = None
    begun = False

    def recoded(size: int) -> bytes:
        nonlocal decoder, begun
        data = read(size)
        if not begun:
            begun = True
            while 0 < len(data) < _LONGEST_MARK and (more := read(size)):
                data += more
            decoder = _decoder(data)
        if decoder is None:
            return data
        text = decoder.decode(data, final=not data)
        while not text and data:
            data = read(size)
            text = decoder.decode(data, final=not data)
        return text.encode("utf-8", "replace")

    return recoded


def _decoder(data: bytes) -> codecs.IncrementalDecoder | None:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    return codecs.getincrementaldecoder(encoding)("replace") if encoding else None
