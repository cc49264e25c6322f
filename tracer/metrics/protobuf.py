"""Metrics as protocol buffers, the only format in which Prometheus fetches native histograms.

Fields are those of io.prometheus.client.MetricFamily (metrics.proto in github.com/prometheus/client_model).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from prometheus_client.core import Metric

from ..analyze.wait_lengths import STEPS_A_DOUBLING, WaitHistogram
from ..protobuf import double, message, number, text, varint
from .families import WaitFamily

PROTOBUF: Final = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
_TYPES: Final = {"counter": 0, "gauge": 1, "histogram": 4}
_VALUES: Final = {"counter": 3, "gauge": 2}
"""The field of a metric that has the value of its type."""
_SCHEMA: Final = STEPS_A_DOUBLING.bit_length() - 1
_ZERO_THRESHOLD: Final = 2.0**-128
"""prometheus.DefNativeHistogramZeroThreshold in client_golang."""


def wants_protobuf(accept: str) -> bool:
    """Whether it comes first in an Accept header."""
    first = accept.partition(",")[0].replace(" ", "").split(";")
    wanted = {"proto=io.prometheus.client.MetricFamily", "encoding=delimited"}
    return first[0] == "application/vnd.google.protobuf" and wanted <= set(first)


def delimited(families: Iterable[Metric]) -> bytes:
    """All families, each after its length."""
    bodies = (_family(family) for family in families)
    return b"".join(part for body in bodies for part in (varint(len(body)), body))


def _family(family: Metric) -> bytes:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    head = text(1, name) + text(2, family.documentation) + number(3, _TYPES[family.type])
    if isinstance(family, WaitFamily):
        return head + b"".join(_histograms(family))
    field = _VALUES[family.type]
    return head + b"".join(
        message(4, _labels(one.labels), message(field, double(1, one.value))) for one in family.samples
    )


def _labels(labels: Mapping[str, str]) -> bytes:
    return b"".join(message(1, text(1, name), text(2, value)) for name, value in sorted(labels.items()))


def _histograms(family: WaitFamily) -> Iterator[bytes]:
    """Each with its fixed bounds and as a native one."""
    for values, native in family.natives.items():
        own = [one for one in family.samples if _values(one.labels) == values]
        labels = {name: value for name, value in own[0].labels.items() if name != "le"}
        parts = [number(1, native.waits), double(2, native.waited_ns / 1e9)]
        bounds = [(float(one.labels["le"]), int(one.value)) for one in own if one.labels.get("le", "+Inf") != "+Inf"]
        parts += [message(3, number(1, count), double(2, bound)) for bound, count in bounds]
        yield message(4, _labels(labels), message(7, *parts, _native(native)))


def _values(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(value for name, value in labels.items() if name != "le")


def _native(waits: WaitHistogram) -> bytes:
    head = number(5, _zigzag(_SCHEMA)) + double(6, _ZERO_THRESHOLD) + number(7, waits.zeros)
    indexes = sorted(waits.lengths)
    spans, begin = [], 0
    for first, length in _runs(indexes):
        spans.append(message(12, number(1, _zigzag(first - begin)), number(2, length)))
        begin = first + length
    counts = [0, *(waits.lengths[index] for index in indexes)]
    deltas = b"".join(varint(_zigzag(after - before)) for before, after in pairwise(counts))
    return head + b"".join(spans) + (message(13, deltas) if deltas else b"")


def _runs(indexes: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbours together: the first and how many they are."""
    begin = 0
    for at in range(1, len(indexes) + 1):
        if at == len(indexes) or indexes[at] != indexes[at - 1] + 1:
            yield indexes[begin], at - begin
            begin = at


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1
