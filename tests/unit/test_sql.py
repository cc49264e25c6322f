"""Questions in SQL: what they answer, what they read, what they can't reach."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from command_line import run
from sql_questions import DOC, answer_text, questions
from sql_sessions import KILL, LONG, rows, session_of
from store_cases import in_small_blocks
from written_recordings import START_NS

import tracer
from tracer.schema import KINDS
from tracer.sql import session
from tracer.sql.limits import NO_LIMITS, Limits, Range, Reading, reading_of
from tracer.sql.session import Session
from tracer.sql.views import TABLES
from tracer.store import Writer


@pytest.fixture(scope="module")
def both() -> Session:
    return session_of(LONG, KILL)


@pytest.fixture(scope="module")
def long() -> Session:
    return session_of(LONG)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The events of `long` in many blocks, whose kinds are told."""
    return session_of(in_small_blocks(LONG, tmp_path_factory.mktemp("small") / "small.rtrace"))


# What is answered.


def test_there_are_ten_questions() -> None:
    found = questions()
    assert len(found) == 10
    assert DOC.read_text().count("```sh\n") == 10
    assert all(each.printed for each in found)


@pytest.mark.parametrize("question", questions(), ids=lambda each: each.query.split("FROM")[1].split()[0].strip("("))
def test_the_page_shows_what_is_printed(question: Any) -> None:
    assert answer_text(question.files, question.query) == question.printed


def test_answers_are_those_of_the_frames() -> None:
    trace, of = tracer.open(KILL), session_of(KILL)
    spans, frame = rows(of, "SELECT * FROM spans ORDER BY begin_s, id"), trace.spans()
    assert [row["duration_ns"] for row in spans] == [
        *frame.duration_ns.astype(object).where(frame.duration_ns.notna(), None)
    ]
    assert [row["tier"] for row in spans] == [None if tier != tier else tier for tier in frame.tier]
    assert len(rows(of, "SELECT * FROM samples")) == len(trace.samples())
    counted = {row["kind"]: row["n"] for row in rows(of, "SELECT kind, count(*) AS n FROM events GROUP BY kind")}
    assert counted == trace.summary()["recording"]["events_by_kind"]
    for kind in (each for each in KINDS if each.name in counted):
        events = rows(of, f"SELECT * FROM {kind.name}")
        frame = trace.events(kind.name)
        assert list(events[0]) == ["recording_id", *frame]
        assert [row["time_ns"] for row in events] == [*frame.time_ns], kind.name


def test_every_table_is_there_with_its_columns(both: Session) -> None:
    assert {row["name"] for row in rows(both, "SHOW TABLES")} == set(TABLES)
    for name in ("spans", "findings", "events", "mark_victim"):
        told = [row["column_name"] for row in rows(both, f"DESCRIBE {name}")]
        assert told == ["recording_id", *TABLES[name].dtypes]


def test_several_recordings_are_one(both: Session) -> None:
    told = {
        row["file"]: row["n"]
        for row in rows(both, "SELECT file, count(*) AS n FROM metadata JOIN spans USING (recording_id) GROUP BY file")
    }
    assert told == {file.name: len(tracer.open(file).spans()) for file in (LONG, KILL)}


def test_counters_that_one_recording_lacks_are_null(tmp_path: Path) -> None:
    from dataclasses import replace

    import numpy as np
    from streams import METADATA

    from tracer.batch import Samples

    files = []
    for number, name in enumerate(("vmstat.a", "vmstat.b")):
        files.append(tmp_path / f"{number}.rtrace")
        writer = Writer(files[-1], replace(METADATA, start_ns=START_NS, host=f"host-{number}"))
        writer.write_samples(Samples(np.array([START_NS]), (name,), np.array([[number]])))
        writer.close()
    of = session_of(*files)
    found = rows(of, 'SELECT "vmstat.a" AS a, "vmstat.b" AS b FROM samples ORDER BY a NULLS LAST')
    assert found == [{"a": 0, "b": None}, {"a": None, "b": 1}]


def test_one_recording_twice_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.rtrace"
    copy.write_bytes(KILL.read_bytes())
    with pytest.raises(tracer.UsageError, match="are the same recording"):
        session_of(KILL, copy)


