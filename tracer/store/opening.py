"""The start of a recording: is it one, of which version, and what it says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..errors import RecordingError, shown
from ..metadata import Metadata
from ..schema import OWN_FIELDS
from .columns import CorruptPayloadError
from .contents import DESCRIPTION
from .format import (
    BLOCK_HEADER_BYTES,
    FILE_HEAD,
    FILE_MAGIC,
    VERSION_MAJOR,
    BlockHeader,
    BlockType,
)
from .kinds import KindLayout, read_layouts
from .payloads import unpack_shaped
from .scan import block_at
from .source import Readable
from .unpack import unpack

_OTHERS: Final = {
    b"\x1f\x8b": "compressed by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\xfd7zXZ": "compressed by xz",
    b"BZh": "compressed by bzip2",
    b"\x17\x08\x44tracing": "a trace.dat of trace-cmd",
    b"PERFILE2": "a perf.data of perf",
}
"""What other files that people have begin with."""
_IMPORT: Final = "; `reclaim-tracer import` reads traces of ftrace, trace-cmd and perf"


@dataclass(frozen=True)
class Start:
    """What the first block says; `end` is the offset after it, 0 for a file cut before the block's end."""

    metadata: Metadata
    layouts: Mapping[int, KindLayout]
    file_id: int
    end: int


def read_start(source: Readable) -> Start:
    """The file head and the first block. Raises RecordingError.

    A file cut inside of these still is a recording: one that says nothing of itself and holds nothing.
    """
    name = shown(source.path)
    head = source.read(FILE_HEAD.size, 0)
    _check_magic(name, head)
    if len(head) < FILE_HEAD.size:
        return _NOTHING
    _, major, minor, file_id = FILE_HEAD.unpack(head)
    if major != VERSION_MAJOR:
        version = f"format version {major}.{minor}"
        advice = "update reclaim-tracer" if major > VERSION_MAJOR else "record it again"
        raise RecordingError(f"{name}: has {version}, this reclaim-tracer reads {VERSION_MAJOR}.x; {advice}")
    block = block_at(source, FILE_HEAD.size, file_id)
    if block is None and _is_cut(source, file_id):
        return _NOTHING
    if block is None or block.header.type != BlockType.META:
        raise RecordingError(f"{name}: its first block (the metadata) is damaged; nothing can be read")
    try:
        metadata, layouts = _understand(unpack_shaped(unpack(source, block), DESCRIPTION))
    except (CorruptPayloadError, ValueError) as error:
        raise RecordingError(
            f"{name}: its first block (the metadata) is damaged: {error}; nothing can be read"
        ) from error
    return Start(metadata, layouts, file_id, block.end)


_NOTHING: Final = Start(Metadata(), {}, 0, 0)


def _is_cut(source: Readable, file_id: int) -> bool:
    """Whether the file ends inside the first block, as opposed to damage in it."""
    found = source.read(BLOCK_HEADER_BYTES, FILE_HEAD.size)
    if len(found) < BLOCK_HEADER_BYTES:
        return True
    header = BlockHeader.unpack(found, file_id)
    return header is not None and FILE_HEAD.size + header.block_bytes > source.size


def _check_magic(name: str, head: bytes) -> None:
    if not head:
        raise RecordingError(f"{name}: is empty")
    if head.startswith(FILE_MAGIC) or FILE_MAGIC.startswith(head):
        return
    if head[1:4] == FILE_MAGIC[1:4]:
        raise RecordingError(f"{name}: was altered in transfer, probably sent as text; copy it again as binary")
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise RecordingError(f"{name}: is {what}, not a reclaim-tracer recording{_IMPORT}")
    if head.isascii() and head.decode().replace("\n", "").replace("\t", "").isprintable():
        raise RecordingError(f"{name}: is text, not a reclaim-tracer recording{_IMPORT}")
    raise RecordingError(f"{name}: is not a reclaim-tracer recording: it begins with bytes {head.hex(' ')}")


def _understand(description: Mapping[str, Any]) -> tuple[Metadata, Mapping[int, KindLayout]]:
    layouts = read_layouts(description["kinds"])
    metadata = Metadata.from_json(description["metadata"])
    absent = {kind: list(names) for kind, names in metadata.absent_fields.items()}
    for layout in layouts.values():
        if layout.kind and layout.absent:
            names = absent.setdefault(layout.kind.name, [])
            unseen = (name for name in layout.absent if (layout.kind.name, name) not in OWN_FIELDS)
            names += [name for name in unseen if name not in names]
    absent = {kind: names for kind, names in absent.items() if names}
    return replace(metadata, absent_fields={kind: tuple(names) for kind, names in absent.items()}), layouts
