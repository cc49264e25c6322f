"""Recordings as Parquet and Arrow tables: what other programs read from them, and which files are written where."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from command_line import ENV, run
from exported_tables import export_tables, read_table
from streams import METADATA, MS, SYMBOLS, event, records
from written_recordings import START_NS, write_recording

import tracer
from tests.golden.cases import DATA, all_cases
from tracer.analyze import in_pieces
from tracer.batch import LostStretch, Samples
from tracer.export import source, table_files
from tracer.jobs.analysis import Span
from tracer.schema import KINDS, SAMPLE_NULL
from tracer.store import Writer
from tracer.tables import recorded
from tracer.tables.arrow import schema_of
from tracer.tables.registry import TABLES

RECORDINGS = sorted(DATA.glob("*.rtrace"))
REAL = DATA / "guest-host-reasserts.rtrace"
LONGEST = ("guest-host-reasserts", "run-shrinker")
COUNTED = ("episodes", "conflicts", "cycles", "storms", "findings", "shrinkers", "stalls")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_tables(REAL, tmp_path_factory.mktemp("tables") / "real")


def written(path: Path, *items: Any, absent: dict[str, tuple[str, ...]] | None = None) -> Path:
    metadata = replace(METADATA, start_ns=START_NS, absent_fields=absent or {})
    writer = Writer(path, metadata)
    writer.write_symbols(SYMBOLS)
    for item in items:
        kind = {Samples: writer.write_samples, LostStretch: writer.write_lost}
        kind.get(type(item), writer.write_events)(item)
    writer.close()
    return path


def told(field: pa.Field) -> dict[bytes, bytes]:
    """What we say of a field, beside what a format adds of its own."""
    return {key: value for key, value in (field.metadata or {}).items() if key in (b"unit", b"doc")}


def total(table: pa.Table, column: str) -> Any:
    return pc.sum(table[column]).as_py() or 0


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["parquet", "arrow"])
@pytest.mark.parametrize(
    "case", [each for each in all_cases() if each.source in RECORDINGS], ids=lambda each: each.name
)
def test_counts_and_sums_are_those_of_the_summary(case: Any, name: str, tmp_path: Path) -> None:
    folder = export_tables(case.source, tmp_path / "out", name)
    summary = tracer.open(case.source).summary()
    read = {table.name: read_table(folder, table.name) for table in TABLES}
    events = {kind.name: len(read[f"events/{kind.name}"]) for kind in KINDS}
    assert {kind: count for kind, count in events.items() if count} == summary["recording"]["events_by_kind"]
    assert {name: len(read[name]) for name in COUNTED} == {name: len(summary[name]) for name in COUNTED}
    assert total(read["steps"].filter(pc.field("pages") > 0), "pages") == summary["balloon"]["inflated_pages"]
    assert read["balloon"]["wasted_pages"].to_pylist() == [summary["balloon"]["wasted_pages"]]
    assert total(read["cycles"], "wasted_pages") == sum(each["wasted_pages"] for each in summary["cycles"])
    assert total(read["stalls"], "stall_s") == pytest.approx(sum(each["stall_s"] for each in summary["stalls"]))
    for tier in summary["tiers"]:
        rows = read["tiers"].filter(pc.field("tier").cast(pa.string()) == tier["tier"])
        if not tier["scopes"]:
            assert rows["busy_s"].to_pylist() == [tier["busy_s"]]
        known = [part["sources"]["file"]["pages"] for part in tier["scopes"].values()] or [
            tier["sources"]["file"]["pages"]
        ]
        assert sorted(rows["file_pages"].to_pylist(), key=str) == sorted(known, key=str)
    assert len(read["spans"]) == len(tracer.open(case.source).spans())
    assert read["metadata"]["events"].to_pylist() == [summary["recording"]["events"]]


def test_spans_and_events_are_those_of_the_frames(real: Path) -> None:
    frames = tracer.open(REAL)
    by = ["begin_s", "end_s", "id"]
    spans = read_table(real, "spans").to_pandas().sort_values(by, ignore_index=True)
    expected = frames.spans().sort_values(by, ignore_index=True)
    for column in expected.columns:
        assert spans[column].astype(expected[column].dtype).equals(expected[column]), column
    for kind in ("lru_shrink_inactive", "shrink_slab_start", "wakeup_kswapd", "mark_victim"):
        events = read_table(real, f"events/{kind}").to_pandas(types_mapper=pd.ArrowDtype)
        of_kind = frames.events(kind)
        assert list(events.columns) == ["recording_id", *of_kind.columns]
        events = events.sort_values("time_ns", kind="stable", ignore_index=True)
        for column in of_kind.columns:
            assert events[column].astype(of_kind[column].dtype).equals(of_kind[column]), (kind, column)


def test_samples_are_those_of_the_frame(real: Path) -> None:
    samples, frame = read_table(real, "samples").to_pandas(types_mapper=pd.ArrowDtype), tracer.open(REAL).samples()
    assert list(samples.columns) == ["recording_id", *frame.columns]
    for column in frame.columns:
        assert samples[column].astype(frame[column].dtype).equals(frame[column]), column


@pytest.mark.parametrize("table", [each.name for each in TABLES if not each.name.startswith("events/")])
def test_pandas_polars_duckdb_and_pyarrow_read_the_same(table: str, real: Path) -> None:
    path = real / f"{table}.parquet"
    rows = pq.read_table(path).to_pylist()
    database = duckdb.connect()
    assert len(pd.read_parquet(path)) == len(rows)
    assert database.execute(f"SELECT count(*) FROM '{path}'").fetchall() == [(len(rows),)]
    polars = pl.read_parquet(path)
    assert len(polars) == len(rows)
    numbers = [each.name for each in pq.read_schema(path) if pa.types.is_integer(each.type)]
    for column in numbers:
        expected = [row[column] for row in rows]
        assert polars[column].to_list() == expected
        assert database.execute(f"SELECT \"{column}\" FROM '{path}'").fetchall() == [(value,) for value in expected]
        pandas = pd.read_parquet(path, dtype_backend="pyarrow")[column]
        assert [None if value is pd.NA else value for value in pandas] == expected


def test_arrow_files_are_read_by_polars_and_pandas(tmp_path: Path) -> None:
    folder = export_tables(REAL, tmp_path / "out", "arrow")
    rows = read_table(folder, "spans")
    assert len(pl.read_ipc(folder / "spans.arrow")) == len(rows) > 0
    assert len(pd.read_feather(folder / "spans.arrow")) == len(rows)


@pytest.mark.parametrize("name", ["parquet", "arrow"])
def test_every_table_is_there_with_its_schema(name: str, tmp_path: Path) -> None:
    folder = export_tables(written(tmp_path / "empty.rtrace"), tmp_path / "out", name)
    assert files(folder) == sorted(f"{table.name}.{name}" for table in TABLES)
    (of,) = read_table(folder, "metadata")["recording_id"].to_pylist()
    for table in TABLES:
        schema, declared = read_table(folder, table.name).schema, schema_of(table, of)
        assert schema.equals(declared), table.name
        assert schema.metadata == declared.metadata
        assert [told(each) for each in schema] == [told(each) for each in declared]
    fields = {field.name: field.metadata for field in read_table(folder, "tiers").schema}
    assert fields["busy_s"][b"unit"] == b"s"
    assert fields["file_pages"][b"unit"] == b"pages"


def test_unsigned_numbers_stay_exact_and_what_is_not_known_is_null(tmp_path: Path) -> None:
    most = (1 << 64) - 1
    stream = records(
        event(START_NS + MS, "reclaim_retry_zone", 8, available=most, min_wmark=0, node=-1),
        event(START_NS + 2 * MS, "mark_victim", 8, pid=7, victim_comm=b"\xff\x1b"),
    )
    values = np.array([[3, SAMPLE_NULL]])
    readings = Samples(np.array([START_NS]), ("vmstat.a", "vmstat.b"), values)
    gap = LostStretch(START_NS + MS, START_NS + 3 * MS)
    absent = {"reclaim_retry_zone": ("order",), "mark_victim": ("uid",)}
    path = written(tmp_path / "a.rtrace", stream, readings, gap, absent=absent)
    folder = export_tables(path, tmp_path / "out")
    (zone,) = read_table(folder, "events/reclaim_retry_zone").to_pylist()
    assert (zone["available"], zone["min_wmark"], zone["node"], zone["order"]) == (most, 0, -1, None)
    assert (zone["time_s"], zone["cgroup_id"], zone["cgroup"]) == (0.001, None, None)
    (victim,) = read_table(folder, "events/mark_victim").to_pylist()
    assert (victim["victim_comm"], victim["uid"]) == ("\N{REPLACEMENT CHARACTER}\x1b", None)
    (reading,) = read_table(folder, "samples").to_pylist()
    assert (reading["vmstat.a"], reading["vmstat.b"]) == (3, None)
    (lost,) = read_table(folder, "lost").to_pylist()
    assert (lost["start_s"], lost["end_s"], lost["kind"], lost["events"]) == (0.001, 0.003, "unknown", None)
    (metadata,) = read_table(folder, "metadata").to_pylist()
    assert (metadata["host"], metadata["start_utc_ns"]) == (None, None)


def test_lost_events_are_rows(tmp_path: Path) -> None:
    folder = export_tables(write_recording(tmp_path / "a.rtrace", lost=7), tmp_path / "out")
    (lost,) = read_table(folder, "lost").to_pylist()
    assert (lost["start_s"], lost["end_s"], lost["kind"], lost["events"]) == (2.0, 3.0, "shrink_slab_start", 7)


def test_a_slice_has_its_own_times_and_the_same_recording_id(real: Path, tmp_path: Path) -> None:
    part = export_tables(REAL, tmp_path / "part", span=Span(13.0, 14.0))
    (whole,), (sliced,) = (read_table(folder, "metadata").to_pylist() for folder in (real, part))
    assert sliced["recording_id"] == whole["recording_id"]
    assert (sliced["slice_from_s"], sliced["slice_to_s"], whole["slice_from_s"]) == (13.0, 14.0, None)
    times = read_table(real, "events/lru_shrink_inactive")["time_s"].to_pylist()
    own = read_table(part, "events/lru_shrink_inactive")["time_s"].to_pylist()
    assert own == pytest.approx([at - 13 for at in times if 13 <= at < 14])
    assert own


def test_files_are_the_same_however_rows_are_grouped(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "in_pieces", partial(in_pieces, events=2000))
    monkeypatch.setattr(table_files, "GROUP_ROWS", 1000)
    monkeypatch.setattr(table_files, "_MOST_HELD_BYTES", 200_000)
    small = export_tables(REAL, tmp_path / "small")
    for table in TABLES:
        few, many = read_table(real, table.name), read_table(small, table.name)
        if table.name == "spans":  # in the order of their ends, and by stretch where these are alike
            few, many = (each.sort_by([(key, "ascending") for key in ("end_s", "tid", "id")]) for each in (few, many))
        assert many.equals(few), table.name
    assert pq.ParquetFile(small / "events/shrink_slab_start.parquet").num_row_groups > 3


def test_only_columns_whose_values_come_again_have_a_dictionary(real: Path) -> None:
    columns = pq.ParquetFile(real / "events/lru_shrink_inactive.parquet").metadata.row_group(0).to_dict()["columns"]
    has = {each["path_in_schema"]: each["has_dictionary_page"] for each in columns}
    assert (has["time_ns"], has["time_s"], has["comm"], has["recording_id"]) == (False, False, True, True)


def test_numbers_that_differ_are_kept_as_steps(real: Path) -> None:
    group = pq.ParquetFile(real / "events/shrink_slab_start.parquet").metadata.row_group(0)
    steps = [
        group.column(place).path_in_schema
        for place in range(group.num_columns)
        if "DELTA_BINARY_PACKED" in group.column(place).encodings
    ]
    assert steps == ["time_ns", "nr_objects_to_shrink", "cache_items", "delta", "total_scan"]


WITHOUT_PANDAS = """
import sys
from tracer.tables.library import without_pandas
{call}
import pyarrow
pyarrow.array([1])
loaded = 'pandas' in sys.modules
import pandas
print(loaded, pandas.Series([1]).sum())
"""


@pytest.mark.parametrize(("call", "said"), [("without_pandas()", "False 1"), ("", "True 1")])
def test_arrow_loads_pandas_only_where_it_is_let(call: str, said: str) -> None:
    command = [sys.executable, "-c", WITHOUT_PANDAS.format(call=call)]
    assert subprocess.run(command, env=ENV, capture_output=True, text=True, check=True).stdout.strip() == said


def test_two_recordings_have_different_ids(real: Path, tmp_path: Path) -> None:
    other = export_tables(DATA / "memcg-kill.rtrace", tmp_path / "other")
    ids = {read_table(folder, "metadata")["recording_id"].to_pylist()[0] for folder in (real, other)}
    assert len(ids) == 2
    assert {*read_table(real, "spans")["recording_id"].to_pylist()} < ids


def test_event_tables_have_the_frames_columns() -> None:
    for kind in KINDS:
        from tracer.frames.events import event_columns

        assert list(recorded.EVENT_TABLES[kind.name].dtypes) == list(event_columns(kind))


def test_csv_has_the_same_rows_as_cells(real: Path, tmp_path: Path) -> None:
    folder = export_tables(REAL, tmp_path / "out", "csv")
    assert files(folder) == sorted(f"{table.name}.csv" for table in TABLES)
    for table in ("spans", "findings", "tiers", "samples", "events/shrink_slab_start"):
        with (folder / f"{table}.csv").open(newline="") as stream:
            head, *rows = csv.reader(stream)
        expected = read_table(real, table)
        assert head == expected.schema.names
        assert len(rows) == len(expected) > 0
        for name in set(head) & {"duration_ns", "tid", "time_ns", "retval", "shrink", "time_s", "busy_s", "cost"}:
            column = [row[head.index(name)] for row in rows]
            assert column == ["" if value is None else repr(value) for value in expected[name].to_pylist()], name
    with (folder / "findings.csv").open(newline="") as stream:
        first = next(csv.DictReader(stream))
    assert json.loads(first["numbers"]) == dict(read_table(real, "findings")["numbers"].to_pylist()[0])


def test_no_name_in_csv_is_a_formula_or_moves_a_cursor(tmp_path: Path) -> None:
    stream = records(event(START_NS + MS, "wakeup_kswapd", 8, "=1+1\x1b[31m", nid=-1))
    folder = export_tables(written(tmp_path / "a.rtrace", stream), tmp_path / "out", "csv")
    (row,) = csv.DictReader((folder / "events/wakeup_kswapd.csv").read_text().splitlines())
    assert (row["comm"], row["nid"], row["cgroup"]) == ("'=1+1\\x1b[31m", "-1", "")


# What is written where.


def command(*arguments: object, **options: Any) -> Any:
    return run("export", *arguments, "--format", "parquet", "-q", **options)


def test_a_folder_that_holds_something_stays_without_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert command(REAL, "-o", out).returncode == 0
    assert out.stat().st_mode & 0o777 == 0o700
    before = (out / "spans.parquet").stat()
    refused = command(REAL, "-o", out)
    assert refused.returncode == 1
    assert (
        refused.stderr
        == f"reclaim-tracer: error: {out}: is not empty; overwrite it with --force or choose another path with -o\n"
    )
    assert (out / "spans.parquet").stat().st_ino == before.st_ino
    (out / "spans.parquet").write_bytes(b"old")
    assert command(REAL, "-o", out, "--force").returncode == 0
    assert len(read_table(out, "spans")) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("name", ["notes.txt", "events/mine.parquet", "spans.arrow"])
def test_nobodys_other_files_are_removed(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    refused = command(REAL, "-o", out, "--force")
    assert refused.returncode == 1
    assert "which is of no export" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert files(out) == [name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert command(REAL, "-o", tmp_path / "out").returncode == 0
    assert len(files(tmp_path / "out")) == len(TABLES)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((REAL,), 2, "name a folder with -o"),
        ((REAL, "-o", "pyproject.toml"), 1, "is no folder"),
        ((REAL, "-o", "no/such/folder"), 1, "can't write an export there"),
        (("-", "-o", "tables"), 2, "needs a file"),
        (("no.rtrace", "-o", "tables"), 4, "no.rtrace"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[Any, ...], code: int, said: str) -> None:
    refused = command(*arguments, stdin=-3)
    assert (refused.returncode, refused.stderr.count("\n")) == (code, 1), refused.stderr
    assert said in refused.stderr


def test_nothing_is_left_of_an_export_that_fails(tmp_path: Path) -> None:
    def fail(self: Any, name: str) -> Any:
        if name == "spans.parquet":
            raise OSError(28, "No space left on device")
        return create(self, name)

    from tracer.output_folder import NewFolder

    create = NewFolder.create
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NewFolder, "create", fail)
        with pytest.raises(tracer.TracerError, match="can't write an export there: No space left on device"):
            export_tables(REAL, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_without_its_library_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(tracer.TracerError) as refused:
        export_tables(REAL, tmp_path / "out")
    assert str(refused.value) == "pyarrow is not installed: pip install 'reclaim-tracer[export]'"
    assert list(tmp_path.iterdir()) == []
