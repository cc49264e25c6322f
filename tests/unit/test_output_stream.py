"""A recording into a pipe: what is read is the recording, and no reader holds the recorder up."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import ENV, ROOT
from store_cases import METADATA, calm_records, samples_at
from test_store_rotating import noisy_records

from tracer import output_stream
from tracer.batch import Batch, LostStretch
from tracer.errors import TracerError
from tracer.output_stream import OutputStream
from tracer.recorder.flushing import Flushes
from tracer.recorder.output import Output
from tracer.store import FollowedRecording, Writer
from tracer.store.feeds import PipeFeed

NAME = Path("standard output")


@pytest.fixture
def pipe() -> Iterator[tuple[int, OutputStream]]:
    reading, writing = os.pipe()
    stream = OutputStream(writing)
    yield reading, stream
    stream.close()
    os.close(reading)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end no reader is waited for."""
    monkeypatch.setattr(output_stream, "LAST_STALL_S", 0.0)


def test_what_comes_out_of_the_pipe_is_the_recording(pipe: tuple[int, OutputStream]) -> None:
    # GIVEN a writer on one end, and more than a pipe holds
    reading, stream = pipe

    def write() -> None:
        writer = Writer(NAME, METADATA, stream=stream)
        for turn in range(20):
            writer.write_events(noisy_records(500, 10_000 * (turn + 1)))
            writer.write_samples(samples_at(10_000 * (turn + 1) + 5_000))
            writer.flush()
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    # THEN a reader at the other end gets all of it, with its end mark, and then the end
    followed = FollowedRecording(PipeFeed(reading))
    events = [item for item in followed.items() if isinstance(item, Batch)]
    thread.join()
    times = np.concatenate([item.header["time_ns"] for item in events]).tolist()
    assert times == [one for turn in range(20) for one in noisy_records(500, 10_000 * (turn + 1))["time_ns"].tolist()]
    assert (followed.complete, followed.cut_bytes, followed.bad_blocks) == (True, 0, 0)


def test_a_reader_that_takes_nothing_costs_events_and_no_waiting(
    pipe: tuple[int, OutputStream], impatient: None
) -> None:
    # GIVEN a pipe that nobody reads and a small queue
    _, stream = pipe
    writer = Output(NAME, queue_bytes=1 << 20, stream=stream).open(METADATA)
    # WHEN much more comes than both hold THEN it is taken, and dropped, and counted
    for turn in range(200):
        writer.write_events(noisy_records(500, 10_000 * (turn + 1)))
    assert 0 < sum(writer.dropped.values()) < 200 * 500
    # AND at the end a line says that the reader is to blame
    with pytest.raises(TracerError, match="standard output: recording stopped: its reader took nothing for"):
        writer.close()


def test_what_a_slow_reader_missed_is_a_lost_stretch(pipe: tuple[int, OutputStream]) -> None:
    # GIVEN a reader that begins when events were dropped already
    reading, stream = pipe
    writer = Output(NAME, queue_bytes=1 << 20, stream=stream).open(METADATA)
    for turn in range(100):
        writer.write_events(noisy_records(500, 10_000 * (turn + 1)))
    dropped = sum(writer.dropped.values())
    assert dropped
    closing = threading.Thread(target=writer.close)
    closing.start()
    # THEN it gets what was kept, and how much was not
    followed = FollowedRecording(PipeFeed(reading))
    items = list(followed.items())
    closing.join()
    assert sum(item.total for item in items if isinstance(item, LostStretch)) == dropped
    assert sum(len(item) for item in items if isinstance(item, Batch)) == 100 * 500 - dropped
    assert followed.complete


def test_a_reader_that_goes_away_ends_the_recording_in_a_line() -> None:
    reading, writing = os.pipe()
    writer = Writer(NAME, METADATA, stream=OutputStream(writing))
    writer.write_events(calm_records(10))
    writer.flush()
    os.close(reading)
    writer.write_events(calm_records(10, 5_000))
    with pytest.raises(TracerError, match="its reader has gone; it was given 10 events"):
        writer.flush()
    writer.close()


def test_standard_output_is_taken_from_everybody_else() -> None:
    # GIVEN a process that takes it and then prints, as a command does that it starts
    program = (
        "import os, subprocess; from tracer.output_stream import take_stdout\n"
        "stream = take_stdout(); print('mine', flush=True); subprocess.run(['echo', 'a child of mine'])\n"
        "stream.write(b'the recording')"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, env=ENV, cwd=ROOT, check=True)
    assert (result.stdout, result.stderr) == (b"the recording", b"mine\na child of mine\n")


def flushed(flush_s: float | None, times_s: list[float], items: list[object]) -> list[float]:
    flushes = Flushes(flush_s, 0.0)
    due = []
    for now_s, item in zip(times_s, items, strict=True):
        flushes.took(item)
        if flushes.is_due(now_s):
            due.append(now_s)
    return due


def test_what_is_written_is_no_older_than_was_asked_for() -> None:
    # GIVEN an event at 0.07 s and turns without anything
    nothing, event = calm_records(0), calm_records(1)
    times_s = [round(0.05 * turn, 2) for turn in range(1, 9)]
    items = [nothing, event, nothing, nothing, samples_at(5), nothing, nothing, nothing]
    # THEN it and a reading alone are written in time, and nothing is not
    assert flushed(0.1, times_s, items) == [0.05, 0.1, 0.25]


def test_without_a_wish_readings_alone_are_written_rarely() -> None:
    times_s = [float(second) for second in range(1, 13)]
    assert flushed(None, times_s, [samples_at(5)] * 12) == [1.0, 6.0, 11.0]
    assert flushed(None, times_s[:4], [samples_at(5), calm_records(1), samples_at(5), LostStretch(1, 2)]) == [1, 2, 4]


def test_a_port_that_nobody_has_open_at_its_other_end_is_not_written_to(pipe, monkeypatch) -> None:
    # GIVEN what poll(2) says of a virtio port that the host has not open: write(2) would wait for it
    _, stream = pipe
    hung_up = SimpleNamespace(poll=lambda _: [(stream.descriptor, select.POLLHUP)])
    monkeypatch.setattr(stream, "_poll", hung_up)
    monkeypatch.setattr(os, "write", lambda *_: pytest.fail("it would wait"))
    with pytest.raises(OSError, match="its reader has gone"):
        stream.write(b"something")
