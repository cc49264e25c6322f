"""Which recording a table's rows are of, and what their numbers stand for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..metadata import Metadata

_ID_BYTES = 8


def recording_id(metadata: Metadata) -> str:
    """16 hex digits that tell a recording from others: all copies and parts of one have the same.

    `metadata` is that of the whole recording, which slices have another of.
    """
    told = json.dumps(metadata.to_json(), sort_keys=True, default=str)
    return hashlib.blake2b(told.encode(), digest_size=_ID_BYTES).hexdigest()


@dataclass(frozen=True)
class Origin:
    """A recording, or a slice of it whose `metadata` has the times of its beginning: names of functions by their
    address and paths of cgroups by their number."""

    recording_id: str
    metadata: Metadata
    symbols: Mapping[int, str]
    cgroups: Mapping[int, str]

    def is_absent(self, kind: str, field: str) -> bool:
        """Whether the recorded kernel's events lack a field."""
        return not self.metadata.tells(kind, field)

    @property
    def start_ns(self) -> int:
        """Time 0: CLOCK_MONOTONIC."""
        return self.metadata.start_ns
