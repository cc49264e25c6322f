"""Counters: names fixed once, values as the files say, reasons for what is not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from kernel_tree import put

from tracer.kernel import counters
from tracer.kernel.counters import CounterReader, pressure_state
from tracer.schema import SAMPLE_NULL

VMSTAT = """\
nr_free_pages 1133072
nr_zone_inactive_anon 1748
nr_inactive_anon 1723
nr_slab_reclaimable 24316
workingset_refault_file 106847
pgscan_kswapd 5
pgsteal_direct 7
pgdemote_kswapd 4
oom_kill 2
thp_fault_alloc 9
drop_slab 3
balloon_inflate 512
balloon_deflate 256
nr_balloon_pages 256
"""
MEMINFO = "MemTotal:  100 kB\nMemFree:  60 kB\nHugePages_Total:  4\nBalloon:   8 kB\n"
PRESSURE = "some avg10=0.00 avg60=1.50 avg300=0.00 total=123\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=45\n"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    put(tmp_path, "/proc/vmstat", VMSTAT)
    put(tmp_path, "/proc/meminfo", MEMINFO)
    put(tmp_path, "/proc/pressure/memory", PRESSURE)
    return tmp_path


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def reading(reader: CounterReader) -> dict[str, int]:
    return dict(zip(reader.names, reader.read().tolist(), strict=True))


def test_values_are_the_files_in_the_units_of_their_names(machine):
    with CounterReader(machine) as reader:
        values = reading(reader)
    assert values["vmstat.nr_free_pages"] == 1133072
    assert values["vmstat.balloon_inflate"] == 512
    assert values["vmstat.oom_kill"] == 2
    assert values["vmstat.pgdemote_kswapd"] == 4
    assert values["meminfo.MemTotal_bytes"] == 102400
    assert values["meminfo.Balloon_bytes"] == 8192
    assert values["psi.memory.some_total_us"] == 123
    assert values["psi.memory.full_total_us"] == 45


NEWER = """\
balloon capabilities  :             0x1e
used capabilities     :              0xe
is resetting          :                n
target                :            65536
current               :            65024
rateSleepAlloc        :              512
start                 :                1 (0 failed)
"""
OLDER = """\
balloon capabilities:   0x1e
used capabilities:       0xe
is resetting:           n
target:                65536 pages
current:               65024 pages
rateSleepAlloc:          512 pages/sec

