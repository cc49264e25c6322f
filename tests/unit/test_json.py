"""`summary --json` and `check --json` against their schemas, and the schemas against docs/json.md."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from balloon_streams import shrinker_storm
from golden.cases import DATA
from json_schemas import ROOT, SCHEMA, errors
from jsonschema import Draft202012Validator, ValidationError
from streams import METADATA, MS, SECOND, Records, analyse, event, records
from typer.testing import CliRunner
from written_recordings import write_recording

import tracer
from tracer.batch import LostStretch
from tracer.check import facts as check_facts
from tracer.check.facts import gather
from tracer.commands.app import app
from tracer.kernel.access import Requirement
from tracer.metadata import BalloonInfo, ClockChange, ClockChangeKind, Metadata, PlanRow, SourceState
from tracer.program_cost import ProgramCost
from tracer.recording_facts import RecordingFacts
from tracer.store import Writer
from tracer.wording.summary import summary_json

PAGE = (ROOT / "docs/json.md").read_text()


def key_paths(schema: Any, root: Any, seen: set[str], path: str = "") -> Iterator[tuple[str, str]]:
    """Every key as a path with its type; objects with described keys give theirs, a shared entry is followed once."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = root["$defs"][name]
        if "properties" not in target or name in seen:
            yield path.removesuffix("[]"), "array" if path.endswith("[]") else type_of(target)
            return
        seen.add(name)
        yield from key_paths(target, root, seen, path)
    elif "oneOf" in schema:
        yield path, type_of(schema)
        for option in schema["oneOf"]:
            if "properties" in option:
                yield from key_paths(option, root, seen, path)
    elif "properties" in schema:
        for key, value in schema["properties"].items():
            yield from key_paths(value, root, seen, f"{path}.{key}".lstrip("."))
    elif "properties" in schema.get("items", {}) or "$ref" in schema.get("items", {}):
        yield from key_paths(schema["items"], root, seen, f"{path}[]")
    else:
        yield path, type_of(schema)


def type_of(schema: Any) -> str:
    """The type as docs/json.md writes it: `integer or null`."""
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    elif "oneOf" in schema:
        names = [option["type"] for option in schema["oneOf"]]
    else:
        json_types = {str: "string", int: "integer", type(None): "null"}
        names = [json_types[type(value)] for value in schema.get("enum", [schema.get("const")])]
    return " or ".join(sorted(set(names), key=lambda name: name == "null"))


