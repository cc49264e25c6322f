"""Who paid, by cgroup, as people see it: text, report, the options of `summary`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from json_schemas import errors
from streams import METADATA, MS, SYMBOLS, Records, analyse, event, lru, records
from typer.testing import CliRunner

from tracer.analyze.cgroup_rows import CgroupRow
from tracer.analyze.model import Analysis
from tracer.analyze.only_cgroups import only_cgroups
from tracer.commands.app import app
from tracer.recording_facts import RecordingFacts
from tracer.report.page import render
from tracer.schema import KIND_BY_NAME
from tracer.store import Writer
from tracer.terminal.paper import Paper
from tracer.terminal.summary_text import summary_text
from tracer.wording.cgroups import cgroup_label

UID, CONTAINER = "0f8fad5b-d9cb-469f-a165-70867728950e", "0123456789ab" + "c" * 52
POD = f"/kubepods/burstable/pod{UID}/{CONTAINER}"
PATHS = {2: "/system.slice/db.service", 3: POD, 4: "/evil\x1b[31m\n<b>"}
TOLD = replace(METADATA, cgroup_hierarchy="unified")
FACTS = RecordingFacts("x.rtrace", TOLD)


def reclaim(cgroup_id: int, at_ns: int, wait_ns: int, kind: str = "memcg") -> Records:
    """A task that waits, and takes a MiB of page cache."""
    tid = 100 + cgroup_id
    made = records(
        event(at_ns, f"{kind}_reclaim_begin", tid),
        lru(at_ns + 1, tid, 256),
        event(at_ns + wait_ns, f"{kind}_reclaim_end", tid, nr_reclaimed=256),
    )
    made["cgroup_id"] = cgroup_id
    return made


STREAM = records(
    reclaim(2, 1 * MS, 40 * MS),
    reclaim(2, 50 * MS, 10 * MS, "direct"),
    reclaim(3, 70 * MS, 30 * MS),
    reclaim(4, 110 * MS, 20 * MS),
    reclaim(5, 140 * MS, 5 * MS),
)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyse(STREAM, metadata=TOLD, cgroups=PATHS)


def rows_of(text: str) -> list[list[str]]:
    lines = text.partition("Cgroups: ")[2].partition("\n\n")[0].splitlines()[2:]
    return [line.split() for line in lines]


def test_cgroups_are_listed_with_their_tiers_where_there_is_more_than_one(analysis):
    first, memcg, direct, pod, *_ = rows_of(summary_text(analysis, FACTS, by_cgroup=True))
    assert first == ["/system.slice/db.service", *["50.0", "ms", "2", "40.0", "ms", "2.0", "MiB"]]
    assert sorted([memcg, direct]) == [
        ["2", "direct", "(global)", "10.0", "ms", "1", "10.0", "ms", "1.0", "MiB"],
        ["2", "direct", "(memcg)", "40.0", "ms", "1", "40.0", "ms", "1.0", "MiB"],
    ]
    assert pod[:4] == ["pod", UID, "30.0", "ms"]


SLICES = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podaa.slice"
LONG = {number: f"{SLICES}/a-service-with-a-long-name-{number}.service" for number in range(2, 6)}


@pytest.mark.parametrize(("width", "most"), [(48, 24), (80, 33), (96, 40)])
def test_long_paths_are_shortened_in_the_middle_where_the_table_is_narrow(width, most):
    told = analyse(STREAM, metadata=TOLD, cgroups=LONG)
    text = summary_text(told, FACTS, by_cgroup=True, paper=Paper(width=width))
    names = [line.split()[0] for line in text.partition("Cgroups: ")[2].splitlines() if "..." in line]
    ends = [name.rpartition("...")[2] for name in names]
    assert {len(name) for name in names} == {most}
    assert set(names) == {f"{SLICES[: (most - 3) // 3]}...{end}" for end in ends}
    assert {end[-11:] for end in ends} == {f"e-{number}.service"[-11:] for number in range(2, 6)}
    assert [row.path for row in told.cgroups or ()] == [LONG[number] for number in (2, 3, 4, 5)]


def test_paths_that_would_look_the_same_stay_whole():
    paths = {
        number: f"/machine.slice/{'x' * number * 9}/a-service-with-a-rather-long-name.service" for number in (2, 3)
    }
    text = summary_text(analyse(STREAM, metadata=TOLD, cgroups=paths), FACTS, by_cgroup=True, paper=Paper(width=80))
    assert "..." not in text.partition("Cgroups: ")[2].partition("\n\n")[0]


def test_whose_limit_it_was_has_a_column_where_it_is_told(analysis):
    assert "own limit" not in summary_text(analysis, FACTS, by_cgroup=True)
    stream = reclaim(2, 1 * MS, 40 * MS)
    stream[:1].view(KIND_BY_NAME["memcg_reclaim_begin"].record_dtype)["memcg_id"] = 9
    told = analyse(stream, metadata=TOLD, cgroups={**PATHS, 9: "/system.slice"})
    assert ["/system.slice", "40.0", "ms"] in rows_of(summary_text(told, FACTS, by_cgroup=True))


def test_the_plain_summary_names_those_that_waited_longest(analysis):
    text = " ".join(summary_text(analysis, FACTS).split())
    assert f"Waited, by cgroup: /system.slice/db.service 50.0 ms, pod {UID} container 0123456789ab 30.0 ms" in text
    assert "and 1 more cgroup (--by cgroup)" in text


def test_one_cgroup_alone_needs_no_line():
    text = summary_text(analyse(reclaim(2, MS, MS), metadata=TOLD, cgroups=PATHS), FACTS)
    assert "by cgroup" not in text


def test_a_strangers_path_moves_no_cursor_and_is_no_markup(analysis):
    text = summary_text(analysis, FACTS, by_cgroup=True)
    assert "\x1b" not in text
    assert "/evil\\x1b[31m\\n<b>" in text
    page = render(analysis, FACTS)
    assert "/evil" in page
    assert "<b>" not in page.partition("Who paid, by cgroup")[2].partition("</table>")[0]


def test_a_recording_that_tells_no_cgroups_says_so():
    text = summary_text(analyse(STREAM), RecordingFacts("x.rtrace", METADATA), by_cgroup=True)
    assert "Cgroups: this recording does not tell which cgroups tasks were in." in text


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("/system.slice/*", [PATHS[2]]),
        ("db.service", [PATHS[2]]),
        (UID, [POD]),
        ("0123456789ab*", [POD]),
        ("*", [PATHS[2], POD, PATHS[4]]),
        ("nowhere", []),
    ],
)
def test_a_pattern_chooses_by_path_unit_pod_and_container(analysis, pattern, paths):
    chosen = only_cgroups(analysis, pattern)
    assert [row.path for row in chosen.cgroups] == paths
    assert {stall.cgroup for stall in chosen.stalls} == {*paths}
    assert (chosen.tiers, chosen.findings) == (analysis.tiers, analysis.findings)


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cgroups") / "x.rtrace"
    writer = Writer(path, TOLD)
    writer.write_symbols(SYMBOLS)
    writer.write_cgroups(PATHS)
    writer.write_events(STREAM)
    writer.close()
    return path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["summary", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_reads_paths_from_the_file_and_chooses(recording):
    assert "/system.slice/db.service" in run(recording, "--by", "cgroup")
    shown = json.loads(run(recording, "--json", "--cgroup", "/system*"))
    assert errors("summary", shown) == []
    assert [(row["path"], row["unit"]) for row in shown["cgroups"]] == [(PATHS[2], "db.service")]
    assert {stall["cgroup"] for stall in shown["stalls"]} == {PATHS[2]}
    assert rows_of(run(recording, "--cgroup", UID))[0][:2] == ["pod", UID]
    assert "Cgroups: no task of these waited" in run(recording, "--cgroup", "nowhere")


def test_by_anything_else_is_refused(recording):
    result = CliRunner().invoke(app, ["summary", str(recording), "--by", "phase"])
    assert result.exit_code == 2


def test_a_cgroup_without_a_path_has_its_number_and_nothing_is_claimed_of_it():
    assert cgroup_label(CgroupRow(None, 7)) == "cgroup 7 (path unknown)"
