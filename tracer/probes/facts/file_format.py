"""A file that describes a kernel: versioned, checksummed, small, and believed only as far as its limits and types go.

Behind the magic are the version, the SHA-256 of the rest and the length of what that unpacks to (little-endian, zlib):
a JSON object with the fields of `Facts`, types in base64.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final, TypeVar

from ...kernel.btf_subset import why_unsound
from ...kernel.tracefs import parse_format
from .facts import KERNEL_TYPES, Facts, FactsError
from .questions import ASKED
from .trials import is_question

_T = TypeVar("_T")

MAGIC: Final = b"RTFACTS\n"
VERSION: Final = 1
MAX_FILE_BYTES: Final = 4 << 20
_MAX_BYTES: Final = 32 << 20
_HEAD: Final = struct.Struct("<8sI32sI")
_LEVEL: Final = 9

_MAX_TEXT: Final = 1024
_MAX_ITEMS: Final = 4096
_MAX_FORMAT_BYTES: Final = 1 << 14
_MAX_FIELDS: Final = 64
_MAX_DECLARATION: Final = 256
"""Characters: what takes a field apart takes time by their square."""
_MAX_RECORD_BYTES: Final = 1 << 16
"""Of a tracepoint: no field lies behind that."""
_MAX_CPUS: Final = 1 << 16
_MAX_BUDDY_ORDERS: Final = 32
_MAX_PAGE_BYTES: Final = 1 << 20
_WORD: Final = re.compile(r"[\w.+~:-]+", re.ASCII)
_TRACEPOINT: Final = re.compile(r"\w+:\w+", re.ASCII)
_LONG_NUMBER: Final = re.compile(r"\d{20}|<<\s*\(?\d{3}", re.ASCII)
"""What no format has, and arithmetic should be spared."""


def encode(facts: Facts) -> bytes:
    """The file's bytes."""
    values = asdict(facts)
    values["types"] = {name: b64encode(types).decode() for name, types in facts.types.items()}
    values["asked"] = sorted(facts.asked)
    text = json.dumps(values, separators=(",", ":")).encode()
    packed = zlib.compress(text, _LEVEL)
    return _HEAD.pack(MAGIC, VERSION, hashlib.sha256(packed).digest(), len(text)) + packed


def decode(data: bytes) -> Facts:
    """What was described. Raises FactsError."""
    values = _object(_unpacked(data))
    names = {field.name for field in fields(Facts)}
    if values.keys() != names:
        raise FactsError("damaged (its fields are others)")
    try:
        return _facts(values)
    except ValueError as error:
        raise FactsError(f"damaged ({error})") from error


def why_insufficient(facts: Facts) -> str:
    """Why no programs can be made from it; empty where they can."""
    if facts.unknown:
        return f"it does not tell all that is needed: {facts.unknown[0]}; then describe again"
    if not facts.asked >= ASKED:
        return (
            f"reclaim-tracer {facts.tool_version}, which made it, did not look for all that is needed: describe again"
        )
    return ""


def _unpacked(data: bytes) -> bytes:
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        raise FactsError("does not describe a kernel (made by: reclaim-tracer programs describe)")
    _, version, digest, length = _HEAD.unpack_from(data)
    if version != VERSION:
        raise FactsError(f"its format is version {version}, this reclaim-tracer reads version {VERSION}")
    packed = data[_HEAD.size :]
    if len(data) > MAX_FILE_BYTES or length > _MAX_BYTES or hashlib.sha256(packed).digest() != digest:
        raise FactsError("damaged (its checksum is another)")
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, length + 1)
    except zlib.error as error:
        raise FactsError("damaged (it does not unpack)") from error
    if len(text) != length or not unpacking.eof or unpacking.unused_data:
        raise FactsError("damaged (it unpacks to another length)")
    return text


