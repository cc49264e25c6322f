"""Bytes to lines, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

CHUNK_BYTES: Final = 1 << 20
BLOCK_BYTES: Final = 1 << 22
"""What is read as one block of lines: enough for what a block costs by itself."""
FIRST_BYTES: Final = 1 << 16
"""The first block: what is learned from it helps with all others."""
MOST_LINE_BYTES: Final = 1 << 16
"""Longest line that is read; what is longer is no line of a tracer and is left out."""

Read = Callable[[int], bytes]


@dataclass
class LineLoss:
    """What of a text is not given, or not to be: `too_long` lines; a last line without an end where `is_damaged`."""

    too_long: int = 0
    is_damaged: bool = False


def line_chunks(read: Read, loss: LineLoss) -> Iterator[list[str]]:
    """Lines without their ends, some thousand at a time. Bytes that are no UTF-8 become U+FFFD."""
    return (_lines(block, loss) for block in line_blocks(read, loss))


def line_blocks(read: Read, loss: LineLoss) -> Iterator[bytes]:
    """The same as bytes, the lines' ends between them; lines that are too long may still be in there, not counted.

    A last line without an end is left out where the text ended for damage: it may be cut inside of a number.
    """
    tail = b""
    too_long = False
    size = FIRST_BYTES
    while block := read(size):
        size = BLOCK_BYTES
        end = block.rfind(b"\n")
        if end < 0:
            was_too_long = too_long
            tail, too_long = _grow(tail, block, too_long=too_long)
            loss.too_long += too_long and not was_too_long
            continue
        whole = memoryview(block)[:end]
        body = _after_long_line(bytes(whole)) if too_long else b"".join((tail, whole))
        too_long, tail = False, block[end + 1 :]
        yield body
    if tail and not too_long and not loss.is_damaged:
        yield tail


def _grow(tail: bytes, block: bytes, *, too_long: bool) -> tuple[bytes, bool]:
    if too_long or len(tail) + len(block) > MOST_LINE_BYTES:
        return b"", True
    return tail + block, False


def _after_long_line(body: bytes) -> bytes:
    return body.partition(b"\n")[2]


def _lines(data: bytes, loss: LineLoss) -> list[str]:
    lines = data.decode("utf-8", "replace").split("\n")
    if too_long := sum(len(line) > MOST_LINE_BYTES for line in lines):
        loss.too_long += too_long
        return [line for line in lines if len(line) <= MOST_LINE_BYTES]
    return lines
