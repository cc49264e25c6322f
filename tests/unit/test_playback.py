"""A recording at any of its moments: whatever the way to it, the results are those of a pass without any stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from busy_streams import balloon_counters, busy_stream, everything
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from streams import METADATA, SYMBOLS

from tracer.analyze import Analysis, Engine, Options
from tracer.batch import Batch, LostStretch, Samples
from tracer.jobs import playback
from tracer.jobs.analysis import WHOLE, analyse
from tracer.jobs.pacing import steps
from tracer.jobs.playback import Playback
from tracer.store import Recording, Writer
from tracer.store.note_keys import END_NOTE


def both(analysis: Analysis, ended: str | None) -> tuple[Analysis, str | None]:
    """A look that shows all."""
    return analysis, ended


def written(path: Path, seed: int, cuts: list[int]) -> Recording:
    """A busy stream as a recording of several blocks of events, with readings and a loss among them."""
    stream = busy_stream(seed, 600)
    samples = balloon_counters(stream)
    writer = Writer(path, METADATA, force=True)
    writer.write_symbols(SYMBOLS)
    parts = np.split(stream, sorted(cuts))
    read = 0
    for part in parts:
        if len(part):
            writer.write_events(part)
            until = int(np.searchsorted(samples.time_ns, part["time_ns"].max(), side="right"))
            if until > read:
                writer.write_samples(Samples(samples.time_ns[read:until], samples.names, samples.values[read:until]))
            read = until
            writer.flush()
    end_ns = int(stream["time_ns"].max())
    writer.write_lost(LostStretch(end_ns // 2, end_ns // 2 + 1_000_000, {"shrink_slab_start": 3}))
    writer.close()
    return Recording.open(path)


def up_to(recording: Recording, to_s: float) -> dict[str, Any]:
    """The results of what is recorded up to then, in one pass."""
    engine, length_s = Engine(recording.metadata, recording.symbols, Options()), recording.last_ns / 1e9
    for item in recording.items():
        for piece, end_ns in steps(item):
            if end_ns > round(to_s * 1e9) and to_s < length_s:
                return everything(engine.finish(round(to_s * 1e9)))
            engine.feed(piece)
    return everything(engine.finish(recording.last_ns))


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1000),
    cuts=st.lists(st.integers(1, 599), max_size=8),
    ways=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    every=st.integers(20, 300),
)
@example(seed=0, cuts=[], ways=[1.0, 0.5], every=20)
def test_results_depend_on_the_moment_and_not_on_the_way_to_it(tmp_path_factory, seed, cuts, ways, every):
    # GIVEN a recording, and a playback of it that keeps checkpoints
    recording = written(tmp_path_factory.mktemp("playback") / "a.rtrace", seed, cuts)
    played = Playback(recording, Options(), both, every)
    # WHEN somebody goes to and fro in it
    for share in ways:
        to_s = share * played.length_s
        if to_s < played.now_s:
            played.back_to(to_s)
        assert played.now_s <= to_s
        played.advance(to_s)
        analysis, _ = played.look()
        # THEN results are those of one pass up to there
        assert everything(analysis) == up_to(recording, to_s)
    # AND at the end they are what `summary` says
    played.advance(played.length_s)
    analysis, ended = played.look()
    assert (played.at_end, ended) == (True, "closed")
    assert everything(analysis) == everything(analyse(WHOLE.part(recording), Options()))


def test_a_moment_can_be_kept_and_come_back_to_again_and_again(tmp_path):
    recording = written(tmp_path / "a.rtrace", 1, [100, 200, 300, 400])
    played = Playback(recording, Options(), both)
    played.advance(0.2)
    place = played.checkpoint()
    played.advance(0.6)
    for to_s in (0.4, 0.5):
        played.restore(place)
        assert played.now_s == 0.2
        played.advance(to_s)
        assert everything(played.look()[0]) == up_to(recording, to_s)


def test_checkpoints_stay_few_and_reach_back_to_the_beginning(tmp_path):
    # GIVEN ten times as many occasions for a checkpoint as are kept
    recording = written(tmp_path / "a.rtrace", 2, [*range(1, 600, 2)])
    played = Playback(recording, Options(), both, 600 // (10 * playback.MOST_CHECKPOINTS))
    played.advance(played.length_s)
    kept = [one.now_ns for one in played._checkpoints]
    assert len(kept) <= playback.MOST_CHECKPOINTS
    assert kept == sorted(kept)
    assert kept[0] == recording.metadata.start_ns
    assert kept[-1] > recording.last_ns / 2
    # AND going back takes up the nearest before
    played.back_to(kept[2] / 1e9)
    assert played.now_s == kept[2] / 1e9
    played.back_to(-1.0)
    assert played.now_s == 0.0


def test_time_goes_on_where_nothing_was_recorded(tmp_path):
    writer = Writer(tmp_path / "a.rtrace", METADATA)
    writer.write_events(busy_stream(1, 20))
    writer.flush()
    writer.write_samples(Samples(np.array([5_000_000_000]), ("vmstat.pgfault",), np.array([[1]])))
    writer.close()
    played = Playback(Recording.open(tmp_path / "a.rtrace"), Options(), both)
    played.advance(3.0)
    assert (played.now_s, played.at_end) == (3.0, False)
    assert played.look()[0].duration_s == 3.0


def test_the_quiet_before_the_end_is_part_of_the_recording(tmp_path):
    # GIVEN a recording that went on for long after its last event
    writer = Writer(tmp_path / "a.rtrace", METADATA)
    writer.write_events(busy_stream(1, 20))
    writer.write_note(END_NOTE, 60_000_000_000)
    writer.close()
    played = Playback(Recording.open(tmp_path / "a.rtrace"), Options(), both)
    # WHEN a moment is looked at when all events are in
    played.advance(59.0)
    analysis, ended = played.look()
    # THEN it is not the end
    assert (played.now_s, played.at_end, analysis.duration_s, ended) == (59.0, False, 59.0, None)
    played.advance(played.length_s)
    analysis, ended = played.look()
    assert (played.at_end, analysis.duration_s, ended) == (True, 60.0, "closed")


def test_a_step_may_be_the_last_for_now(tmp_path):
    played = Playback(written(tmp_path / "a.rtrace", 1, [*range(50, 600, 50)]), Options(), both)
    played.advance(played.length_s, until=lambda: True)
    assert 0.0 < played.now_s < played.length_s
    assert not played.at_end


@pytest.mark.parametrize("cut", [0, 200])
def test_another_engine_goes_on_as_if_it_had_been_fed_the_same(cut):
    # GIVEN an engine that was fed a part of a stream
    stream, whole = busy_stream(3, 400), Engine(METADATA, SYMBOLS, Options())
    one = Engine(METADATA, SYMBOLS, Options())
    for engine in (one, whole):
        engine.feed(Batch.from_records(stream[:cut]))
    # WHEN another goes on from there beside it, with other events
    other = one.branch()
    other.feed(Batch.from_records(stream[cut:]))
    one.feed(Batch.from_records(busy_stream(4, 100)))
    whole.feed(Batch.from_records(stream[cut:]))
    # THEN it is as if it had been the only one
    assert everything(other.finish()) == everything(whole.finish())
