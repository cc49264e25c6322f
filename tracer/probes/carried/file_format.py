"""A file of compiled programs, for many kernels: versioned, checksummed as a whole and entry by entry, read strictly.

All numbers are little-endian. The file is the magic, its version, the number of entries and the SHA-256 of all that
follows. An entry is the lengths of head, packed code and code, the SHA-256 of head and packed code, and these two: the
head is JSON (purpose, maps, and each program's length), the code zlib's of all programs' instructions one after the
other. Whoever can write the file can make checksums: nothing that is read is believed beyond its limits and types.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from typing import Any, Final, NoReturn

from ...errors import RecordingError
from ..bpf_objects import MapDefinition
from .entry import Entry, Purpose

MAGIC: Final = b"RTPROGS\n"
VERSION: Final = 1
MAX_FILE_BYTES: Final = 64 << 20
MAX_ENTRIES: Final = 1024

_HEAD: Final = struct.Struct("<8sII32s")
_ENTRY: Final = struct.Struct("<III32s")
_MAX_HEAD_BYTES: Final = 1 << 18
_MAX_CODE_BYTES: Final = 4 << 20
_MAX_NAMES: Final = 4096
_MAX_TEXT: Final = 4096
_MOST: Final = (1 << 32) - 1
_LEVEL: Final = 6


class ProgramsFileError(RecordingError):
    """A file of programs that is damaged, or none at all; the message says what, not which."""


def encode(entries: Iterable[Entry]) -> bytes:
    """The file's bytes."""
    packed = [_encode_entry(entry) for entry in entries]
    body = b"".join(packed)
    return _HEAD.pack(MAGIC, VERSION, len(packed), hashlib.sha256(body).digest()) + body


def decode(data: bytes, wanted: Callable[[Purpose], bool] = lambda _: True) -> list[Entry]:
    """Its entries whose purpose is wanted, each whole. Raises ProgramsFileError, whichever is damaged."""
    found = []
    for head, packed, code_bytes in _entries(data):
        parsed = _parsed(head)
        purpose = _purpose(parsed)
        if wanted(purpose):
            found.append(_decode_entry(purpose, parsed, _unpacked(packed, code_bytes)))
    return found


def decode_purposes(data: bytes) -> list[Purpose]:
    """What its entries are for, without their programs. Raises ProgramsFileError."""
    return [_purpose(_parsed(head)) for head, _, _ in _entries(data)]


def _encode_entry(entry: Entry) -> bytes:
    code = b"".join(entry.programs.values())
    head = json.dumps(
        {
            "purpose": asdict(entry.purpose),
            "maps": [list(asdict(definition).values()) for definition in entry.maps],
            "programs": [[name, len(program)] for name, program in entry.programs.items()],
        },
        separators=(",", ":"),
    ).encode()
    packed = zlib.compress(code, _LEVEL)
    digest = hashlib.sha256(head + packed).digest()
    return _ENTRY.pack(len(head), len(packed), len(code), digest) + head + packed


def _entries(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Head, packed code, and length of the code of each entry."""
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        _refuse("not a file of compiled programs")
    _, version, count, digest = _HEAD.unpack_from(data)
    if version != VERSION:
        _refuse(f"its format is version {version}, this reclaim-tracer reads version {VERSION}")
    body = memoryview(data)[_HEAD.size :]
    if len(data) > MAX_FILE_BYTES or count > MAX_ENTRIES or hashlib.sha256(body).digest() != digest:
        _refuse("damaged (its checksum is another)")
    at = 0
    for _ in range(count):
        if len(body) - at < _ENTRY.size:
            _refuse("damaged (it is cut)")
        head_bytes, packed_bytes, code_bytes, entry_digest = _ENTRY.unpack_from(body, at)
        start = at + _ENTRY.size
        at = start + head_bytes + packed_bytes
        if head_bytes > _MAX_HEAD_BYTES or code_bytes > _MAX_CODE_BYTES or at > len(body):
            _refuse("damaged (an entry is too long)")
        if hashlib.sha256(body[start:at]).digest() != entry_digest:
            _refuse("damaged (an entry's checksum is another)")
        yield bytes(body[start : start + head_bytes]), bytes(body[start + head_bytes : at]), code_bytes
    if at != len(body):
        _refuse("damaged (something follows the last entry)")


def _decode_entry(purpose: Purpose, parsed: dict[str, Any], code: bytes) -> Entry:
    entry = Entry(purpose, _maps(parsed), _programs(parsed, code))
    if reason := entry.why_unsound():
        _refuse(f"damaged ({reason})")
    return entry


def _unpacked(packed: bytes, code_bytes: int) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        code = unpacking.decompress(packed, code_bytes + 1)
    except zlib.error:
        _refuse("damaged (its code does not unpack)")
    if len(code) != code_bytes or not unpacking.eof or unpacking.unused_data:
        _refuse("damaged (its code has another length)")
    return code


def _parsed(head: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(head)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        _refuse("damaged (an entry's head is no object)")
    return parsed


def _purpose(parsed: dict[str, Any]) -> Purpose:
    values = parsed.get("purpose")
    names = {field.name for field in fields(Purpose)}
    if not isinstance(values, dict) or values.keys() != names:
        _refuse("damaged (an entry does not say what it is for)")
    flags, source_flags = (_texts(values.pop(name)) for name in ("flags", "source_flags"))
    return Purpose(flags=flags, source_flags=source_flags, **{name: _text(text) for name, text in values.items()})


def _maps(parsed: dict[str, Any]) -> tuple[MapDefinition, ...]:
    rows = _rows(parsed.get("maps"), len(fields(MapDefinition)))
    found = [MapDefinition(_name(name), *map(_number, numbers)) for name, *numbers in rows]
    if len({definition.name for definition in found}) != len(found):
        _refuse("damaged (two maps of one name)")
    return tuple(found)


def _programs(parsed: dict[str, Any], code: bytes) -> dict[str, bytes]:
    programs: dict[str, bytes] = {}
    at = 0
    for name, length in _rows(parsed.get("programs"), 2):
        programs[_name(name)] = code[at : at + _number(length)]
        at += length
    if at != len(code) or len(programs) != len(parsed["programs"]):
        _refuse("damaged (its programs are not its code)")
    return programs


def _rows(value: object, width: int) -> list[list[Any]]:
    if not isinstance(value, list) or len(value) > _MAX_NAMES:
        _refuse("damaged (a table of an entry is none)")
    if not all(isinstance(row, list) and len(row) == width for row in value):
        _refuse("damaged (a row of an entry has another length)")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MAX_NAMES:
        _refuse("damaged (a list of an entry is none)")
    return tuple(map(_text, value))


def _name(value: object) -> str:
    text = _text(value)
    if not text.isidentifier() or not text.isascii():
        _refuse("damaged (a name is none)")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        _refuse("damaged (a text of an entry is none)")
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        _refuse("damaged (a number of an entry is none)")
    return value


def _refuse(reason: str) -> NoReturn:
    raise ProgramsFileError(reason)
