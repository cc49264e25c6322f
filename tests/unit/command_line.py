"""The command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENV = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | {"PYTHONPATH": str(ROOT)}
"""stdout as users have it: buffered, so that what goes wrong with it may show at the very end only."""


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """`reclaim-tracer ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-m", "tracer", *map(str, arguments)]
    settings: dict[str, object] = {
        "capture_output": True,
        "text": True,
        "cwd": ROOT,
        "timeout": 60,
        "env": ENV,
        **options,
    }
    return subprocess.run(command, **settings)