def test_a_trace_answers_as_a_frame() -> None:
    found = tracer.open(LONG, start_s=13.0, end_s=14.0).sql(
        "SELECT count(*) AS n, sum(nr_scanned) AS pages, min(time_s) AS first_s, any_value(comm) AS comm"
        " FROM lru_shrink_inactive"
    )
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
        "n": "Int64",
        "pages": "Int64",
        "first_s": "Float64",
        "comm": "string",
    }
    assert (found.n[0], found.pages[0]) == (1539, 10989)
    assert 0 <= found.first_s[0] < 1


# What is read.

FIRST, SECOND = "time_s BETWEEN 12 AND 13", "time_s > 14.5"
SAME = [
    f"SELECT count(*), min(time_s), max(time_s) FROM events WHERE {FIRST}",
    f"SELECT count(*) FROM events WHERE {FIRST} OR {SECOND}",
    f"SELECT count(*) FROM events WHERE NOT ({FIRST})",
    "SELECT count(*) FROM events WHERE 13 > TIME_S AND 12 <= Events.time_s",
    "SELECT count(*) FROM events WHERE time_s = 13.839071610",
    "SELECT count(*) FROM events WHERE time_ns >= 177000000000 AND time_ns < 178000000000",
    f"SELECT count(*) FROM events WHERE {FIRST} AND kind = 'shrink_slab_start'",
    f"SELECT kind, count(*) FROM events WHERE {FIRST} GROUP BY kind HAVING count(*) > 10 ORDER BY kind",
    f"SELECT (SELECT count(*) FROM events WHERE {FIRST}) AS a, (SELECT count(*) FROM events) AS b",
    f"SELECT count(*) FROM events WHERE {FIRST} UNION ALL SELECT count(*) FROM events WHERE {SECOND}",
    "WITH events AS (SELECT time_s * 10 AS time_s FROM events) SELECT count(*) FROM events WHERE time_s > 140",
    f"WITH late AS (SELECT * FROM events) SELECT count(*) FROM late WHERE {SECOND}",
    "SELECT tid AS time_s, count(*) FROM events WHERE time_s > 14.5 GROUP BY ALL ORDER BY ALL",
    "SELECT count(*) FROM events AS a(r, k, time_ns, time_s) WHERE time_ns > 14.5",
    "SELECT count(*), count(b.time_s) FROM samples a LEFT JOIN samples b ON a.time_ns = b.time_ns AND b.time_s > 8",
    "SELECT count(*), count(b.time_s) FROM samples a LEFT JOIN samples b ON a.time_ns = b.time_ns WHERE b.time_s > 8",
    "SELECT count(b.time_s) FROM samples a ASOF JOIN samples b ON a.time_s >= b.time_s WHERE b.time_s < 4",
    "SELECT sum(b.time_s) FROM samples a POSITIONAL JOIN events b WHERE a.time_s > 8",
    "SELECT a.time_s, n FROM samples a, LATERAL (SELECT count(*) AS n FROM steps WHERE a.time_s > start_s) ORDER BY 1",
    "SELECT count(*) FROM samples a SEMI JOIN samples b USING (time_ns) WHERE a.time_s > 8",
    f"SELECT count(*) FROM events WHERE kind = 'balloon_work_begin' OR kind = 'balloon_work_end' AND {FIRST}",
    "SELECT kind, count(*) FROM events WHERE kind IN ('balloon_work_begin', 'no_such_kind') GROUP BY kind",
    "SELECT count(*) FROM balloon_work_begin a LEFT JOIN events b ON a.time_ns = b.time_ns WHERE b.kind IS NULL",
    "SELECT comm AS kind, count(*) FROM events WHERE kind = 'balloon_work_end' GROUP BY ALL ORDER BY ALL",
    "SELECT count(*) FROM balloon_work_begin a RIGHT JOIN events b USING (tid) WHERE b.kind = 'balloon_work_end'",
    "SELECT count(*), (SELECT n FROM query('SELECT count(*) AS n FROM samples')) FROM samples WHERE time_s > 8",
    "SELECT count(*) FROM query_table('samples')",
    "SELECT count(*) FROM samples a FULL JOIN samples b ON a.time_s = b.time_s + 1 WHERE a.time_s < 8",
    "SELECT count(*) FROM main.samples WHERE main.samples.time_s > 8",
    "SELECT time_s FROM samples WHERE time_s > 8 QUALIFY row_number() OVER (ORDER BY time_s) < 3",
]


