"""Recording and the demo run nothing that lies in the current directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import MARK, installed, plant, run_among


@pytest.mark.parametrize(
    "arguments",
    [("record", "-d", "0.3", "-o", "y.rtrace"), ("demo", "-d", "1", "-o", "out"), ("check", "--observe", "1")],
)
def test_tracing_runs_nothing_of_the_current_directory(bcc, arguments: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    plant(folder)
    result = run_among(installed(tmp_path), folder, *arguments)
    assert result.returncode == 0, result.stderr
    assert not (folder / MARK).exists(), (folder / MARK).read_text()
