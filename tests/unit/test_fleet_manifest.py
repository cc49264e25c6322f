"""Which recordings a fleet has."""

from __future__ import annotations

import json

import pytest

from tracer.errors import UsageError
from tracer.fleet.manifest import Entry, entries_of


@pytest.fixture
def folder(tmp_path):
    for name in ("b.rtrace", "deep/a.rtrace", "parts.0001.rtrace", "parts.0002.rtrace", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_a_folder_has_all_recordings_below_it_and_one_in_several_files_once(folder):
    names = [entry.source.removeprefix(f"{folder}/") for entry in entries_of([str(folder)])]
    assert names == ["b.rtrace", "deep/a.rtrace", "parts.rtrace"]


def test_a_pattern_has_what_matches_it(folder):
    assert entries_of([f"{folder}/*/*.rtrace"]) == [Entry(f"{folder}/deep/a.rtrace")]


def test_nothing_found_is_an_error_in_one_line(folder):
    with pytest.raises(UsageError, match="no recording"):
        entries_of([f"{folder}/*.none"])


def test_a_csv_manifest_gives_labels_and_paths_relative_to_it(folder):
    manifest = folder / "fleet.csv"
    manifest.write_text("path,policy,guest\nb.rtrace,oom-only,web-1\ndeep/a.rtrace,,web-2\n")
    assert entries_of([str(manifest)]) == [
        Entry(f"{folder}/b.rtrace", {"policy": "oom-only", "guest": "web-1"}),
        Entry(f"{folder}/deep/a.rtrace", {"guest": "web-2"}),
    ]


@pytest.mark.parametrize("name", ["fleet.json", "fleet.jsonl"])
def test_a_json_manifest_does_the_same(folder, name):
    rows = [{"recording": "b.rtrace", "canary": True, "rack": 7, "note": None}]
    text = json.dumps(rows) if name.endswith("json") else "\n".join(map(json.dumps, rows))
    (folder / name).write_text(text)
    assert entries_of([str(folder / name)]) == [Entry(f"{folder}/b.rtrace", {"canary": "true", "rack": "7"})]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policy\noom\n", "names no recording"),
        ("path,policy\nb.rtrace,x,y\n", "more columns"),
        ("path,1st\nb.rtrace,x\n", "can't be a label's key"),
        ("path,policy\nb.rtrace,\x1b[2J\n", "must be a line"),
        ("\x00\n\x00", "names no recording"),
    ],
)
def test_what_is_no_manifest_is_told_in_one_line(folder, text, says):
    manifest = folder / "fleet.csv"
    manifest.write_text(text)
    with pytest.raises(UsageError, match=says) as raised:
        entries_of([str(manifest)])
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("text", ["[1]", "{", '[{"path": "x", "a": []}]', "[" * 100_000])
def test_json_that_is_no_manifest_is_told_in_one_line(folder, text):
    manifest = folder / "fleet.json"
    manifest.write_text(text)
    with pytest.raises(UsageError, match="is no manifest"):
        entries_of([str(manifest)])


def test_one_recording_with_two_labellings_is_refused(folder):
    first, second = folder / "a.csv", folder / "b.csv"
    first.write_text("path,policy\nb.rtrace,x\n")
    second.write_text("path,policy\nb.rtrace,y\n")
    with pytest.raises(UsageError, match="named twice"):
        entries_of([str(first), str(second)])
