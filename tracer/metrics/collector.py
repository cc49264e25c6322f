"""The newest results as metrics, for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.process_collector import ProcessCollector

from .balloon import tell_balloon
from .bounded import BoundedNames
from .families import PREFIX, Families, Grown
from .findings import tell_findings
from .reclaim import tell_reclaim, tell_shrinkers
from .results import Results
from .stream import tell_recording, tell_stream
from .waits import tell_cgroups, tell_waits

MOST_CGROUPS: Final = 32
MOST_SHRINKERS: Final = 16


class ResultsCollector:
    """A collector (`prometheus_client.registry.Collector`) of the results that it was handed last.

    Counters never fall from one hand-over to the next, and labels stay bounded. `collect` may be called by any thread.
    """

    def __init__(self) -> None:
        self._grown = Grown()
        self._cgroups, self._shrinkers = BoundedNames(MOST_CGROUPS), BoundedNames(MOST_SHRINKERS)
        self._families: list[Metric] = []

    def take(self, results: Results) -> None:
        """Take results later than those before."""
        families = Families(self._grown)
        tell_recording(results, families)
        tell_stream(results, families)
        tell_balloon(results, families)
        tell_reclaim(results, families)
        tell_shrinkers(results, families, self._shrinkers)
        tell_waits(results, families)
        tell_cgroups(results, families, self._cgroups)
        tell_findings(results, families)
        self._families = families.all()

    def collect(self) -> Iterable[Metric]:
        """All families; none before the first results."""
        return self._families


def live_registry(results: ResultsCollector, recorder_pid: Callable[[], int | None]) -> CollectorRegistry:
    """Results, and what the recorder and this process take; a process whose number is not known is left out."""
    registry = CollectorRegistry(support_collectors_without_names=True)
    registry.register(results)
    ProcessCollector(f"{PREFIX}recorder", pid=lambda: recorder_pid() or "unknown", registry=registry)
    ProcessCollector(f"{PREFIX}metrics", registry=registry)
    return registry


def text_of(results: Results) -> bytes:
    """The results of a recording that is over in the text format of Prometheus."""
    collector = ResultsCollector()
    collector.take(results)
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)
