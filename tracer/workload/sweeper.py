"""What is to be removed even where the process that made it is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SHELL: Final = "/bin/sh"
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_SCRIPT: Final = """
read _
cd / && rm -rf -- "$1"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$2" ] || exit; rmdir -- "$2" 2>/dev/null && exit; sleep 0.2; done
"""
"""Its input ends when the process that holds the other end of the pipe does. A cgroup's tasks take a moment to end."""


@contextmanager
def swept(folder: Path, cgroup: Path) -> Iterator[None]:
    """For the length of the block another process waits for this one's end, to remove a folder and a cgroup then.

    Where the block ends in good order nothing is removed. Where no process can be started nothing is watched.
    """
    try:
        sweeper = subprocess.Popen(
            [_SHELL, "-c", _SCRIPT, _SHELL, str(folder), str(cgroup)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": _PATH},
            start_new_session=True,
        )
    except OSError:
        yield
        return
    try:
        yield
    finally:
        sweeper.kill()
        sweeper.communicate()
