"""What a view's keys do: marks to the recorder, a stream saved, a report made; and a backlog that is bounded."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from looking import NOTHING_KNOWN
from test_store_following import Bytes, cut_into, told
from written_recordings import write_recording

from tracer.analyze import Engine, Options
from tracer.errors import UsageError
from tracer.jobs.live_analysis import LiveAnalysis
from tracer.jobs.live_recorder import RecorderProcess
from tracer.jobs.live_session import LiveSession
from tracer.jobs.live_stream import Backlog, HaltingFeed
from tracer.live.model import Snapshot
from tracer.live.observer import Observer
from tracer.metadata import Metadata
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME
from tracer.store import FollowedRecording, Recording, Writer
from tracer.store.kept import KeptStream
from tracer.store.notes import facts_of

MOST_S = 60.0


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "small.rtrace")


def observe(recording: FollowedRecording) -> Callable[..., object]:
    observer = Observer(facts_of(recording, {}))
    return lambda analysis, ended: observer.look(analysis, replace(NOTHING_KNOWN, ended=ended))


def session_over(recording: Path, **options: object) -> LiveSession:
    """One whose stream has ended."""
    kept = KeptStream(1 << 26)
    feed = Bytes(cut_into(recording.read_bytes(), [100, 5000]))
    analysis = LiveAnalysis(feed, Options(), observe, kept)
    assert analysis.join(MOST_S)
    assert analysis.failure is None
    return LiveSession("x", analysis, halt=lambda: None, kept=kept, **options)


def recorder(script: str) -> RecorderProcess:
    pipe = subprocess.PIPE
    return RecorderProcess(subprocess.Popen(["sh", "-c", script], stdin=pipe, stdout=pipe, stderr=pipe), local=False)


def messages(session: LiveSession, wanted: str) -> Iterator[str]:
    """All it says until that is said."""
    pause = threading.Event()
    for _ in range(int(MOST_S / 0.05)):
        while (message := session.message()) is not None:
            yield message
            if wanted in message:
                return
        pause.wait(0.05)
    raise AssertionError(wanted)


def test_a_stream_that_is_saved_is_the_stream(recording: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = session_over(recording)
    said = session.save()
    path = tmp_path / said.removeprefix("Wrote ")
    assert told(Recording.open(path).items()) == told(Recording.open(recording).items())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_report_is_made_beside_and_told_when_it_is_there(recording: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = session_over(recording)
    assert session.report().startswith("Writing reclaim-")
    *_, last = messages(session, "Wrote")
    assert "<html" in (tmp_path / last.removeprefix("Wrote ")).read_text()[:200].lower()
    assert session.outcome() is None


@pytest.mark.parametrize(
    ("cut_bytes", "words"), [(0, "The recording has ended"), (200, "The stream ended without its end mark")]
)
def test_how_a_stream_ended_is_told_also_where_its_view_goes_as_it_ends(
    recording: Path, cut_bytes: int, words: str
) -> None:
    # GIVEN a stream whose end is shown while its analysis is not over: a command for a finding is being started
    shown, halted = threading.Event(), threading.Event()

    def looked(snapshot: Snapshot) -> None:
        if snapshot.ended:
            shown.set()
            assert halted.wait(MOST_S)

    data = recording.read_bytes()
    feed = Bytes(cut_into(data[: len(data) - cut_bytes], [100, 5000]))
    analysis = LiveAnalysis(feed, Options(), observe, looked=looked)
    session = LiveSession("x", analysis, halt=halted.set)
    assert shown.wait(MOST_S)
    # WHEN the view, which has seen the end, closes the session
    session.close()
    # THEN the end is told as the stream's own
    assert words in (session.message() or "")
    assert (session.outcome() is None) is (not cut_bytes)


def test_why_its_recorder_ended_is_told_while_the_view_goes_on(recording: Path) -> None:
    # GIVEN a recorder that had to stop, and its stream up to then
    reason = "x.rtrace: recording stopped: No space left on device"
    process = recorder(f"echo 'reclaim-tracer: error: {reason}' >&2; exit 1")
    process.wait()
    feed = Bytes(cut_into(recording.read_bytes()[:-200], [100, 5000]))
    analysis = LiveAnalysis(feed, Options(), observe)
    assert analysis.join(MOST_S)
    session = LiveSession("x", analysis, halt=lambda: None, recorder=process)
    # THEN the view says why, which the end of the command says again
    assert session.message() == f"The stream ended without its end mark: {reason}"
    session.close()
    assert str(session.outcome()) == reason


class GoingOn(Bytes):
    """A stream whose writer says nothing more, and is still there."""

    def read(self) -> bytes | None:
        return super().read() or None


def test_a_stream_that_goes_on_when_its_view_ends_is_left_and_not_cut(recording: Path) -> None:
    feed = HaltingFeed(GoingOn(cut_into(recording.read_bytes()[:-200], [100, 5000])))
    analysis = LiveAnalysis(feed, Options(), observe)
    session = LiveSession("x", analysis, halt=feed.halt)
    session.close()
    latest = session.latest()
    assert latest is not None
    assert latest.ended == "left"
    assert (session.message(), session.outcome()) == (None, None)


def test_marks_go_to_the_recorder_as_one_line(recording: Path) -> None:
    process = recorder("cat >&2")
    session = session_over(recording, recorder=process)
    assert session.mark("be\nfore\x1b") == r"Marked: be fore\x1b"
    assert r"be fore\x1b" in [*messages(session, "be fore")]
    session.close()
    assert session.outcome() is None


def test_what_can_not_be_marked_says_why(recording: Path) -> None:
    process = recorder("exit 0")
    session = session_over(recording, recorder=process)
    with pytest.raises(UsageError, match="needs words"):
        session.mark(" \n")
    process.wait()
    with pytest.raises(UsageError, match="has ended"):
        session.mark("late")
    session.close()
    with pytest.raises(UsageError, match="started itself"):
        session_over(recording).mark("x")


def test_what_is_taken_ahead_is_bounded() -> None:
    """More than it may hold is not taken; nothing is lost, and the order is kept."""
    taken: list[int] = []

    class Counting(Bytes):
        def read(self) -> bytes | None:
            data = super().read()
            taken.append(len(data or b""))
            return data

    pieces = [bytes([number]) * 1000 for number in range(100)]
    backlog = Backlog(Counting(pieces), most_bytes=5000)
    first = next(data for data in iter(backlog.read, b"") if data)
    threading.Event().wait(0.3)
    assert sum(taken) <= 5000 + 2 * 1000 + len(first)
    assert first + b"".join(data for data in iter(backlog.read, b"") if data) == b"".join(pieces)


def test_a_view_that_is_behind_takes_a_few_events_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a stream of which 90,000 events have come in small blocks before it is looked at for the second time
    stream = np.zeros(90_000, EVENT_DTYPE)
    stream["time_ns"], stream["kind"] = np.arange(90_000) * 10_000, KIND_BY_NAME["wakeup_kswapd"].number
    writer = Writer(tmp_path / "behind.rtrace", Metadata())
    for part in np.split(stream, 90):
        writer.write_events(part)
        writer.flush()
    writer.close()
    sizes, feed = [], Engine.feed
    monkeypatch.setattr(Engine, "feed", lambda engine, item: (sizes.append(len(item)), feed(engine, item))[1])
    # WHEN it is followed
    analysis = LiveAnalysis(Bytes([(tmp_path / "behind.rtrace").read_bytes()]), Options(), observe, clock=lambda: 0.0)
    assert analysis.join(MOST_S)
    assert analysis.failure is None
    # THEN all of it is taken, in pieces whose memory is nothing beside the view's own
    assert sum(sizes) == 90_000
    assert max(sizes) <= 20_000
