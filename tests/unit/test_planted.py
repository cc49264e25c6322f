"""No command runs what lies in the current directory: the tool runs as root, in folders that anybody may write to."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted import MARK, installed, plant, run_among
from written_recordings import write_recording

from tracer.imports.sources import PERF_MAGIC, TRACE_DAT_MAGIC
from tracer.programs import find_program, safe_module_path, tool_environment

TEXT = "            bash-900   [002] .....   101.500000: mm_vmscan_direct_reclaim_end: nr_reclaimed=64\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "shared"
    place.mkdir()
    plant(place)
    write_recording(place / "x.rtrace")
    (place / "x.txt").write_text(TEXT)
    (place / "x.dat").write_bytes(TRACE_DAT_MAGIC + bytes(64))
    (place / "perf.data").write_bytes(PERF_MAGIC + bytes(64))
    return place


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("check",),
        ("check", "--recording", "x.rtrace"),
        ("summary", "x.rtrace"),
        ("replay", "x.rtrace", "--speed", "max"),
        ("report", "x.rtrace"),
        ("import", "x.txt", "-o", "y.rtrace"),
        ("import", "x.dat", "-o", "y.rtrace"),
        ("import", "perf.data", "-o", "y.rtrace"),
        ("record", "-d", "0.1", "-o", "y.rtrace"),
    ],
)
def test_nothing_of_the_current_directory_is_run(arguments: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    result = run_among(installed(tmp_path), folder, *arguments)
    assert "Traceback" not in result.stderr
    assert not (folder / MARK).exists(), (folder / MARK).read_text()


def test_what_is_planted_would_be_noticed(folder: Path, tmp_path: Path) -> None:
    script = installed(tmp_path)
    script.write_text(script.read_text().replace("import sys\n", "import sys\nsys.path.insert(0, '')\n", 1))
    run_among(script, folder, "summary", "x.rtrace")
    assert "module" in (folder / MARK).read_text()


def test_a_program_is_looked_for_in_directories_with_a_whole_path_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", ".::relative")
    assert find_program("trace-cmd") is None
    monkeypatch.setenv("PATH", f".:{tmp_path}")
    assert find_program("trace-cmd") == tmp_path / "trace-cmd"


def test_a_reading_tool_is_told_no_user_s_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEEVENT_PLUGIN_DIR", "/home/somebody")
    monkeypatch.setenv("LD_PRELOAD", "/home/somebody/x.so")
    monkeypatch.setenv("LANG", "C.UTF-8")
    told = tool_environment()
    assert told["LANG"] == "C.UTF-8"
    assert not {"TRACEEVENT_PLUGIN_DIR", "LD_PRELOAD", "PYTHONPATH"} & told.keys()
    assert told["HOME"] == "/nonexistent"


def test_the_module_path_that_is_handed_on_names_no_current_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", ["", ".", "relative", "/usr/lib/python3"])
    assert safe_module_path() == ["/usr/lib/python3"]
