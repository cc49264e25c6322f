"""What a recording may say: as declared it is read, anything else is refused or left out, and never computed with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recording_inputs import FileOfBlocks
from store_cases import METADATA, calm_records, events_of, samples_at

from tracer.batch import Samples
from tracer.errors import RecordingError
from tracer.jobs.analysis import analyse_file
from tracer.metadata import Metadata
from tracer.program_cost import COST_NOTE
from tracer.report.page import render
from tracer.schema import SAMPLE_NULL
from tracer.store import Recording
from tracer.store.contents import METADATA as METADATA_SHAPE
from tracer.store.contents import NOTE_VALUES
from tracer.store.event_columns import EventEncoder
from tracer.store.format import MAX_BLOCK_ROWS, MAX_JSON_BYTES, MOST_COUNT, MOST_NS, BlockType
from tracer.store.kinds import kind_table
from tracer.store.note_keys import (
    CLOCK_CHANGES_NOTE,
    DROPPED_EVENTS_NOTE,
    END_NOTE,
    HOST_COMMANDS_NOTE,
    IMPORT_NOTE,
    MARKS_NOTE,
    NOT_KEPT_NOTE,
    PART_NOTE,
    SKIPPED_PARTS_NOTE,
)
from tracer.store.payloads import encode_samples
from tracer.terminal.summary_text import summary_text

EVENTS = bytes(EventEncoder(5).encode(calm_records(5)))
PLAN_ROW = {"what": "proactive_reclaim_begin", "source": "s", "state": "absent", "reason": ""}


def recording_of(path: Path, add: Callable[[FileOfBlocks], None] | None = None, **said: Any) -> Path:
    """A recording of five events with right checksums, whatever it says of itself."""
    metadata = METADATA.to_json() | said
    file = FileOfBlocks(json.dumps({"metadata": metadata, "kinds": kind_table()}).encode())
    file.add(BlockType.EVENTS, 5, EVENTS)
    if add:
        add(file)
    path.write_bytes(file.close())
    return path


def shown_everywhere(path: Path) -> str:
    """Its summary; the report is made, too."""
    analysis, facts = analyse_file(path)
    assert render(analysis, facts)
    return summary_text(analysis, facts)


def refusal(path: Path) -> str:
    """Why it can't be opened, or nothing."""
    try:
        Recording.open(path)
    except RecordingError as error:
        return str(error)
    return ""


def test_every_field_of_the_description_is_declared() -> None:
    assert METADATA_SHAPE.shapes.keys() == Metadata.__dataclass_fields__.keys()
    METADATA_SHAPE.check(json.loads(json.dumps(Metadata().to_json())))


@pytest.mark.parametrize("value", [[], {}, "x", 7.5, True, -(2**70), 2**70, 10**400, [["a"]], {"a": [1]}])
@pytest.mark.parametrize("field", [*METADATA_SHAPE.shapes])
def test_a_description_is_refused_by_its_field_or_shown(tmp_path: Path, field: str, value: object) -> None:
    path = recording_of(tmp_path / "x.rtrace", **{field: value})
    if refused := refusal(path):
        assert f"metadata.{field}" in refused
        assert refused.isprintable()
    else:
        assert shown_everywhere(path)


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"balloon": {"driver": "virtio_balloon", "features": [1]}}, "metadata.balloon.features[0] is not a string"),
        ({"command": [1]}, "metadata.command[0] is not a string"),
        ({"plan": [{**PLAN_ROW, "reason": 5}]}, "metadata.plan[0].reason is not a string"),
        ({"plan": [{**PLAN_ROW, "what": ["a"]}]}, "metadata.plan[0].what is not a string"),
        (
            {"plan": [{**PLAN_ROW, "state": "seen"}]},
            "metadata.plan[0].state is not one of absent, refused, unused, used",
        ),
        ({"plan": [{"what": "a", "source": "b"}]}, "metadata.plan[0] has no state"),
        ({"absent_fields": {"a": ["x", 1]}}, "metadata.absent_fields.a[1] is not a string"),
        ({"absent_fields": {"a\x1b\n": 1}}, "metadata.absent_fields.a\\x1b\\n is not a list"),
        ({"start_utc_ns": 10**30}, f"metadata.start_utc_ns is not an integer from 0 to {MOST_NS}"),
        ({"sample_interval_s": -1}, "metadata.sample_interval_s is not a number from 0 to 1e+09"),
        ({"host": "h" * 5000}, "metadata.host has 5,000 characters, more than 4,096"),
    ],
)
def test_the_message_says_which_value_is_wrong_and_what_it_should_be(tmp_path: Path, said: Any, where: str) -> None:
    path = recording_of(tmp_path / "x.rtrace", **said)
    with pytest.raises(RecordingError) as caught:
        Recording.open(path)
    start = f"{path}: its first block (the metadata) is damaged: "
    assert str(caught.value) == f"{start}{where}; nothing can be read"
    assert caught.value.exit_code == 4


