"""Folders that are whole userlands: one Debian release's Python with one release's bcc, entered by chroot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debian_archive import CACHE, Archive, unpack

PROJECT = Path(__file__).parent.parent.parent
NEEDED_TO_RECORD = ("numpy", "typer", "zstandard")
MOUNTS = """\
set -e
root=$1 project=$2 packages=$3
shift 3
for folder in proc sys dev; do mount --rbind /$folder $root/$folder; done
mount --bind $project $root/project
mount --bind $packages $root/packages
cd /
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 PYTHONPATH=/project:/packages \
    PYTHONDONTWRITEBYTECODE=1 chroot $root "$@"
"""


@dataclass(frozen=True)
class Userland:
    """`python_of` and `bcc_of` are releases: they differ where somebody's Python is newer than the distribution."""

    python_of: str
    bcc_of: str

    def __str__(self) -> str:
        return f"{self.bcc_of}-bcc-on-{self.python_of}-python"

    def prepare(self) -> Root:
        """Fetch and unpack, or take what is there. Raises ArchiveUnavailableError."""
        files = (*Archive(self.python_of).fetch(["python3"]), *_bcc_files(self.bcc_of))
        path = CACHE.parent / "roots" / str(self)
        contents = "\n".join(file.name for file in files)
        stamp = path / "contents"
        if not stamp.exists() or stamp.read_text() != contents:
            shutil.rmtree(path, ignore_errors=True)
            for folder in ("proc", "sys", "dev", "tmp", "project", "packages"):
                (path / folder).mkdir(parents=True)
            unpack(files, path)
            stamp.write_text(contents)
        return Root(path)


class Root:
    """An unpacked userland. Each command sees it in a mount namespace of its own: nothing is left mounted."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside; its standard streams are captured."""
        packages = _python_packages(next((self.path / "usr/bin").glob("python3.*[0-9]")).name.removeprefix("python"))
        entering = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS, "sh"]
        places = [str(self.path), str(PROJECT), str(packages)]
        return subprocess.run([*entering, *places, *command], capture_output=True, text=True, timeout=300)

    def lines(self, *command: str) -> Iterator[dict[str, Any]]:
        """Run a command inside that must succeed; each line it prints is a JSON object."""
        done = self.run(*command)
        assert done.returncode == 0, done.stderr
        return map(json.loads, done.stdout.splitlines())


def _bcc_files(suite: str) -> tuple[Path, ...]:
    files = Archive(suite).fetch(["python3-bpfcc"])
    return tuple(file for file in files if file.name.startswith(("lib", "python3-bpfcc_")))


def _python_packages(version: str) -> Path:
    """What the tracer itself needs to record, for that Python, from PyPI."""
    target = CACHE.parent / "packages" / version
    stamp = target / "contents"
    wanted = "\n".join(_requirements())
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(target, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        options = ["--target", str(target), "--python-version", version, "--only-binary=:all:"]
        subprocess.run([*pip, *options, *_requirements()], check=True, capture_output=True)
        stamp.write_text(wanted)
    return target


def _requirements() -> Sequence[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return [line for line in project["dependencies"] if line.startswith(NEEDED_TO_RECORD)]
