"""The results of a recording in the text format of Prometheus, as a textfile collector reads it."""

from __future__ import annotations

from collections.abc import Callable

from ..analyze import Analysis
from ..analyze.stream.stretch import Stretch
from ..metrics.collector import text_of
from ..metrics.results import results_of
from ..recording_facts import RecordingFacts
from ..store.decoding import Item
from .source import Source


class PrometheusWriter:
    """Sums over all of it, and what was read last."""

    def __init__(self, _: Source, write: Callable[[bytes], object]) -> None:
        self._write = write

    def item(self, item: Item) -> None:
        """Nothing of single items is told."""

    def stretch(self, stretch: Stretch) -> None:
        """Nothing of single events is told."""

    def finish(self, analysis: Analysis, facts: RecordingFacts) -> None:
        """Write everything."""
        self._write(text_of(results_of(analysis, facts)))
