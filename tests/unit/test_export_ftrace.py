"""ftrace text of recordings: what a trace imported from text becomes again, and what it can't say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from command_line import run
from exports import exported
from import_cases import DATA as TEXTS
from import_cases import import_text
from streams import BALLOON_OOM, BALLOON_WORK, METADATA, MS, SECOND, SUPER_CACHE_SCAN, SYMBOLS, event, records
from written_recordings import START_NS, write_recording

from tests.golden.cases import DATA, RECORDINGS, all_cases
from tracer.analyze import Options
from tracer.batch import Batch, LostStretch
from tracer.errors import printable
from tracer.export.registry import BY_NAME
from tracer.export.source import Source
from tracer.imports import ImportRequest, import_trace
from tracer.jobs.analysis import WHOLE
from tracer.schema import FUNCTION_FIELDS, KINDS
from tracer.store import Recording, Writer, open_recording

CASES = all_cases()
FOREIGN = [case for case in CASES if not case.source.match(RECORDINGS) and case.name != "run-stock-oom"]
"""Without the longest, which takes as long as all others together: `B-unreachable` has the same events."""
NATIVE = [case for case in CASES if case.name in ("guest-no-deflate", "guest-lru-gen", "memcg-kill", "drop-slab")]
REAL = DATA / "memcg-read.rtrace"
HEADER = ("time_ns", "tid", "tgid", "comm", "kind", "cpu")

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Events:
    """A recording's events in time order, a function as its name; fields that it lacks are not there."""

    recording: Recording
    header: Columns
    args: Mapping[str, Columns]
    lost: list[LostStretch]

    @classmethod
    def of(cls, path: Path) -> Events:
        recording = Recording.open(path)
        items = [*recording.items()]
        batch = Batch.concat(item for item in items if isinstance(item, Batch))
        batch = batch.take(np.lexsort((batch.header["tid"], batch.time_ns)))
        absent = recording.metadata.absent_fields
        args = {
            kind: {
                name: named(column, recording) if name in FUNCTION_FIELDS else column
                for name, column in columns.items()
                if name not in absent.get(kind, ())
            }
            for kind, columns in batch.args.items()
        }
        lost = [item for item in items if isinstance(item, LostStretch)]
        return cls(recording, {name: batch.header[name] for name in HEADER}, args, lost)


def named(column: npt.NDArray[Any], recording: Recording) -> npt.NDArray[Any]:
    """Functions without their modules, which an import leaves out."""
    names = recording.symbols
    return np.array([names.get(each, hex(each)).partition(" [")[0] for each in column.astype(np.uint64).tolist()])


def again(path: Path, folder: Path) -> Path:
    """A recording exported and imported."""
    text = folder / f"{path.stem}.again.txt"
    text.write_bytes(exported(path, "ftrace"))
    import_trace(ImportRequest(str(text), text.with_suffix(".rtrace")))
    return text.with_suffix(".rtrace")


def assert_same(before: Columns, after: Columns, what: str) -> None:
    for name, column in before.items():
        np.testing.assert_array_equal(column, after[name], err_msg=f"{what} {name}")


@pytest.mark.parametrize("case", FOREIGN, ids=lambda case: case.name)
def test_an_imported_trace_is_the_same_after_another_turn(case: Any, tmp_path: Path) -> None:
    first = tmp_path / f"{case.name}.rtrace"
    import_trace(ImportRequest(str(case.source), first))
    before, after = Events.of(first), Events.of(again(first, tmp_path))
    assert_same(before.header, after.header, case.name)
    assert after.args.keys() == before.args.keys()
    for kind, columns in before.args.items():
        assert after.args[kind].keys() == columns.keys(), kind
        assert_same(columns, after.args[kind], kind)
    described = (before.recording.metadata, after.recording.metadata)
    assert described[0].absent_fields == described[1].absent_fields
    assert described[0].start_ns == described[1].start_ns
    assert before.recording.last_ns == after.recording.last_ns


