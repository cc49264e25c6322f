"""The options that only `fleet` has."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .options import GAP_S, HORIZON_S, Gap, Horizon

if TYPE_CHECKING:
    from ..fleet.manifest import Entry
    from ..jobs.fleet.running import Progress, Request, Run

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B?)", re.IGNORECASE)
_POWER: Final = {"K": 10, "M": 20, "G": 30, "T": 40}
_ALL: Final = -1


def memory_bytes(text: str) -> int:
    """Bytes of a size as people write it: `512M`, `2GiB`. Raises typer.BadParameter."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a size: give a number with K, M, G or T, such as 2G")
    return int(float(match[1]) * (1 << _POWER[match[2][0].upper()]))


def reports_wanted(text: str) -> int:
    """How many of the worst guests get a report of their own: `worst:20`, `none`, `all`. Raises typer.BadParameter."""
    if text in ("none", "all"):
        return 0 if text == "none" else _ALL
    name, _, number = text.partition(":")
    if name != "worst" or not number.isascii() or not number.isdigit():
        raise typer.BadParameter(f"{text!r} is none of worst:N, all, none")
    return int(number)


def named_arm(text: str | None) -> tuple[str, str] | None:
    """A label and its value in the control, empty where it was not given; None where no arms are asked for."""
    if text is None:
        return None
    key, _, control = text.partition("=")
    return key, control


Recordings = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH|GLOB|MANIFEST...",
        help="Folders, patterns, recordings, or manifests (.csv, .json, .jsonl) that label them.",
        show_default=False,
    ),
]
Reports = Annotated[
    int,
    typer.Option(metavar="worst:N|all|none", parser=reports_wanted, help="Guests that get a report of their own."),
]
Arm = Annotated[
    str | None,
    typer.Option(
        metavar="LABEL[=CONTROL]",
        help="Hold recordings with other values of this label against those with the value CONTROL.",
        show_default=False,
    ),
]
_Cpus = Annotated[
    int | None,
    typer.Option("--cpus", metavar="N", min=1, max=1024, help="Processes. Default: one a CPU.", show_default=False),
]
_Memory = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        parser=memory_bytes,
        help="Memory of all processes together, such as 2G; with a scheduler, of each recording's.",
        show_default=False,
    ),
]
_Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A Dask scheduler, such as tls://HOST:8786.", show_default=False),
]
_DaskConfig = Annotated[
    Path | None,
    typer.Option("--dask-config", metavar="FILE", help="Dask's settings (YAML).", show_default=False),
]


@dataclass(frozen=True)
class WorkGroup:
    """How recordings are worked through."""

    cpus: _Cpus = None
    memory: _Memory = None
    scheduler: _Scheduler = None
    dask_config: _DaskConfig = None
    horizon: Horizon = HORIZON_S
    gap: Gap = GAP_S

    @property
    def is_remote(self) -> bool:
        """Whether a cluster does it."""
        return self.scheduler is not None or self.dask_config is not None

    def request(self, entries: Sequence[Entry], output: Path) -> Request:
        """What to work through. Raises typer.BadParameter, UsageError for too little memory."""
        from ..analyze import Options
        from ..jobs.fleet.running import Request, share_of

        if self.is_remote and self.cpus is not None:
            raise typer.BadParameter("the cluster's workers say how many there are", param_hint="'--cpus'")
        processes = 1 if self.is_remote else self.cpus or len(os.sched_getaffinity(0))
        options = Options(horizon_s=self.horizon, gap_s=self.gap)
        return Request(entries, str(output), options, share_of(processes, self.memory))

    def run(self, request: Request, progress: Progress) -> Run:
        """Work through it. Raises TracerError where no cluster can be had."""
        from ..jobs.fleet.pools import pool_alone, pool_of
        from ..jobs.fleet.running import Run

        run = Run(request, progress)
        with pool_of(request.share.processes, self.scheduler, self.dask_config) as pool:
            run.work(pool, pool_alone(pool))
        return run
