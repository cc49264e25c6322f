"""A storm with a conflict a cycle, and kills: of thousands of findings a view tells the newest, and counts all."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import FrameType

import pytest
from balloon_streams import inflation, leak
from command_line import run
from looking import NOTHING_KNOWN
from streams import METADATA, MS, SECOND, SYMBOLS, Records, counters, event, records

from tracer.analyze import Analysis, Engine, Options, Pieces
from tracer.analyze.model import cycle_count
from tracer.batch import Batch, Samples
from tracer.jobs.playback import Playback
from tracer.jobs.remembering import MOST_FINDINGS, Remembering
from tracer.live.model import Snapshot
from tracer.live.observer import MOST_FINDINGS as MOST_SHOWN
from tracer.live.observer import Observer
from tracer.recording_facts import RecordingFacts
from tracer.store import Recording, Writer
from tracer.store.notes import facts_of

CYCLE_NS = 500 * MS
"""Inflations of 90 ms that are further apart than 0.25 s are no conflict together."""
KILL_EVERY = 5
CYCLES = 2500
FEW_CYCLES = 1000
"""More than are told of: from here on it stays so much."""
LOOK_EVERY = 100
MOST_CALLS = 60_000
"""Of Python functions in a look: some 40 ms."""
LIVE = Options(cycles_kept=256)


def cycles(number: int) -> Iterator[tuple[Records, Samples]]:
    """So many, each with its events and a reading after them."""
    for at in range(number):
        begin_ns = SECOND + at * CYCLE_NS
        killed = [event(begin_ns + 5 * MS, "mark_victim", 91, "hog", pid=7)] if at % KILL_EVERY == 0 else []
        moved = (begin_ns + 200 * MS, 1000 + 256 * (at + 1), 256 * (at + 1))
        yield records(leak(begin_ns), *killed, inflation(begin_ns + 10 * MS)), counters([moved])


def fed(engine: Engine, number: int) -> Iterator[int]:
    """Feed it so many cycles; the time whenever it is to be looked at, and at the end."""
    pieces = Pieces()
    for at, (events, reading) in enumerate(cycles(number), 1):
        for piece in chain(pieces.add(Batch.from_records(events)), pieces.add(reading)):
            engine.feed(piece)
        if at % LOOK_EVERY == 0:
            for piece in pieces.rest():
                engine.feed(piece)
            yield int(reading.time_ns[-1])


def by_kind(analysis: Analysis) -> dict[str, int]:
    return dict(Counter(finding.kind for finding in analysis.findings))


@pytest.fixture(scope="module")
def whole() -> Analysis:
    engine = Engine(METADATA, SYMBOLS, Options())
    *_, end_ns = fed(engine, CYCLES)
    return engine.finish(end_ns)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("thousands") / "storm.rtrace"
    writer = Writer(path, METADATA)
    writer.write_symbols(SYMBOLS)
    for events, reading in cycles(CYCLES):
        writer.write_events(events)
        writer.write_samples(reading)
    writer.close()
    return path


def test_numbers_are_those_of_the_whole_however_much_was_forgotten(whole: Analysis) -> None:
    # GIVEN thousands of findings, looked at all the time
    assert by_kind(whole)["conflict"] == CYCLES
    assert by_kind(whole)["oom_kill"] == CYCLES // KILL_EVERY
    engine, observer = Engine(METADATA, SYMBOLS, LIVE), Observer(RecordingFacts("written", METADATA))
    remembering = Remembering(engine)
    looks = [(last := remembering.so_far(now_ns), observer.look(last, NOTHING_KNOWN)) for now_ns in fed(engine, CYCLES)]
    last, snapshot = looks[-1]
    # THEN few are told, and what is counted is what a summary counts
    assert len(last.findings) < 2 * MOST_FINDINGS
    assert last.forgotten.findings > CYCLES // 2
    assert snapshot.findings_by_kind == by_kind(whole)
    assert len(snapshot.findings) + snapshot.findings_left_out == len(whole.findings)
    window, cgroups = snapshot.windows["total"], {row.id: row.kills for row in last.cgroups or ()}
    assert (window.kills, window.balloon.cycles) == (CYCLES // KILL_EVERY, cycle_count(whole.cycles))
    assert cgroups == {row.id: row.kills for row in whole.cgroups or ()}


def test_live_summary_and_replay_count_the_same(recording: Path) -> None:
    # GIVEN a recording of thousands of findings
    summary = json.loads(run("summary", recording, "--json").stdout)
    expected = dict(Counter(finding["kind"] for finding in summary["findings"]))
    assert sum(expected.values()) > CYCLES
    # WHEN it is followed, and played
    *_, last = run("live", recording, "--json", "--interval", "0.2").stdout.splitlines()
    told = json.loads(last)
    opened = Recording.open(recording)
    observer = Observer(facts_of(opened, {}))
    playing = Playback(opened, Options(), lambda analysis, _ended: observer.look(analysis, NOTHING_KNOWN))
    playing.advance(playing.length_s)
    played: Snapshot = playing.look()
    # THEN both count what the summary tells, and tell the newest of it
    assert told["findings_by_kind"] == played.findings_by_kind == expected
    newest = {finding["id"]: finding["text"] for finding in summary["findings"]}
    assert len(told["findings"]) == MOST_SHOWN
    assert {finding["id"]: finding["text"] for finding in told["findings"]}.items() <= newest.items()


def test_a_look_costs_as_much_after_many_cycles_as_after_some() -> None:
    few = calls_of_the_last_look(FEW_CYCLES)
    assert calls_of_the_last_look(CYCLES) < 1.1 * few
    assert few < MOST_CALLS


def calls_of_the_last_look(number: int) -> int:
    """How many functions are called to look at so many cycles, where the looks before left off."""
    calls = 0

    def count(_frame: FrameType, what: str, _argument: object) -> None:
        nonlocal calls
        calls += what == "call"

    engine, observer = Engine(METADATA, SYMBOLS, LIVE), Observer(RecordingFacts("written", METADATA))
    remembering = Remembering(engine)
    for now_ns in fed(engine, number):
        calls, before = 0, sys.getprofile()
        sys.setprofile(count)
        try:
            observer.look(remembering.so_far(now_ns), NOTHING_KNOWN)
        finally:
            sys.setprofile(before)
    return calls
