"""What the figures were measured on, in a sentence."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np


def describe() -> str:
    """Processor, CPUs, memory, kernel and interpreter; whether it is a virtual machine."""
    info = Path("/proc/cpuinfo").read_text()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    virtual = "virtual machine, " if " hypervisor" in info else ""
    return (
        f"{virtual}{_field(info, 'model name') or platform.machine()}, {len(os.sched_getaffinity(0))} CPUs, "
        f"{memory:.0f} GiB, Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}, "
        f"numpy {np.__version__}"
    )


def load_average() -> float:
    """Processes that ran or waited over the last minute: figures of a busy machine are worth less."""
    return os.getloadavg()[0]


def _field(text: str, name: str) -> str:
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")
