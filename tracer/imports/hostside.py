"""`--host-log`: what the host asked for and saw, as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..balloon_counters import HOSTS_ACTUAL, HOSTS_FULL, HOSTS_TARGET
from ..errors import RecordingError, shown
from ..schema import SAMPLE_NULL
from ..store.format import JSON
from ..store.note_keys import MOST_COMMENT_CHARS, MOST_HOST_COMMANDS
from .clocks import LATE_NS, Messages, Offset, by_matching, by_messages
from .room import rows_that_fit
from .sides import ReadingTable, Record, nanoseconds, read_records, whole
from .survey import Survey

_MIB: Final = 1 << 20
_CLOCKS: Final = ("mono", "t", "real")
_COMMANDS: Final = frozenset({"balloon_cmd", "set_target", "balloon"})
_SIZES: Final = frozenset({"query", "actual"})
"""Events whose plain `bytes` or `mib` is the balloon's size, as it is the target in those of a command."""
MOST_CELLS: Final = 3 << 20
"""Numbers of a host's log, three a reading: of one a second for 12 days."""
_MOST_UNMATCHED: Final = 2
"""More than one in so many commands changes the target: some ask for what is already asked for."""


@dataclass(frozen=True)
class Command:
    """A size the host asked for, with the host's time."""

    time_ns: int
    target_bytes: int
    comment: str = ""


@dataclass
class HostLog:
    """`sizes` that the host saw and asked for, at its times in ns; `messages` with the guest's clock."""

    sizes: ReadingTable
    commands: list[Command] = field(default_factory=list)
    messages: Messages = field(default_factory=Messages)
    last: dict[str, int] = field(default_factory=dict)
    """The last sizes."""
    full_bytes: int = 0
    """The most the guest has had so far."""
    wall_ns: int | None = None
    """A wall clock's reading minus the guest's clock, where a message had both."""

    def offset(self, survey: Survey) -> Offset:
        """Trace's clock minus the host's. Raises RecordingError where nothing tells it, or another run's does."""
        told = by_messages(self.messages)
        found = self._matched(survey, told.ns if told else None)
        offset = found or told
        if offset is None:
            raise RecordingError(
                "the host's log can't be placed on the trace's clock: it has no message with the guest's clock "
                '({"ev": "guest_ready", "guest": {"mono": s}}) and its commands match no target change in the trace'
            )
        from_ns, until_ns = survey.first_ns - offset.ns, survey.last_ns - LATE_NS - offset.ns
        inside = sum(from_ns <= time_ns <= until_ns for time_ns in self._command_times)
        if offset.matched * _MOST_UNMATCHED <= inside > 0 and (survey.target_changes or survey.work_starts):
            raise RecordingError(
                f"the host's log belongs to another run: of its {inside} commands in the trace, {offset.matched} are "
                "followed by a target change or balloon work in the trace; give the log of this run, or none"
            )
        return offset

    @property
    def _command_times(self) -> list[int]:
        return [command.time_ns for command in self.commands]

    def _matched(self, survey: Survey, near_ns: int | None) -> Offset | None:
        """By the commands; `near_ns` is the offset that messages tell."""
        changes = "commands of the host changed the guest's target"
        works = "commands of the host began balloon work"
        return by_matching(self._command_times, survey.target_changes, near_ns, changes) or by_matching(
            self._command_times, survey.work_starts, near_ns, works
        )

    def command_notes(self, offset_ns: int, first_ns: int) -> list[JSON]:
        """The commands in seconds after the source's first event."""
        return rows_that_fit(
            {
                "time_s": (command.time_ns + offset_ns - first_ns) / 1e9,
                "target_bytes": command.target_bytes,
                "comment": command.comment,
            }
            for command in self.commands[:MOST_HOST_COMMANDS]
        )


def read_host_log(path: Path) -> HostLog:
    """Lines with `mono`, `t` or `real` in seconds and `ev`. Raises RecordingError where none tells a size."""
    log, clock = HostLog(ReadingTable(path, MOST_CELLS)), ""
    for record in read_records(path):
        clock = clock or next((name for name in _CLOCKS if nanoseconds(record.get(name)) is not None), "")
        time_ns = nanoseconds(record.get(clock))
        if time_ns is not None:
            _take(log, record, time_ns)
    if not len(log.sizes) and not log.commands:
        raise RecordingError(f'{shown(path)}: has no line with a time and "actual_mib", "bytes" or "target_mib"')
    return log


def _take(log: HostLog, record: Record, time_ns: int) -> None:
    event = _text(record.get("ev"))
    target = _bytes(record, ("target_bytes",), ("target_mib",))
    if event in _COMMANDS:
        target = target if target is not None else _bytes(record, ("bytes",), ("mib",))
        if target is not None and len(log.commands) < MOST_HOST_COMMANDS:
            log.commands.append(Command(time_ns, target, _text(record.get("comment"))[:MOST_COMMENT_CHARS]))
            _add(log, time_ns, None, target)
        return
    _message(log, record, time_ns)
    actual = _bytes(record, ("actual_bytes", "bytes"), ("actual_mib", "mib")) if event in _SIZES else _changed(record)
    if actual is not None:
        _add(log, time_ns, actual, target)


def _add(log: HostLog, time_ns: int, actual: int | None, target: int | None) -> None:
    """A reading; what it does not tell stays what it was. The guest's full memory is told with the size alone, so that
    a size which was repeated for a command can be told from one that was read."""
    now = {HOSTS_ACTUAL: actual, HOSTS_TARGET: target}
    log.last = {name: log.last.get(name, SAMPLE_NULL) if value is None else value for name, value in now.items()}
    log.full_bytes = max(log.full_bytes, actual or 0)
    log.sizes.add(time_ns, log.last | {HOSTS_FULL: SAMPLE_NULL if actual is None else log.full_bytes})


def _bytes(record: Record, in_bytes: Sequence[str], in_mib: Sequence[str]) -> int | None:
    for names, scale in ((in_bytes, 1), (in_mib, _MIB)):
        for name in names:
            value = whole(record.get(name), scale)
            if value is not None and value >= 0:
                return value
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _changed(record: Record) -> int | None:
    """QMP's BALLOON_CHANGE: `{"data": {"actual": bytes}}`, or the same inside `event`."""
    inner = record.get("event", record)
    data = inner.get("data") if isinstance(inner, dict) else None
    return whole(data.get("actual")) if isinstance(data, dict) else None


def _message(log: HostLog, record: Record, time_ns: int) -> None:
    """The guest's clock in a message of its own: JSON with `mono`, or `sync SECONDS ...`."""
    guest = _guest_clock(record.get("guest"))
    line = record.get("line")
    if isinstance(line, str) and line.startswith("sync "):
        guest = {"mono": _float(line.split()[1:2])}
    mono_ns = nanoseconds(guest.get("mono"))
    if mono_ns is None:
        return
    log.messages.add(mono_ns, time_ns)
    real_ns = nanoseconds(guest.get("real"))
    if real_ns is not None:
        log.wall_ns = real_ns - mono_ns


def _guest_clock(guest: object) -> dict[str, Any]:
    if isinstance(guest, str):
        try:
            guest = json.loads(guest)
        except ValueError:
            return {}
    return guest if isinstance(guest, dict) else {}


def _float(words: list[str]) -> float | None:
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None
