"""Marks: lines that a recorder reads while it records, and what every view of the recording says of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from written_recordings import LENGTH_S, START_NS, write_recording

from tracer.recorder.marks import MarkLines, mark_words
from tracer.store.note_keys import MARKS_NOTE, MOST_MARK_CHARS, MOST_MARKS

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        self.now_ns += 1
        return self.now_ns


@pytest.fixture
def pipe() -> Iterator[tuple[int, Callable[[bytes], None], Callable[[], None]]]:
    reader, writer = os.pipe()
    closed: list[int] = []

    def close() -> None:
        if not closed:
            closed.append(1)
            os.close(writer)

    yield reader, lambda data: os.write(writer, data) and None, close
    close()
    os.close(reader)


def looking(reader: int, notes: list[Any]) -> Callable[[], MarkLines]:
    lines = MarkLines(lambda key, value: notes.append((key, value)), reader, Clock())
    now = iter(range(1, 10_000))

    def look() -> MarkLines:
        lines.look(float(next(now)))
        return lines

    return look


def test_each_line_is_a_mark_with_its_time_and_the_note_has_all(pipe) -> None:
    reader, write, _close = pipe
    notes: list[Any] = []
    look = looking(reader, notes)
    look()
    assert notes == []
    write(b"before the resize\nhal")
    look()
    write(b"f done\n\n  \n")
    assert not look().has_ended
    assert notes == [
        (MARKS_NOTE, [[1, "before the resize"]]),
        (MARKS_NOTE, [[1, "before the resize"], [2, "half done"]]),
    ]


def test_the_end_of_the_lines_is_told(pipe) -> None:
    reader, write, close = pipe
    notes: list[Any] = []
    look = looking(reader, notes)
    write(b"last\n")
    close()
    look()
    assert look().has_ended
    assert notes == [(MARKS_NOTE, [[1, "last"]])]


def test_a_flood_is_bounded(pipe) -> None:
    reader, write, _close = pipe
    notes: list[Any] = []
    look = looking(reader, notes)
    for _ in range(MOST_MARKS):
        write(b"x\n" * 400)
        look()
    assert len(notes[-1][1]) == MOST_MARKS
    write(b"y" * 60_000)
    for _ in range(80):
        look()
    write(b"\nz\n")
    look()
    assert len(notes[-1][1]) == MOST_MARKS


def test_a_mark_is_one_short_printable_line() -> None:
    assert mark_words(" a\x1b[31m \t b\r\n") == r"a\x1b[31m b"
    assert len(mark_words("x" * 1000)) == MOST_MARK_CHARS


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    rows = [[START_NS + SECOND, "before <b>it</b>"], [START_NS + 3 * SECOND, "aft\x1b[31mer"]]
    return write_recording(tmp_path / "marked.rtrace", notes={MARKS_NOTE: rows})


def test_the_summary_tells_them_in_words_and_json(marked: Path) -> None:
    text = run("summary", marked).stdout
    assert "mark at 1.000 s: before <b>it</b>" in text
    assert r"mark at 3.000 s: aft\x1b[31mer" in text
    assert '"text": "before <b>it</b>"' in run("summary", marked, "--json").stdout


def test_a_part_of_a_recording_has_its_own_marks(marked: Path) -> None:
    text = run("summary", marked, "--from", 2, "--to", LENGTH_S).stdout
    assert "before" not in text
    assert "mark at 1.000 s: aft" in text


def test_the_report_tells_them_escaped(marked: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("report", marked, "-o", page).returncode == 0
    assert "ark at 1.000 s: before &lt;b&gt;it&lt;/b&gt;" in page.read_text()


def test_marks_are_not_read_beside_a_command() -> None:
    result = run("record", "--marks", "-o", "x.rtrace", "--", "true")
    assert result.returncode == 2
    assert "--marks reads standard input" in result.stderr
