"""Side files joined into the recording, on the trace's clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from ..balloon_counters import INFLATED
from ..batch import Samples
from ..errors import RecordingError
from ..metadata import Metadata, PlanRow, SourceState
from ..store.format import JSON, MOST_NS
from ..store.note_keys import HOST_COMMANDS_NOTE
from .clocks import Offset
from .guestside import GuestSamples
from .hostside import HostLog
from .sides import MOST_COLUMNS
from .survey import Survey

_MOST_INTERVAL_S: Final = 1e9
_SAME_BOOT_NS: Final = 60_000_000_000
"""How far a guest's wall clock may be set while it is recorded; another boot began at another time."""


class Sides:
    """What the side files add: readings, notes, and remarks for the user."""

    def __init__(self, survey: Survey, guest: GuestSamples | None, host: HostLog | None) -> None:
        self.guest = guest
        self.host = host
        self.remarks: list[str] = []
        self.notes: dict[str, JSON] = {}
        self._pending: list[Samples] = []
        _refuse_other_boot(guest, host)
        if guest is not None:
            self._take_guest(guest, survey)
        if host is not None:
            self._take_host(host, survey)

    def _take_guest(self, guest: GuestSamples, survey: Survey) -> None:
        offset = guest.offset(survey)
        samples, left_out = guest.readings.samples(offset.ns, survey.first_ns, survey.last_ns)
        self._pending.append(samples)
        if offset.ns:
            self._state("samples_clock", "The samples' clock", offset)
        if guest.names_left_out:
            self.remarks.append(f"{guest.names_left_out:,} counters beyond the first {MOST_COLUMNS:,} were left out")
        if left_out:
            self.remarks.append(f"{left_out:,} samples outside the trace were left out")

    def _take_host(self, host: HostLog, survey: Survey) -> None:
        offset = host.offset(survey)
        samples, _ = host.sizes.readings().samples(offset.ns, survey.first_ns, survey.last_ns, lasting=True)
        self._pending.append(samples)
        self._state("host_clock", "The host's clock", offset)
        self.notes[HOST_COMMANDS_NOTE] = host.command_notes(offset.ns, survey.first_ns)

    def _state(self, key: str, what: str, offset: Offset) -> None:
        seconds, doubt_ms = offset.ns / 1e9, offset.uncertainty_ns / 1e6
        self.notes[key] = {"offset_s": seconds, "uncertainty_s": doubt_ms / 1e3, "method": offset.method}
        how = f"{'add' if seconds >= 0 else 'subtract'} {abs(seconds):,.3f} s to get the trace's time"
        self.remarks.append(f"{what} was matched to the trace's to within {doubt_ms:,.0f} ms ({offset.method}): {how}")

    def improve(self, metadata: Metadata) -> Metadata:
        """Metadata with what the side files know."""
        wall_ns = next((side.wall_ns for side in (self.guest, self.host) if side and side.wall_ns is not None), None)
        if wall_ns is not None:
            start_utc_ns = metadata.start_ns + wall_ns
            metadata = replace(metadata, start_utc_ns=start_utc_ns if 0 <= start_utc_ns <= MOST_NS else 0)
        if self.guest is not None:
            total, interval_s = self.guest.memory_total_bytes, self.guest.interval_s
            metadata = replace(metadata, memory_total_bytes=total, sample_interval_s=min(interval_s, _MOST_INTERVAL_S))
            if INFLATED in self.guest.readings.names:
                row = PlanRow("balloon_pages", "samples:vmstat", SourceState.USED, "pages between two readings")
                metadata = replace(metadata, plan=(*metadata.plan, row))
        return metadata

    @property
    def are_left(self) -> bool:
        """Whether there are readings not given yet."""
        return bool(self._pending)

    def until(self, end_ns: int | None) -> Iterator[Samples]:
        """Readings not given yet, up to a time."""
        waiting, self._pending = self._pending, []
        for samples in waiting:
            cut = len(samples) if end_ns is None else int(np.searchsorted(samples.time_ns, end_ns, side="right"))
            for rows, given in ((slice(cut), True), (slice(cut, None), False)):
                part = Samples(samples.time_ns[rows], samples.names, samples.values[rows])
                if len(part) and given:
                    yield part
                elif len(part):
                    self._pending.append(part)


def _refuse_other_boot(guest: GuestSamples | None, host: HostLog | None) -> None:
    """Both files have the guest's wall clock and its clock since boot: their difference is when it booted."""
    if guest is None or host is None or guest.wall_ns is None or host.wall_ns is None:
        return
    apart_ns = abs(guest.wall_ns - host.wall_ns)
    if apart_ns > _SAME_BOOT_NS:
        raise RecordingError(
            f"the samples and the host's log are from two boots, {apart_ns / 1e9:,.0f} s apart by the guest's wall "
            "clock; give both from one run"
        )
