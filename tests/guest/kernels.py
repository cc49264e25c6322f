"""The kernels the lab boots: Debian's cloud kernels, each with its own release's bcc and a Python >= 3.11."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class System:
    """A guest's userland: what is needed of Debian's `suites`, the first unless `pinned` names another.

    `bcc` is the version that it must come out with. `packages` and `wheels` are more than what every userland has.
    """

    name: str
    suites: tuple[str, ...]
    bcc: str
    python: str
    compiler: str
    pinned: tuple[tuple[str, str], ...] = ()
    packages: tuple[str, ...] = field(default=(), repr=False)
    wheels: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Kernel:
    """A guest's kernel: the newest `linux-image-cloud-amd64` of a suite."""

    name: str
    suite: str
    system: System


PACKAGES: Final = ("python3", "python3-bpfcc", "busybox-static")

BULLSEYE: Final = System(
    "bullseye",
    ("bookworm", "bullseye"),
    "0.18",
    "3.11",
    "gcc-10",
    # Debian 11's bcc and its LLVM under Debian 12's Python: 11's own is older than the tracer can use.
    pinned=(("python3-bpfcc", "bullseye"), ("libbpfcc", "bullseye")),
)
BOOKWORM: Final = System("bookworm", ("bookworm",), "0.26", "3.11", "gcc-12")
TRIXIE: Final = System("trixie", ("trixie", "trixie-backports"), "0.31", "3.13", "gcc-14")

KERNELS: Final = {
    kernel.name: kernel
    for kernel in (
        Kernel("5.10", "bullseye", BULLSEYE),
        Kernel("6.1", "bookworm", BOOKWORM),
        Kernel("6.12", "trixie", TRIXIE),
        Kernel("newest", "trixie-backports", TRIXIE),
    )
}

FULL: Final = "6.12"
"""The kernel that every test of the lab runs on."""


def chosen_kernels() -> list[str]:
    """Kernels for tests that run on each: FULL alone unless `GUESTS=all` asks for the whole matrix."""
    return list(KERNELS) if os.environ.get("GUESTS") == "all" else [FULL]
