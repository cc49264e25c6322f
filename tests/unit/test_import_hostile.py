"""Sources made to bring the importer down: each is imported as far as it makes sense, or refused in one line."""

import json
import os
import subprocess
import sys

import pytest
from import_cases import DATA, import_file, import_text
from typer.testing import CliRunner

from tracer.commands.app import app
from tracer.errors import RecordingError
from tracer.imports import ImportRequest, hostside, import_trace
from tracer.imports.sides import MOST_COLUMNS
from tracer.store.notes import facts_of

EVENT = "   cat-7   [001]   1.000001: mm_vmscan_direct_reclaim_end: nr_reclaimed=32\n"
LATER = EVENT.replace("1.000001", "2.000001")
KILL = "   cat-7   [001]   1.5: oom:mark_victim: pid="
CHANGES = "".join(
    f"   kworker-7 [000] .....  {second}.020000: virtballoon_changed: (0)\n" for second in (100, 102, 104)
)


def read_back(imported):
    """The events, once the recording is known to be read whole."""
    assert imported.recording.complete
    assert not imported.recording.bad_blocks
    facts_of(imported.recording, {})
    return len(imported.events)


@pytest.mark.parametrize(
    "line",
    [
        f"# nrcpus online : {'9' * 5000}\n",
        f"# entries-in-buffer/entries-written: {'9' * 5000}/{'9' * 5000}   #P:{'9' * 5000}\n",
        f"# hostname : {'x' * 50_000}\n",
        f"# os release : {'x' * 50_000}\n",
        f"   cat-7   [001]   1.500000: mark_victim: pid={'9' * 5000}\n",
        f"   cat-7   [001]   1.500000: mark_victim: pid=5 comm=x total-vm={'9' * 5000}kB\n",
        f"   cat-7   [001]   {'9' * 5000}.500000: mm_vmscan_direct_reclaim_end: nr_reclaimed=1\n",
        f"   cat-7   [001]   1.500000: mm_vmscan_direct_reclaim_end: nr_reclaimed={'9' * 5000}\n",
        f"   cat-{'9' * 5000}   [001]   1.500000: mm_vmscan_direct_reclaim_end: nr_reclaimed=1\n",
        "   cat-7   [001]   8999999999.500000: mm_vmscan_direct_reclaim_end: nr_reclaimed=1\n",
        "CPU:1 [LOST 999999999999999999 EVENTS]\n" * 30,
        "x\0y\xff\n",
        "x" * 70_000 + "\n",
        "   cat-7   [001]   1.5: " + "[" * 60_000 + "\n",
    ],
    ids=lambda line: line[:40],
)
def test_one_hostile_line_costs_nothing_but_itself(line, tmp_path):
    assert read_back(import_text(EVENT + line + LATER, tmp_path)) in (2, 3)


@pytest.mark.parametrize("pages", [str(1 << 36 | 1), str((1 << 64) - 1), "-1", "0xffffffffffffffff"])
def test_a_line_with_more_pages_than_any_machine_has_is_left_out_and_told(tmp_path, pages):
    line = f"   cat-7   [001]   1.500000: mm_vmscan_direct_reclaim_end: nr_reclaimed={pages}\n"
    imported = import_text(EVENT + line * 3 + LATER, tmp_path)
    assert read_back(imported) == 2
    assert imported.recording.notes["import"]["absurd"] == 3
    (told,) = (remark for remark in imported.result.remarks if "impossible page counts" in remark)
    assert told == f"Left out: 3 lines with impossible page counts, the first: {line.strip()}"
    assert CliRunner().invoke(app, ["summary", str(imported.recording.path), "--json"]).exit_code == 0


def test_as_many_pages_as_a_machine_may_have_are_kept(tmp_path):
    line = f"   cat-7   [001]   1.500000: mm_vmscan_direct_reclaim_end: nr_reclaimed={1 << 36}\n"
    imported = import_text(EVENT + line + LATER, tmp_path)
    assert read_back(imported) == 3
    assert imported.recording.notes["import"]["absurd"] == 0


def test_a_function_of_any_name_is_kept_as_far_as_there_is_room(tmp_path):
    slab = "   cat-7   [001]   1.5: mm_shrink_slab_start: {}+0x0/0x1 0000000000000001: nid: 0 objects to shrink 0 "
    slab += "gfp_flags 0 cache items 1 delta 1 total_scan 1 priority 12\n"
    imported = import_text(EVENT + "".join(slab.format(f"f{'x' * 9000}{n}") for n in range(600)) + LATER, tmp_path)
    assert read_back(imported) > 1
    assert all(len(name) <= 512 for name in imported.recording.symbols.values())


def test_a_long_line_is_told(tmp_path):
    imported = import_text(EVENT + "x" * 3_000_000 + "\n" + "y" * 70_000 + "\n" + LATER, tmp_path)
    assert read_back(imported) == 2
    assert any("2 lines of more than 64 KiB" in remark for remark in imported.result.remarks)


def side_file(tmp_path, records):
    path = tmp_path / "side.jsonl"
    path.write_text("".join(f"{record if isinstance(record, str) else json.dumps(record)}\n" for record in records))
    return path


COMMANDS = [{"mono": second, "ev": "balloon_cmd", "target_mib": second} for second in (2100, 2102, 2104)]


@pytest.mark.parametrize(
    "value", [{"a": 1}, [1], None, 5, 1e308, float("nan"), float("inf"), True, "\ud800", "x" * 9000]
)
@pytest.mark.parametrize("key", ["mono", "ev", "target_mib", "comment", "guest", "line", "event", "real"])
def test_a_value_of_a_wrong_type_in_the_hosts_log_is_passed_over(key, value, tmp_path):
    log = side_file(tmp_path, [*COMMANDS[:1], {**COMMANDS[1], key: value}, *COMMANDS[2:]])
    imported = import_text(CHANGES, tmp_path, host_log=log)
    assert read_back(imported) == 3
    assert len(imported.recording.notes["host_commands"]) >= 2


