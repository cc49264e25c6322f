"""Records as the requests that carry them to a Collector, bounded in size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ...otlp_json import Json
from .resource import SERVICE

_MOST_BYTES: Final = 256 << 10
"""Of records in one request: the Collector's file receiver cuts a line at 1 MiB."""


@dataclass(frozen=True)
class Signal:
    """How a request of one kind is built, and its path at an OTLP/HTTP endpoint."""

    of_resource: str
    of_scope: str
    records: str
    path: str


TRACES: Final = Signal("resourceSpans", "scopeSpans", "spans", "/v1/traces")
LOGS: Final = Signal("resourceLogs", "scopeLogs", "logRecords", "/v1/logs")
METRICS: Final = Signal("resourceMetrics", "scopeMetrics", "metrics", "/v1/metrics")


@dataclass(frozen=True)
class Request:
    """One line of JSON without its end, and how many records it carries."""

    signal: Signal
    body: bytes
    records: int


def requests(signal: Signal, resource: Json, records: Iterable[Json]) -> Iterator[Request]:
    """Records in requests of bounded size; none without records."""
    head = f'{{"{signal.of_resource}":[{{"resource":{_text(resource)},"{signal.of_scope}":[{{"scope":'
    head += f'{_text({"name": SERVICE})},"{signal.records}":['
    for texts in _bounded(_text(record) for record in records):
        yield Request(signal, f"{head}{','.join(texts)}]}}]}}]}}".encode(), len(texts))


def _bounded(texts: Iterable[str]) -> Iterator[list[str]]:
    together: list[str] = []
    length = 0
    for text in texts:
        if together and length + len(text) > _MOST_BYTES:
            yield together
            together, length = [], 0
        together.append(text)
        length += len(text)
    if together:
        yield together


def _text(record: Json) -> str:
    return json.dumps(record, separators=(",", ":"), allow_nan=False)