def documented_paths(name: str) -> list[tuple[str, str]]:
    """Every key that docs/json.md lists in its part about a command, as a path with its type."""
    part = re.search(rf"^## `{name} --json`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL).group(1)
    paths = []
    for title, body in re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", part, re.MULTILINE | re.DOTALL):
        prefix = title.strip("`") + "." if title.startswith("`") else ""
        table = re.search(r"\| key \| type \| meaning \|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", body).group(1)
        rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", table, re.MULTILINE)
        paths += [(prefix + key, type_name) for key, type_name in rows]
    return paths


def documented_findings() -> dict[str, set[str]]:
    """Kinds of findings with the numbers that docs/json.md promises."""
    table = re.search(r"\| kind \| when \| numbers \|\n\|[-|]+\|\n((?:\|[^\n]*\n)+)", PAGE).group(1)
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    return {kind: set(re.findall(r"`(\w+)`", numbers)) for kind, numbers in rows}


def kswapd_and_loss() -> list[Records | LostStretch]:
    """A kswapd run, an unknown shrinker, unmatched ends, events lost."""
    stream = records(
        event(MS, "memcg_reclaim_end"),
        event(2 * MS, "kswapd_wake", 30, "kswapd0"),
        event(3 * MS, "shrink_slab_start", 30, "kswapd0", shrink=0x1234, total_scan=10, priority=3),
        event(4 * MS, "shrink_slab_end", 30, "kswapd0", shrink=0x1234, retval=4),
        event(5 * MS, "throttled", 31, usec_delayed=1000),
        event(6 * MS, "kswapd_sleep", 30, "kswapd0"),
        event(7 * MS, "oom_notifier_run", 31),
    )
    return [stream, LostStretch(0, SECOND, {"wakeup_kswapd": 3})]


OUTPUTS = {
    "nothing": summary_json(analyse(), RecordingFacts("x", Metadata())),
    "a storm of cycles, each a conflict": summary_json(analyse(*shrinker_storm()), RecordingFacts("x", METADATA)),
    "the programs' cost": summary_json(
        analyse(),
        RecordingFacts(
            "x", METADATA, program_cost={"shrink_slab_start": ProgramCost(3, 600), "never": ProgramCost(0, 0)}
        ),
    ),
    "clocks that moved and a slow disk": summary_json(
        analyse(),
        RecordingFacts(
            "x",
            METADATA,
            dropped_events=5,
            clock_changes=(
                ClockChange(METADATA.start_ns + 2 * SECOND, ClockChangeKind.SUSPENDED, 3 * SECOND),
                ClockChange(METADATA.start_ns + 4 * SECOND, ClockChangeKind.SET, -SECOND // 2),
            ),
        ),
    ),
    "kswapd and loss": summary_json(
        analyse(*kswapd_and_loss()), RecordingFacts("x", METADATA, cut_bytes=7, bad_blocks=1)
    ),
    **{path.stem: json.loads(path.read_text()) for path in DATA.glob("*.json")},
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[str, Any]:
    """What the command prints of a recording with kills, cycles and loss."""
    recording = write_recording(tmp_path_factory.mktemp("json") / "small.rtrace", lost=3)
    result = CliRunner().invoke(app, ["summary", str(recording), "--json"])
    assert result.exit_code == 0
    return json.loads(result.stdout)


@pytest.fixture
def check_output(monkeypatch) -> dict[str, Any]:
    """`check` on this machine, where something needed is missing, so that nothing is attached."""
    missing = Requirement("tracefs", False, "not mounted", "mount it")
    monkeypatch.setattr(check_facts, "requirements", lambda: (missing,))
    return json.loads(json.dumps(gather().to_json()))


@pytest.mark.parametrize("name", SCHEMA)
def test_a_schema_is_one(name):
    Draft202012Validator.check_schema(SCHEMA[name])
    assert SCHEMA[name]["additionalProperties"] is True


@pytest.mark.parametrize("name", SCHEMA)
def test_every_described_key_is_required(name):
    def objects(schema: Any) -> Iterator[dict[str, Any]]:
        if isinstance(schema, dict):
            yield from (schema,) if isinstance(schema.get("properties"), dict) and "type" in schema else ()
            for value in schema.values():
                yield from objects(value)
        elif isinstance(schema, list):
            for value in schema:
                yield from objects(value)

    found = list(objects(SCHEMA[name]))
    assert len(found) > 5
    assert [item["properties"].keys() for item in found] == [dict.fromkeys(item["required"]).keys() for item in found]


@pytest.mark.parametrize("name", SCHEMA)
def test_the_page_lists_the_schemas_keys_with_their_types_and_no_others(name):
    described = list(key_paths(SCHEMA[name], SCHEMA[name], set()))
    documented = documented_paths(name)
    assert len(documented) == len(set(documented)) > 20
    assert set(documented) == set(described)


@pytest.mark.parametrize("name", OUTPUTS)
def test_summaries_are_as_the_schema_says(name):
    assert errors("summary", json.loads(json.dumps(OUTPUTS[name], allow_nan=False))) == []


def test_the_printed_summary_is_as_the_schema_says(printed):
    assert errors("summary", printed) == []


def test_clock_changes_and_dropped_events_are_told_with_their_times():
    recording = OUTPUTS["clocks that moved and a slow disk"]["recording"]
    assert recording["dropped"] == 5
    assert recording["clock_changes"] == [
        {"at_s": 2.0, "kind": "suspended", "by_s": 3.0},
        {"at_s": 4.0, "kind": "set", "by_s": -0.5},
    ]


def test_the_printed_summary_has_what_the_recorder_noted(tmp_path):
    # GIVEN a recording whose notes speak of a clock and of dropped events
    path, start_ns = tmp_path / "noted.rtrace", METADATA.start_ns
    writer = Writer(path, METADATA)
    writer.write_lost(LostStretch(start_ns, start_ns + SECOND, {"wakeup_kswapd": 9}))
    writer.write_note("dropped_events", {"wakeup_kswapd": 4})
    writer.write_note("clock_changes", [[start_ns + SECOND, "set", 7 * SECOND]])
    writer.close()
    # WHEN it is summarised by the command and from Python
    result = CliRunner().invoke(app, ["summary", str(path), "--json"])
    printed = json.loads(result.stdout)["recording"]
    # THEN both say so
    assert (printed["lost"], printed["dropped"]) == (9, 4)
    assert printed["clock_changes"] == [{"at_s": 1.0, "kind": "set", "by_s": 7.0}]
    assert tracer.open(path).summary()["recording"] == printed


def test_the_outputs_reach_every_list_of_the_summary(printed):
    lists = [key for key, value in printed.items() if isinstance(value, list)]
    every = [*OUTPUTS.values(), printed]
    assert [key for key in lists if not any(output[key] for output in every)] == []
    assert any(output["episodes"] and output["episodes"][0]["before_notifier"] for output in every)


def test_findings_are_of_documented_kinds_with_documented_numbers(printed):
    known = documented_findings()
    findings = [finding for output in (*OUTPUTS.values(), printed) for finding in output["findings"]]
    assert {finding["kind"] for finding in findings} >= {"oom_kill", "storm", "conflict", "premature_tap", "lost"}
    assert [finding for finding in findings if set(finding["numbers"]) - known.get(finding["kind"], set())] == []
    assert {finding["kind"] for finding in findings} <= set(known)


def test_check_is_as_the_schema_says(check_output):
    assert errors("check", check_output) == []
    assert check_output["plan"]


def test_check_is_as_the_schema_says_where_there_is_a_balloon_and_where_there_is_not():
    used = PlanRow("kswapd_wake", "tracepoint:vmscan:mm_vmscan_kswapd_wake", SourceState.USED)
    facts = replace(gather_nothing(), plan=(used,), plan_tried=True, cgroup_version=2)
    there = BalloonInfo("virtio_balloon", "virtio0", ("deflate_on_oom",), "oom_notifier")
    for balloon in (there, BalloonInfo()):
        assert errors("check", json.loads(json.dumps(replace(facts, balloon=balloon).to_json()))) == []


def gather_nothing() -> check_facts.CheckFacts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check_facts, "requirements", lambda: (Requirement("tracefs", False, "not mounted", "mount it"),))
        return gather()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("recording", "events"), -1),
        (("recording", "start_utc"), "yesterday"),
        (("balloon", "quality"), "guessed"),
        (("cycles", 0, "class"), "unknown"),
        (("cycles", 0, "storm"), "1"),
        (("tiers", 0, "sources", "slab", "objects"), {"x": 1.5}),
        (("tiers", 0, "undescribed"), 1),
    ],
)
def test_the_schema_sees_what_is_wrong(path, value):
    output = copy.deepcopy(OUTPUTS["a storm of cycles, each a conflict"])
    place: Any = output
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert errors("summary", output)


@pytest.mark.parametrize("key", ["balloon", "storms"])
def test_the_schema_misses_a_missing_key_and_lets_a_new_one_pass(key):
    output = {**OUTPUTS["nothing"], "new_key": 1}
    Draft202012Validator(SCHEMA["summary"]).validate(output)
    del output[key]
    with pytest.raises(ValidationError, match=key):
        Draft202012Validator(SCHEMA["summary"]).validate(output)


def test_the_verdict_is_that_of_the_text_with_its_finding():
    storm, nothing = OUTPUTS["a storm of cycles, each a conflict"]["verdict"], OUTPUTS["kswapd and loss"]
    first = OUTPUTS["a storm of cycles, each a conflict"]["findings"][0]
    assert (storm["level"], storm["severity"], storm["kind"]) == ("critical", "critical", "storm")
    assert (storm["finding"], first["kind"]) == (first["id"], "storm")
    assert storm["text"].startswith("The balloon kept deflating and reinflating")
    unseen = summary_json(analyse(), RecordingFacts("x", METADATA, complete=False))["verdict"]
    assert (unseen["level"], unseen["severity"], unseen["finding"]) == ("unknown", None, None)
    assert "lower bounds" in nothing["verdict"]["qualifier"]
