"""`sql` as it is typed: forms of answers, files, mistakes, the prompt."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sql_questions import answer_text
from sql_sessions import KILL, printed, rows, session_of
from streams import MS, event, records
from written_recordings import START_NS, write_recording

import tracer
from tracer.analyze import Options
from tracer.jobs.asking import Asking, bounded, divided
from tracer.store import Recording, Writer, open_recording
from tracer.terminal.prompt import Prompt, statements

# The command.


def test_a_word_that_is_no_file_and_more_than_one_word_is_the_query(tmp_path: Path) -> None:
    odd = tmp_path / "two words"
    odd.write_bytes(b"")
    assert divided(["a", "SELECT 1"]) == ([Path("a")], "SELECT 1")
    assert divided(["a", "b"]) == ([Path("a"), Path("b")], None)
    assert divided([str(odd)]) == ([odd], None)
    for words in (["SELECT 1"], ["-", "SELECT 1"]):
        with pytest.raises(tracer.UsageError):
            divided(words)


def test_forms(capsys: pytest.CaptureFixture[str]) -> None:
    query = (
        "SELECT kind, kind AS kind, numbers, cost, open, sum(1) AS n FROM findings WHERE kind = 'oom_kill' GROUP BY ALL"
    )
    (told,) = map(json.loads, printed(capsys, KILL, query, "--json").splitlines())
    assert (told["kind"], told["kind_2"], told["cost"], told["open"], told["n"]) == (
        "oom_kill",
        "oom_kill",
        None,
        False,
        1,
    )
    assert told["numbers"]["pid"] == 23632
    (cells,) = csv.DictReader(io.StringIO(printed(capsys, KILL, query, "--csv")))
    assert (cells["cost"], cells["open"], cells["n"]) == ("", "false", "1")
    assert json.loads(cells["numbers"])["pid"] == 23632


def test_parquet_is_written_whole_and_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.parquet"
    command = (KILL, "SELECT kind, tier FROM spans", "--parquet", "-o", out)
    assert printed(capsys, *command) == ""
    assert pq.read_table(out).num_rows == len(tracer.open(KILL).spans())
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(tracer.TracerError, match="exists already"):
        printed(capsys, *command)
    with pytest.raises(tracer.UsageError):
        printed(capsys, KILL, "SELECT CAST(kind AS INTEGER) FROM spans", "-o", tmp_path / "none")
    assert [*tmp_path.iterdir()] == [out]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("no.rtrace", "SELECT 1"), 4),
        ((KILL, "SELEC 1"), 2),
        ((KILL, "SELECT 1", "--csv", "--json"), 2),
        ((KILL,), 2),
        ((KILL, "SELECT 1", "-o", "/no/such/place"), 1),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: tuple[Any, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(tracer.TracerError) as refused:
        printed(capsys, *arguments)
    assert refused.value.exit_code == code
    assert str(refused.value).isprintable()
    assert capsys.readouterr().out == ""


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.rtrace", lost=7)
    asking = Asking([path], Options())
    assert asking.missing_part() == "a.rtrace: 7 events were lost"


def test_names_move_no_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    from streams import METADATA

    path = tmp_path / "a.rtrace"
    writer = Writer(path, replace(METADATA, start_ns=START_NS))
    writer.write_events(records(event(START_NS + MS, "wakeup_kswapd", 8, "=1+1\x1b[31m", nid=-1)))
    writer.close()
    query = "SELECT comm FROM wakeup_kswapd"
    assert answer_text([path], query).splitlines()[2] == "=1+1\\x1b[31m"
    assert printed(capsys, path, query, "--csv").splitlines()[1] == "'=1+1\\x1b[31m"


def test_redacted_recordings_tell_aliases() -> None:
    asking = Asking([KILL], Options(), redact=True)
    with asking.rows("SELECT DISTINCT victim_comm, file, host FROM mark_victim, metadata", lambda _: None) as found:
        ((victim, file, host),) = found.rows
    assert victim.startswith("task-")
    assert "memcg-kill" not in file
    assert host != open_recording(KILL).metadata.host


def test_memory_is_bounded() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with bounded([KILL]):
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] != before[0]
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


# The prompt.


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    given = iter(lines)

    def answer(_: str) -> str:
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)


def test_statements_end_with_a_semicolon() -> None:
    assert [*statements("SELECT 1;\nSELECT\n2;\n\nSELECT 3")] == ["SELECT 1;", "SELECT\n2;", "\nSELECT 3"]
    assert [*statements("\n")] == []


def test_the_prompt_goes_on_after_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "help", ".what", ".tables", "", "SELECT", "1;", "wrong;", "SELECT 2;", ".quit", "SELECT 3;")
    asked = []

    def answer(query: str) -> None:
        asked.append(query)
        if "wrong" in query:
            raise tracer.UsageError("that is wrong")

    Prompt(answer, {"tables": lambda _: "listed\n"}).run()
    out, err = capsys.readouterr()
    assert asked == ["SELECT\n1;", "wrong;", "SELECT 2;"]
    assert ".schema TABLE" in out
    assert out.endswith("listed\n")
    assert "error: that is wrong\n" in err
    assert "there is no command .what" in err


@pytest.mark.parametrize("query", ["SELECT count(*) FROM events;", "SELECT * FROM findings;", "SELECT * FROM spans;"])
def test_ctrl_c_ends_the_query_and_not_the_prompt(
    query: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of = session_of(KILL)
    real, armed = Recording.items, [True]

    def endless(self: Recording, *arguments: Any, **options: Any) -> Iterator[Any]:
        yield from real(self, *arguments, **options)
        while armed:
            armed[:] = [False] if all(armed) and not os.kill(os.getpid(), signal.SIGINT) else armed
            yield from real(self, *arguments, **options)

    def answer(asked: str) -> None:
        armed[:] = [True] if asked == query else []
        answers.append(rows(of, asked))

    monkeypatch.setattr(Recording, "items", endless)
    typed(monkeypatch, query, "SELECT count(*) AS n FROM mark_victim;")
    answers: list[Any] = []
    Prompt(answer, {}).run()
    assert answers == [[{"n": 1}]]
    assert capsys.readouterr().err.endswith("Interrupted.\n")


def test_queries_on_standard_input_are_answered_in_turn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1 AS a;\nSELECT 2\nAS b;\n"))
    assert printed(capsys, KILL).split() == ["a", "-", "1", "b", "-", "2"]