@pytest.mark.parametrize("source", sorted(TEXTS.glob("*.txt")), ids=lambda path: path.stem)
def test_texts_of_other_tools_are_the_same_after_another_turn(source: Path, tmp_path: Path) -> None:
    first = tmp_path / "first.rtrace"
    import_trace(ImportRequest(str(source), first))
    before, after = Events.of(first), Events.of(again(first, tmp_path))
    assert_same(before.header, after.header, source.name)
    for kind, columns in before.args.items():
        assert_same(columns, after.args[kind], kind)
    made_up = [[row.what for row in each.recording.metadata.plan if "placed after" in row.reason]
               for each in (before, after)]  # fmt: skip
    assert made_up[0] == made_up[1]


@pytest.mark.parametrize("case", NATIVE, ids=lambda case: case.name)
def test_what_was_recorded_is_imported_from_its_text(case: Any, tmp_path: Path) -> None:
    before, after = Events.of(case.source), Events.of(again(case.source, tmp_path))
    comm = np.array([printable(name.decode())[:15].encode() for name in before.header["comm"].tolist()])
    assert_same({**before.header, "comm": comm}, after.header, case.name)
    for kind, columns in before.args.items():
        read = {name: column for name, column in columns.items() if name != "gfp_flags"}
        if kind == "tell_host":
            del read["vq"]  # which queue it is, is told by its number, not its address
        if "nr_calls" in read:
            read["nr_calls"] = np.maximum(read["nr_calls"], 1)  # 0 in recordings from before scans were added up
        assert_same(read, after.args[kind], kind)


LINE = re.compile(r"\s*(?P<comm>.*)-\d+ +\((?: *\d+|-+)\) \[(?P<cpu>\d{3})\] +(?P<time>\d+\.\d{9}): (?P<name>\w+):.*")
EXPECTED = """\
# tracer: nop
#
# hostname : vm1
# os release : 6.12.1
# nrcpus online : 2
#
#           TASK-PID     TGID     CPU#       TIMESTAMP  FUNCTION
#              | |         |        |           |         |
           <...>-0       (-------) [000]  1000.000000000: tracing_mark_write: reclaim-tracer: the recording begins
     kworker/0:1-9       (      9) [001]  1000.000000001: workqueue_execute_start: work struct ffff888000001000: \
function update_balloon_size_func
       swapper/1-0       (-------) [001]  1000.000000002: mm_vmscan_wakeup_kswapd: nid=0 zid=2 order=3 gfp_flags=0xcc0
            java-7       (      5) [000]  1000.000000003: mm_shrink_slab_start: super_cache_scan ffff888000002000: \
nid: 1 objects to shrink 5 gfp_flags 0xcc0 cache items 100 delta 6 total_scan 7 priority 12 memcg_id: 9
            java-7       (      5) [000]  1000.000000004: p_leak_balloon_0: (leak_balloon+0x0) num=256
            java-7       (      5) [000]  1000.000000005: r_leak_balloon_0: (0 <- leak_balloon) freed=255
            java-7       (      5) [000]  1000.000000006: p_virtio_balloon_oom_notify_0: (virtio_balloon_oom_notify+0x0)
            java-7       (      5) [000]  1000.000000007: reclaim_retry_zone: node=0 zone=Normal   order=0 \
reclaimable=1 available=2 min_wmark=3 no_progress_loops=4 wmark_check=1
            java-7       (      5) [000]  1000.000000008: mm_vmscan_throttled: nid=0 usec_timeout=100 \
usect_delayed=90 reason=VMSCAN_THROTTLE_WRITEBACK|VMSCAN_THROTTLE_NOPROGRESS|0x100
            java-7       (      5) [000]  1000.000000009: mark_victim: pid=8 comm=evil total-vm=1 total-vm=1kB \
anon-rss=2kB file-rss:3kB shmem-rss:4kB uid=5 pgtables=6kB oom_score_adj=-7
           <...>-0       (-------) [000]  1000.000000009: tracing_mark_write: reclaim-tracer: the recording ends
"""


def written(path: Path, *items: Any, symbols: Mapping[int, str] = SYMBOLS, **described: Any) -> Path:
    """A recording of records and losses, in this order."""
    writer = Writer(path, replace(METADATA, start_ns=START_NS, **described))
    writer.write_symbols(symbols)
    for item in items:
        (writer.write_lost if isinstance(item, LostStretch) else writer.write_events)(item)
    writer.close()
    return path


