"""Descriptions found by file, folder or release; what is none is refused in one line that names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from described_kernels import described

from tracer.errors import RecordingError, TracerError, UsageError
from tracer.probes.facts.facts import Facts
from tracer.probes.facts.file_format import MAX_FILE_BYTES, encode
from tracer.probes.facts.finding import find_descriptions


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Facts:
    """A description of `6.12.9-guest` in this folder, and a copy in `guests`."""
    found = described(tmp_path / "machine")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "guests").mkdir()
    for name in ("6.12.9-guest.facts", "guests/b.facts"):
        (tmp_path / name).write_bytes(encode(found))
    (tmp_path / "guests/notes.txt").write_text("no description")
    return found


@pytest.mark.parametrize("name", ["6.12.9-guest.facts", "6.12.9-guest", "guests/b.facts", "guests", "guests/b"])
def test_a_file_a_release_and_a_folder_lead_to_the_description(facts: Facts, name: str):
    assert list(find_descriptions([name]).values()) == [facts]


def test_what_is_named_twice_is_read_once(facts: Facts):
    found = find_descriptions(["guests", "guests/b.facts", "6.12.9-guest"])
    assert list(found) == [Path("guests/b.facts"), Path("6.12.9-guest.facts")]


def test_a_name_that_leads_nowhere_says_how_to_describe(facts: Facts):
    with pytest.raises(
        UsageError, match=r"--for 5\.4: no such file or folder, and no 5\.4\.facts either; .*programs describe"
    ):
        find_descriptions(["5.4"])


def test_a_folder_without_a_description_is_refused(facts: Facts, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty: no description"):
        find_descriptions(["empty"])


def test_a_damaged_file_is_named(facts: Facts):
    Path("guests/b.facts").write_bytes(encode(facts)[:-1])
    with pytest.raises(RecordingError, match=r"guests/b\.facts: damaged"):
        find_descriptions(["guests"])


def test_pipes_and_endless_files_are_refused_at_once(facts: Facts, tmp_path: Path):
    os.mkfifo("pipe")
    with pytest.raises(RecordingError, match="not a regular file"):
        find_descriptions(["pipe"])
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_FILE_BYTES * 1000)
    with pytest.raises(RecordingError, match="large: "):
        find_descriptions(["large"])


def test_a_file_that_cannot_be_read_is_an_error_of_one_line(facts: Facts, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TracerError, match="can't be read: Permission denied"):
        find_descriptions(["guests/b.facts"])
