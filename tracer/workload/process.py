"""Starting, bounding and ending the load."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import TracerError
from ..kernel.cgroup import MemoryCgroup
from ..programs import isolated_python, safe_module_path
from .folder import Folder, private_folder
from .sweeper import swept

MIB: Final = 1 << 20
LIMIT_BYTES: Final = 128 * MIB
"""Memory the load may use, cache and slab included."""
FILE_BYTES: Final = 256 * MIB
"""Files it reads: twice the limit, so that reading evicts."""
_ROOM_BYTES: Final = 2 * FILE_BYTES
_PROGRAM: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    f"from {__package__}.pressure import main; main(sys.argv[1:])"
)
_MEMORY_FILESYSTEMS: Final = frozenset({"tmpfs", "ramfs"})


@dataclass(frozen=True)
class LoadPlan:
    """What the load is to do: for how long, in which directory, and whether to drop the caches halfway."""

    seconds: float
    directory: Path
    drop_caches: bool = False


@dataclass(frozen=True)
class BoundedLoad:
    """The child that makes the load."""

    process: subprocess.Popen[bytes]

    def prepare(self) -> None:
        """Let it make its files, however long that takes. Raises TracerError where it ends instead."""
        self._tell()
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise self._ended()

    def begin(self) -> None:
        """Let it press for the seconds of its plan, from now on. Raises TracerError where it has ended."""
        self._tell()

    def _tell(self) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b"go\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error

    def _ended(self) -> TracerError:
        return TracerError(f"the load ended before it began, with status {self.process.wait()}")


@contextmanager
def bounded_load(plan: LoadPlan) -> Iterator[BoundedLoad]:
    """A child process in a memory cgroup of its own, for the length of the block: it has its files and waits.

    Whatever ends the block, a SIGKILL included, ends the child and removes its cgroup and its files. Raises TracerError
    where no memory cgroup can be made (nothing is started then) or the child ends before it is ready.
    """
    directory = plan.directory.resolve()
    with MemoryCgroup(LIMIT_BYTES) as cgroup, private_folder(directory) as folder, swept(folder, cgroup.path):
        child = _start(plan, folder)
        try:
            load = BoundedLoad(child)
            cgroup.add(child.pid)
            load.prepare()
            yield load
        finally:
            child.kill()
            child.communicate()


def file_bytes(directory: Path) -> int:
    """How many bytes of files may be written there: none in memory (they could not be evicted) or on a full disk."""
    if _filesystem(directory) in _MEMORY_FILESYSTEMS or shutil.disk_usage(directory).free < _ROOM_BYTES:
        return 0
    return FILE_BYTES


def _filesystem(directory: Path) -> str:
    """The type of the file system a directory is on, from the longest mount point above it."""
    path = directory.resolve()
    found = (0, "")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        if path.is_relative_to(point):
            found = max(found, (len(point), kind), key=lambda pair: pair[0])
    return found[1]


def _start(plan: LoadPlan, folder: Folder) -> subprocess.Popen[bytes]:
    drop = ["drop"] if plan.drop_caches else []
    place, size = f"/proc/self/fd/{folder.descriptor}", file_bytes(folder.path.parent)
    arguments = [str(os.getpid()), place, str(plan.seconds), str(size), *drop]
    return subprocess.Popen(
        isolated_python(_PROGRAM, (json.dumps(safe_module_path()), *arguments)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[folder.descriptor],
        cwd="/",
        start_new_session=True,
    )
