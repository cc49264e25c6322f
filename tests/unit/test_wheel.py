"""The wheel: built, installed away from the checkout, run."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from written_recordings import write_recording

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with the hatchling of this environment: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    result = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; its dependencies are this environment's."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    target = folder / Path(sysconfig.get_path("purelib", vars={"base": str(folder)})).relative_to(folder)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python")]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    result = subprocess.run(install, capture_output=True, text=True, env=no_pip_settings())
    assert result.returncode == 0, result.stderr
    here = [entry for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
    (target / "dependencies.pth").write_text("\n".join(here) + "\n")
    return folder


def no_pip_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}


def run(installed: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(installed / "bin/reclaim-tracer"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_the_wheel_carries_bpf_reports_and_the_typing_mark(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("bpf", "reports"):
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and path.stem.split("-")[0] != "sample")
        here = {f"tracer/{path.relative_to(ROOT)}" for path in files}
        assert here
        assert here <= set(names)
    assert not [name for name in names if name.startswith("tracer/reports/sample")]
    assert "tracer/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/", ".ci"))]


def test_bcc_is_no_dependency(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith("METADATA"))
    needed = [
        line.split()[1] for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist")
    ]
    assert any(line.startswith("numpy") for line in needed)
    assert not [line for line in needed if line.startswith("bcc")]


def test_the_installed_command_is_the_wheels(installed, tmp_path):
    code = "import tracer, tracer.resources as r; print(tracer.__file__); print(r.resource_dir('bpf'))"
    result = subprocess.run([installed / "bin/python", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert [line.startswith(str(installed)) for line in result.stdout.splitlines()] == [True, True], result.stderr


def test_help_replay_and_report_work_outside_the_checkout(installed, tmp_path):
    recording = write_recording(tmp_path / "small.rtrace")
    assert "Commands:" in run(installed, "--help", cwd=tmp_path).stdout
    assert "Verdict: " in run(installed, "replay", recording, cwd=tmp_path).stdout
    result = run(installed, "report", recording, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "small.html").read_text().rstrip().endswith("</html>")
