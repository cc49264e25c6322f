"""`events` and `spans` on the command line: text, JSON lines, CSV, what pipes do, what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import ENV, ROOT, run
from golden.cases import DATA
from json_schemas import only_known_keys
from jsonschema import Draft202012Validator
from streams import METADATA, MS, SUPER_CACHE_SCAN, SYMBOLS, event, records, slab
from typer.testing import CliRunner
from written_recordings import HOSTILE_COMM, META, write_recording

from tracer.batch import LostStretch
from tracer.commands.app import app
from tracer.store import Writer

PAGE = (ROOT / "docs/evidence.md").read_text()
GUEST = DATA / "guest-host-reasserts.rtrace"
FORMULA = "=cmd|'/c x'!A0"
SCHEMA = {name: json.loads((ROOT / f"docs/schema/{name}.schema.json").read_text()) for name in ("events", "spans")}


def printed(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def objects(*arguments: object) -> list[dict]:
    return [json.loads(line) for line in printed(*arguments, "--json").splitlines()]


def table(*arguments: object) -> list[dict]:
    return list(csv.DictReader(io.StringIO(printed(*arguments, "--csv"))))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("evidence") / "small.rtrace", lost=7)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evidence") / "hostile.rtrace"
    writer = Writer(path, replace(METADATA, start_utc_ns=0))
    writer.write_symbols(SYMBOLS)
    writer.write_events(
        records(
            event(0, "shrink_slab_start", 1, FORMULA, shrink=SUPER_CACHE_SCAN),
            event(MS, "shrink_slab_end", 1, FORMULA, shrink=SUPER_CACHE_SCAN),
            event(2 * MS, "mark_victim", 2, 'a\x1b[31m\nb,"c', pid=3, victim_comm=b"@SUM(A1)"),
            event(3 * MS, "direct_reclaim_begin", 4, "\u202eabc"),
        )
    )
    writer.close()
    return path


def test_spans_as_text_are_those_of_the_page():
    text = printed("spans", GUEST, "--from", "13.8385", "--to", "13.8405")
    assert re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1] == text


def test_text_has_columns_that_stand_below_each_other(recording):
    head, *lines = printed("spans", recording, "--to", "0.06").splitlines()
    assert head == f"{'seconds':>13}  {'lasted':>9}  {'task, thread':<23}  span"
    shrunk = "super_cache_scan: 50 objects freed, 100 scanned, priority 12"
    task = f"{HOSTILE_COMM.encode('unicode_escape').decode()} 100"
    assert lines[:2] == [
        f"{'0.000000':>13}  {'10.0 ms':>9}  {task:<23}  direct_reclaim  40 pages reclaimed, order 0",
        f"{'0.001000':>13}  {'1.00 ms':>9}  {task:<23}    shrink_slab  {shrunk}",
    ]


def test_what_a_finding_names_is_marked():
    lines = printed("spans", GUEST, "--cycle", 1).splitlines()
    marked = [line for line in lines if line.startswith("* ")]
    rows = objects("spans", GUEST, "--cycle", 1)
    assert len(marked) == sum(row["evidence"] for row in rows) > 0
    assert all("oom_notify" in line or "balloon_work" in line or "leak_balloon" in line for line in marked)
    assert {row["evidence"] for row in objects("spans", GUEST, "--from", 13.83, "--to", 13.84)} == {None}


def test_edges_that_were_not_seen_are_said(hostile):
    last = printed("spans", hostile).splitlines()[-1]
    assert last.endswith("direct_reclaim  order 0 (its end was not seen)")
    assert f"{'-':>9}" in last


@pytest.mark.parametrize("name", SCHEMA)
def test_json_lines_are_as_the_schema_and_the_page_say(name, recording, hostile):
    Draft202012Validator.check_schema(SCHEMA[name])
    validator = Draft202012Validator(only_known_keys(SCHEMA[name]))
    rows = [row for path in (recording, hostile, GUEST) for row in objects(name, path, "-n", 300)]
    assert [error.message for row in rows for error in validator.iter_errors(row)] == []
    keys = list(SCHEMA[name]["properties"])
    assert all(list(row) == keys for row in rows)
    section = PAGE.partition(f"## `{name} --json`")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == keys


@pytest.mark.parametrize("name", SCHEMA)
def test_csv_says_what_json_says(name, recording):
    rows, cells = objects(name, recording), table(name, recording)
    assert len(cells) == len(rows)
    assert list(cells[0]) == list(SCHEMA[name]["properties"])
    for row, cell in zip(rows, cells, strict=True):
        assert cell["kind"] == row["kind"]
        assert cell["tid"] == ("" if row["tid"] is None else str(row["tid"]))


def test_csv_of_one_kind_has_its_fields_as_columns():
    (first, *_) = table("events", GUEST, "--kind", "shrink_slab_start")
    assert first["shrink_name"].startswith(("super_cache_scan", "ext4", "deferred", "mb_cache", "kfree", "scan_"))
    assert first["memcg_id"] == "", "5.10 has no such field"
    assert "fields" not in first


def test_no_text_begins_a_formula_or_a_line_in_csv(hostile):
    text = printed("events", hostile, "--csv")
    assert "\x1b" not in text
    assert [row["comm"] for row in csv.DictReader(io.StringIO(text))] == [
        f"'{FORMULA}",
        f"'{FORMULA}",
        'a\\x1b[31m\\nb,"c',
        "\\u202eabc",
    ]
    (victim,) = table("events", hostile, "--kind", "mark_victim")
    assert victim["victim_comm"] == "'@SUM(A1)"


def test_names_move_no_cursor(hostile):
    for command in ("events", "spans"):
        for form in ((), ("--json",)):
            text = printed(command, hostile, *form)
            assert text.replace("\n", "").isprintable()
    names = {row["comm"] for row in objects("events", hostile)}
    assert 'a\x1b[31m\nb,"c' in names, "JSON has them as they are"


def test_times_count_from_the_start_the_boot_or_stand_on_the_wall(recording, hostile):
    def first(time):
        return printed("events", recording, "-n", 1, "--time", time).splitlines()[1].split()[0]

    assert (first("start"), first("dmesg")) == ("0.000000", f"{META.start_ns / 1e9:.6f}")
    assert first("wall") == "2023-11-14T22:13:20.000000Z"
    assert objects("events", recording, "-n", 1)[0]["time_utc"] == "2023-11-14T22:13:20.000000Z"
    assert run("events", hostile, "--time", "wall").returncode == 2


def test_lost_events_are_told_among_the_others(recording):
    lines = printed("events", recording).splitlines()
    assert f"{'2.000000':>13}  --- 7 events were lost until 3.000000: 7 shrink_slab_start ---" in lines
    (row,) = objects("events", recording, "--kind", "lost")
    assert (row["fields"], row["tid"]) == ({"until_s": 3.0, "shrink_slab_start": 7}, None)


def test_an_event_without_fields_is_told_in_the_words_of_the_page():
    line = printed("events", GUEST, "--kind", "virtballoon_changed", "-n", 1).splitlines()[1]
    assert line.endswith("  the host changed the device's configuration")
    assert objects("events", GUEST, "--kind", "virtballoon_changed", "-n", 1)[0]["fields"] == {}


def test_a_limit_that_cuts_is_said(recording):
    result = run("spans", recording, "-n", 2)
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == "More rows follow: --limit 2 was reached.\n"
    assert run("spans", recording, "-n", 100_000).stderr == ""
    assert run("spans", recording, "-n", 1 << 70).stderr == ""


def test_a_number_that_no_kernel_gives_a_task_is_refused(recording):
    for number in (-1, 1 << 22, 1 << 70):
        result = run("events", recording, f"--pid={number}")
        assert (result.returncode, result.stdout) == (2, "")
        assert "Invalid value for '--pid'" in result.stderr


@pytest.mark.parametrize("command", [("events",), ("spans",), ("export", "--format", "chrome")])
def test_a_reader_that_has_seen_enough_is_no_failure(command):
    with subprocess.Popen(
        [sys.executable, "-m", "tracer", *command, str(GUEST)],
        cwd=ROOT,
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_standard_input_is_read_as_a_stream(recording):
    with recording.open("rb") as stream:
        result = run("spans", "-", "--json", stdin=stream)
    assert result.stdout == printed("spans", recording, "--json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--finding", 5), "there is no finding 5; `summary --json` lists the ids of all"),
        (("--cycle", 99), "there is no cycle 99"),
        (("--kind", "nothing"), "there is no span kind 'nothing'"),
        (("--json", "--csv"), "--json and --csv exclude each other"),
        (("--from", 3, "--to", 2), "the range is empty"),
        (("--finding", 1 << 70), f"there is no finding {1 << 70}"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(recording, arguments, words):
    result = run("spans", recording, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_recording_that_is_cut_is_shown_as_far_as_it_goes(tmp_path):
    whole = GUEST.read_bytes()
    path = tmp_path / "cut.rtrace"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    rows, everything = objects("events", path), objects("events", GUEST, "-n", 100_000)
    assert 0 < len(rows) < len(everything)
    assert rows == everything[: len(rows)]


@pytest.mark.parametrize("command", ["events", "spans"])
def test_a_cgroup_that_the_recording_does_not_name_is_said(tmp_path, command):
    # GIVEN a recording of two cgroups, and one that names none
    named = tmp_path / "named.rtrace"
    writer = Writer(named, METADATA)
    writer.write_symbols(SYMBOLS)
    writer.write_events(records(slab(0, MS, 1, cgroup_id=5), slab(2 * MS, 3 * MS, 2, cgroup_id=6)))
    writer.write_cgroups({5: "/system.slice/db.service", 6: "/user.slice"})
    writer.close()
    unnamed = write_recording(tmp_path / "unnamed.rtrace")
    # WHEN one is asked for that is not there THEN it is said, and how to ask for those below it
    done = run(command, named, "--cgroup", "/system.slice/", "--csv")
    assert done.returncode == 0
    assert "names 2 cgroups, none of them /system.slice/; those below it are '/system.slice/*'" in done.stderr
    assert "names no cgroups" in run(command, unnamed, "--cgroup", "/user.slice").stderr
    # AND nothing is said where there is such a one
    assert run(command, named, "--cgroup", "/system.slice/*").stderr == ""


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("events",), "Rows may be missing"),
        (("spans",), "Rows may be missing"),
        (("export", "--format", "chrome"), "Part of what happened is missing"),
    ],
)
def test_rows_that_may_be_missing_are_said(tmp_path, command, words):
    path = tmp_path / "cut.rtrace"
    path.write_bytes(GUEST.read_bytes()[:200])
    assert run(*command, path).stderr.startswith(f"{words}: the recording was cut short (")
    with path.open("rb") as stream:
        assert "the recording was cut short (" in run(*command, "-", stdin=stream).stderr
    with GUEST.open("rb") as stream:
        assert run(*command, "-", stdin=stream).stderr == ""


def test_lost_events_of_unknown_number_are_told(tmp_path):
    writer = Writer(path := tmp_path / "gap.rtrace", METADATA)
    writer.write_events(slab(0, MS))
    writer.write_lost(LostStretch(2 * MS, 4 * MS))
    writer.close()
    assert "--- events are missing until 0.004000: nobody counted them ---" in printed("events", path)
