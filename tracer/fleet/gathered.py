"""All recordings of a fleet as rows, read back from their fragments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..analyze.findings.kind import COST_BYTES_S
from ..analyze.terms import Quality
from ..gates.measures import Number
from ..recording_facts import given_name
from .fragments import Fragments
from .kept import Found, Keeper, Kept
from .manifest import Entry

COSTS: Final = ("stall", "refault", "waste")
"""The measures that a cost is made of."""
GUEST: Final = "guest"
"""The label that says which guest a recording is of, where it is not the host's name."""


@dataclass(frozen=True, slots=True)
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


def gathered(
    fragments: Fragments, entries: Iterable[tuple[Entry, str]], failed: Iterable[Unread], joined: Path | None = None
) -> Fleet:
    """Read back what is kept of each recording, by its key, as far as it can be had from `joined` tables of an earlier
    run, which is quicker. Raises OSError."""
    keeper = Keeper(fragments)
    known = {} if joined is None else keeper.of_joined(joined)
    unread, twice = [*failed], []
    chosen: dict[str, Recorded] = {}
    for entry, key in entries:
        kept = known.get(key) or keeper.of_fragment(key)
        if kept.unread is not None:
            unread.append(Unread(entry.source, kept.unread))
            continue
        made = _recorded(entry, key, kept)
        other = chosen.get(made.recording_id)
        if other is None or (other.key != key and made.facts["events"] > other.facts["events"]):
            chosen[made.recording_id] = made
        if other is not None:
            last = chosen[made.recording_id]
            twice.append(((made if last is other else other).source, last.source))
    recordings = sorted(chosen.values(), key=lambda each: each.source)
    return Fleet(recordings, sorted(unread, key=lambda each: each.source), sorted(twice))


def _recorded(entry: Entry, key: str, kept: Kept) -> Recorded:
    labels = {**kept.labels, **entry.labels}
    return Recorded(
        entry.source, key, kept.recording_id, labels, kept.facts, kept.numbers, kept.findings, kept.not_judged
    )
