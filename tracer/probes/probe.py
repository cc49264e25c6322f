"""What a plan is made of: probes, sources made up of them, and subjects that have several sources to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..kernel.tracefs import TracepointFormat, missing_fields
from ..schema import Kind


class How(StrEnum):
    """Ways to run a program in the kernel."""

    TRACEPOINT = "tracepoint"
    RAW_TRACEPOINT = "raw_tracepoint"
    FENTRY = "fentry"
    FEXIT = "fexit"
    KPROBE = "kprobe"
    KRETPROBE = "kretprobe"


class PageSource(StrEnum):
    """Who counts the pages of the balloon's runs: the choices of `--balloon-source`, best first.

    TRACEPOINTS are PAGES with no function probed for anything.
    """

    AUTO = "auto"
    FENTRY = "fentry"
    KPROBE = "kprobe"
    COUNTERS = "counters"
    PAGES = "pages"
    TRACEPOINTS = "tracepoints"
    SAMPLES = "samples"


@dataclass(frozen=True)
class Probe:
    """One program at one place. `target` is `category:name` or a function; `kind` what it writes, if anything.

    `module` and `type_number` say which function of whose BTF a traced function is.
    """

    program: str
    how: How
    target: str
    kind: Kind | None = None
    format: TracepointFormat | None = None
    is_filtered: bool = False
    module: str | None = None
    type_number: int = 0

    @property
    def label(self) -> str:
        """As the plan's rows name it."""
        return f"{self.how}:{self.target}"

    @property
    def is_traced(self) -> bool:
        """Whether its program is loaded for this one function."""
        return self.how in (How.FENTRY, How.FEXIT)

    @property
    def loaded_as(self) -> str:
        """What its program is called when loaded."""
        return f"{self.program}@{self.target}" if self.is_traced else self.program


@dataclass(frozen=True)
class Source:
    """Probes that stand or fall together. `obstacle` says why they can't even be tried; empty where they can.

    `absent` names fields that this source leaves at zero, by kind. `boot` has the values of its constants that differ
    between two boots of one kernel, by macro.
    """

    name: str
    kinds: tuple[Kind, ...]
    probes: tuple[Probe, ...] = ()
    obstacle: str = ""
    flags: tuple[str, ...] = ()
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    page_source: PageSource | None = None
    boot: Mapping[str, int] = field(default_factory=dict)

    def label(self, kind: Kind) -> str:
        """As the plan's row for one of its kinds names it: the probe that writes it, or else the whole."""
        return next((probe.label for probe in self.probes if probe.kind == kind), self.name)

    def absent_fields(self) -> dict[str, tuple[str, ...]]:
        """Fields that stay zero in the records, by kind name."""
        lacking = {
            probe.kind.name: missing_fields(probe.kind, probe.format)
            for probe in self.probes
            if probe.kind and probe.format
        }
        return {name: fields for name, fields in {**lacking, **self.absent}.items() if fields}


@dataclass(frozen=True)
class Subject:
    """Something to see, and the sources that show it, best first; the first that the kernel accepts is used.

    `needs`: names of sources of which one must be used for this subject to make sense, and `why_not` what to say else.
    """

    sources: tuple[Source, ...]
    needs: frozenset[str] = frozenset()
    why_not: str = ""
