"""A recording as lines of OTLP's JSON, as the OpenTelemetry Collector's file receiver reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...analyze import Analysis
from ...analyze.stream.stretch import Stretch
from ...metrics.collector import ResultsCollector
from ...metrics.results import results_of
from ...recording_facts import RecordingFacts
from ...store.decoding import Item
from ..source import Source
from .clock import refuse_clockless
from .payloads import Payloads
from .requests import Request


class OtlpWriter:
    """Traces, then log records, then metrics; a request a line."""

    def __init__(self, source: Source, write: Callable[[bytes], object]) -> None:
        """Raises TracerError where the recording has no wall clock."""
        refuse_clockless(source.metadata.start_utc_ns, source.part.recording.path.name)
        self._put = write
        self._payloads = Payloads(source.part.recording.metadata, source.metadata)

    def item(self, item: Item) -> None:
        """Nothing of single items is told."""

    def stretch(self, stretch: Stretch) -> None:
        """Nothing of single events is told."""

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:
        """Write everything."""
        now = self._payloads.at(analysis, facts)
        self._lines(now.spans(now.found.all))
        self._lines(now.log_records(analysis.findings))
        collector = ResultsCollector()
        collector.take(results_of(analysis, facts))
        self._lines(now.metrics(collector.collect()))

    def _lines(self, requests: Iterable[Request]) -> None:
        for request in requests:
            self._put(request.body + b"\n")
