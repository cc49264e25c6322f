"""What bcc has compiled as an entry: descriptors of its maps become the maps' places."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import CannotTraceError
from ..bpf_objects import map_definition
from .entry import MAP_REGISTER, Entry, Purpose, wide_loads, with_load


def extract(purpose: Purpose, maps: Mapping[str, int], programs: Mapping[str, bytes]) -> Entry:
    """An entry of programs whose instructions have descriptors of `maps`. Raises CannotTraceError."""
    places = {fd: place for place, fd in enumerate(maps.values())}
    definitions = tuple(map_definition(name, fd) for name, fd in maps.items())
    entry = Entry(purpose, definitions, {name: _symbolic(code, places) for name, code in programs.items()})
    if reason := entry.why_unsound():
        raise CannotTraceError(f"bcc compiled something else: {reason}")
    return entry


def _symbolic(code: bytes, places: Mapping[int, int]) -> bytes:
    whole = bytearray(code)
    for at, register, immediate in wide_loads(code):
        if register == MAP_REGISTER:
            with_load(whole, at, MAP_REGISTER, places.get(immediate, len(places)))
    return bytes(whole)
