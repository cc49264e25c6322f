"""What is to be removed even where the process that made it is killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .folder import Folder

_SHELL: Final = "/bin/sh"
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_SCRIPT: Final = """
read _
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- ./*; rmdir -- "$1" "$2"
    [ -e "$1" ] || [ -e "$2" ] || exit
    sleep 0.2
done
"""
"""It runs in the folder. Its input ends when the process that holds the other end of the pipe does; the load, the only
task of the cgroup, takes a moment more."""


@contextmanager
def swept(folder: Folder, cgroup: Path) -> Iterator[None]:
    """For the length of the block another process waits for this one's end, to remove a folder and a cgroup then.

    Where the block ends in good order nothing is removed. Where no process can be started nothing is watched.
    """
    try:
        sweeper = subprocess.Popen(
            [_SHELL, "-c", _SCRIPT, _SHELL, str(folder.path), str(cgroup)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # By descriptor: the folder's name may lead elsewhere by then.
            cwd=f"/proc/self/fd/{folder.descriptor}",
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