def _object(text: bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FactsError("damaged (no JSON)") from error
    if not isinstance(values, dict):
        raise FactsError("damaged (no object)")
    return values


def _facts(values: Mapping[str, Any]) -> Facts:
    return Facts(
        tool_version=_word(values["tool_version"]),
        release=_word(values["release"]),
        machine=_word(values["machine"]),
        page_bytes=_number(values["page_bytes"], 1, _MAX_PAGE_BYTES),
        cpus_possible=_number(values["cpus_possible"], 1, _MAX_CPUS),
        has_kprobes=_truth(values["has_kprobes"]),
        has_lru_gen=_truth(values["has_lru_gen"]),
        buddy_orders=_optional(values["buddy_orders"], lambda value: _number(value, 1, _MAX_BUDDY_ORDERS)),
        cgroup_version=_optional(values["cgroup_version"], lambda value: _number(value, 1, 2)),
        balloon_driver=_optional(values["balloon_driver"], _word),
        formats={_tracepoint(name): _format(name, text) for name, text in _items(values["formats"])},
        symbols=tuple(_symbol(item) for item in _list(values["symbols"])),
        types=_types(dict(_items(values["types"]))),
        trials=_optional(values["trials"], _trials),
        asked=frozenset(_word(item) for item in _list(values["asked"])),
        unknown=tuple(_line(item) for item in _list(values["unknown"])),
    )


def _types(texts: Mapping[str, Any]) -> dict[str, bytes]:
    """The kernel's first: those of modules continue them."""
    found = {_word(name): b64decode(_text(text, _MAX_BYTES), validate=True) for name, text in texts.items()}
    kernel = found.get(KERNEL_TYPES)
    if found and kernel is None:
        raise ValueError("types of modules alone")
    for name, data in found.items():
        if reason := why_unsound(data, None if name == KERNEL_TYPES else kernel):
            raise ValueError(f"types of {name}: {reason}")
    return found


def _format(name: str, value: object) -> str:
    text = _text(value, _MAX_FORMAT_BYTES)
    declarations = [part.partition(";")[0] for part in text.split("field:")[1:]]
    if len(declarations) > _MAX_FIELDS or any(len(part) > _MAX_DECLARATION for part in declarations):
        raise ValueError(f"{name}: too many fields, or one too long")
    if _LONG_NUMBER.search(text):
        raise ValueError(f"{name}: a number is too large")
    if any(field.offset + field.size > _MAX_RECORD_BYTES for field in parse_format(name, text).fields):
        raise ValueError(f"{name}: a field is too far")
    return text


def _symbol(item: object) -> tuple[str, str | None]:
    if not isinstance(item, list) or len(item) != 2:
        raise ValueError("a symbol is none")
    return _word(item[0]), _optional(item[1], _word)


def _trials(value: object) -> dict[str, bool | str]:
    found: dict[str, bool | str] = {}
    for question, answer in _items(value):
        if not is_question(question):
            raise ValueError("a trial is none")
        found[question] = answer if isinstance(answer, bool) else _line(answer)
    return found


def _items(value: object) -> list[tuple[str, Any]]:
    if not isinstance(value, dict) or len(value) > _MAX_ITEMS:
        raise ValueError("a table is none")
    return list(value.items())


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise ValueError("a list is none")
    return value


def _optional(value: object, read: Callable[[Any], _T]) -> _T | None:
    return None if value is None else read(value)


def _tracepoint(name: str) -> str:
    if not _TRACEPOINT.fullmatch(name):
        raise ValueError("a tracepoint's name is none")
    return name


def _word(value: object) -> str:
    text = _text(value, _MAX_TEXT)
    if not _WORD.fullmatch(text) or text.startswith("."):
        raise ValueError("a word is none")
    return text


def _line(value: object) -> str:
    text = _text(value, _MAX_TEXT)
    if not text.isprintable():
        raise ValueError("a line is none")
    return text


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError("a text is none")
    return value


def _number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("a number is none")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("a truth is none")
    return value
