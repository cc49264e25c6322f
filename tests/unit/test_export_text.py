"""Chrome's JSON, folded stacks, and the command that writes them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from exports import exported
from written_recordings import HOSTILE_COMM, write_recording

import tracer
from tests.golden.cases import DATA
from tracer.commands.export import ExportFormat
from tracer.export.registry import FORMATS

REAL = DATA / "guest-host-reasserts.rtrace"


def chrome(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(exported(path, "chrome"))["traceEvents"]
    return rows


def test_the_command_offers_every_format() -> None:
    assert [each.value for each in ExportFormat] == [each.name for each in FORMATS]


def test_chrome_slices_are_the_spans() -> None:
    stacks: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    lengths: Counter[str] = Counter()
    for row in sorted((row for row in chrome(REAL) if row["ph"] in "BE"), key=lambda row: row["ts"]):
        stack = stacks[row["pid"], row["tid"]]
        if row["ph"] == "B":
            stack.append(row)
        else:
            begin = stack.pop()
            lengths[begin["name"]] += round((row["ts"] - begin["ts"]) * 1000)
    assert not any(stacks.values())
    spans = tracer.open(REAL).spans()
    assert lengths == Counter(spans.groupby("kind").duration_ns.sum().to_dict())


def test_chrome_arguments_add_up_to_the_recordings() -> None:
    trace, rows = tracer.open(REAL), chrome(REAL)
    lru = [row["args"]["nr_reclaimed"] for row in rows if row.get("name") == "lru_shrink_inactive"]
    assert sum(lru) == trace.events("lru_shrink_inactive").nr_reclaimed.sum()
    ends = [row["args"]["retval"] for row in rows if row["ph"] == "E" and "retval" in row["args"]]
    assert len(ends) >= len(trace.events("shrink_slab_end"))
    cycles = [row for row in rows if row["ph"] == "X" and row["name"].startswith("cycle ")]
    assert sum(row["args"]["wasted_pages"] for row in cycles) == trace.summary()["balloon"]["wasted_pages"]
    flows = Counter((row["ph"], row["id"]) for row in rows if row["ph"] in "sf")
    assert flows == Counter((phase, cycle) for cycle in trace.cycles().id for phase in "sf")


def test_folded_stacks_add_up_to_what_tasks_waited() -> None:
    stalls = tracer.open(REAL).stalls()
    waited = Counter[str]()
    for line in exported(REAL, "folded").decode().splitlines():
        stack, us = line.rsplit(" ", 1)
        waited[stack.split(";")[0]] += int(us)
    told = stalls.groupby("tier", observed=True).stall_s.sum()
    for tier in ("direct", "oom_notify"):
        assert waited[tier] / 1e6 == pytest.approx(told[tier], abs=1e-5)


def test_the_time_in_shrinkers_stands_under_its_task() -> None:
    trace = tracer.open(REAL)
    spans = trace.spans().set_index("id", drop=False)
    slab = spans[spans.kind == "shrink_slab"]
    inside = slab[slab.parent.map(spans.tier.astype(str)) == "direct"].duration_ns.sum()
    lines = [line.rsplit(" ", 1) for line in exported(REAL, "folded").decode().splitlines()]
    shrinkers = sum(int(us) for stack, us in lines if stack.startswith("direct;") and stack.count(";") == 3)
    assert shrinkers * 1000 == pytest.approx(inside, abs=1000 * len(lines))


@pytest.mark.parametrize("name", [each.name for each in FORMATS if not each.binary and not each.in_folder])
def test_names_made_to_harm_reach_no_terminal(name: str, tmp_path: Path) -> None:
    text = exported(write_recording(tmp_path / "a.rtrace", lost=3), name).decode()
    assert HOSTILE_COMM not in text
    assert "\x1b" not in text


def test_a_frame_is_one_word_of_its_stack() -> None:
    from tracer.export.folded import frame

    assert [frame(name) for name in ("a;b", "a\nb", " ", "a b")] == ["a:b", "a\\nb", "unknown", "a b"]


def test_export_writes_a_file_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "out.pftrace"
    done = run("export", REAL, "--format", "perfetto", "-o", out)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"Wrote {out} (")
    assert out.read_bytes() == exported(REAL, "perfetto")
    assert out.stat().st_mode & 0o777 == 0o600
    again = run("export", REAL, "--format", "perfetto", "-o", out)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)


def test_export_writes_to_standard_output() -> None:
    done = run("export", REAL, "--format", "folded")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.encode() == exported(REAL, "folded")


def test_an_export_of_a_part_says_that_the_rest_is_missing(tmp_path: Path) -> None:
    cut = tmp_path / "cut.rtrace"
    cut.write_bytes(REAL.read_bytes()[:200])
    done = run("export", cut, "--format", "folded")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Part of what happened is missing: the recording was cut short (")


def test_a_recording_that_is_none_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "not.rtrace").write_bytes(b"no recording")
    done = run("export", tmp_path / "not.rtrace", "--format", "perfetto", "-o", tmp_path / "out")
    assert done.returncode == 4
    assert [path.name for path in tmp_path.iterdir()] == ["not.rtrace"]


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    done = run("export", REAL, "--format", "perfetto", "-o", tmp_path / "out", preexec_fn=small_files)
    assert done.returncode == 1
    assert f"{tmp_path / 'out'}: can't write an export there: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def small_files() -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
