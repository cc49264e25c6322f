"""The benchmark of exports and SQL, run once and small."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import exporting
from tests.bench.__main__ import SUITES
from tests.bench.setting import Setting


def test_a_format_has_its_rows_and_so_has_a_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "FORMATS", ("csv",))
    rows = {row.name: row for row in SUITES["exporting"](Setting(tmp_path, quick=True))}
    assert [*rows] == ["export_csv_1e6", "export_csv_1e7", "sql_slice", "export_csv_peak"]
    assert all(row.ours and row.ours > 0 for row in rows.values())
    assert rows["export_csv_1e6"].note.endswith("s from start to end.")
    assert "read " in rows["sql_slice"].note
    assert [*tmp_path.iterdir()] == []