BAD_NOTES = [
    (END_NOTE, 2**63),
    (END_NOTE, -1),
    (END_NOTE, "x"),
    (PART_NOTE, [1]),
    (SKIPPED_PARTS_NOTE, 2),
    (SKIPPED_PARTS_NOTE, [-1]),
    (SKIPPED_PARTS_NOTE, [*range(1001)]),
    (CLOCK_CHANGES_NOTE, [[10**400, "set", 10**400]]),
    (CLOCK_CHANGES_NOTE, [[1, "slept", 2]]),
    (CLOCK_CHANGES_NOTE, [[1, "set"]]),
    (CLOCK_CHANGES_NOTE, [[1, "set", 1]] * 1001),
    (DROPPED_EVENTS_NOTE, {"throttled": -1}),
    (DROPPED_EVENTS_NOTE, [1]),
    (COST_NOTE, {"a": {"runs": "x", "run_time_ns": 1}}),
    (COST_NOTE, {"a": {"runs": 1}}),
    (COST_NOTE, 7),
    (HOST_COMMANDS_NOTE, [{"time_s": 1.0}]),
    (HOST_COMMANDS_NOTE, [{"time_s": 1e300, "target_bytes": 1}]),
    (HOST_COMMANDS_NOTE, [{"time_s": 1.0, "target_bytes": 1, "comment": "x" * 201}]),
    (IMPORT_NOTE, 7),
    (IMPORT_NOTE, {"damage": 7}),
    (MARKS_NOTE, [[-1, "x"]]),
    (MARKS_NOTE, [[1, 2]]),
    (MARKS_NOTE, [[1, "x" * 121]]),
    (MARKS_NOTE, [[1, "x"]] * 257),
    (NOT_KEPT_NOTE, "x"),
    (NOT_KEPT_NOTE, -1),
]


@pytest.mark.parametrize(("key", "value"), BAD_NOTES)
def test_a_note_that_is_not_as_declared_is_a_damaged_block(tmp_path: Path, key: str, value: object) -> None:
    note = json.dumps({"key": key, "value": value}).encode()
    path = recording_of(tmp_path / "x.rtrace", lambda file: file.add(BlockType.NOTE, 1, note))
    recording = Recording.open(path)
    assert (key in recording.notes, recording.bad_blocks, len(events_of(recording))) == (False, 1, 5)
    assert "1 damaged block" in shown_everywhere(path)


def test_every_note_that_is_computed_with_is_tried_above() -> None:
    assert NOTE_VALUES.keys() - {key for key, _ in BAD_NOTES} == {"dropped_samples"}


def test_a_note_nobody_knows_may_be_anything(tmp_path: Path) -> None:
    note = json.dumps({"key": "of a later version", "value": [{"a": None}, 10**400]}).encode()
    path = recording_of(tmp_path / "x.rtrace", lambda file: file.add(BlockType.NOTE, 1, note))
    assert Recording.open(path).notes == {"of a later version": [{"a": None}, 10**400]}
    assert "damaged" not in shown_everywhere(path)


def at(time_ns: int) -> bytes:
    return bytes(EventEncoder(1).encode(calm_records(1, time_ns)))


SAMPLES = encode_samples(samples_at(10, 20))