@pytest.mark.parametrize("value", [{"a": 1}, [1], None, -5, 1e308, 1 << 63, float("nan"), True, "\ud800", 8.9e9])
@pytest.mark.parametrize("key", ["mono", "real", "vmstat", "meminfo_kb", "psi", "vmstat.x", "meminfo_kb.MemTotal"])
def test_a_value_of_a_wrong_type_among_the_samples_is_passed_over(key, value, tmp_path):
    whole = {"mono": 101, "real": 1.7e9, "vmstat": {"x": 1}, "meminfo_kb": {"MemTotal": 4}, "psi": {"y": 2}}
    outer, _, inner = key.partition(".")
    hostile = {**whole, outer: {inner: value} if inner else value}
    samples = side_file(tmp_path, [hostile, {**whole, "mono": 102}, {**whole, "mono": 103}])
    imported = import_text(CHANGES, tmp_path, samples=samples)
    assert read_back(imported) == 3
    assert sum(map(len, imported.samples)) >= 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[" * 60_000, "line 2 is not a JSON object"),
        ('{"mono": ' + "9" * 6000 + "}", "line 2 is not a JSON object"),
        ("\0" * 50, "line 2 is not a JSON object"),
        (json.dumps({"mono": 101, "comment": "x" * 70_000}), "has a line longer than 64 KiB"),
    ],
    ids=["nested", "digits", "zeros", "long"],
)
def test_a_line_of_a_side_file_that_cannot_be_read_is_named(line, said, tmp_path):
    samples = side_file(tmp_path, [{"mono": 101, "vmstat": {"x": 1}}, line, {"mono": 102, "vmstat": {"x": 1}}])
    with pytest.raises(RecordingError, match=said):
        import_text(CHANGES, tmp_path, samples=samples)


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_matter(tmp_path):
    samples = tmp_path / "side.jsonl"
    samples.write_bytes(b'\xef\xbb\xbf{"mono": 101, "vmstat": {"x": 1}}\r\n{"mono": 102, "vmstat": {"x": 1}}\r\n')
    assert sum(map(len, import_text(CHANGES, tmp_path, samples=samples).samples)) == 2


def test_more_counters_than_a_recording_has_room_for_are_told(tmp_path):
    rows = [{"mono": 101 + n, "vmstat": {f"c{i}": i for i in range(700)}} for n in range(3)]
    imported = import_text(CHANGES, tmp_path, samples=side_file(tmp_path, rows))
    assert read_back(imported) == 3
    assert f"{700 - MOST_COLUMNS} counters beyond the first {MOST_COLUMNS} were left out" in imported.result.remarks


def test_readings_that_memory_does_not_hold_are_refused(tmp_path):
    # GIVEN a small file of a different counter in each line
    rows = [{"mono": 101 + n / 1000, "vmstat": {f"c{n % 600}": n}} for n in range(40_000)]
    with pytest.raises(RecordingError, match="give fewer readings or counters"):
        import_text(CHANGES, tmp_path, samples=side_file(tmp_path, rows))


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "tracer", "import", *arguments], capture_output=True, text=True, **options
    )


def test_sizes_that_memory_does_not_hold_are_refused_as_soon_as_they_are_too_many(tmp_path, monkeypatch):
    # GIVEN room for 500 sizes, and a line after them that would be refused if it were reached
    monkeypatch.setattr(hostside, "MOST_CELLS", 1000)
    path = tmp_path / "host.jsonl"
    path.write_text('{"t": 1.5, "ev": "query", "bytes": 9}\n' * 501 + "no JSON\n\n{}\n")
    with pytest.raises(RecordingError, match=r"host\.jsonl: 334 readings of 3 counters are more than 1,000 numbers"):
        hostside.read_host_log(path)


def test_standard_input_that_is_closed_is_said_to_be(tmp_path):
    command = f"exec {sys.executable} -m tracer import - -o {tmp_path}/out.rtrace <&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr == "reclaim-tracer: error: standard input: is closed; pipe text into it or give a file\n"


def test_a_file_that_the_kernel_makes_up_is_read_like_one(tmp_path):
    result = run("/proc/self/status", "-o", str(tmp_path / "out.rtrace"))
    assert result.returncode == 4
    assert "/proc/self/status: no event was found in its" in result.stderr


def fake_tool(folder, name, script):
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("script", "said"),
    [("kill -SEGV $$", "it produced no text and was ended by Segmentation fault"), ("exit 3", "ended with status 3")],
)
def test_a_tool_that_falls_is_told_in_a_line(script, said, tmp_path, monkeypatch):
    fake_tool(tmp_path, "perf", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "perf.data").write_bytes(b"PERFILE2" + bytes(100))
    with pytest.raises(RecordingError, match=said):
        import_trace(ImportRequest(str(tmp_path / "perf.data"), tmp_path / "out.rtrace"))


def test_a_perf_data_of_another_user_is_read(tmp_path, monkeypatch):
    # GIVEN a perf that refuses such files unless told otherwise, as the real one does
    fake_tool(tmp_path, "perf", f'case " $* " in *" --force "*) cat {DATA}/perf-6.18.txt ;; *) exit 1 ;; esac')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "perf.data").write_bytes(b"PERFILE2" + bytes(100))
    assert import_file(tmp_path / "perf.data", tmp_path / "out.rtrace").events
