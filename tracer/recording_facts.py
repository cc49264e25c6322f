"""What results say about the recording itself, beside its analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .metadata import ONE_FILE, ClockChange, HostCommand, Mark, Metadata, RecordingFiles
from .program_cost import ProgramCost

_NAMELESS: Final = "(none)"
"""The kernel's own nodename, where nobody has set one."""


def given_name(host: str | None) -> str:
    """The host's name; empty where it is not known or nobody has given it one."""
    return "" if host is None or host == _NAMELESS else host


@dataclass(frozen=True)
class Slice:
    """Seconds `from_s` to `to_s` of a recording that is `of_s` long, when only these were looked at."""

    from_s: float
    to_s: float
    of_s: float


@dataclass(frozen=True)
class RecordingFacts:
    """Where an analysis came from and what is missing from it.

    `source` is the recording's file name. `lost` maps kind name to events the kernel could not hand over.
    `cut_bytes` are bytes at the file's tail that could not be used, `bad_blocks` blocks whose checksum failed;
    `complete` says whether nothing is missing at its end. `program_cost` is what each BPF program
    cost, empty where that was not measured. `dropped_events` of the lost ones were lost by the recorder itself, because
    writing was too slow. `source_damage` is why an import ended before its source's end, empty where it did not; the
    recording is not complete then. `marks` are in the order in which they were made. `not_kept_ns` is how long it had
    been recorded before what is here: `live` kept that in memory and gave it up. `host_commands` are those of a host's
    log, empty without one. Of a slice, `metadata` has the times
    of its beginning.
    """

    source: str
    metadata: Metadata
    lost: Mapping[str, int] = field(default_factory=dict)
    cut_bytes: int = 0
    bad_blocks: int = 0
    complete: bool = True
    program_cost: Mapping[str, ProgramCost] = field(default_factory=dict)
    dropped_events: int = 0
    clock_changes: tuple[ClockChange, ...] = ()
    files: RecordingFiles = ONE_FILE
    source_damage: str = ""
    marks: tuple[Mark, ...] = ()
    not_kept_ns: int = 0
    slice: Slice | None = None
    host_commands: tuple[HostCommand, ...] = ()

    @property
    def name(self) -> str:
        """What to call it: the host, the file it was imported from, or its own."""
        return given_name(self.metadata.host) or self.metadata.imported_from or self.source

    @property
    def lost_total(self) -> int:
        """Events lost, all kinds."""
        return sum(self.lost.values())
