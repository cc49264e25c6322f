"""Which recording a table's rows are of, and what their numbers stand for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..metadata import Metadata

_ID_BYTES = 8


def recording_id(metadata: Metadata) -> str:
    """16 hex digits that tell a recording from others: all copies and parts of one have the same.

    `metadata` is that of the whole recording, which slices have another of.
    """
    told = json.dumps(metadata.to_json(), sort_keys=True, default=str)
    return hashlib.blake2b(told.encode(), digest_size=_ID_BYTES).hexdigest()


def tracing_id(metadata: Metadata) -> str:
    """As `recording_id`, and the same for what is left of a recording whose first files were removed: where the boot is
    known, CLOCK_MONOTONIC tells its times from those of others, and when it began is no part of it."""
    if metadata.boot_id and metadata.imported_from is None:
        return recording_id(replace(metadata, start_ns=0, start_utc_ns=0))
    return recording_id(metadata)


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
