"""A block's payload: read, checked, unpacked."""

from __future__ import annotations

import threading
import zlib
from functools import cache

from .columns import CorruptPayloadError
from .format import BLOCK_HEADER_BYTES, Codec
from .limits import RAW_BYTES
from .source import Readable
from .table import Block


def unpack(source: Readable, block: Block) -> bytes:
    """The payload, of no more bytes than its type may have. Raises CorruptPayloadError, RecordingError."""
    header = block.header
    limit = RAW_BYTES.get(header.type, 0)
    if header.raw_bytes > limit or header.payload_bytes > limit:
        raise CorruptPayloadError(f"{header.raw_bytes} bytes in a block")
    found = source.read(header.block_bytes, block.offset)
    payload = found[BLOCK_HEADER_BYTES:]
    if not found.startswith(block.packed):
        raise CorruptPayloadError("header differs")
    if zlib.crc32(payload) != header.payload_crc:
        raise CorruptPayloadError("checksum differs")
    if header.codec == Codec.ZSTD:
        payload = _unpack_zstd(payload, header.raw_bytes)
    elif header.codec != Codec.STORED:
        raise CorruptPayloadError(f"unknown codec {header.codec}")
    if len(payload) != header.raw_bytes:
        raise CorruptPayloadError("size differs")
    return payload


def _unpack_zstd(payload: bytes, raw_bytes: int) -> bytes:
    from zstandard import ZstdError, get_frame_parameters

    try:
        # The library allocates what the frame claims, so the claim is checked first.
        if get_frame_parameters(payload).content_size != raw_bytes:
            raise CorruptPayloadError("size differs")
        return _decompressors().own.decompress(payload, max_output_size=raw_bytes, allow_extra_data=False)
    except ZstdError as error:
        raise CorruptPayloadError(str(error)) from error


class _Decompressors(threading.local):
    """One for each thread, which makes it once: it is larger than most blocks."""

    def __init__(self) -> None:
        from zstandard import ZstdDecompressor

        self.own = ZstdDecompressor()


_decompressors = cache(_Decompressors)
