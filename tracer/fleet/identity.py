"""Which recording a file holds: what its fragment is called by, and how to tell cheaply that it is as it was."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

_PIECE_BYTES: Final = 1 << 20
_CHECKSUM_BYTES: Final = 12
_MAGIC: Final = b"\x89RTR\r\n\x1a\n"
_FILE_ID: Final = struct.Struct("<12xI")


class Stamp(NamedTuple):
    """A file as its directory tells it: another stamp, and it is read again."""

    size: int
    mtime_ns: int
    inode: int


def stamps_of(files: Sequence[Path]) -> list[Stamp]:
    """Of each file. Raises OSError."""
    looked = (file.stat() for file in files)
    return [Stamp(each.st_size, each.st_mtime_ns, each.st_ino) for each in looked]


def key_of(files: Sequence[Path]) -> str:
    """A fragment's name: the first file's id and a checksum of all bytes of all files, as hex. Raises OSError."""
    checksum, file_id = hashlib.blake2b(digest_size=_CHECKSUM_BYTES), 0
    for number, file in enumerate(files):
        with file.open("rb") as opened:
            head = opened.read(_FILE_ID.size)
            if not number and len(head) == _FILE_ID.size and head.startswith(_MAGIC):
                (file_id,) = _FILE_ID.unpack(head)
            checksum.update(head)
            while piece := opened.read(_PIECE_BYTES):
                checksum.update(piece)
        checksum.update(b"\0" * 8)
    return f"{file_id:08x}-{checksum.hexdigest()}"
