"""This process as BPF programs see it."""

from __future__ import annotations

import os
from pathlib import Path

from ..kernel.host import in_initial_namespace
from . import syscalls


def own_process_flags() -> list[str]:
    """Compiler flags by which programs know this process."""
    flags = [f"-DRT_TRACER_TGID={os.getpid()}"]
    if not in_initial_namespace("pid"):
        # BPF sees the initial namespace's numbers: compare in our own namespace instead.
        namespace = Path("/proc/self/ns/pid").stat()
        device = (os.major(namespace.st_dev) << 20) | os.minor(namespace.st_dev)
        flags += [f"-DRT_PIDNS_DEV={device}", f"-DRT_PIDNS_INO={namespace.st_ino}"]
    return flags


def own_process_number() -> int | None:
    """This process's `tgid` in events, which is the initial pid namespace's; None where that can't be had."""
    return os.getpid() if in_initial_namespace("pid") else syscalls.process_number_in_programs()
