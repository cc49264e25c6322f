"""Metrics as OTLP has them (metrics.proto in github.com/open-telemetry/opentelemetry-proto), as JSON.

Names are Prometheus' own, `_total` included: what a Collector hands on to Prometheus is called as what Prometheus
fetches here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from ..otlp_json import Json, attributes, int64

MetricFamilies = Iterable[Metric]

_CUMULATIVE: Final = 2
_UNITS: Final = {"bytes": "By", "seconds": "s"}
_BOUND: Final = "le"


def otlp_metrics(families: MetricFamilies, start_ns: int, at_ns: int) -> Iterator[Json]:
    """A metric for each family, with its values at `at_ns` since `start_ns` (both since 1970)."""
    times = {"startTimeUnixNano": int64(start_ns), "timeUnixNano": int64(at_ns)}
    for family in families:
        if family.type == "histogram":
            points = [_histogram([*samples], times) for _, samples in groupby(family.samples, _labels)]
            told: Json = {"histogram": {"aggregationTemporality": _CUMULATIVE, "dataPoints": points}}
        elif family.type == "counter":
            points = [_number(sample, times) for sample in family.samples]
            told = {"sum": {"aggregationTemporality": _CUMULATIVE, "isMonotonic": True, "dataPoints": points}}
        else:
            points = [_number(sample, {"timeUnixNano": times["timeUnixNano"]}) for sample in family.samples]
            told = {"gauge": {"dataPoints": points}}
        yield {**_head(family), **told}


def _head(family: Metric) -> Json:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    unit = _UNITS.get(family.name.rpartition("_")[2])
    return {"name": name, "description": family.documentation, **({"unit": unit} if unit else {})}


def _labels(sample: Sample) -> dict[str, str]:
    return {name: value for name, value in sample.labels.items() if name != _BOUND}


def _number(sample: Sample, times: Json) -> Json:
    return {"attributes": attributes(sample.labels), **times, "asDouble": float(sample.value)}


def _histogram(samples: list[Sample], times: Json) -> Json:
    """One point of the samples of one set of labels: counts up to each bound, and the sum."""
    upto = [(one.labels[_BOUND], int(one.value)) for one in samples if _BOUND in one.labels]
    counts = [0, *(count for _, count in upto)]
    return {
        "attributes": attributes(_labels(samples[0])),
        **times,
        "count": int64(counts[-1]),
        "sum": next(float(one.value) for one in samples if one.name.endswith("_sum")),
        "bucketCounts": [int64(after - before) for before, after in pairwise(counts)],
        "explicitBounds": [float(bound) for bound, _ in upto[:-1]],
    }
