"""Nothing is called fine that was not looked at: files cut short, recorders killed, traces that count nothing."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streams import METADATA, SECOND, counters, event, records
from typer.testing import CliRunner

from tracer.commands.app import app
from tracer.metadata import Metadata, PlanRow, SourceState
from tracer.schema import KINDS
from tracer.store import Writer

ROOT = Path(__file__).parents[2]
GREEN = (
    "no memory had to be reclaimed",
    "no memory was reclaimed",
    "this machine has none",
    "Memory 0 B",
    "No problem found",
    "No shrinker ran",
    "No task had to wait",
    "No conflict:",
    "No cycle:",
    "no leaks",
    "never ran out of puff",
)
TRACES = {
    "wake-ups": "          <idle>-0       [000] ....  10.000300: mm_vmscan_wakeup_kswapd: nid=0 order=0 gfp_flags=0\n",
    "kswapd": "          kswapd0-47     [000] ....  10.000300: mm_vmscan_kswapd_wake: nid=0 order=0\n"
    "          kswapd0-47     [000] ....  12.000300: mm_vmscan_kswapd_sleep: nid=0\n",
    "retries": "          qemu-77        [000] ....  10.000300: mm_vmscan_throttled: nid=0 usec_timeout=100000 "
    "usect_delayed=100000 reason=VMSCAN_THROTTLE_WRITEBACK\n",
}


def run(*words: str | Path) -> str:
    return CliRunner().invoke(app, [*map(str, words)]).stdout


@pytest.fixture(params=["100 bytes", "killed", *TRACES])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A recording of which nobody can say that all is well."""
    target = tmp_path / "x.rtrace"
    if request.param == "100 bytes":
        target.write_bytes((ROOT / "tests/golden/data/memcg-kill.rtrace").read_bytes()[:100])
    elif request.param == "killed":
        writer = Writer(tmp_path / "whole.rtrace", METADATA)
        writer.write_samples(counters([(0, 0, 0), (2 * SECOND, 0, 0)]))
        writer.flush()
        shutil.copy(tmp_path / "whole.rtrace", target)
        writer.close()
    else:
        (tmp_path / "x.txt").write_text(TRACES[request.param])
        run("import", tmp_path / "x.txt", "-o", target)
    return target


def test_it_can_not_be_told(path: Path) -> None:
    text = run("summary", path)
    assert "Verdict: Can't tell" in text
    run("report", path)
    page = path.with_suffix(".html").read_text()
    assert "level-unknown" in page
    assert "Can&#x27;t tell" in page or "Can't tell" in page or "Can&#39;t tell" in page
    assert [words for words in GREEN if words in text or words in page] == []


def head_of(path: Path) -> str:
    """The report's head, without markup."""
    run("report", path)
    head = path.with_suffix(".html").read_text().partition("</header>")[0].partition("<header")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", head).split())


@pytest.mark.parametrize("holds", ["nothing", "a wake-up"])
def test_a_recording_without_a_plan_has_no_number_that_nobody_looked_for(tmp_path: Path, holds: str) -> None:
    path = tmp_path / "x.rtrace"
    writer = Writer(path, Metadata())
    if holds != "nothing":
        writer.write_block(records(event(SECOND, "wakeup_kswapd")))
    writer.close()
    head = head_of(path)
    assert "Worst wait not known not traced" in head
    assert "OOM kills not known" in head
    assert "Held by the balloon not known not known whether there is one" in head
    assert "Kernel not known, CPUs not known" in head
    assert "this machine has none" not in run("summary", path)


def test_of_an_empty_recording_nothing_is_said_to_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "x.rtrace"
    Writer(path, Metadata()).close()
    text = run("summary", path)
    run("report", path)
    page = path.with_suffix(".html").read_text()
    assert "Verdict: Can't tell: nothing was recorded" in text
    assert "Reclaimed not known" in head_of(path)
    green = (*GREEN, "Nothing was killed.", "Nothing was flagged:")
    assert [words for words in green if words in text or words in page] == []


def test_a_recording_with_a_plan_that_saw_none_says_none(tmp_path: Path) -> None:
    path = tmp_path / "x.rtrace"
    kinds = ("direct_reclaim_begin", "mark_victim", "wakeup_kswapd")
    plan = tuple(PlanRow(kind, "x:x", SourceState.USED) for kind in kinds)
    writer = Writer(path, Metadata(plan=plan, cpus=1))
    writer.write_block(records(event(SECOND, "wakeup_kswapd")))
    writer.close()
    head = head_of(path)
    assert "Worst wait none" in head
    assert "OOM kills 0" in head
    assert "no balloon this machine has none" in head
    assert "Kernel not known, 1 CPU Recorded" in head


def test_a_cut_description_leaves_every_number_unknown(tmp_path: Path) -> None:
    path = tmp_path / "x.rtrace"
    path.write_bytes((ROOT / "tests/golden/data/memcg-kill.rtrace").read_bytes()[:100])
    summary: dict[str, Any] = json.loads(run("summary", path, "--json"))
    recording, balloon = summary["recording"], summary["balloon"]
    names = ("duration_s", "page_size_bytes", "lost", "dropped", "start_utc")
    assert ({recording[name] for name in names}, recording["complete"]) == ({None}, False)
    texts = {"driver", "reclaim_path", "features", "quality", "leaked_pages"}
    assert {value for name, value in balloon.items() if name not in texts} == {None}
    assert set(balloon["leaked_pages"].values()) == {None}


@pytest.mark.parametrize("keep", [100, 2000, None])
def test_a_recording_that_is_not_whole_is_a_loss(tmp_path: Path, keep: int | None) -> None:
    path = tmp_path / "x.rtrace"
    path.write_bytes((ROOT / "tests/golden/data/memcg-read.rtrace").read_bytes()[:keep])
    result = CliRunner().invoke(app, ["summary", str(path), "--fail-on", "loss"])
    assert result.exit_code == (0 if keep is None else 5)


ALL_TRACED = tuple(PlanRow(kind.name, "x:x", SourceState.USED) for kind in KINDS)


@pytest.mark.parametrize("plan", [ALL_TRACED, ()])
def test_a_recording_without_reclaim_is_quiet_where_it_says_what_was_traced(tmp_path: Path, plan: tuple) -> None:
    path = tmp_path / "x.rtrace"
    writer = Writer(path, replace(METADATA, plan=plan))
    writer.write_samples(counters([(0, 0, 0), (2 * SECOND, 0, 0)]))
    writer.write_block(records(event(SECOND, "wakeup_kswapd")))
    writer.close()
    said = " ".join(run("summary", path).split())
    quiet = "No conflict and no cycle: no memory had to be reclaimed." in said
    untold = "Verdict: Can't tell: this recording does not say what was traced." in said
    assert (quiet, untold) == (bool(plan), not plan)


def test_reclaim_without_a_plan_is_told_and_nothing_called_quiet(tmp_path: Path) -> None:
    path = tmp_path / "x.rtrace"
    writer = Writer(path, METADATA)
    reclaim = event(SECOND, "direct_reclaim_begin"), event(SECOND + 1000, "direct_reclaim_end", nr_reclaimed=32)
    writer.write_block(records(*reclaim))
    writer.close()
    said = " ".join(run("summary", path).split())
    assert "direct reclaim (global) freed" in said
    assert "this recording does not say what was traced" in said
    assert json.loads(run("summary", path, "--json"))["verdict"]["kind"] == "unknown"
