"""A recording in several files read as one: nothing lost between them, and what is not there is said."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from store_cases import METADATA, calm_records, samples_at, times_of
from typer.testing import CliRunner

import tracer
from tracer.batch import LostStretch
from tracer.commands.app import app
from tracer.errors import RecordingError, TracerError
from tracer.metadata import Metadata
from tracer.recorder.output import Output
from tracer.store import Recording, RotatingWriter, Rotation, Writer, open_recording
from tracer.store.rotating import find_parts, part_path

TURNS, EVENTS = 6, 500
PART_BYTES = 20_000
"""Less than a turn's events, more than what every file begins with."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flight.rtrace"


def write(path: Path, keep: int | None = None, metadata: Metadata = METADATA, turns: int = TURNS) -> None:
    """A file a turn, of EVENTS that hardly compress, a note and a symbol of its own."""
    writer = RotatingWriter(path, metadata, Rotation(PART_BYTES, keep), force=True)
    for turn in range(turns):
        records = calm_records(EVENTS, metadata.start_ns + 10_000 * (turn + 1))
        records["args"] = np.frombuffer(np.random.default_rng(turn).bytes(64 * EVENTS), "V64")
        writer.write_block(records)
        writer.write_note("turn", turn)
        writer.write_symbols({turn + 1: f"symbol {turn}"})
    writer.close()


def expected_times(turns: range) -> list[int]:
    starts = [METADATA.start_ns + 10_000 * (turn + 1) for turn in turns]
    return [time for start in starts for time in calm_records(EVENTS, start)["time_ns"].tolist()]


