"""This process as BPF programs see it."""

from __future__ import annotations

import os

from ..kernel.host import in_initial_namespace
from . import syscalls


def own_process_number() -> int | None:
    """This process's `tgid` in events, which is the initial pid namespace's; None where that can't be had."""
    return os.getpid() if in_initial_namespace("pid") else syscalls.process_number_in_programs()
