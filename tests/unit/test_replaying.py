"""Pacing a replay, and findings as they come up."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from balloon_streams import shrinker_storm
from streams import METADATA, MS, SECOND, SYMBOLS, analyse, counters, event, records
from written_recordings import START_NS, write_recording

from tracer.analyze import Options
from tracer.analyze.model import Finding
from tracer.analyze.terms import Quality, Severity
from tracer.batch import Batch, LostStretch, Samples
from tracer.jobs import replaying
from tracer.jobs.pacing import STEP_S, Pace, steps
from tracer.jobs.replaying import LOOK_S, LOOK_SHARE, Looks
from tracer.jobs.telling import FindingStream
from tracer.store import Recording, Writer


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


def finding(kind: str, start_s: float, end_s: float, text: str = "", *, is_open: bool = False) -> Finding:
    number = round(start_s * 1000)
    return Finding(number, kind, Severity.INFO, start_s, end_s, text or kind, Quality.MEASURED, open=is_open)


def told(stream: FindingStream, until_s: float, *findings: Finding, last: bool = False) -> list[str]:
    """What is said of these findings when so much of a recording has passed."""
    analysis = analyse(metadata=METADATA, end_ns=round(until_s * SECOND))
    analysis.findings = list(findings)
    return [one.text for one in (stream.rest if last else stream.new)(analysis)]


def test_a_finding_is_given_once_and_only_when_it_has_settled():
    stream = FindingStream()
    every = finding("conflict", 1.0, 6.0, "late"), finding("cycle", 2.0, 3.0, "early"), finding("lost", 0.0, 10.0)
    assert told(stream, 5.0, *every) == ["early"]
    assert told(stream, 8.0, *every) == ["late"]
    assert told(stream, 10.0, *every, last=True) == [], "what concerns the whole recording is the summary's"


def test_what_may_become_part_of_something_larger_waits_until_it_can_not():
    stream = FindingStream()
    assert told(stream, 9.0, finding("cycle", 1.0, 2.0, is_open=True)) == []
    assert told(stream, 13.0, finding("cycle", 1.0, 2.0)) == ["cycle"]


def storm(end_s: float, *, is_open: bool = True) -> Finding:
    return finding("storm", 1.0, end_s, f"{end_s:.0f} cycles{' so far' * is_open}", is_open=is_open)


def test_a_storm_is_told_while_it_lasts_and_again_when_it_has_doubled_and_is_over():
    # GIVEN a storm that is seen to grow every second for a hundred seconds
    stream, said = FindingStream(), []
    for end_s in range(3, 103):
        said += told(stream, end_s, storm(end_s))
    # THEN it is told at once, some seven times in all, and when it is over
    assert said[0] == "3 cycles so far"
    assert said[1:] == [f"Update: {length + 1} cycles so far" for length in (4, 8, 16, 32, 64)]
    assert told(stream, 120.0, storm(102, is_open=False)) == ["Over: 102 cycles"]
    assert told(stream, 121.0, storm(102, is_open=False), last=True) == []


def test_a_storm_that_lasts_to_the_end_is_told_as_it_is_then():
    stream = FindingStream()
    assert told(stream, 3.0, storm(3)) == ["3 cycles so far"]
    assert told(stream, 4.0, storm(4), last=True) == ["Update: 4 cycles so far"]
    assert told(FindingStream(), 4.0, storm(4), last=True) == ["4 cycles so far"]


def test_what_was_told_is_not_dropped_without_a_word():
    stream = FindingStream()
    starved = finding("starved", 1.0, 4.0, "gave nothing so far", is_open=True)
    assert told(stream, 4.0, starved) == ["gave nothing so far"]
    assert told(stream, 5.0) == ["Withdrawn: gave nothing so far"]
    assert told(stream, 6.0) == []


def test_what_was_told_as_over_and_changes_is_told_anew():
    stream = FindingStream()
    assert told(stream, 5.0, finding("cycle", 1.0, 2.0, "1 MiB")) == ["1 MiB"]
    assert told(stream, 6.0, finding("cycle", 1.0, 2.0, "2 MiB")) == ["Update: 2 MiB"]


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


def test_a_replay_says_that_a_storm_lasts_and_that_it_is_over(tmp_path, monkeypatch):
    # GIVEN a storm of twelve cycles, two seconds apart, and quiet after it
    path, clock, out = tmp_path / "storm.rtrace", Clock(), io.StringIO()
    writer = Writer(path, METADATA)
    writer.write_symbols(SYMBOLS)
    for item in (*shrinker_storm(12), counters([(60 * SECOND, 4072, 3072)])):
        writer.write_samples(item) if isinstance(item, Samples) else writer.write_events(item)
        writer.flush()
    writer.close()
    monkeypatch.setattr(replaying, "Pace", lambda speed: Pace(speed, clock.read, clock.sleep))
    monkeypatch.setattr(replaying, "LOOK_SHARE", float("inf"))
    # WHEN it is replayed at the speed at which it was recorded
    replaying.replay_recording(Recording.open(path), Options(), 1.0, out, quiet=True)
    said = " ".join(out.getvalue().partition("storm.rtrace: ")[0].split())
    # THEN the storm is told at its third cycle, while it grows, and when it is over, and none of its cycles alone
    storms = r"(Update: |Over: |)The balloon kept deflating and reinflating: (\d+) \S+ cycles in a row( so far|)"
    cycles = re.findall(storms, said)
    assert cycles[0] == ("", "3", " so far")
    assert cycles[-1] == ("Over: ", "12", "")
    assert len(cycles) > 2
    assert all(lead == "Update: " and lasting for lead, _, lasting in cycles[1:-1])
    assert "A shrinker-reinflate cycle" not in said
