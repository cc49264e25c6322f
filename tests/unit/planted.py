"""A folder in which every module and program that might be run lies planted, and the command line as users start it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "OWNED"
PACKAGES = (
    "numpy",
    "pandas",
    "plotly",
    "typer",
    "click",
    "rich",
    "textual",
    "zstandard",
    "bcc",
    "tracer",
    "sitecustomize",
)
PROGRAMS = ("trace-cmd", "perf", "sh", "bash", "cat", "gcc", "ldconfig", "uname", "python3", "mount", "modprobe")


def plant(folder: Path) -> Path:
    """Modules and programs in `folder` that leave a file MARK there when they run."""
    mark = folder / MARK
    for name in sorted(sys.stdlib_module_names | set(PACKAGES)):
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write('module {name}\\n')\n")
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho program {name} >> {mark}\n")
        program.chmod(0o755)
    return mark


def installed(folder: Path) -> Path:
    """The command as an installation puts it into its `bin`: an interpreter, and nothing of the current directory."""
    script = folder / "reclaim-tracer"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.append({str(ROOT)!r})\nfrom tracer.__main__ import main\nmain()\n"
    )
    script.chmod(0o755)
    return script


def run_among(script: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`reclaim-tracer ARGUMENTS` in the folder, which PATH names as `.` and with an empty word, before all others."""
    path = os.pathsep.join((".", "", os.environ["PATH"]))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(script), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment | {"PATH": path, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
