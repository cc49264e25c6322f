"""How often a recording is flushed: with everything that happens, rarely where nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tracer.batch import LostStretch, Samples
from tracer.collect.collector import Item
from tracer.metadata import Metadata
from tracer.recorder import capture
from tracer.recorder.output import Output
from tracer.recorder.sign_of_life import SignOfLife
from tracer.schema import EVENT_DTYPE
from tracer.store import Rotation
from tracer.store.rotating import part_path
from tracer.terminal.messages import Messages


class Writer:
    """Counts, and notes when it was flushed."""

    events_written = 0

    def __init__(self, clock: Clock) -> None:
        self.clock, self.flushed_s, self.dropped = clock, [], {}

    def flush(self) -> None:
        self.flushed_s.append(self.clock.now_s)

    def ignore(self, *_: object) -> None:
        pass

    write_samples = write_events = write_lost = write_note = ignore

    def newly_skipped(self) -> tuple[Path, ...]:
        return ()


class Clock:
    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


READING = Samples(np.zeros(1, np.int64), ("a",), np.zeros((1, 1), np.int64))


def flushes(monkeypatch: pytest.MonkeyPatch, happening: dict[int, Item], seconds: int = 20) -> list[float]:
    """Seconds after the start at which a recording of a reading a second was flushed; `happening` comes between."""
    clock = Clock()
    writer = Writer(clock)
    monkeypatch.setattr(capture, "time", clock)

    def items() -> Iterator[Item]:
        for second in range(seconds):
            clock.now_s = 100.0 + second
            yield READING
            if second in happening:
                yield happening[second]

    quiet = Messages(quiet=True)
    capture._copy(items(), set, writer, quiet, SignOfLife(Metadata(), quiet, command=False))
    return [at_s - 100 for at_s in writer.flushed_s]


def test_readings_alone_are_flushed_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flushes(monkeypatch, {}) == [1, 6, 11, 16]


@pytest.mark.parametrize(
    "item", [np.zeros(1, EVENT_DTYPE), LostStretch(0, 1, {"mark_victim": 1})], ids=["event", "loss"]
)
def test_whatever_happens_is_flushed_within_a_second(monkeypatch: pytest.MonkeyPatch, item: Item) -> None:
    assert flushes(monkeypatch, {7: item}, 12) == [1, 6, 8]
    assert flushes(monkeypatch, dict.fromkeys(range(20), item), 8) == [1, 2, 3, 4, 5, 6, 7]


def test_a_name_that_is_taken_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.rtrace"
    writer = Output(path, rotation=Rotation(1)).open(Metadata())
    for number in (2, 3):
        part_path(path, number).touch()
    writer.write_events(np.zeros(1, EVENT_DTYPE))
    writer.close()
    for _ in range(2):
        capture._say_written(writer, 0, Messages(quiet=True))
    assert [file.name for file in writer.files] == ["x.0001.rtrace", "x.0004.rtrace"]
    assert capsys.readouterr().err.replace("\n", " ").split(f"{tmp_path}/")[1:] == [
        "x.0002.rtrace to x.0003.rtrace: name already taken; recording continues under the next free number "
    ]
