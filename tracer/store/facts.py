"""What a recording says beside events, readings and losses: symbols, cgroups, notes, that it was closed in order."""

from __future__ import annotations

from typing import Final

from .columns import CorruptPayloadError
from .contents import CGROUPS, SYMBOLS
from .format import JSON, MAX_JSON_BYTES, BlockType
from .payloads import unpack_cgroups, unpack_note, unpack_symbols

FACT_TYPES: Final = (BlockType.SYMBOLS, BlockType.NOTE, BlockType.END, BlockType.INDEX, BlockType.CGROUPS)
"""Blocks read when a recording is opened."""


class Facts:
    """Grows block by block, no further than memory for a recording's own allows."""

    def __init__(self) -> None:
        self.symbols: dict[int, str] = {}
        self.cgroups: dict[int, str] = {}
        self.notes: dict[str, JSON] = {}
        self.complete = False
        self._note_bytes: dict[str, int] = {}
        self._bytes = 0
        self._cgroup_bytes = 0

    def take(self, kind: int, payload: bytes) -> None:
        """One more block of FACT_TYPES. Raises CorruptPayloadError where it can't be taken in."""
        if kind == BlockType.SYMBOLS:
            self._take_symbols(unpack_symbols(payload))
        elif kind == BlockType.CGROUPS:
            self._take_cgroups(unpack_cgroups(payload), len(payload))
        elif kind == BlockType.NOTE:
            self._take_note(*unpack_note(payload), len(payload))
        elif kind == BlockType.END:
            self.complete = True

    def _take_symbols(self, symbols: dict[int, str]) -> None:
        if len(self.symbols) + len(symbols) > SYMBOLS.most:
            raise CorruptPayloadError(f"more than {SYMBOLS.most:,} symbols")
        self.symbols |= symbols

    def _take_cgroups(self, paths: dict[int, str], size: int) -> None:
        self._cgroup_bytes += size
        if self._cgroup_bytes > MAX_JSON_BYTES or len(self.cgroups) + len(paths) > CGROUPS.most:
            raise CorruptPayloadError(f"more than {CGROUPS.most:,} cgroups, or {MAX_JSON_BYTES:,} bytes of their paths")
        self.cgroups |= paths

    def _take_note(self, key: str, value: JSON, size: int) -> None:
        """The last note of a key counts, so only that one takes room."""
        total = self._bytes + size - self._note_bytes.get(key, 0)
        if total > MAX_JSON_BYTES:
            raise CorruptPayloadError(f"notes of more than {MAX_JSON_BYTES:,} bytes")
        self.notes[key], self._note_bytes[key], self._bytes = value, size, total
