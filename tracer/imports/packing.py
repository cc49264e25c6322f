"""Packed files: what packed them, and their text as UTF-8."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
XZ_MAGIC: Final = b"\xfd7zXZ\x00"
BZIP2_MAGIC: Final = b"BZh"
PACKED: Final = (GZIP_MAGIC, ZSTD_MAGIC, XZ_MAGIC, BZIP2_MAGIC)
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
_PIECE_BYTES: Final = 1024
"""So much is unpacked at a time: at worst, runs of one byte, zstd makes 32 MiB of it."""

Read = Callable[[int], bytes]


def not_unpacked(magic: bytes) -> str:
    """What packed a file that is not unpacked here; empty for all others."""
    return next((name for start, name in _NOT_UNPACKED.items() if magic.startswith(start)), "")


def unpacked(stream: IO[bytes]) -> Read:
    """Reads a file from its start: unpacked, and as UTF-8 where a byte order mark says that it is something else.

    What is read raises one of `damages` where the packed data is cut or damaged.
    """
    stream.seek(0)
    magic = stream.read(MAGIC_BYTES)
    stream.seek(0)
    return _as_utf8(_reader(stream, magic))


def damages() -> tuple[type[Exception], ...]:
    """What reading packed data raises where it is cut or damaged."""
    from zstandard import ZstdError

    return (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, ZstdError)


def _reader(stream: IO[bytes], magic: bytes) -> Read:
    if magic.startswith(GZIP_MAGIC):
        return gzip.GzipFile(fileobj=stream, mode="rb").read
    if magic.startswith(ZSTD_MAGIC):
        return _FrameReader(stream, _zstd_frame, "zstd").read
    if magic.startswith(XZ_MAGIC):
        return _FrameReader(stream, _xz_frame, "xz").read
    if magic.startswith(BZIP2_MAGIC):
        return _FrameReader(stream, bz2.BZ2Decompressor, "bzip2").read
    return stream.read


def _zstd_frame() -> Any:  # noqa: ANN401 - zstandard and the library's own share methods, no class
    from zstandard import ZstdDecompressor

    return ZstdDecompressor(max_window_size=_MOST_MEMORY_BYTES).decompressobj()


def _xz_frame() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=_MOST_MEMORY_BYTES)


class _FrameReader:
    """Reads packed frames one after another and notices when the last one is cut, unlike zstandard's own reader."""

    def __init__(self, stream: IO[bytes], new_frame: Callable[[], Any], name: str) -> None:
        self._stream = stream
        self._new_frame = new_frame
        self._name = name
        self._frame = new_frame()
        self._begun = False

    def read(self, size: int) -> bytes:
        """Some `size` bytes or a little more, none at the end. Raises EOFError where the data is cut."""
        parts: list[bytes] = []
        have = 0
        while have < size and (data := self._stream.read(_PIECE_BYTES)):
            for part in self._unpack(data):
                parts.append(part)
                have += len(part)
        if not parts and self._begun:
            raise EOFError(f"{self._name} data is cut")
        return b"".join(parts)

    def _unpack(self, data: bytes) -> Iterator[bytes]:
        while data := data if self._begun else self._without_padding(data):
            part = self._decompressed(data)
            self._begun, data = not self._frame.eof, self._frame.unused_data
            if self._frame.eof:
                self._frame = self._new_frame()
            if part:
                yield part

    def _decompressed(self, data: bytes) -> bytes:
        try:
            return self._frame.decompress(data)  # type: ignore[no-any-return]
        except OSError as error:  # bz2's word for damage: nothing is read from a file here
            raise EOFError(str(error)) from error

    def _without_padding(self, data: bytes) -> bytes:
        return data.lstrip(b"\0") if self._name == "xz" else data


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
