"""Following a recording while it is written gives what reading the file gives, however its bytes come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from store_cases import METADATA, calm_records, samples_at
from test_store_rotating import noisy_records
from written_recordings import write_recording

from tests.golden.cases import DATA
from tracer.batch import Batch, LostStretch, Samples
from tracer.errors import RecordingError
from tracer.store import FollowedRecording, Recording, RotatingWriter, Rotation, Writer, open_recording
from tracer.store.feeds import FamilyFeed, FileFeed
from tracer.store.following import Ending
from tracer.store.named import NamedItems
from tracer.store.opening import read_start
from tracer.store.parts import RecordingParts
from tracer.store.source import Source

REAL = DATA / "memcg-kill.rtrace"
DESCRIBED = read_start(Source(REAL)).end
"""Behind the description, without which nothing can be read."""


class Bytes:
    """A feed of given pieces, with a moment in which nothing comes before each."""

    path = Path("a pipe")

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter([part for piece in pieces if piece for part in (None, piece)])

    def read(self) -> bytes | None:
        return next(self._pieces, b"")

    def part_ended(self) -> None:
        pass


def told(items: Iterable[Batch | Samples | LostStretch]) -> list[object]:
    """Items as comparable values."""
    return [_told(item) for item in items]


def _told(item: Batch | Samples | LostStretch) -> object:
    if isinstance(item, LostStretch):
        return item
    if isinstance(item, Samples):
        return item.time_ns.tolist(), item.names, item.values.tolist()
    args = {kind: {name: one.tolist() for name, one in columns.items()} for kind, columns in item.args.items()}
    return {name: column.tolist() for name, column in item.header.items()}, args


def facts(recording: Recording | RecordingParts | FollowedRecording) -> list[object]:
    names = ("symbols", "cgroups", "notes", "complete", "cut_bytes", "bad_blocks", "bad_bytes", "event_count")
    return [getattr(recording, name) for name in (*names, "first_ns", "last_ns", "metadata")]


def cut_into(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({min(cut, len(data)) for cut in cuts}), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def assert_alike(path: Path, cuts: Iterable[int]) -> FollowedRecording:
    whole, followed = Recording.open(path), FollowedRecording(Bytes(cut_into(path.read_bytes(), cuts)))
    assert told(followed.items()) == told(whole.items())
    assert facts(followed) == facts(whole)
    return followed


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, REAL.stat().st_size), max_size=30))
def test_however_the_bytes_come_the_items_are_the_files(cuts: list[int]) -> None:
    assert assert_alike(REAL, cuts).ending is Ending.CLOSED


def test_also_byte_by_byte(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "small.rtrace", lost=3)
    assert_alike(path, range(path.stat().st_size))


@settings(max_examples=20)
@given(data=st.data())
def test_a_stream_that_is_cut_gives_what_the_cut_file_gives(tmp_path_factory, data: st.DataObject) -> None:
    whole = REAL.read_bytes()
    path = tmp_path_factory.mktemp("cut") / "cut.rtrace"
    path.write_bytes(whole[: data.draw(st.integers(1, len(whole) - 1))])
    assert assert_alike(path, [1000, 5000]).ending is Ending.CUT


@settings(max_examples=20)
@given(at=st.integers(DESCRIBED, REAL.stat().st_size - 200), length=st.integers(1, 60))
def test_damage_costs_the_blocks_that_it_costs_in_a_file(tmp_path_factory, at: int, length: int) -> None:
    damaged = bytearray(REAL.read_bytes())
    damaged[at : at + length] = b"\xff" * len(damaged[at : at + length])
    path = tmp_path_factory.mktemp("damaged") / "damaged.rtrace"
    path.write_bytes(damaged)
    whole, followed = Recording.open(path), FollowedRecording(Bytes(cut_into(bytes(damaged), [at, at + 7])))
    assert told(followed.items()) == told(whole.items())
    assert (followed.bad_blocks > 0) == (whole.bad_blocks > 0)


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\x1f\x8b", b"\x89RTR\n"])
def test_what_is_no_recording_is_refused_in_a_line(data: bytes) -> None:
    with pytest.raises(RecordingError, match=r"a pipe: (is|was) "):
        FollowedRecording(Bytes([data]))


def test_what_comes_after_the_end_mark_is_of_no_use_and_takes_no_memory() -> None:
    followed = FollowedRecording(Bytes([REAL.read_bytes(), *[bytes(1 << 20)] * 20]))
    assert list(followed.items())
    assert followed.complete
    assert followed.cut_bytes == 20 << 20


class Acting:
    """Stands for sleeping: does the next thing that the writer does meanwhile."""

    def __init__(self, *actions: Callable[[], object]) -> None:
        self._actions = iter(actions)

    def __call__(self, _seconds: float) -> None:
        next(self._actions)()


def test_a_file_is_followed_while_it_grows(tmp_path: Path) -> None:
    # GIVEN a writer that writes whenever the reader waits
    path = tmp_path / "growing.rtrace"
    writer = Writer(path, METADATA)

    def write(start_ns: int) -> None:
        writer.write_events(calm_records(10, start_ns))
        writer.write_samples(samples_at(start_ns + 500))
        writer.flush()

    acting = Acting(lambda: write(1000), lambda: None, lambda: write(3000), lambda: write(5000), writer.close)
    followed = FollowedRecording(FileFeed(path, acting))
    # THEN each block comes when it is there, and the pass is over with the end mark
    steps = [None if item is None else type(item).__name__ for item in followed.steps()]
    assert steps[:2] == ["Batch", "Samples"]
    assert [step for step in steps if step] == ["Batch", "Samples"] * 3
    assert None in steps
    assert followed.ending is Ending.CLOSED
    assert facts(followed) == facts(Recording.open(path))


def test_a_writer_that_dies_is_told_from_one_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "dies.rtrace"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        writer = Writer(path, METADATA)
        writer.write_samples(samples_at(2000))
        writer.flush()
        os.write(writing, b"!")
        os.read(os.pipe()[0], 1)
    os.read(reading, 1)
    # WHEN it is killed after it was waited for three times
    waits = iter(range(10))

    def sleep(_seconds: float) -> None:
        if next(waits) == 3:
            os.kill(child, 9)
            os.waitpid(child, 0)

    followed = FollowedRecording(FileFeed(path, sleep))
    assert [type(item) for item in followed.steps()].count(None.__class__) >= 3
    # THEN the stream has ended without its end mark, and nothing is cut
    assert (followed.ending, followed.cut_bytes) == (Ending.CUT, 0)


def followed_again(path: Path) -> Iterator[Batch | Samples | LostStretch]:
    return FollowedRecording(FamilyFeed(path, lambda _: None)).items()


@pytest.mark.parametrize("keep", [None, 2])
def test_a_family_is_followed_from_file_to_file(tmp_path: Path, keep: int | None) -> None:
    path = tmp_path / "x.rtrace"
    writer = RotatingWriter(path, METADATA, Rotation(60_000, keep))

    def write(turn: int) -> None:
        writer.write_symbols({turn: f"function_{turn}"})
        writer.write_block(noisy_records(500, 10_000 * (turn + 1)))
        writer.write_samples(samples_at(10_000 * (turn + 1) + 5_000))
        writer.flush()

    turns = [lambda turn=turn: write(turn) for turn in range(12)]
    followed = FollowedRecording(FamilyFeed(path, Acting(*turns, writer.close, *[lambda: None] * 40)))
    events = [item for item in followed.items() if isinstance(item, Batch)]
    times = np.concatenate([item.header["time_ns"] for item in events])
    # THEN nothing of it is missing, also where only the newest files are still there
    assert times.tolist() == [one for turn in range(12) for one in noisy_records(500, 10_000 * (turn + 1))["time_ns"]]
    assert followed.complete
    assert followed.parts > 3
    if keep is None:
        assert told(followed_again(path)) == told(open_recording(path).items())


def test_files_of_a_family_that_are_missing_are_a_lost_stretch(tmp_path: Path) -> None:
    path = tmp_path / "x.rtrace"
    writer = RotatingWriter(path, METADATA, Rotation(60_000))
    for turn in range(12):
        writer.write_block(noisy_records(500, 10_000 * (turn + 1)))
        writer.write_samples(samples_at(10_000 * (turn + 1) + 5_000))
    writer.close()
    writer.parts[2].unlink()
    followed = FollowedRecording(FamilyFeed(path, lambda _: None))
    lost = [item for item in followed.items() if isinstance(item, LostStretch)]
    assert lost == [item for item in open_recording(path).items() if isinstance(item, LostStretch)] != []


def test_files_that_come_one_after_the_other_are_one_recording(tmp_path: Path) -> None:
    first, other = (write_recording(tmp_path / f"{name}.rtrace") for name in ("a", "b"))
    followed = FollowedRecording(Bytes([first.read_bytes(), first.read_bytes()]))
    assert len(list(followed.items())) == 2 * len(list(Recording.open(first).items()))
    different = FollowedRecording(Bytes([REAL.read_bytes(), other.read_bytes()]))
    with pytest.raises(RecordingError, match="goes on with another recording"):
        list(different.items())


def shrinker_call(time_ns: int, address: int) -> Batch:
    records = calm_records(1, time_ns)
    batch = Batch.from_records(records)
    batch.args["shrink_slab_start"]["shrink"][:] = address
    return batch


def come(waiting: NamedItems, *items: Batch | Samples) -> Iterator[list[int]]:
    for item in items:
        yield [int(one.header["time_ns"][0]) for one in waiting.add(item) if isinstance(one, Batch)]


def test_events_wait_for_the_names_of_their_functions() -> None:
    # GIVEN two calls of functions without names
    names = {1: "known"}
    waiting = NamedItems(names)
    told_now = come(waiting, shrinker_call(10, 1), shrinker_call(20, 2), shrinker_call(30, 1), shrinker_call(40, 1))
    assert [next(told_now), next(told_now), next(told_now)] == [[10], [], []]
    # WHEN the name comes THEN they come, in order
    names[2] = "late"
    assert next(told_now) == [20, 30, 40]


def test_events_do_not_wait_for_names_for_ever() -> None:
    waiting = NamedItems({})
    late = come(waiting, shrinker_call(10, 5), shrinker_call(4_000_000_000, 5), shrinker_call(4_000_000_001, 5))
    assert list(late) == [[], [10, 4_000_000_000], [4_000_000_001]]
    assert list(NamedItems({}).rest()) == []


def test_the_commands_say_of_a_pipe_what_they_say_of_the_file(tmp_path: Path) -> None:
    path = DATA / "guest-out-of-reach.rtrace"
    with path.open("rb") as pipe:
        assert run("summary", "-", "--json", stdin=pipe).stdout == run("summary", path, "--json").stdout
    with path.open("rb") as pipe:
        replayed = run("replay", "-", stdin=pipe)
    assert replayed.stdout.partition("Verdict")[2] == run("replay", path).stdout.partition("Verdict")[2] != ""
    assert (replayed.returncode, replayed.stderr) == (0, "")
    with path.open("rb") as pipe:
        assert run("report", "-", "-o", tmp_path / "x.html", stdin=pipe).returncode == 0
    assert (tmp_path / "x.html").stat().st_size > 1 << 19


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("summary", "-"), 4, "standard input: is empty"),
        (("summary", "-", "--from", "1"), 2, "--from and --to need a file"),
        (("report", "-"), 2, "needs a name: -o OUT.html"),
    ],
)
def test_what_a_pipe_can_not_give_is_said_in_a_line(arguments: tuple[str, ...], status: int, said: str) -> None:
    result = run(*arguments, input="")
    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