@pytest.mark.parametrize("query", SAME)
def test_limits_change_nothing_but_what_is_read(query: str, long: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = rows(long, query)
    monkeypatch.setattr(session, "_reading", lambda *_: Reading(everything=True))
    assert limited == rows(long, query)


@pytest.mark.parametrize(
    ("query", "most"),
    [
        (f"SELECT count(*) FROM events WHERE {FIRST}", 0.5),
        (f"SELECT sum(nr_scanned) FROM lru_shrink_inactive AS l WHERE l.{FIRST} AND nr_reclaimed > 0", 0.5),
        ("SELECT * FROM events WHERE time_ns < 0", 0.0),
        ("SELECT count(*) FROM samples", 0.2),
        ("SELECT count(*) FROM events", 1.0),
    ],
)
def test_a_limit_on_time_skips_blocks(query: str, most: float, long: Session) -> None:
    of = long
    before = of.read_bytes
    rows(of, query)
    assert (of.read_bytes - before) / of.file_bytes <= most
    if most:
        assert of.read_bytes > before


WORK = "kind = 'balloon_work_begin'"


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("SELECT count(*), sum(nr_reclaimed) FROM direct_reclaim_end WHERE nr_reclaimed > 0", 0.9),
        ("SELECT count(*), min(time_ns), max(time_ns) FROM balloon_work_begin", 0.2),
        (f"SELECT count(*), min(time_ns), max(time_ns) FROM events WHERE {WORK}", 0.2),
        (f"SELECT count(*) FROM events WHERE {WORK} AND time_s > 13", 0.1),
        ("SELECT count(*) FROM events WHERE kind IN ('balloon_work_begin', 'out_of_memory_begin')", 0.2),
        (
            f"SELECT kind, count(*) FROM events WHERE {WORK} OR time_s BETWEEN 13 AND 13.1 GROUP BY kind ORDER BY kind",
            1,
        ),
        ("SELECT count(*) FROM mark_victim", 0.0),
    ],
)
def test_a_kind_skips_blocks(query: str, most: float, long: Session, small: Session) -> None:
    before = small.read_bytes
    found = rows(small, query)
    assert (small.read_bytes - before) / small.file_bytes <= most
    assert found == rows(long, query)


def test_the_bytes_that_were_read_are_said() -> None:
    done = run("sql", KILL, "SELECT victim_comm FROM mark_victim WHERE time_s < 1", "-v")
    assert (done.returncode, done.stdout) == (0, "victim_comm\n-----------\npython3\n")
    assert "1 row; read " in done.stderr
    assert " of 11.6 KiB in " in done.stderr


def test_an_analysis_is_made_once() -> None:
    of = session_of(KILL)
    rows(of, "SELECT * FROM tiers")
    before = of.read_bytes
    assert rows(of, "SELECT * FROM findings")
    assert of.read_bytes == before


def tree(query: str) -> Any:
    ((told,),) = duckdb.connect().execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    return json.loads(told)


def test_limits_are_those_that_all_rows_must_pass() -> None:
    told = reading_of(
        tree("SELECT 1 FROM events e, samples WHERE e.time_s > 1.5 AND 7 >= e.time_s AND time_s < 3"), TABLES
    )
    assert told.views == {"events": Limits(time_s=Range(1.5, 7.0)), "samples": NO_LIMITS}
    assert not told.everything


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("kind = 'mark_victim'", {"mark_victim"}),
        ("time_s > 3 AND 'mark_victim' = events.KIND", {"mark_victim"}),
        ("kind IN ('mark_victim', 'throttled')", {"mark_victim", "throttled"}),
        ("kind = 'mark_victim' OR kind IN ('throttled') AND tid = 7", {"mark_victim", "throttled"}),
        ("kind IN ('mark_victim', 'throttled') AND kind = 'throttled'", {"throttled"}),
        ("kind = 'mark_victim' AND kind = 'throttled'", set()),
        ("kind = 'mark_victim' OR tid = 7", None),
        ("kind = 'mark_victim' OR kind = 'unknown_60'", None),
        ("kind IN ('mark_victim', NULL)", None),
        ("kind IN ('mark_victim', lower('THROTTLED'))", None),
        ("kind = 'MARK_VICTIM' COLLATE NOCASE", None),
        ("kind >= 'mark_victim'", None),
        ("kind != 'mark_victim'", None),
        ("kind NOT IN ('mark_victim')", None),
        ("NOT kind = 'mark_victim'", None),
        ("kind IN (SELECT kind FROM lost)", None),
        ("comm = 'mark_victim'", None),
        ("lost.kind = 'mark_victim'", None),
    ],
)
def test_kinds_are_those_that_all_rows_must_be_of(condition: str, kinds: set[str] | None) -> None:
    told = reading_of(tree(f"SELECT count(*) FROM events WHERE {condition}"), TABLES)
    assert told.views["events"].kinds == kinds


