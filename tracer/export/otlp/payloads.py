"""What one recording's telemetry is sent or written as: requests, each with how many records it carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ...analyze import Analysis
from ...analyze.model import Finding
from ...metadata import Metadata
from ...metrics.otlp import MetricFamilies, otlp_metrics
from ...otlp_json import Json
from ...recording_facts import RecordingFacts
from ...tables.origin import recording_id, tracing_id
from .clock import WallClock
from .found import Found, FoundSpans
from .records import log_record, span
from .requests import LOGS, METRICS, TRACES, Request, requests
from .resource import resource


class Payloads:
    """Makes requests of what was found; ids and names are the same whoever asks, and when."""

    def __init__(self, whole: Metadata, told: Metadata) -> None:
        """`whole` is the recording's metadata, `told` that of the part that is looked at."""
        self._tracing_id: Final = tracing_id(whole)
        self._resource: Final = resource(told, recording_id(whole))

    def at(self, analysis: Analysis, facts: RecordingFacts) -> Moment:
        """Results so far, or of the end."""
        return Moment(self._tracing_id, self._resource, analysis, facts)


class Moment:
    """Results at one time: `found` is all that lasted or lasts."""

    def __init__(self, tracing_id: str, resource: Json, analysis: Analysis, facts: RecordingFacts) -> None:
        self.analysis = analysis
        self.found = FoundSpans(analysis, tracing_id, facts.metadata.start_ns)
        self._resource = resource
        self._clock = WallClock(facts)
        self._now_ns = max(self._clock.at_ns(analysis.duration_s), self._clock.start_ns)

    def spans(self, found: Iterable[Found]) -> Iterator[Request]:
        """Some of what was found."""
        return requests(TRACES, self._resource, (span(one, self._clock) for one in found))

    def log_records(self, findings: Iterable[Finding]) -> Iterator[Request]:
        """Findings, seen now."""
        records = (log_record(one, self.found.about(one), self._clock, self._now_ns) for one in findings)
        return requests(LOGS, self._resource, records)

    def metrics(self, families: MetricFamilies) -> Iterator[Request]:
        """Metrics, as they are now."""
        return requests(METRICS, self._resource, otlp_metrics(families, self._clock.start_ns, self._now_ns))