def test_lines_are_what_ftrace_prints(tmp_path: Path) -> None:
    at = iter(range(START_NS + 1, START_NS + 10))
    java = {"tid": 7, "tgid": 5, "comm": "java"}
    stream = records(
        event(next(at), "balloon_work_begin", 9, "kworker/0:1", 1, work=0xFFFF888000001000, function=BALLOON_WORK),
        event(next(at), "wakeup_kswapd", 0, "swapper/1", 1, zid=2, order=3, gfp_flags=0xCC0),
        event(next(at), "shrink_slab_start", **java, shrink=SUPER_CACHE_SCAN, shr=0xFFFF888000002000, nid=1,
              nr_objects_to_shrink=5, gfp_flags=0xCC0, cache_items=100, delta=6, total_scan=7, priority=12, memcg_id=9),
        event(next(at), "leak_balloon_begin", **java, num=256),
        event(next(at), "leak_balloon_end", **java, freed=255),
        event(next(at), "oom_notify_begin", **java, cb=BALLOON_OOM),
        event(next(at), "reclaim_retry_zone", **java, reclaimable=1, available=2, min_wmark=3, zone_idx=2,
              no_progress_loops=4, wmark_check=1),
        event(next(at), "throttled", **java, usec_timeout=100, usec_delayed=90, reason=0x105),
        event(next(at), "mark_victim", **java, pid=8, victim_comm=b"evil total-vm=1", total_vm=1, anon_rss=2,
              file_rss=3, shmem_rss=4, uid=5, pgtables=6, oom_score_adj=-7),
    )  # fmt: skip
    path = written(tmp_path / "a.rtrace", stream, host="vm1", kernel_release="6.12.1", cpus=2)
    assert exported(path, "ftrace").decode() == EXPECTED


TOLD = {
    "work": BALLOON_WORK,
    "function": BALLOON_WORK,
    "shrink": SUPER_CACHE_SCAN,
    "cb": BALLOON_OOM,
    "victim_comm": b"a comm=b pid=9",
    "module_name": b"virtio_balloon",
    "zone_idx": 2,
    "status": 8,
    "sync": 1,
    "reclaim_flags": 0x12,
}
BY_KIND = {
    "signal_generate": {"sig": 9, "code": -6, "result": 0},
    "compact_retry": {"priority": 2, "result": 3},
    "throttled": {"reason": 5},
    "tell_host": {"vq": 1, "direction": 1},
}
"""What else than one number more in every field the text of a kind has words for."""


@pytest.mark.parametrize("detail", ["each", "span"])
def test_every_field_of_every_kind_comes_back(detail: str, tmp_path: Path) -> None:
    numbers = iter(range(1000, 1 << 15))
    stream = []
    for place, kind in enumerate(KINDS):
        fields = {name: next(numbers) for name, _ in kind.fields}
        fields |= {name: value for name, value in TOLD.items() if name in fields} | BY_KIND.get(kind.name, {})
        if detail == "each" and "nr_calls" in fields:
            fields["nr_calls"] = 1
        stream.append(event(START_NS + place * MS, kind.name, 300 + place, **fields))
    before = Events.of(written(tmp_path / "a.rtrace", records(*stream), lru_detail=detail))
    after = Events.of(again(tmp_path / "a.rtrace", tmp_path))
    assert_same(before.header, after.header, "header")
    for kind, columns in before.args.items():
        assert_same({name: column for name, column in columns.items() if name != "gfp_flags"},
                    after.args[kind], kind)  # fmt: skip


def told(path: Path) -> str:
    return exported(path, "ftrace").decode()


RECLAIMED = "mm_vmscan_direct_reclaim_end: nr_reclaimed=49"
LOSSES = f"""\
             cat-7       [001] .....     1.000001: {RECLAIMED}
              dd-8       [000] .....     1.000005: {RECLAIMED}
CPU:1 [LOST 250 EVENTS]
              dd-8       [000] .....     1.000006: {RECLAIMED}
CPU:0 [LOST 3 EVENTS]
             cat-7       [001] .....     1.000009: {RECLAIMED}
              dd-8       [000] .....     1.000010: {RECLAIMED}
             cat-7       [001] .....     1.000011: {RECLAIMED}
CPU:0 [LOST 7 EVENTS]
"""