def test_a_table_named_twice_is_read_for_both() -> None:
    one, other = (f"SELECT count(*) FROM events WHERE kind = '{kind}'" for kind in ("mark_victim", "throttled"))
    assert reading_of(tree(f"{one} UNION {other}"), TABLES).views["events"].kinds == {"mark_victim", "throttled"}
    assert reading_of(tree(f"{one} UNION SELECT count(*) FROM events"), TABLES).views["events"].kinds is None


# What can't be reached.


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT content FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/reclaim-tracer-sql'",
        "ATTACH '/tmp/reclaim-tracer-sql'",
        "EXPORT DATABASE '/tmp/reclaim-tracer-sql'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT getenv('HOME')",
        "SELECT * FROM secret",
        "SET memory_limit = '100GB'",
        "PRAGMA enable_external_access",
        "CALL pragma_version()",
        "CREATE TABLE a (b INTEGER)",
        "DELETE FROM spans",
        "SELECT 1; SELECT 2",
        "SELEC 1",
        "",
        "-- nothing",
        "SELECT nothing FROM spans",
        "SELECT * FROM span",
        "SELECT CAST(kind AS INTEGER) FROM findings",
    ],
)
def test_what_is_refused_is_one_line(query: str, both: Session) -> None:
    secret = duckdb.sql("SELECT 1")
    assert secret
    with pytest.raises(tracer.UsageError) as refused:
        rows(both, query)
    assert str(refused.value).isprintable()
    assert not Path("/tmp/reclaim-tracer-sql").exists()


def test_a_table_that_is_not_there_has_a_near_one(both: Session) -> None:
    with pytest.raises(tracer.UsageError, match="there is no table span: did you mean spans"):
        rows(both, "SELECT * FROM span")


def test_settings_are_locked(both: Session) -> None:
    told = rows(both, "SELECT name, value FROM duckdb_settings()")
    settings = {row["name"]: row["value"] for row in told}
    assert settings["enable_external_access"] == "false"
    assert settings["lock_configuration"] == "true"
    assert settings["enable_progress_bar"] == "false"
    assert settings["temp_directory"] in (None, "")


def test_a_query_that_needs_too_much_is_refused_and_the_next_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(session._CONFIG, "memory_limit", "24MiB")
    of = session_of(KILL)
    for _ in range(3):
        with pytest.raises(tracer.TracerError, match="needs more than 512 MiB") as refused:
            rows(of, "SELECT a.time_ns, b.time_ns, c.tid, count(*) FROM events a, events b, events c GROUP BY ALL")
        assert refused.value.exit_code == 1
    assert rows(of, "SELECT count(*) AS n FROM mark_victim") == [{"n": 1}]


def test_a_recording_that_can_not_be_read_any_more_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.rtrace"
    path.write_bytes(LONG.read_bytes())
    of = session_of(path)
    rows(of, "SELECT count(*) FROM lost")
    other = tmp_path / "b.rtrace"
    other.write_bytes(KILL.read_bytes())
    other.replace(path)
    with pytest.raises(tracer.RecordingError, match="was replaced while being read"):
        rows(of, "SELECT count(*) FROM events")


def test_without_duckdb_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(tracer.TracerError) as refused:
        session_of(KILL)
    assert str(refused.value) == "duckdb is not installed: pip install 'reclaim-tracer[export]'"