def summary_of(path: Path, *options: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["summary", str(path), "--json", *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_name_that_was_recorded_to_is_all_its_files(path: Path) -> None:
    write(path)
    recording = open_recording(path)
    assert len(find_parts(path)) == TURNS
    assert times_of(recording) == expected_times(range(TURNS))
    assert recording.metadata == Recording.open(part_path(path, 1)).metadata
    assert (recording.complete, recording.cut_bytes, recording.bad_blocks) == (True, 0, 0)
    assert recording.event_count == EVENTS * TURNS
    assert recording.notes["turn"] == TURNS - 1
    assert recording.symbols[1] == "symbol 0"
    assert (recording.first_ns, recording.last_ns) == (11_000, 65_990)


def test_a_part_of_the_time_is_read_across_files(path: Path) -> None:
    write(path)
    times = [time for time in expected_times(range(TURNS)) if 12_000 <= time < 41_050]
    found = [
        int(time) for item in open_recording(path).items(12_000, 41_050) for time in item.header["time_ns"].tolist()
    ]
    assert found == times


def test_summary_replay_and_python_read_them_as_one(path: Path) -> None:
    write(path)
    recording = summary_of(path)["recording"]
    assert (recording["events"], recording["files"]) == (EVENTS * TURNS, TURNS)
    assert (recording["removed_files"], recording["missing_files"], recording["lost"]) == (0, [], 0)
    assert tracer.open(path).summary()["recording"] == recording
    for command in ("summary", "replay"):
        result = CliRunner().invoke(app, [command, str(path)])
        assert "it was read from 6 files" in " ".join(result.stdout.split())


def test_a_report_of_them_is_one_page(path: Path) -> None:
    write(path)
    assert CliRunner().invoke(app, ["report", str(path)]).exit_code == 0
    page = path.with_suffix(".html").read_text()
    assert "It was read from 6 files." in page


def test_removed_files_are_told_and_the_time_counts_from_the_first_that_is_there(path: Path) -> None:
    write(path, keep=2)
    recording = summary_of(path)["recording"]
    assert (recording["events"], recording["files"], recording["removed_files"]) == (2 * EVENTS, 2, TURNS - 2)
    assert open_recording(path).metadata.start_ns == expected_times(range(TURNS - 2, TURNS))[0]
    text = " ".join(CliRunner().invoke(app, ["summary", str(path)]).stdout.split())
    assert "it was read from 2 files; 4 earlier ones were removed" in text


def test_a_file_missing_in_between_is_a_lost_stretch_and_said(path: Path) -> None:
    write(path)
    part_path(path, 3).unlink()
    recording = open_recording(path)
    gaps = [item for item in recording.items() if isinstance(item, LostStretch)]
    before, after = Recording.open(part_path(path, 2)), Recording.open(part_path(path, 4))
    assert gaps == [LostStretch(before.last_ns, after.metadata.start_ns)]
    assert summary_of(path)["recording"]["missing_files"] == [3]
    text = " ".join(CliRunner().invoke(app, ["summary", str(path)]).stdout.split())
    assert "files missing in between: 3; their contents are unknown" in text
    result = CliRunner().invoke(app, ["summary", str(path), "--fail-on", "loss"])
    assert (result.exit_code, "loss 1 missing file" in result.output) == (5, True)
    # AND a part of the time beside it has no gap
    assert not [item for item in recording.items(after.first_ns + 1) if isinstance(item, LostStretch)]


def test_more_files_than_a_process_may_open_are_one_recording(path: Path) -> None:
    write(path, turns=12)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
    try:
        recording = open_recording(path)
        assert len(recording.parts) == 12
        for _ in range(2):
            assert times_of(recording) == expected_times(range(12))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # AND one of another time in its place is not taken for it
    part_path(path, 7).replace(path.with_name("away"))
    write(path.with_name("other.rtrace"), turns=7)
    part_path(path.with_name("other.rtrace"), 7).replace(part_path(path, 7))
    with pytest.raises(RecordingError, match=r"flight\.0007\.rtrace: was replaced while being read"):
        times_of(recording)


def test_a_number_far_from_the_others_is_none_of_a_recordings_files(path: Path) -> None:
    write(path)
    part_path(path, 6).replace(part_path(path, 10**12))
    with pytest.raises(RecordingError, match=r"flight\.rtrace: 999,999,999,994 files in between are missing"):
        open_recording(path)


def test_many_missing_files_are_named_by_the_first_of_them(path: Path) -> None:
    write(path)
    part_path(path, 6).replace(part_path(path, 60_000))
    assert len(summary_of(path)["recording"]["missing_files"]) == 59_994
    text = " ".join(CliRunner().invoke(app, ["summary", str(path)]).stdout.split())
    assert "files missing in between: 6, 7, 8" in text
    assert "24, 25 and 59,974 more; their contents are unknown" in text


def test_one_file_of_several_is_read_alone_and_says_so(path: Path) -> None:
    write(path)
    assert summary_of(part_path(path, 2))["recording"]["events"] == EVENTS
    text = " ".join(CliRunner().invoke(app, ["summary", str(part_path(path, 2))]).stdout.split())
    assert "this is file 2 of several: flight.rtrace opens all of them" in text


def test_a_file_of_that_name_goes_before_numbered_ones(path: Path) -> None:
    write(path)
    writer = Writer(path, METADATA)
    writer.write_samples(samples_at(5_000))
    writer.close()
    assert isinstance(open_recording(path), Recording)


def test_files_of_two_recordings_are_not_read_as_one(path: Path) -> None:
    write(path, turns=2)
    write(path.with_name("other.rtrace"), metadata=replace(METADATA, host="elsewhere"), turns=3)
    part_path(path.with_name("other.rtrace"), 3).replace(part_path(path, 3))
    with pytest.raises(RecordingError, match=r"flight\.0003\.rtrace: belongs to another recording than .*0002"):
        open_recording(path)


def test_a_last_file_cut_in_its_first_block_leaves_the_others(path: Path) -> None:
    write(path)
    last = part_path(path, TURNS)
    last.write_bytes(last.read_bytes()[:30])
    recording = open_recording(path)
    assert times_of(recording) == expected_times(range(TURNS - 1))
    assert (recording.complete, recording.cut_bytes) == (False, 30)
    assert recording.first_ns == expected_times(range(1))[0]


def test_none_at_all_is_told_as_a_missing_file(path: Path) -> None:
    with pytest.raises(RecordingError, match=r"flight\.rtrace: can't be read: No such file"):
        open_recording(path)


def test_recording_anew_takes_force_and_leaves_no_file_of_before(path: Path) -> None:
    write(path)
    part_path(path, 1).unlink()
    rotated = Output(path, rotation=Rotation(PART_BYTES))
    with pytest.raises(TracerError, match=r"flight\.0002\.rtrace: exists already"):
        rotated.check()
    replace(rotated, force=True).check()
    write(path, turns=2)
    assert list(find_parts(path)) == [1, 2]
