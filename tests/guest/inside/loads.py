"""Loads that run in the guest, each a function of strings; `LOADS` has them by name. Ended by a signal."""

from __future__ import annotations

import mmap
import os
import signal
import time
from pathlib import Path

PAGE = mmap.PAGESIZE
MIB = 1 << 20
_MAP_NORESERVE = 0x4000  # include/uapi/asm-generic/mman-common.h: more than there is may be mapped


def hog(mib: str, step_ms: str = "0") -> None:
    """Touch so much anonymous memory and keep it, a MiB every `step_ms`."""
    memory = mmap.mmap(-1, int(mib) * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
    for start in range(0, len(memory), MIB):
        for place in range(start, start + MIB, PAGE):
            memory[place] = 1
        time.sleep(int(step_ms) / 1000)
    print("touched", flush=True)
    signal.pause()


def stream(path: str, mib: str, passes: str = "1", pause_ms: str = "0") -> None:
    """Read the file's first MiB through the page cache, pausing after each, again and again; 0 passes is for ever."""
    done = 0
    while not int(passes) or done < int(passes):
        fd = os.open(path, os.O_RDONLY)
        for _ in range(int(mib)):
            if not os.read(fd, MIB):
                break
            time.sleep(int(pause_ms) / 1000)
        os.close(fd)
        done += 1
    print("read", flush=True)


def inodes(path: str = "/", passes: str = "1") -> None:
    """Look at every file under the path: inodes and dentries for the slab's shrinkers."""
    for _ in range(int(passes)):
        for folder, _, names in os.walk(path):
            for name in names:
                try:
                    os.lstat(f"{folder}/{name}")
                except OSError:
                    continue
    print("seen", flush=True)


def lookups(folder: str, names: str) -> None:
    """Look for files that are not there: a dentry each that says so."""
    for number in range(int(names)):
        try:
            os.lstat(f"{folder}/no-{number}")
        except OSError:
            continue
    print("looked", flush=True)


def drop(what: str, pause_ms: str) -> None:
    """Write to drop_caches for ever: 1 page cache, 2 slab, 3 both."""
    while True:
        Path("/proc/sys/vm/drop_caches").write_text(what)
        time.sleep(int(pause_ms) / 1000)


def kill_when_low(name: str, pid: str, low_mib: str) -> None:
    """Hold a process as soon as so little memory is available, and kill it, under this task name.

    In between a recorder that is at rest reads the counters: every two seconds.
    """
    Path("/proc/self/comm").write_text(name)
    while True:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available_kib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
        if available_kib < int(low_mib) * 1024:
            break
        time.sleep(0.05)
    os.kill(int(pid), signal.SIGSTOP)
    time.sleep(3)
    os.kill(int(pid), signal.SIGKILL)
    print("killed", flush=True)


LOADS = {
    "drop": drop,
    "hog": hog,
    "stream": stream,
    "inodes": inodes,
    "lookups": lookups,
    "kill_when_low": kill_when_low,
}
