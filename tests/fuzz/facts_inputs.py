"""Descriptions of kernels, damaged or forged: with right checksums, and values, formats and types that are not."""

from __future__ import annotations

import json
import os
import random
import tempfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from described_kernels import described, packed

from tracer.errors import TracerError
from tracer.probes.carried.fit import purpose_of
from tracer.probes.facts.file_format import decode, encode
from tracer.probes.facts.plans import load_requests

_HEAD_BYTES: Final = 48
_PLANNED: Final = 4
"""Of what is taken, a plan is made of each fourth: that takes ten times as long."""
_JUNK: Final = (None, True, 0, -1, 1 << 70, 1.5, "", "x" * 2000, [], {}, "a b", "\n", "..", "0" * 30, [[]], "a/b")
_PIECES: Final = ("9" * 15, "<<", "-1", ";", "\n", "field:", "[", "\u00e9", "\0", "0x" + "f" * 30, "offset:", "  ")


@cache
def _whole() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return encode(replace(described(Path(folder), "6.12"), machine=os.uname().machine))


def case_of(number: int) -> bytes:
    """The file of that number; every eighth is damaged without a right checksum."""
    rng = random.Random(f"facts {number}")
    if number % 8 == 0:
        data = bytearray(_whole())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(data[: rng.randrange(len(data)) if rng.random() < 0.3 else len(data)])
    values = json.loads(zlib.decompress(_whole()[_HEAD_BYTES:]))
    for _ in range(rng.randrange(3)):
        rng.choice(_CHANGES)(rng, values)
    return packed(json.dumps(values).encode())


def read(number: int, content: bytes) -> str:
    """Take it or refuse it in a line; whatever is taken can be planned with."""
    try:
        facts = decode(content)
        if number % _PLANNED == 0 or number % _PLANNED == 1:
            assert all(purpose_of(request) for request in load_requests(facts))
    except TracerError as error:
        if "\n" in str(error):
            raise AssertionError("refused in more than a line") from error
        return "refused"
    return "read"


def _field(rng: random.Random, values: dict[str, Any]) -> None:
    values[rng.choice(sorted(values))] = rng.choice(_JUNK)


def _format(rng: random.Random, values: dict[str, Any]) -> None:
    formats = values["formats"]
    if isinstance(formats, dict) and formats:
        name = rng.choice(sorted(formats))
        at = rng.randrange(len(formats[name]) + 1)
        formats[name] = formats[name][:at] + rng.choice(_PIECES) + formats[name][at + rng.randrange(6) :]


def _types(rng: random.Random, values: dict[str, Any]) -> None:
    types = values["types"]
    if isinstance(types, dict) and types:
        name = rng.choice(sorted(types))
        data = bytearray(b64decode(types[name]))
        for _ in range(rng.randrange(1, 8)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 4, 0x7F, 0xFF, rng.randrange(256)))
        types[name] = b64encode(data).decode()


def _symbol(rng: random.Random, values: dict[str, Any]) -> None:
    if isinstance(values["symbols"], list):
        values["symbols"].append(rng.choice((*_JUNK, ["leak_balloon", rng.choice(_JUNK)], [rng.choice(_JUNK), None])))


def _trial(rng: random.Random, values: dict[str, Any]) -> None:
    if isinstance(values["trials"], dict):
        question = rng.choice((*sorted(values["trials"]), "ring", "task_walk 1 2", "call -1", "-DX"))
        values["trials"][question] = rng.choice((*_JUNK, False))


_Change = Callable[[random.Random, dict[str, Any]], None]
_CHANGES: Final[tuple[_Change, ...]] = (_field, _format, _types, _symbol, _trial)
