"""What the documents say of performance: made by `make bench`, the table and the rows the same."""

from __future__ import annotations

import json

import pytest
from bench.document import BEGIN, END, JSON_PATH, TEXT_PATH, between_markers, merged, tables, with_tables, write
from bench.rows import UNEXPLAINED, Row, Subject

REQUIRED = {
    "drain_vs_bcc_documented",
    "drain_vs_tracefs_splice",
    "producer_vs_perf",
    "bytes_per_event",
    "recording_to_findings_mevs",
}


@pytest.fixture(scope="module")
def kept():
    return json.loads(JSON_PATH.read_text())


@pytest.fixture(scope="module")
def rows(kept):
    return [Row.from_json(data) for data in kept["rows"]]


def test_the_tables_are_the_rows(kept):
    assert between_markers(TEXT_PATH.read_text()) == tables(kept), "run `make bench`; don't edit the tables by hand"


def test_every_row_that_is_asked_for_was_measured(rows):
    measured = {row.name for row in rows if row.ratio is not None}
    assert measured >= REQUIRED


def test_it_was_a_whole_run_on_a_machine_that_it_names(kept):
    assert kept["quick"] is False
    assert "CPUs" in kept["machine"]
    assert "Linux" in kept["machine"]


def test_each_row_has_its_name_alone(rows):
    names = [row.name for row in rows]
    assert len(names) == len(set(names))


def test_ratios_are_the_figures_and_above_one_means_ours_is_better(rows):
    for row in rows:
        if row.ratio is not None:
            better, worse = (row.ours, row.peer) if row.more_is_better else (row.peer, row.ours)
            assert row.ratio == pytest.approx(better / worse, rel=0.01), row.name


def test_where_the_peer_is_better_or_there_is_none_the_row_says_why(rows):
    for row in rows:
        if row.ratio is None and row.peer is None and row.peer_name != "none":
            assert row.note, row.name
        if row.ratio is not None and row.ratio < 1:
            assert "times better: " in row.note, row.name
            assert UNEXPLAINED not in row.note, f"{row.name}: find out why, and say so in its `behind`"


def test_only_what_stands_between_the_markers_is_made_anew(tmp_path):
    text, result = tmp_path / "performance.md", {"machine": "this one", "rows": []}
    text.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(result, tmp_path / "performance.json", text)
    assert text.read_text() == f"before\n{BEGIN}\nMachine: this one.\n{END}\nafter\n"
    assert json.loads((tmp_path / "performance.json").read_text()) == result


def test_rows_of_some_suites_come_into_the_place_of_older_ones_and_say_how_busy_the_machine_was():
    old, new = (
        [Subject(name, group, "w", "ms").alone([at]).as_json() for name, group in (("a", "A"), ("b", "B"))]
        for at in (1.0, 2.0)
    )
    found = merged(
        {"machine": "m", "load_average": 0.1, "rows": old}, {"machine": "m", "load_average": 4, "rows": new[1:]}
    )
    assert [(row["name"], row["ours"]) for row in found["rows"]] == [("a", 1.0), ("b", 2.0)]
    assert found["load_average"] == 0.1
    before, after = tables(found).split("### B")
    assert "load average" not in before
    assert "Measured apart from the rest, at a load average of 4." in after


def test_rows_of_two_machines_do_not_come_together():
    with pytest.raises(ValueError, match="rows of one machine"):
        merged({"machine": "m", "rows": []}, {"machine": "n", "rows": []})


def test_a_text_without_markers_is_left_alone(tmp_path):
    text = tmp_path / "performance.md"
    text.write_text("no markers\n")
    with pytest.raises(ValueError, match="no markers"):
        write({"machine": "", "rows": []}, tmp_path / "performance.json", text)
    assert not (tmp_path / "performance.json").exists()
    with pytest.raises(ValueError, match="no markers"):
        with_tables(END + BEGIN, "")