@pytest.mark.parametrize(
    ("kind", "payload", "changes"),
    [
        (BlockType.EVENTS, at(2**63 - 1), {"last_ns": 2**63}),
        (BlockType.EVENTS, at(MOST_NS + 1), {}),
        (BlockType.EVENTS, at(1_000), {"last_ns": 2**63}),
        (BlockType.EVENTS, at(1_000), {"last_ns": 999}),
        (BlockType.EVENTS, at(1_000), {"first_ns": 1_001}),
        (BlockType.EVENTS, at(1_000), {"first_ns": 1_001, "last_ns": 999}),
        (BlockType.EVENTS, at(1_000), {"rows": MAX_BLOCK_ROWS + 1}),
        (BlockType.SAMPLES, SAMPLES, {"rows": 2, "last_ns": 19}),
        (BlockType.SAMPLES, encode_samples(samples_at(1, names=tuple(f"n{i}" for i in range(513)))), {}),
        (BlockType.SAMPLES, encode_samples(samples_at(1, names=("n" * 300,))), {}),
        (BlockType.SAMPLES, encode_samples(samples_at(1, names=("n", "n"))), {}),
        (BlockType.LOST, json.dumps([[-(2**70), 10**400, {"a": 1}]]).encode(), {}),
        (BlockType.LOST, b'[[2,1,{"a":1}]]', {}),
        (BlockType.LOST, b'[[1,2,{"a":1}]]', {"last_ns": 1}),
        (BlockType.LOST, b'[[1,2,{"a":-1}]]', {}),
        (BlockType.LOST, b'[[1,2,{"a":true}]]', {}),
        (BlockType.LOST, b"[[1,NaN,{}]]", {}),
        (BlockType.SYMBOLS, b'{"1":5}', {}),
        (BlockType.SYMBOLS, b'{"-1":"a","11111111111111111":"b"}', {}),
        (BlockType.CGROUPS, b'{"1":5}', {}),
        (BlockType.CGROUPS, b'{"root":"/"}', {}),
        (BlockType.CGROUPS, b'{"1":"' + b"a" * 5000 + b'"}', {}),
        (BlockType.CGROUPS, json.dumps({f"{number:x}": "/" for number in range(1 << 17)}).encode(), {}),
        (BlockType.NOTE, b'{"key":"x"}', {}),
        (BlockType.NOTE, b'{"key":"x","value":"' + b"a" * MAX_JSON_BYTES + b'"}', {}),
    ],
)
def test_what_no_writer_writes_is_a_damaged_block(tmp_path: Path, kind: int, payload: bytes, changes: Any) -> None:
    def add(file: FileOfBlocks) -> None:
        file.add(kind, payload=payload, **{"rows": 1, **changes})

    path = recording_of(tmp_path / "x.rtrace", add)
    recording = Recording.open(path)
    assert [len(events_of(recording)) for _ in range(2)] == [5, 5]
    assert recording.bad_blocks == 1
    assert recording.last_ns <= MOST_NS
    assert "1 damaged block" in shown_everywhere(path)


def test_a_reading_that_no_counter_shows_is_unknown_and_the_others_stay(tmp_path: Path) -> None:
    samples = samples_at(10, 20, 30)
    samples.values[1] = (2**63 - 1, -(2**62))
    samples.values[2] = (MOST_COUNT, -MOST_COUNT)
    path = recording_of(
        tmp_path / "x.rtrace", lambda file: file.add(BlockType.SAMPLES, 3, encode_samples(samples)), start_ns=10
    )
    found = [item.values.tolist() for item in Recording.open(path).items() if isinstance(item, Samples)]
    assert found == [[[10, 20], [SAMPLE_NULL, SAMPLE_NULL], [MOST_COUNT, -MOST_COUNT]]]
    assert "damaged" not in shown_everywhere(path)


def test_notes_together_take_no_more_than_a_bound_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    def add(file: FileOfBlocks) -> None:
        for key in ("same", "same", "same", "other"):
            file.add(BlockType.NOTE, 1, json.dumps({"key": key, "value": "a" * (MAX_JSON_BYTES * 2 // 3)}).encode())

    recording = Recording.open(recording_of(tmp_path / "x.rtrace", add))
    assert (list(recording.notes), recording.bad_blocks) == (["same"], 1)
