"""`record --label`: what may be one, and where it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from store_cases import METADATA, calm_records

from tracer.errors import UsageError
from tracer.labels import MOST_LABELS, label_words, labels_of
from tracer.store import Recording, RedactedRecording, Writer


def labelled(path: Path, **labels: str) -> Path:
    writer = Writer(path, replace(METADATA, labels=labels))
    writer.write_events(calm_records(3))
    writer.close()
    return path


def test_labels_are_read_as_they_are_typed():
    assert labels_of(["policy=oom-only", "rack=a=b", "empty="]) == {"policy": "oom-only", "rack": "a=b", "empty": ""}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["policy"], "give KEY=VALUE"),
        (["=x"], "can't be a label's key"),
        (["1a=x"], "can't be a label's key"),
        (["a\x1b[2J=x"], "can't be a label's key"),
        (["a=\x1b[2J"], "must be a line"),
        (["a=1", "a=2"], "given twice"),
        ([f"a{number}=1" for number in range(MOST_LABELS + 1)], "at most"),
    ],
)
def test_what_can_be_no_label_is_refused_in_one_line(words, says):
    with pytest.raises(UsageError, match=says) as raised:
        labels_of(words)
    assert str(raised.value).isprintable()


def test_a_label_that_can_be_none_is_a_usage_error_of_record():
    result = run("record", "--label", "policy")
    assert result.returncode == 2
    assert "give KEY=VALUE" in result.stderr


def test_a_recording_keeps_its_labels_and_shows_them(tmp_path):
    path = labelled(tmp_path / "a.rtrace", policy="oom-only", canary="yes")
    assert Recording.open(path).metadata.labels == {"policy": "oom-only", "canary": "yes"}
    assert "Labels: canary=yes, policy=oom-only" in run("summary", str(path)).stdout
    told = json.loads(run("summary", "--json", str(path)).stdout)
    assert told["recording"]["labels"] == {"policy": "oom-only", "canary": "yes"}
    report = tmp_path / "a.html"
    assert run("report", str(path), "-o", str(report)).returncode == 0
    assert "canary=yes, policy=oom-only" in report.read_text()


def test_labels_are_left_out_where_names_are(tmp_path):
    path = labelled(tmp_path / "a.rtrace", owner="alice")
    assert RedactedRecording(Recording.open(path)).metadata.labels == {}
    assert "alice" not in run("summary", "--redact", str(path)).stdout


def test_words_are_in_order_of_keys():
    assert label_words({"b": "2", "a": "1"}) == "a=1, b=2"
