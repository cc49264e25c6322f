"""Spans and log records as OTLP has them (trace.proto, logs.proto in github.com/open-telemetry/opentelemetry-proto)."""

from __future__ import annotations

from typing import Final

from ...analyze.model import Finding
from ...analyze.terms import Severity
from ...errors import printable
from ...otlp_json import Json, attributes, int64
from .clock import WallClock
from .found import Found, SpanId
from .telling import moments, told

PREFIX: Final = "reclaim_tracer."
_INTERNAL: Final = 1
_SEVERITIES: Final = {Severity.INFO: 9, Severity.WARNING: 13, Severity.CRITICAL: 18}
"""INFO, WARN and ERROR2: as the log data model has syslog's."""


def span(found: Found, clock: WallClock) -> Json:
    """One span, with what happened in it as its events."""
    events = [
        {
            "timeUnixNano": int64(clock.at_ns(moment.at_s)),
            "name": moment.name,
            "attributes": attributes(moment.told, PREFIX),
        }
        for moment in moments(found)
    ]
    return {
        "traceId": found.id.trace,
        "spanId": found.id.span,
        **({"parentSpanId": found.parent.id.span} if found.parent else {}),
        "name": found.name,
        "kind": _INTERNAL,
        **clock.stretch(found.thing.start_s, found.thing.end_s),
        "attributes": attributes(told(found), PREFIX),
        "events": events,
    }


def log_record(finding: Finding, about: SpanId | None, clock: WallClock, seen_ns: int) -> Json:
    """A finding, seen at `seen_ns` (since 1970), which `about` is a span of."""
    told = {
        "id": finding.id,
        "kind": finding.kind,
        "quality": finding.quality.value,
        "duration_s": finding.end_s - finding.start_s,
        "open": finding.open,
        "cost_s": finding.cost,
        "cgroup": finding.cgroup,
        "numbers": finding.numbers,
    }
    return {
        "timeUnixNano": int64(clock.at_ns(finding.start_s)),
        "observedTimeUnixNano": int64(seen_ns),
        "severityNumber": _SEVERITIES[finding.severity],
        "severityText": finding.severity.value,
        "eventName": f"{PREFIX}{finding.kind}",
        "body": {"stringValue": printable(finding.text)},
        "attributes": attributes({"finding": told}, PREFIX),
        **({"traceId": about.trace, "spanId": about.span} if about else {}),
    }