def test_losses_lie_between_the_same_events_of_their_cpu(tmp_path: Path) -> None:
    first = import_text(LOSSES, tmp_path)
    text = told(tmp_path / "out.rtrace")
    assert [line for line in text.splitlines() if "LOST" in line] == [
        "CPU:1 [LOST 250 EVENTS]", "CPU:0 [LOST 3 EVENTS]", "CPU:0 [LOST 7 EVENTS]",
    ]  # fmt: skip
    second = import_text(text, tmp_path)
    assert len(first.lost) == 3
    assert [replace(one, start_ns=one.start_ns // 1000, end_ns=one.end_ns // 1000) for one in second.lost] == [
        replace(one, start_ns=one.start_ns // 1000, end_ns=one.end_ns // 1000) for one in first.lost
    ]


def test_a_loss_of_no_known_cpu_is_told_before_the_next_event(tmp_path: Path) -> None:
    one, two, three = (event(START_NS + at * SECOND, "virtballoon_changed", cpu=at % 2) for at in (1, 2, 3))
    lost = LostStretch(START_NS + SECOND // 2, START_NS + 5 * SECOND // 2, {"throttled": 4, "reclaim_pages": 1})
    lines = told(written(tmp_path / "a.rtrace", records(one, two, three), lost)).splitlines()
    assert [re.sub(r".*\] +(\d+)\..*", r"\1", line) for line in lines[-5:]] == [
        "1001", "1002", "CPU:1 [LOST 5 EVENTS]", "1003", "1003",
    ]  # fmt: skip


def test_lines_are_in_time_order_and_few_at_once() -> None:
    pieces: list[bytes] = []
    source = Source(WHOLE.part(open_recording(REAL)), Options(), lambda _: None)
    source.pour(BY_NAME["ftrace"].writer(source, pieces.append))
    times = [match["time"] for match in map(LINE.fullmatch, b"".join(pieces).decode().splitlines()) if match]
    assert len(times) == source.part.recording.event_count + len(("begin", "end"))
    assert times == sorted(times, key=float)
    assert max(piece.count(b"\n") for piece in pieces) < len(times) / 2


def test_marks_are_lines_of_their_own(tmp_path: Path) -> None:
    mark = [[START_NS + SECOND, "now\x1b[31m\nit starts"]]
    path = write_recording(tmp_path / "a.rtrace", notes={"marks": mark})
    [line] = [line for line in told(path).splitlines() if "it starts" in line]
    assert line.endswith("1001.000000000: tracing_mark_write: now\\x1b[31m\\nit starts")
    import_text(told(path), tmp_path)
    assert "it starts" in told(tmp_path / "out.rtrace")
    assert told(tmp_path / "out.rtrace").count("the recording begins") == 1


def test_what_the_text_can_not_say_is_one_line(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.rtrace", lost=3)
    done = run("export", path, "--format", "ftrace", "-o", tmp_path / "a.txt")
    said = "ftrace has no words for: readings of counters and which kinds of events were lost, and between which times"
    assert done.returncode == 0
    assert said in done.stderr.splitlines()


def test_standard_input_can_not_be_read_twice(tmp_path: Path) -> None:
    with write_recording(tmp_path / "a.rtrace").open("rb") as recording:
        done = run("export", "-", "--format", "ftrace", stdin=recording)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--format ftrace needs a file: write standard input to one first" in done.stderr


def test_a_begin_that_was_not_seen_is_no_line(tmp_path: Path) -> None:
    # GIVEN a kswapd at work when the recording begins, whose run the analysis lets begin with its first event
    kswapd = {"tid": 40, "comm": "kswapd0"}
    stream = records(
        event(START_NS + MS, "lru_shrink_inactive", **kswapd, nr_reclaimed=32, reclaim_flags=2, priority=12),
        event(START_NS + 2 * MS, "kswapd_sleep", **kswapd),
    )
    names = [
        match["name"]
        for match in map(LINE.fullmatch, told(written(tmp_path / "a.rtrace", stream)).splitlines())
        if match
    ]
    assert names[1:-1] == ["mm_vmscan_lru_shrink_inactive", "mm_vmscan_kswapd_sleep"]
