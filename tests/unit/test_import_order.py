"""Per-CPU buffers that were put into one file, one after another."""

import pytest
from import_cases import import_text

from tracer.errors import RecordingError
from tracer.imports.order import MOST_PARTS

RECLAIMED = "mm_vmscan_direct_reclaim_end: nr_reclaimed=49"
CPUS = 3


def line(cpu, time_ms, tid=7):
    return f"{f'a [0] b-{tid}':>20} [{cpu:03d}] ..... {time_ms / 1000:.6f}: {RECLAIMED}\n"


def buffers(events=400):
    """Each CPU's lines: an event every 3 ms, with a stack block."""
    return [
        "".join(line(cpu, 1000 + 3 * at + cpu) + " => shrink_node+0x1/0x2\n" for at in range(events))
        for cpu in range(CPUS)
    ]


@pytest.mark.parametrize("header", ["", "# tracer: nop\n#\n# entries-in-buffer/entries-written: 9/9   #P:3\n"])
def test_buffers_one_after_another_become_one_trace(header, tmp_path):
    imported = import_text("".join(header + text for text in buffers()), tmp_path)
    times = [event.time_ns for event in imported.events]
    assert len(times) == CPUS * 400
    assert times == sorted(times)
    assert [event.cpu for event in imported.events[:6]] == [0, 1, 2, 0, 1, 2]
    assert imported.recording.metadata.start_ns == 1_000_000_000
    assert imported.result.unknown == {}


def test_a_loss_stays_before_the_next_event_of_its_cpu(tmp_path):
    zero, one, two = buffers()
    lines = two.splitlines(keepends=True)
    lossy = "".join([*lines[:400], "CPU:2 [LOST 5 EVENTS]\n", *lines[400:]])
    [lost] = import_text(zero + one + lossy, tmp_path).lost
    assert lost.counts == {"unknown": 5}
    assert lost.end_ns - lost.start_ns == 3_000_000


def test_copies_one_after_another_are_refused_with_where_to_split_them(tmp_path):
    copy = "".join(line(0, 1000 + 300 * at) for at in range(5))
    with pytest.raises(RecordingError, match="go back 3 times on the same CPU and thread, first in line 6") as caught:
        import_text(copy * 4, tmp_path)
    assert "csplit trace.txt 6 11 16" in str(caught.value)
    assert not (tmp_path / "out.rtrace").exists()


def test_a_single_event_that_is_early_stays(tmp_path):
    imported = import_text(line(0, 5000) + line(0, 5100) + line(0, 2000) + line(0, 5200), tmp_path)
    assert len(imported.events) == 4
    assert any("1 events are earlier" in remark for remark in imported.result.remarks)


def test_more_parts_than_can_be_merged_are_refused(tmp_path):
    text = "".join(line(cpu % 1000, 9_000_000 - 1000 * cpu, cpu + 1) for cpu in range(MOST_PARTS + 9))
    with pytest.raises(RecordingError, match="sort its lines by time"):
        import_text(text, tmp_path)


def test_threads_one_after_another_on_one_cpu_become_one_trace(tmp_path):
    text = "".join(line(0, 1000 + 300 * at + tid, tid) for tid in (7, 8, 9) for at in range(5))
    imported = import_text(text, tmp_path)
    assert [event.tid for event in imported.events] == [7, 8, 9] * 5
    assert any("not sorted by time (it went back 2 times)" in remark for remark in imported.result.remarks)
