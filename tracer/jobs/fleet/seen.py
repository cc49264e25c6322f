"""Which fragment a file had when it was looked at last, so that what is as it was is not read again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from ...fleet.identity import Stamp
from ...fleet.places import Place

_NAME: Final = "seen.json"
_SETTLED_NS: Final = 2_000_000_000
"""A file that changed less than this ago may change again without its times telling."""

_WRITE_EVERY: Final = 200
_WRITE_SHARE: Final = 8
"""All of it is written when an eighth is new: more often, and a large fleet's would be written most of the time. A run
that is killed before has fragments whose recordings are read once more, for their checksums."""


class Seen:
    """Stamps of sources' files and their fragments' keys, kept beside the fragments."""

    def __init__(self, place: Place, folder: str) -> None:
        self._place, self._name = place, f"{folder}/{_NAME}"
        self._known: dict[str, Any] = self._read()
        self._noted = 0

    def key(self, source: str, stamps: list[Stamp]) -> str:
        """The key that a source had with these stamps; empty where it had others, or none."""
        known = self._known.get(source)
        return known[1] if known is not None and known[0] == [list(stamp) for stamp in stamps] else ""

    def note(self, source: str, stamps: tuple[tuple[int, int, int], ...], key: str) -> None:
        """What a source's files were when its fragment was made. Kept now and then. Raises TracerError."""
        if stamps and all(time.time_ns() - stamp[1] > _SETTLED_NS for stamp in stamps):
            self._known[source] = [[list(stamp) for stamp in stamps], key]
            self._noted += 1
            if self._noted >= max(_WRITE_EVERY, len(self._known) // _WRITE_SHARE):
                self.write()

    def write(self) -> None:
        """Keep it. Raises TracerError."""
        if self._noted:
            self._place.write(self._name, json.dumps(self._known, sort_keys=True).encode())
            self._noted = 0

    def _read(self) -> dict[str, Any]:
        try:
            told = json.loads(self._place.read(self._name))
        except (OSError, ValueError):
            return {}
        known: Mapping[str, Any] = told if isinstance(told, dict) else {}
        return {source: each for source, each in known.items() if _is_entry(each)}


def _is_entry(each: Any) -> bool:  # noqa: ANN401 - whatever lies there
    return isinstance(each, list) and len(each) == 2 and isinstance(each[0], list) and isinstance(each[1], str)