target:                   17 (   0 failed)
"""


@pytest.mark.parametrize("text", [NEWER, OLDER])
def test_vmwares_balloon_is_read_where_its_driver_says_it(machine, text):
    put(machine, "/sys/kernel/debug/vmmemctl", text)
    with CounterReader(machine) as reader:
        assert reading(reader)["vmmemctl.target_pages"] == 65536
        put(machine, "/sys/kernel/debug/vmmemctl", text.replace("65024", "65536"))
        assert reading(reader)["vmmemctl.current_pages"] == 65536


def test_without_vmwares_balloon_nothing_is_said_to_be_missing(machine):
    with CounterReader(machine) as reader:
        assert not [name for name in (*reader.names, *reader.reasons) if "vmmemctl" in name]


def test_counters_nobody_needs_are_not_sampled(machine):
    with CounterReader(machine) as reader:
        assert not {"vmstat.nr_zone_inactive_anon", "vmstat.thp_fault_alloc"} & set(reader.names)


def test_a_later_reading_sees_what_has_changed(machine):
    with CounterReader(machine) as reader:
        first = reader.read()
        (machine / "proc/vmstat").write_text(VMSTAT.replace("pgscan_kswapd 5", "pgscan_kswapd 1234567"))
        change = dict(zip(reader.names, (reader.read() - first).tolist(), strict=True))
    assert {name: value for name, value in change.items() if value} == {"vmstat.pgscan_kswapd": 1234562}


def test_what_a_kernel_lacks_is_no_name_but_a_reason(machine):
    put(machine, "/proc/vmstat", VMSTAT.replace("nr_balloon_pages 256\n", ""))
    put(machine, "/proc/meminfo", MEMINFO.replace("Balloon:   8 kB\n", ""))
    with CounterReader(machine) as reader:
        assert "vmstat.nr_balloon_pages" not in reader.names
        assert "no such line" in reader.reasons["vmstat.nr_balloon_pages"]
        assert "no such line" in reader.reasons["meminfo.Balloon_bytes"]
        assert "vmstat.balloon_inflate" not in reader.reasons


def test_no_pressure_file_leaves_the_others(machine):
    (machine / "proc/pressure/memory").unlink()
    with CounterReader(machine) as reader:
        assert not any(name.startswith("psi.") for name in reader.names)
        assert "CONFIG_PSI" in reader.reasons["psi.memory"]
        assert reading(reader)["vmstat.nr_free_pages"] == 1133072


def test_pressure_switched_off_says_how_to_switch_it_on(machine, monkeypatch):
    # GIVEN a kernel that has the file and refuses to read it, as one booted without psi=1 does
    real = os.preadv
    pressure = (machine / "proc/pressure/memory").stat().st_ino

    def refuse(fd, buffers, offset):
        if os.fstat(fd).st_ino == pressure:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return real(fd, buffers, offset)

    monkeypatch.setattr(counters.os, "preadv", refuse)
    open_before = open_files()
    with CounterReader(machine) as reader:
        assert "psi=1" in reader.reasons["psi.memory"]
    assert open_files() == open_before


def test_a_file_that_changes_its_shape_gives_nulls_not_wrong_numbers(machine):
    with CounterReader(machine) as reader:
        put(machine, "/proc/vmstat", "nr_new_counter 1\n" + VMSTAT)
        values = reading(reader)
        assert values["vmstat.oom_kill"] == SAMPLE_NULL
        assert values["meminfo.MemFree_bytes"] == 61440
        assert any("vmstat" in name for name in reader.reasons)


def test_a_file_handed_over_in_pieces_is_read_whole(machine, monkeypatch):
    # The kernel's seq_file gives at most a page a call.
    real = os.preadv
    monkeypatch.setattr(counters.os, "preadv", lambda fd, buffers, offset: real(fd, [buffers[0][:7]], offset))
    with CounterReader(machine) as reader:
        assert reading(reader)["vmstat.nr_balloon_pages"] == 256


def test_a_value_beyond_int64_is_null(machine):
    put(machine, "/proc/vmstat", VMSTAT.replace("nr_free_pages 1133072", f"nr_free_pages {2**64 - 1}"))
    with CounterReader(machine) as reader:
        values = reading(reader)
    assert values["vmstat.nr_free_pages"] == SAMPLE_NULL
    assert values["vmstat.oom_kill"] == 2
    assert values["vmstat.pgdemote_kswapd"] == 4


def test_a_machine_without_any_file_gives_an_empty_reading(tmp_path):
    with CounterReader(tmp_path) as reader:
        assert reader.names == ()
        assert reader.read().shape == (0,)
        assert {"vmstat", "meminfo", "psi.memory"} <= set(reader.reasons)


def test_closing_gives_back_every_file(machine):
    before = open_files()
    reader = CounterReader(machine)
    assert open_files() == before + 3
    reader.close()
    reader.close()
    assert open_files() == before


def test_the_running_kernel_is_readable():
    with CounterReader() as reader:
        values = reader.read()
    assert values.dtype == np.int64
    assert values.shape == (len(reader.names),)
    assert dict(zip(reader.names, values.tolist(), strict=True))["meminfo.MemTotal_bytes"] > 1 << 20


def test_pressure_state_agrees_with_the_reader(machine):
    assert pressure_state(machine) == ""
    (machine / "proc/pressure/memory").unlink()
    assert "CONFIG_PSI" in pressure_state(machine)
