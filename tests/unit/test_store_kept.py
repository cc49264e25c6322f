"""What is kept of a stream in bounded memory opens as a recording, and says what is not in it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest
from store_cases import METADATA, calm_records, samples_at
from test_store_following import Bytes, cut_into, told

from tests.golden.cases import DATA
from tracer.batch import LostStretch
from tracer.errors import TracerError, UsageError
from tracer.store import FollowedRecording, Recording, Writer
from tracer.store.format import BlockHeader, BlockType
from tracer.store.kept import Facts, KeptStream
from tracer.store.note_keys import MARKS_NOTE
from tracer.store.notes import facts_of

REAL = DATA / "memcg-kill.rtrace"
SECOND = 1_000_000_000
SECONDS = 8
PER_SECOND = 500
MOST_SMALL_BYTES = 200_000


def facts_so_far(followed: FollowedRecording) -> Facts:
    return Facts(dict(followed.symbols), dict(followed.cgroups), dict(followed.notes))


def saved(pieces: Iterable[bytes], kept: KeptStream, path: Path) -> Recording:
    """All of a stream followed, and what was kept of it written and opened."""
    followed = FollowedRecording(Bytes(pieces), kept)
    list(followed.items())
    kept.write(path, facts_so_far(followed))
    return Recording.open(path)


@pytest.fixture
def stream(tmp_path: Path) -> bytes:
    """A second of events and a reading in each pair of blocks; a name, a loss in the second second, two marks."""
    path = tmp_path / "stream.rtrace"
    writer = Writer(path, METADATA)
    writer.write_symbols({0xABC: "some_shrinker"})
    for second in range(SECONDS):
        start_ns = METADATA.start_ns + second * SECOND
        writer.write_events(calm_records(PER_SECOND, start_ns, SECOND // PER_SECOND))
        writer.write_samples(samples_at(start_ns, start_ns + SECOND // 2))
        writer.flush()
        if second == 1:
            writer.write_lost(LostStretch(start_ns, start_ns + 10, {"kswapd_wake": 7}))
    at = [METADATA.start_ns + second * SECOND for second in (1, 6)]
    writer.write_note(MARKS_NOTE, [[at[0], "early"], [at[1], "late"]])
    writer.close()
    return path.read_bytes()


def test_where_nothing_was_given_up_it_is_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "kept.rtrace"
    kept = saved(cut_into(REAL.read_bytes(), [100, 5000]), KeptStream(1 << 30), path)
    whole = Recording.open(REAL)
    assert told(kept.items()) == told(whole.items())
    assert (kept.symbols, kept.cgroups, kept.notes) == (whole.symbols, whole.cgroups, whole.notes)
    assert (kept.complete, kept.bad_blocks, kept.cut_bytes, kept.metadata) == (True, 0, 0, whole.metadata)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_newest_is_kept_and_it_says_how_much_came_before(stream: bytes, tmp_path: Path) -> None:
    kept = saved([stream], KeptStream(1 << 30, 3 * SECOND), tmp_path / "kept.rtrace")
    times = [time for item in kept.items() if hasattr(item, "header") for time in item.header["time_ns"].tolist()]
    from_second = SECONDS - 4
    assert times == [METADATA.start_ns + at * (SECOND // PER_SECOND) for at in range(from_second * 500, SECONDS * 500)]
    facts = facts_of(kept, {})
    assert facts.not_kept_ns == from_second * SECOND
    assert (kept.metadata.start_ns, kept.metadata.start_utc_ns) == (
        METADATA.start_ns + from_second * SECOND,
        METADATA.start_utc_ns + from_second * SECOND,
    )
    assert (kept.complete, kept.bad_blocks, kept.symbols) == (True, 0, {0xABC: "some_shrinker"})
    assert [mark.words for mark in facts.marks] == ["late"]


def test_memory_is_bounded_by_bytes(stream: bytes, tmp_path: Path) -> None:
    keeper = KeptStream(2_000)
    kept = saved([stream], keeper, tmp_path / "kept.rtrace")
    assert 0 < keeper.size_bytes <= 2_000
    assert 0 < kept.event_count < SECONDS * PER_SECOND


def test_readings_from_a_time_of_which_events_are_gone_go_with_them(stream: bytes, tmp_path: Path) -> None:
    kept = saved([stream], KeptStream(1 << 30, 3 * SECOND), tmp_path / "kept.rtrace")
    first_event_ns = kept.first_ns
    assert kept.metadata.start_ns == first_event_ns


def test_damage_in_the_stream_is_a_loss_in_what_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "long.rtrace"
    writer, ends = Writer(path, METADATA), list[int]()
    for second in range(6):
        writer.write_events(calm_records(PER_SECOND, METADATA.start_ns + second * SECOND, SECOND // PER_SECOND))
        writer.flush()
        ends.append(writer.bytes_written)
    writer.close()
    data = bytearray(path.read_bytes())
    data[ends[2] - 20 : ends[2]] = b"\xff" * 20
    kept = saved([bytes(data)], KeptStream(1 << 30), tmp_path / "kept.rtrace")
    lost = [item for item in kept.items() if isinstance(item, LostStretch)]
    assert len(lost) == 1
    assert lost[0].end_ns > lost[0].start_ns
    assert kept.bad_blocks == 0
    assert kept.event_count == 5 * PER_SECOND


def test_a_name_that_is_taken_is_not_overwritten(stream: bytes, tmp_path: Path) -> None:
    path = tmp_path / "there.rtrace"
    path.write_text("mine")
    with pytest.raises(TracerError, match="exists already"):
        saved([stream], KeptStream(1 << 30), path)
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir() if "there" in each.name] == ["there.rtrace"]


def test_before_anything_has_come_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing has come yet"):
        KeptStream(1 << 20).write(tmp_path / "none.rtrace", Facts({}, {}, {}))


def test_many_small_blocks_take_no_more_memory_than_may_be_kept() -> None:
    # GIVEN blocks as a stream that is flushed often has them, three times as many as may be kept
    kept, size = KeptStream(MOST_SMALL_BYTES), 100
    tracemalloc.start()
    try:
        for at in range(3 * MOST_SMALL_BYTES // size):
            first_ns = METADATA.start_ns + at * SECOND
            header = BlockHeader(BlockType.EVENTS, 1, size, 400, 1000 + at, 5, first_ns, first_ns + 5, 70_000 + at)
            kept.take(header, b"%100d" % at)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # THEN what is kept takes as much as it says, and that is as much as may be kept
    assert kept.size_bytes == pytest.approx(MOST_SMALL_BYTES, rel=0.01)
    assert taken == pytest.approx(MOST_SMALL_BYTES, rel=0.1)
