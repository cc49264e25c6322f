"""OTLP's JSON read by OpenTelemetry's own protocol buffers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "resourceSpans": ExportTraceServiceRequest,
    "resourceLogs": ExportLogsServiceRequest,
    "resourceMetrics": ExportMetricsServiceRequest,
}
IDS = {"traceId", "spanId", "parentSpanId"}
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(line: bytes) -> Any:
    """One request; a field that the protocol does not have is an error. OTLP has ids in hexadecimal, where protocol
    buffers' JSON has base64."""
    told = json.loads(line, object_hook=_with_base64_ids)
    ((kind, _),) = told.items()
    return ParseDict(told, REQUESTS[kind]())


def _with_base64_ids(told: dict[str, Any]) -> dict[str, Any]:
    return {
        key: base64.b64encode(bytes.fromhex(value)).decode() if key in IDS else value for key, value in told.items()
    }


def records(requests: Iterable[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Spans, log records and metrics of all."""
    spans, logs, metrics = [], [], []
    for request in requests:
        for resource in getattr(request, "resource_spans", ()):
            spans += [span for scope in resource.scope_spans for span in scope.spans]
        for resource in getattr(request, "resource_logs", ()):
            logs += [record for scope in resource.scope_logs for record in scope.log_records]
        for resource in getattr(request, "resource_metrics", ()):
            metrics += [metric for scope in resource.scope_metrics for metric in scope.metrics]
    return spans, logs, metrics


def named(attributes: Iterable[Any]) -> dict[str, Any]:
    """Attributes by name; none has two values."""
    told = [(one.key, getattr(one.value, one.value.WhichOneof("value"))) for one in attributes]
    assert len(dict(told)) == len(told)
    return dict(told)


def series(metrics: Iterable[Any]) -> Series:
    """Their values as Prometheus would name them."""
    return {key: value for metric in metrics for key, value in _samples(metric)}


def _samples(metric: Any) -> Iterator[tuple[tuple[str, tuple[tuple[str, str], ...]], float]]:
    data = getattr(metric, metric.WhichOneof("data"))
    for point in data.data_points:
        labels = named(point.attributes)
        if metric.WhichOneof("data") != "histogram":
            yield (metric.name, tuple(sorted(labels.items()))), point.as_double
            continue
        yield (f"{metric.name}_sum", tuple(sorted(labels.items()))), point.sum
        yield (f"{metric.name}_count", tuple(sorted(labels.items()))), point.count
        upto = 0
        for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts, strict=True):
            upto += count
            yield (f"{metric.name}_bucket", tuple(sorted((labels | {"le": str(bound)}).items()))), upto
        assert upto == point.count
