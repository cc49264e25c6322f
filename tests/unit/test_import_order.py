"""Per-CPU buffers that were put into one file, one after another."""

import pytest
from import_cases import import_text

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


def test_a_clock_that_goes_back_on_its_cpu_is_left_as_it_is(tmp_path):
    imported = import_text(line(0, 5000) + line(1, 1000) + line(0, 2000), tmp_path)
    assert [event.time_ns // 10**9 for event in imported.events] == [5, 1, 2]


def test_more_parts_than_machines_have_cpus_are_left_as_they_are(tmp_path):
    text = "".join(line(cpu % 1000, 900_000 - 1000 * cpu) for cpu in range(MOST_PARTS + 9))
    assert len(import_text(text, tmp_path).events) == MOST_PARTS + 9
