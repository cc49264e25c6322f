"""All recordings of a fleet as rows, read back from their fragments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..analyze.findings.kind import COST_BYTES_S
from ..analyze.terms import Quality
from ..gates.measures import Number
from ..recording_facts import given_name
from ..tables.contention import FINDINGS, NOT_JUDGED
from .fragments import Fragments
from .manifest import Entry
from .tables import NUMBERS, RECORDINGS

COSTS: Final = ("stall", "refault", "waste")
"""The measures that a cost is made of."""
GUEST: Final = "guest"
"""The label that says which guest a recording is of, where it is not the host's name."""


@dataclass(frozen=True)
class Found:
    """A finding, as far as a fleet looks at it; times in seconds since the recording's start."""

    kind: str
    severity: str
    start_s: float
    cost_s: float | None
    text: str


@dataclass(frozen=True)
class Recorded:
    """One recording that was read. `numbers` are gates' measures by name; `labels` the manifest's and its own."""

    source: str
    key: str
    recording_id: str
    labels: Mapping[str, str]
    facts: Mapping[str, Any]
    numbers: Mapping[str, Number]
    findings: Sequence[Found]
    not_judged: Mapping[str, str]

    @property
    def guest(self) -> str:
        """Whose it is: by its label, the host's name, else its own: guests without a name are not one guest."""
        return self.labels.get(GUEST) or given_name(self.facts["host"]) or self.source

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return float(self.facts["duration_s"])

    @property
    def kills(self) -> Number:
        """OOM kills."""
        return self.numbers["kills"]

    @property
    def cost_s(self) -> Number:
        """What was waited, moved for nothing and read again, in seconds; of what is not known nothing."""
        return cost_of(self.numbers)


@dataclass(frozen=True)
class Unread:
    """A recording of which nothing is known, and why."""

    source: str
    why: str


@dataclass(frozen=True)
class Fleet:
    """Everything that is known of all recordings, in order of their names. `twice` are copies that were not counted,
    with the name of the recording that was."""

    recordings: Sequence[Recorded]
    unread: Sequence[Unread]
    twice: Sequence[tuple[str, str]] = field(default=())


def cost_of(numbers: Mapping[str, Number]) -> Number:
    """Waiting, and bytes at COST_BYTES_S, added up; a lower bound where one of them is, or is not known."""
    known = {name: value for name in COSTS if (value := numbers[name].value) is not None}
    if not known:
        return Number(None, Quality.UNKNOWN, numbers[COSTS[0]].why)
    value = sum(each / (1 if name == "stall" else COST_BYTES_S) for name, each in known.items())
    qualities = {numbers[name].quality for name in known}
    if len(known) < len(COSTS) or Quality.LOWER_BOUND in qualities:
        return Number(value, Quality.LOWER_BOUND)
    return Number(value, Quality.INFERRED if Quality.INFERRED in qualities else Quality.MEASURED)


def gathered(fragments: Fragments, entries: Iterable[tuple[Entry, str]], failed: Iterable[Unread]) -> Fleet:
    """Read back what is kept of each recording, by its key. Raises OSError."""
    unread, twice = [*failed], []
    kept: dict[str, Recorded] = {}
    for entry, key in entries:
        facts: dict[str, Any] = _rows(fragments, key, RECORDINGS.name)[0]
        if facts["unread"] is not None:
            unread.append(Unread(entry.source, facts["unread"]))
            continue
        made = _recorded(fragments, entry, key, facts)
        other = kept.get(made.recording_id)
        if other is None or (other.key != key and made.facts["events"] > other.facts["events"]):
            kept[made.recording_id] = made
        if other is not None:
            last = kept[made.recording_id]
            twice.append(((made if last is other else other).source, last.source))
    recordings = sorted(kept.values(), key=lambda each: each.source)
    return Fleet(recordings, sorted(unread, key=lambda each: each.source), sorted(twice))


def _recorded(fragments: Fragments, entry: Entry, key: str, facts: dict[str, Any]) -> Recorded:
    numbers = {
        row["name"]: Number(row["value"], Quality(row["quality"]), row["why"] or "")
        for row in _rows(fragments, key, NUMBERS.name)
    }
    own = dict(label.split("=", 1) for label in facts["labels"])
    findings = [
        Found(row["kind"], row["severity"], row["start_s"], row["cost"], row["text"])
        for row in _rows(fragments, key, FINDINGS.name, ("kind", "severity", "start_s", "cost", "text"))
    ]
    not_judged = {row["kind"]: row["why"] for row in _rows(fragments, key, NOT_JUDGED.name)}
    return Recorded(
        entry.source, key, facts["recording_id"], {**own, **entry.labels}, facts, numbers, findings, not_judged
    )


def _rows(fragments: Fragments, key: str, table: str, columns: Sequence[str] = ()) -> list[dict[str, Any]]:
    read = fragments.read(key, table)
    if read is None:
        return []
    rows: list[dict[str, Any]] = (read.select(list(columns)) if columns else read).to_pylist()
    return rows
