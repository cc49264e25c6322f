"""What the recording says about itself, from the survey of its source."""

from __future__ import annotations

from collections.abc import Collection

from .. import __version__
from ..metadata import BalloonInfo, Metadata, PlanRow, SourceState
from ..schema import KINDS, OWN_FIELDS, Kind
from .returns import NO_END, end_of
from .sources import Source
from .survey import Survey
from .table import HYPERV_DRIVER, VIRTIO_KINDS, WORK_DRIVERS

_NOT_THERE = "not in the source"
TRANSPORT = "import"
MOST_CHARACTERS = 1000
"""Of what a source says of itself: hostile text may say any amount."""


def metadata_of(survey: Survey, source: Source, without_end: frozenset[str], kernel: str, host: str) -> Metadata:
    """The recording's metadata, without what side files add; `kernel` and `host` are the user's word, or empty."""
    facts = survey.facts
    return Metadata(
        tool_version=__version__,
        kernel_release=(kernel or facts.kernel or source.kernel)[:MOST_CHARACTERS],
        host=(host or facts.host or source.host)[:MOST_CHARACTERS],
        start_ns=survey.first_ns,
        cpus=facts.cpus or None,
        balloon=_balloon(survey),
        plan=tuple(_row(kind.name, survey, without_end) for kind in KINDS),
        absent_fields=_absent_fields(survey, without_end),
        transport=TRANSPORT,
        sample_interval_s=0.0,
        lru_detail="span" if "nr_calls" in survey.fields.get("lru_shrink_inactive", ()) else "each",
        imported_from=source.name,
    )


def _row(kind: str, survey: Survey, without_end: frozenset[str]) -> PlanRow:
    begin = next((each for each in without_end if end_of(each) == kind), None)
    names = ", ".join(sorted(survey.names.get(begin or kind, ())))
    if not names:
        return PlanRow(kind, "import", SourceState.ABSENT, _NOT_THERE)
    return PlanRow(kind, f"import:{names}"[:MOST_CHARACTERS], SourceState.USED, NO_END if begin else "")


def _absent_fields(survey: Survey, without_end: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """By kind the fields that its text does not have."""
    absent = {}
    ends: dict[str, set[str]] = {end_of(begin): set() for begin in without_end}
    for kind in KINDS:
        present = survey.fields.get(kind.name, survey.cut.get(kind.name, ends.get(kind.name)))
        if present is not None and (missing := _missing(kind, present)):
            absent[kind.name] = missing
    return absent


def _missing(kind: Kind, present: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in kind.fields if name not in present and (kind.name, name) not in OWN_FIELDS)


def _balloon(survey: Survey) -> BalloonInfo:
    """The driver, where its functions or events are in the source; how it gives back is for the analysis to see."""
    driver = "virtio_balloon" if not VIRTIO_KINDS.isdisjoint(survey.names) else None
    driver = driver or next(
        (WORK_DRIVERS[name] for name in sorted(survey.work_functions) if name in WORK_DRIVERS), None
    )
    if "balloon_status" in survey.names:
        driver = HYPERV_DRIVER
    return BalloonInfo(driver=driver, reclaim_path="unknown")
