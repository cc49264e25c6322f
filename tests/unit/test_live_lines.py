"""The live view as lines and as JSON: what they say of labelled recordings, and of names that want to be more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from looking import recorded, snapshots
from streams import event, records

from tests.golden.cases import DATA
from tracer.live.model import Snapshot, State
from tracer.live.snapshot_json import snapshot_json
from tracer.store import Recording
from tracer.terminal.live_lines import LineTable, finding_line, state_line

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/schema/live.schema.json").read_text())
RECORDINGS = sorted(path.stem for path in DATA.glob("*.rtrace"))


@pytest.fixture(scope="module")
def looks() -> dict[str, list[Snapshot]]:
    return {name: [*recorded(Recording.open(DATA / f"{name}.rtrace"))] for name in RECORDINGS}


@pytest.fixture
def snapshot() -> Snapshot:
    """Of a quiet machine."""
    return snapshots(records(event(0, "wakeup_kswapd")), until_s=2)[-1]


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_line_fits_a_serial_console_and_every_object_its_schema(looks, name: str) -> None:
    table, validator = LineTable(), Draft202012Validator(SCHEMA)
    for snapshot in looks[name]:
        assert max(len(line) for line in table.lines(snapshot)) <= 79
        assert [error.message for error in validator.iter_errors(json.loads(json.dumps(snapshot_json(snapshot))))] == []


def test_heads_are_repeated_and_stand_over_their_numbers(looks) -> None:
    table = LineTable()
    lines = [line for snapshot in looks["guest-lru-gen"] for line in table.lines(snapshot)]
    heads = [number for number, line in enumerate(lines) if line.startswith("time")]
    assert heads[:2] == [0, 22]
    head, row = lines[0], lines[2]
    assert head.index("avail") + len("avail") == len(row[: head.index("avail") + len("avail")].rstrip())


def test_what_is_not_known_is_a_dash_and_never_zero(snapshot: Snapshot) -> None:
    window = snapshot.windows["1s"]
    unknown = replace(
        snapshot,
        memory=replace(snapshot.memory, available_bytes=None),
        balloon=replace(snapshot.balloon, size_bytes=None),
        windows=dict.fromkeys(
            snapshot.windows,
            replace(window, tiers=[], psi_some=None, waiting_share=None, refault_bytes=None),
        ),
    )
    assert [*LineTable().lines(unknown)][-1].split()[2:] == ["-"] * 8 + ["0"]


def test_large_numbers_stay_in_their_columns(snapshot: Snapshot) -> None:
    huge = replace(
        snapshot,
        memory=replace(snapshot.memory, available_bytes=5 << 50),
        flow=replace(snapshot.flow, lost_events=987_654_321),
    )
    row = [*LineTable().lines(huge)][-1]
    assert len(row) <= 79
    assert row.split()[2] == "5369M"
    assert row.split()[-1] == "988M"


def test_names_cannot_move_the_cursor(snapshot: Snapshot) -> None:
    hostile = "\x1b[2J\r\nname"
    standing = replace(snapshot.standing, state=State.RECLAIMING, where=hostile, why=hostile)
    (line,) = state_line(replace(snapshot, standing=standing))
    assert line.isprintable()


def test_a_finding_has_the_time_at_which_it_began(looks) -> None:
    snapshot = looks["guest-no-deflate"][-1]
    finding = next(each for each in snapshot.findings if each.kind == "oom_kill")
    assert finding.severity.value in finding_line(finding, snapshot)
    assert finding.text in finding_line(finding, snapshot)
    assert finding_line(finding, replace(snapshot, source=replace(snapshot.source, start_utc_ns=0))).startswith(
        f"{finding.start_s:7.1f}s"
    )
