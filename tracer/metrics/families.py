"""Families of samples, with only those samples that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from ..analyze.wait_lengths import WaitHistogram

PREFIX: Final = "reclaim_tracer_"

_Key = tuple[str, tuple[str, ...]]


class Grown:
    """The most that each counter has come to.

    Results so far may take back what they had inferred, and Prometheus takes a counter that falls for one that began
    anew: it would add all of it once more.
    """

    def __init__(self) -> None:
        self._most: dict[_Key, float] = {}

    def most(self, name: str, labels: Sequence[str], value: float) -> float:
        """A counter's value, or what it had before where that was more."""
        key = (name, tuple(labels))
        self._most[key] = max(value, self._most.get(key, value))
        return self._most[key]


class WaitFamily(HistogramMetricFamily):
    """A histogram with fixed bounds, and by the values of its labels the counts that a native one is made of."""

    def __init__(self, name: str, told: str, labels: Sequence[str]) -> None:
        super().__init__(name, told, labels=labels)
        self.natives: dict[tuple[str, ...], WaitHistogram] = {}


class Families:
    """Takes samples one after the other. One whose value is None is left out: a number that is not known is never 0.

    Names are given without `reclaim_tracer_`, those of counters without `_total`.
    """

    def __init__(self, grown: Grown) -> None:
        self._grown = grown
        self._families: dict[str, Metric] = {}

    def counter(self, name: str, told: str, value: float | None, **labels: str) -> None:
        """What only grows, since the recording began."""
        family = self._families.get(name)
        if family is None:
            made = CounterMetricFamily(PREFIX + name, told, labels=[*labels])
            family = self._families[name] = made
        if value is not None:
            assert isinstance(family, CounterMetricFamily)
            family.add_metric([*labels.values()], self._grown.most(name, [*labels.values()], value))

    def gauge(self, name: str, told: str, value: float | None, **labels: str) -> None:
        """What it is now."""
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = GaugeMetricFamily(PREFIX + name, told, labels=[*labels])
        if value is not None:
            assert isinstance(family, GaugeMetricFamily)
            family.add_metric([*labels.values()], value)

    def histogram(
        self,
        name: str,
        told: str,
        buckets: Sequence[tuple[str, float]],
        native: WaitHistogram,
        labels: Mapping[str, str],
    ) -> None:
        """How many samples there were up to each bound, with `+Inf` last, and all that is known of their lengths."""
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = WaitFamily(PREFIX + name, told, [*labels])
        assert isinstance(family, WaitFamily)
        values = [*labels.values()]
        counts = [(bound, self._grown.most(name, [*values, bound], count)) for bound, count in buckets]
        family.add_metric(values, counts, self._grown.most(name, values, native.waited_ns / 1e9))
        family.natives[tuple(values)] = native

    def all(self) -> list[Metric]:
        """Those that have samples."""
        return [family for family in self._families.values() if family.samples]
