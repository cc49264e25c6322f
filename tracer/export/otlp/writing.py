"""A recording as lines of OTLP's JSON, as the OpenTelemetry Collector's file receiver reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...analyze import Analysis
from ...analyze.stream.stretch import Stretch
from ...metrics.collector import ResultsCollector
from ...metrics.otlp import otlp_metrics
from ...metrics.results import results_of
from ...otlp_json import Json
from ...recording_facts import RecordingFacts
from ...store.decoding import Item
from ...tables.origin import recording_id
from ..source import Source
from .clock import WallClock, refuse_clockless
from .found import FoundSpans
from .records import log_record, span
from .requests import LOGS, METRICS, TRACES, Signal, requests
from .resource import resource


class OtlpWriter:
    """Traces, then log records, then metrics; a request a line."""

    def __init__(self, source: Source, write: Callable[[bytes], object]) -> None:
        """Raises TracerError where the recording has no wall clock."""
        refuse_clockless(source.metadata.start_utc_ns, source.part.recording.path.name)
        self._put = write
        self._recording_id = recording_id(source.part.recording.metadata)
        self._resource = resource(source.metadata, self._recording_id)

    def item(self, item: Item) -> None:
        """Nothing of single items is told."""

    def stretch(self, stretch: Stretch) -> None:
        """Nothing of single events is told."""

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:
        """Write everything."""
        clock, found = WallClock(facts), FoundSpans(analysis, self._recording_id)
        end_ns = max(clock.at_ns(analysis.duration_s), clock.start_ns)
        self._lines(TRACES, (span(one, clock) for one in found.all))
        self._lines(LOGS, (log_record(one, found.about(one), clock, end_ns) for one in analysis.findings))
        collector = ResultsCollector()
        collector.take(results_of(analysis, facts))
        self._lines(METRICS, otlp_metrics(collector.collect(), clock.start_ns, end_ns))

    def _lines(self, signal: Signal, records: Iterable[Json]) -> None:
        for line in requests(signal, self._resource, records):
            self._put(line + b"\n")
