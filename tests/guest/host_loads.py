"""Loads beside which a host's policy is tried; each ends by itself, with the guest at rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from .host import Host
from .lab import Lab

READ_MIB: Final = 450
READING_S: Final = 40
MORE_MIB: Final = 150
"""What the growing task wants beyond what is available when it begins."""
JOBS: Final = 3
JOB_MORE_MIB: Final = 130
REST_S: Final = 3
"""Between jobs."""
_STEP_MS: Final = 25
_JOB_STEP_MS: Final = 10

Load = Callable[[Lab, Host], None]


def reader(lab: Lab, host: Host) -> None:
    """A task that goes through the same files over and over: all of it page cache."""
    pid = lab.load("stream", "/dev/vdc", READ_MIB, 0, 2)
    host.for_seconds(READING_S)
    lab.stop(pid)


def growing(lab: Lab, host: Host) -> None:
    """A task that grows beyond what is available when it begins, by 40 MiB a second at most."""
    _hog(lab, host, lab.available_mib() + MORE_MIB, _STEP_MS)


def jobs(lab: Lab, host: Host) -> None:
    """Jobs in a row, each larger than what is available before the first."""
    wanted_mib = lab.available_mib() + JOB_MORE_MIB
    for _ in range(JOBS):
        _hog(lab, host, wanted_mib, _JOB_STEP_MS)
        host.for_seconds(REST_S)


LOADS: Final[Mapping[str, Load]] = {"reader": reader, "growing": growing, "jobs": jobs}


def _hog(lab: Lab, host: Host, mib: int, step_ms: int) -> None:
    """Until it has all, or was killed."""
    pid = lab.load("hog", mib, step_ms)
    host.until(lambda: lab.is_said_or_over(pid, "touched"), "a task to have its memory")
    lab.stop(pid)
