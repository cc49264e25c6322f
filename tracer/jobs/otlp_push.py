"""Results of a recording that goes on, sent to an OTLP endpoint: by the process that tells metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from ..export.otlp.payloads import Payloads
from ..export.otlp.requests import LOGS, METRICS, TRACES, Request
from ..push.endpoint import Endpoint
from ..push.outbox import Parcel, Tally
from ..push.sender import Sender
from ..terminal.messages import say
from .otlp_news import FindingNews, SpanNews

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..metadata import Metadata
    from ..metrics.otlp import MetricFamilies
    from ..recording_facts import RecordingFacts

CLOSE_S: Final = 5.0
"""What is left may be sent for so long when the recording is over."""
_KINDS: Final = {TRACES: "spans", LOGS: "log records", METRICS: "metrics"}


class OtlpPush:
    """Hands what is new to a sender: spans and log records at once, metrics every `interval_s`."""

    def __init__(
        self, endpoint: Endpoint, interval_s: float, horizon_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval_s, self._clock = interval_s, clock
        self._due_s = clock()
        self._spans, self._findings = SpanNews(horizon_s), FindingNews()
        self._payloads: Payloads | None = None
        self.url = endpoint.url
        self._sender = Sender(endpoint, say)

    def take(self, analysis: Analysis, facts: RecordingFacts, families: Callable[[], MetricFamilies]) -> None:
        """Take the results so far."""
        now = self._of(facts.metadata).at(analysis, facts)
        self._put(now.spans(self._spans.new(now.found, analysis)))
        self._put(now.log_records(self._findings.new(analysis)))
        if (now_s := self._clock()) >= self._due_s:
            self._due_s = max(self._due_s + self._interval_s, now_s)
            self._put(now.metrics(families()))

    def take_last(self, analysis: Analysis, facts: RecordingFacts, families: Callable[[], MetricFamilies]) -> None:
        """Take the results of the end."""
        now = self._of(facts.metadata).at(analysis, facts)
        self._put(now.spans(self._spans.rest(now.found)))
        self._put(now.log_records(self._findings.rest(analysis)))
        self._put(now.metrics(families()))

    def close(self) -> None:
        """Send what is left, and say what was not sent."""
        if lost := _lost(self._sender.close(CLOSE_S)):
            say(f"OTLP: {lost} (to {self.url})")

    def _of(self, metadata: Metadata) -> Payloads:
        self._payloads = self._payloads or Payloads(metadata, metadata)
        return self._payloads

    def _put(self, requests: Iterable[Request]) -> None:
        parcels = [
            Parcel(one.signal.path, one.body, _KINDS[one.signal], one.records, replaces=one.signal is METRICS)
            for one in requests
        ]
        if parcels:
            self._sender.put(parcels)


def _lost(tally: Tally) -> str:
    """What was not sent; empty where all was. Earlier metrics are in later ones: only the last may be missed."""
    lost = [f"{count:,} {kind}" for kind, count in tally.lost.items() if count]
    return f"{' and '.join(lost)} were not taken: {tally.why}" if lost else ""
