"""Pacing a replay, and findings as they come up."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from streams import METADATA, MS, SECOND, analyse, event, records
from written_recordings import START_NS, write_recording

from tracer.analyze import Options
from tracer.analyze.model import Finding
from tracer.analyze.terms import Quality, Severity
from tracer.batch import Batch, LostStretch, Samples
from tracer.jobs import replaying
from tracer.jobs.pacing import STEP_S, Pace, steps
from tracer.jobs.replaying import LOOK_S, LOOK_SHARE, FindingStream, Looks
from tracer.store import Recording


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now: float = 100.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording.open(write_recording(tmp_path / "a.rtrace", lost=1))


@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0])
def test_a_replay_takes_the_recordings_time_over_the_speed(recording, speed):
    clock = Clock()
    for _ in Pace(speed, clock.read, clock.sleep).items(recording):
        pass
    assert clock.now - 100.0 == pytest.approx((recording.last_ns - START_NS) / 1e9 / speed)


def test_nothing_comes_before_its_time_and_nothing_is_left_out(recording):
    clock, events, lost = Clock(), 0, 0
    for item, now_s in Pace(1.0, clock.read, clock.sleep).items(recording):
        assert clock.now - 100.0 >= now_s - 1e-6
        if isinstance(item, Batch):
            events += len(item)
            assert int(item.header["time_ns"].max()) <= START_NS + (now_s + 1e-6) * 1e9
        lost += isinstance(item, LostStretch)
    assert (events, lost) == (recording.event_count, 1)


def test_a_batch_is_cut_into_steps_of_arrival_even_if_times_go_back():
    times = [0, 10 * MS, 300 * MS, 290 * MS, 600 * MS]
    batch = Batch.from_records(records(*(event(time, "kswapd_sleep") for time in times)))
    parts = list(steps(batch))
    assert [part.header["time_ns"].tolist() for part, _ in parts] == [times[:2], times[2:4], times[4:]]
    assert [end for _, end in parts] == [10 * MS, 300 * MS, 600 * MS]


def test_samples_are_cut_into_steps_too():
    times = np.arange(0, SECOND, 50 * MS)
    parts = list(steps(Samples(times, ("a",), times[:, np.newaxis])))
    assert len(parts) == round(1 / STEP_S)
    assert np.concatenate([part.values[:, 0] for part, _ in parts]).tolist() == times.tolist()


def finding(kind: str, start_s: float, end_s: float) -> Finding:
    return Finding(0, kind, Severity.INFO, start_s, end_s, kind, Quality.MEASURED)


def test_a_finding_is_given_once_and_only_when_it_has_settled():
    stream, analysis = FindingStream(), analyse(metadata=METADATA, end_ns=10 * SECOND)
    analysis.findings = [finding("late", 1.0, 6.0), finding("early", 2.0, 3.0), finding("whole", 0.0, 10.0)]
    assert [one.kind for one in stream.new(analysis, 4.0)] == ["early"]
    assert [one.kind for one in stream.new(analysis, 7.0)] == ["late"]
    assert list(stream.new(analysis, 10.0)) == [], "what concerns the whole recording is the summary's"


def test_a_replay_broken_off_shows_what_it_had(recording, monkeypatch, capsys):
    slept: list[float] = []

    def sleep(length_s: float) -> None:
        slept.append(length_s)
        if len(slept) == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(replaying, "Pace", lambda speed: Pace(speed, lambda: 0.0, sleep))
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        replaying.replay_recording(recording, Options(), 1.0, out)
    length_s = float(capsys.readouterr().err.removeprefix("Stopped: only the first ").split()[0])
    assert 0 < length_s < 4.95
    assert out.getvalue().startswith("a.rtrace: ")
    assert "Verdict: " in out.getvalue()


@pytest.mark.parametrize("speed", [0.5, 1.0, 50.0])
@pytest.mark.parametrize("growing_s", [0.0, 0.01])
def test_looks_take_no_more_than_their_share_however_long_one_takes(speed, growing_s):
    # GIVEN looks of which each takes longer than the one before
    clock, looked_s, count = Clock(), 0.0, 0
    looks = Looks(speed, clock.read)
    # WHEN an hour is replayed
    for second in range(3600):
        now_s = second * speed
        if now_s < looks.next_s:
            clock.sleep(1.0)
            continue
        with looks.look(now_s):
            clock.sleep(took_s := 0.001 + growing_s * count)
        looked_s, count = looked_s + took_s, count + 1
    # THEN they take a tenth of it at most, and short ones come as often as they may
    assert looked_s <= LOOK_SHARE * 3600 * 1.01
    if not growing_s:
        assert count == pytest.approx(3600 * speed / (LOOK_S * max(speed, 1.0)), rel=0.01)
