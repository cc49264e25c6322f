"""The child process that makes the pressure; its arguments are PARENT DIR SECONDS FILE_BYTES [drop].

It waits for a line on stdin (by then it is in its cgroup), makes its files and says so on stdout, waits for another
line, presses until its time is over, and dies with its parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count, cycle
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20
CHUNK_BYTES: Final = MIB
ANON_BYTES: Final = 32 * MIB
BIG_FILES: Final = 4
SMALL_FILES: Final = 4000
FILES_A_FOLDER: Final = 100
MISSES_A_TURN: Final = 4000
PERIOD_S: Final = 3.3
BURST_S: Final = 2.0
"""It presses for two seconds of every 3.3, so that the pressure comes in episodes."""
_REST_S: Final = 0.05
DROP_CACHES: Final = Path("/proc/sys/vm/drop_caches")
_PR_SET_PDEATHSIG: Final = 1
"""include/uapi/linux/prctl.h"""

Clock = Callable[[], float]


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent is gone; leave at once if it is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def nameless_file(directory: Path) -> int:
    """A descriptor of a file without a name."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError:
        # Some file systems (overlayfs on older kernels) know no O_TMPFILE.
        descriptor, name = tempfile.mkstemp(dir=directory)
        Path(name).unlink()
        return descriptor


def big_files(directory: Path, total_bytes: int) -> list[int]:
    """Descriptors of files without a name, written once, so that nothing is left on disk whatever happens."""
    block, files = os.urandom(CHUNK_BYTES), []
    for _ in range(BIG_FILES):
        descriptor = nameless_file(directory)
        files.append(descriptor)
        for _ in range(total_bytes // BIG_FILES // CHUNK_BYTES):
            os.write(descriptor, block)
        os.fdatasync(descriptor)
    return files


def small_files(directory: Path) -> list[Path]:
    """Folders full of empty files: a dentry and an inode each."""
    folders = []
    for number in range(SMALL_FILES // FILES_A_FOLDER):
        folder = directory / f"folder-{number}"
        folder.mkdir()
        for name in range(FILES_A_FOLDER):
            (folder / f"file-{name}").touch()
        folders.append(folder)
    return folders


def read_turns(files: list[int]) -> Iterator[None]:
    """Read the files over and over, 16 MiB a turn: more than the cgroup holds, so cache goes and comes back."""
    buffer = bytearray(CHUNK_BYTES)
    while True:
        for descriptor in files:
            offset = 0
            while os.preadv(descriptor, [buffer], offset):
                offset += CHUNK_BYTES
                if offset % (16 * MIB) == 0:
                    yield


def slab_turns(folders: list[Path]) -> Iterator[None]:
    """Look at every small file and at many names that are not there: dentries and inodes for the shrinkers."""
    missing = count()
    for folder in cycle(folders):
        with os.scandir(folder) as entries:
            for entry in entries:
                entry.stat()
        for _ in range(MISSES_A_TURN):
            os.access(f"{folder}/absent-{next(missing)}", os.F_OK)
        yield


def anon_turns() -> Iterator[None]:
    """Take memory that can't be given back, hold it for some turns, let it go."""
    while True:
        held = bytearray(ANON_BYTES)
        for _ in range(8):
            yield
        del held
        for _ in range(8):
            yield


def prepared_turns(directory: Path, file_bytes: int) -> list[Iterator[None]]:
    """The files are made when it returns; what is done with them is up to whoever takes the turns."""
    turns = [slab_turns(small_files(directory)), anon_turns()]
    if file_bytes:
        turns.append(read_turns(big_files(directory, file_bytes)))
    return turns


def press(turns: Sequence[Iterator[None]], seconds: float, *, drop_caches: bool, clock: Clock = time.monotonic) -> None:
    """Take turns until `seconds` are over; halfway ask the kernel to drop its caches, if wanted."""
    start = clock()
    while clock() < start + seconds:
        if (clock() - start) % PERIOD_S > BURST_S:
            time.sleep(_REST_S)
            continue
        for turn in turns:
            next(turn)
        if drop_caches and clock() > start + seconds / 2:
            DROP_CACHES.write_text("3")
            drop_caches = False


def main(arguments: list[str]) -> None:
    """The child's life."""
    parent, directory, seconds, file_bytes = (
        int(arguments[0]),
        Path(arguments[1]),
        float(arguments[2]),
        int(arguments[3]),
    )
    die_with_parent(parent)
    Path("/proc/self/oom_score_adj").write_text("1000")
    if not sys.stdin.readline():
        return
    try:
        # The way through a descriptor would cost each name that is looked up more than the lookup itself.
        os.chdir(directory)
        turns = prepared_turns(Path(), file_bytes)
        print("ready", flush=True)
        if sys.stdin.readline():
            press(turns, seconds, drop_caches="drop" in arguments[4:])
    except OSError as error:
        sys.exit(f"load: {error}")
