"""How soon a storm is on the screen, by the recording's own time: a second after its third cycle at most."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from balloon_streams import shrinker_storm
from streams import METADATA, MS, SECOND, SYMBOLS, counters

from tests.golden.cases import all_cases
from tracer.analyze import Analysis, Options
from tracer.batch import Samples
from tracer.jobs.analysis import WHOLE, analyse
from tracer.jobs.playback import Playback
from tracer.live.model import Snapshot, State
from tracer.live.observer import Observer, StreamHealth
from tracer.store import Recording, Writer
from tracer.store.notes import facts_of

SOON_S = 1.0
LOOK_EVERY_S = 0.25
LABELLED = ("B-unreachable", "guest-out-of-reach", "run-shrinker", "run-stock-oom")


def played(recording: Recording) -> Playback:
    observer = Observer(facts_of(recording, {}))

    def look(analysis: Analysis, ended: str | None) -> Snapshot:
        return observer.look(analysis, StreamHealth(ended=ended))

    return Playback(recording, Options(), look)


def looks(recording: Recording, from_s: float, to_s: float) -> list[Snapshot]:
    """What is seen from one time to another, four times a second."""
    playing, seen = played(recording), []
    for now_s in np.arange(from_s, to_s + 1e-9, LOOK_EVERY_S):
        playing.advance(float(now_s))
        seen.append(playing.look())
    return seen


def test_a_storm_is_shown_within_a_second_of_its_third_cycle(tmp_path: Path):
    # GIVEN cycles from the leak at 1, 3, 5 s to the inflation's end 1.09 s later, read four times a second
    writer = Writer(tmp_path / "storm.rtrace", METADATA)
    writer.write_symbols(SYMBOLS)
    writer.write_samples(counters([(0, *moved(0))]))
    events = [item for item in shrinker_storm(5) if not isinstance(item, Samples)]
    for item in events:
        writer.write_events(item)
        writer.flush()
        until_ns = int(item["time_ns"].max())
        times = range(until_ns // (250 * MS) * 250 * MS, until_ns + SECOND, 250 * MS)
        writer.write_samples(counters([(at, *moved(at)) for at in times if at >= until_ns]))
        writer.flush()
    writer.close()
    # WHEN it is looked at four times a second
    seen = looks(Recording.open(tmp_path / "storm.rtrace"), 0.0, 8.0)
    first = next(one for one in seen if any(finding.kind == "storm" for finding in one.findings))
    # THEN the storm is there in time, and the first line says so
    assert 6.09 <= first.now_s <= 6.09 + SOON_S
    assert first.standing.state is State.FIGHTING
    assert next(finding for finding in first.findings if finding.kind == "storm").open


def moved(at_ns: int) -> tuple[int, int]:
    """Pages that had entered and left the balloon by then."""
    inflations = sum(at_ns >= (2 + 2 * number) * SECOND + 90 * MS for number in range(5))
    leaks = sum(at_ns >= (1 + 2 * number) * SECOND + 3 * MS for number in range(5))
    return 1000 + 256 * inflations, 256 * leaks


@pytest.mark.parametrize("case", [case for case in all_cases() if case.name in LABELLED], ids=lambda case: case.name)
def test_storms_of_labelled_traces_are_shown_within_a_second_of_their_third_cycle(case, tmp_path: Path):
    recording = Recording.open(case.recording(tmp_path))
    whole = analyse(WHOLE.part(recording), Options())
    assert whole.storms
    for storm in whole.storms[:3]:
        third = [cycle for cycle in whole.cycles if cycle.storm == storm.id][2]
        seen = looks(recording, third.end_s + SOON_S - LOOK_EVERY_S, third.end_s + SOON_S)
        shown = [finding for finding in seen[-1].findings if finding.kind == "storm"]
        assert any(finding.start_s <= third.start_s and finding.end_s >= third.start_s for finding in shown)
        assert seen[-1].standing.state in (State.FIGHTING, State.STARVED, State.STALLED, State.KILLING)
