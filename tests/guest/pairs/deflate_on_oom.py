"""A hog that wants what the balloon holds, without and with DEFLATE_ON_OOM."""

from __future__ import annotations

from ..found import Found
from ..lab import Lab
from ..machine import Hardware
from ..pair import Phase

KINDS = ("oom_kill",)
TAKEN_MIB = 400
MORE_MIB = 150
PROBLEM = f"A balloon of {TAKEN_MIB} MiB without DEFLATE_ON_OOM, and a task that wants {MORE_MIB} MiB more than is left"
FOLLOWED = "DEFLATE_ON_OOM on (QEMU: `deflate-on-oom=on`)"
CLAIMS = {"OOM kills": 0.0}


def before() -> Phase:
    """The device without the feature."""
    return Phase(_drive, _prepare, hardware=Hardware(balloon=()))


def after(found: Found) -> Phase:
    """The device with it."""
    return Phase(_drive, _prepare)


def _prepare(lab: Lab) -> None:
    lab.host_and_wait(lab.full_mib - TAKEN_MIB)


def _drive(lab: Lab) -> None:
    lab.said_or_over(lab.load("hog", lab.available_mib() + MORE_MIB, 10), "touched")
    lab.stop_all()
