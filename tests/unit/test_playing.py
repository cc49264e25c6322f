"""Playing a recording for a view: a thread that is told where to go, and what it shows there."""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path

import pytest
from balloon_streams import shrinker_storm
from busy_streams import everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streams import METADATA, SECOND, SYMBOLS, counters
from written_recordings import LENGTH_S, write_recording

from tracer.analyze import Analysis, Options
from tracer.batch import Samples
from tracer.errors import UsageError
from tracer.jobs.analysis import WHOLE, analyse
from tracer.jobs.playing import FASTEST, PlayingSession
from tracer.live.session import Player
from tracer.store import Recording, Writer

PATIENCE_S = 60.0


SEEN: queue.Queue[tuple[Analysis, str | None]] = queue.Queue()
"""What was looked at, in order."""


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    while not SEEN.empty():
        SEEN.get()


def wait_for(wanted: Callable[[Analysis, str | None], bool]) -> Analysis:
    """The first look like that."""
    while True:
        analysis, ended = SEEN.get(timeout=PATIENCE_S)
        if wanted(analysis, ended):
            return analysis


def at(second: float) -> Callable[[Analysis, str | None], bool]:
    return lambda analysis, _: analysis.duration_s == pytest.approx(second)


def at_end(_: Analysis, ended: str | None) -> bool:
    return ended is not None


def shown(analysis: Analysis, ended: str | None) -> Analysis:
    """What the session shows, to be waited for."""
    SEEN.put((analysis, ended))
    return analysis


def playing(path: Path, speed: float = 1.0) -> PlayingSession:
    return PlayingSession(Recording.open(path), Options(), shown, speed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "a.rtrace", lost=1)


@pytest.fixture
def storm(tmp_path: Path) -> Path:
    """Twelve cycles, two seconds apart, and quiet after them."""
    writer = Writer(tmp_path / "storm.rtrace", METADATA)
    writer.write_symbols(SYMBOLS)
    for item in (*shrinker_storm(12), counters([(60 * SECOND, 4072, 3072)])):
        writer.write_samples(item) if isinstance(item, Samples) else writer.write_events(item)
        writer.flush()
    writer.close()
    return tmp_path / "storm.rtrace"


def summary(path: Path) -> dict[str, object]:
    return everything(analyse(WHOLE.part(Recording.open(path)), Options()))


def test_it_is_a_player(path):
    session = playing(path)
    assert isinstance(session, Player)
    assert (session.latest(), session.message()) == (None, None)
    assert session.length_s == pytest.approx(LENGTH_S, abs=0.1)


@pytest.mark.parametrize("speed", [50.0, FASTEST])
def test_at_its_end_it_shows_what_summary_says_at_any_speed(path, speed):
    with playing(path, speed) as session:
        analysis = wait_for(at_end)
    assert session.latest() is analysis
    assert everything(analysis) == summary(path)


def test_however_fast_it_plays_the_last_second_before_what_it_shows_is_looked_at(storm):
    # GIVEN a storm and quiet after it, of which a frame's time at this speed is twenty seconds
    with playing(storm, 100.0) as session:
        looked_at_s = [0.0]
        while (look := SEEN.get(timeout=PATIENCE_S))[1] is None:
            looked_at_s.append(look[0].duration_s)
        # THEN rates of a second are of a second
        assert 0.0 < look[0].duration_s - looked_at_s[-1] <= 1.0 + 1e-6
        assert look[0].duration_s == session.length_s


def test_it_stands_still_and_is_moved_to_and_fro(path):
    # GIVEN a player that stands still
    session = playing(path)
    session.pause(paused=True)
    with session:
        wait_for(at(0.0))
        # WHEN it is sent somewhere THEN it is there, later or earlier, and beyond the end is the end
        for second in (3.0, 1.0, 4.5, 0.0, 2.0):
            session.seek(second)
            wait_for(at(second))
        session.seek(1e9)
        wait_for(at_end)
        session.seek(-1e9)
        wait_for(at(0.0))
        assert session.paused
        # AND goes on from there
        session.set_speed(100.0)
        session.pause(paused=False)
        assert everything(wait_for(at_end)) == summary(path)


MOVES = st.one_of(
    st.tuples(st.just("seek"), st.floats(-1.0, LENGTH_S + 1.0)),
    st.tuples(st.just("speed"), st.floats(0.1, FASTEST)),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("next"), st.just(0)),
)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(MOVES, max_size=8))
def test_whatever_was_asked_for_on_the_way_the_end_is_what_summary_says(path, moves):
    with playing(path) as session:
        for name, value in moves:
            if name == "seek":
                session.seek(value)
            elif name == "speed":
                session.set_speed(value)
            elif name == "pause":
                session.pause(paused=value)
            else:
                session.next_finding()
        session.seek(session.length_s)
        analysis = wait_for(at_end)
    assert everything(analysis) == summary(path)
    assert session.failure is None


def test_it_goes_to_where_the_next_finding_comes_up_and_stands_still(storm):
    with playing(storm) as session:
        session.pause(paused=True)
        # WHEN asked for the next finding, again and again
        told = []
        while not told or told[-1] != "No further finding":
            session.next_finding()
            told.append(waited_message(session))
            assert session.paused
        stood_s = session.latest().duration_s
    # THEN each comes up once, the storm among them at its third cycle
    kinds = [words.split(",")[0] for words in told[:-1]]
    assert kinds.count("storm") == 1
    assert stood_s == pytest.approx(session.length_s)


def waited_message(session: PlayingSession) -> str:
    """What it says next: it says it after a look."""
    while True:
        SEEN.get(timeout=PATIENCE_S)
        if words := session.message():
            return words


def test_what_a_finished_recording_has_no_use_for_is_refused_in_a_line(path):
    session = playing(path)
    assert (session.can_mark, session.can_save) == (False, False)
    for refused in (lambda: session.mark("here"), session.save, lambda: session.set_speed(0.0)):
        with pytest.raises(UsageError):
            refused()
    with pytest.raises(UsageError, match=r"from 0\.001 to 10000, not nan"):
        session.set_speed(float("nan"))


def failing(analysis: Analysis, ended: str | None) -> Analysis:
    SEEN.put((analysis, ended))
    if analysis.duration_s:
        raise UsageError("no more")
    return analysis


def test_an_analysis_that_ends_before_its_time_says_so_and_is_closed_all_the_same(path):
    session = PlayingSession(Recording.open(path), Options(), failing)
    with session:
        wait_for(lambda analysis, _: analysis.duration_s > 0)
    assert str(session.failure) == "no more"
    assert session.message() == "no more"


def test_a_report_is_of_the_whole_recording(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = playing(path)
    with session:
        begun = session.report()
    assert begun.startswith("Writing reclaim-")
    assert session.message() == f"Wrote {begun.split()[1]}"
    assert (tmp_path / begun.split()[1]).stat().st_size > 100_000
