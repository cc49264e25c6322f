"""`Trace`: one recording, read and analysed when something is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from ..analyze import Analysis, Engine, Options, in_pieces, numbers_of
from ..analyze.model import TierRow
from ..errors import UsageError
from ..metadata import Metadata
from ..store import AnyRecording, open_recording
from ..store.slicing import part_of
from ..tables import rows
from ..wording.summary import summary_json
from . import columns
from .columns import frame
from .events import Item, events_frame, kind_of, samples_frame
from .spans import SpanRows

if TYPE_CHECKING:
    from ..sql.session import Session


class Trace:
    """A recording as pandas frames; `docs/api.md` lists every column with its unit.

    Opening reads the file's headers. `events` and `samples` read what they return; everything else comes from one
    analysis, which runs at the first question and streams the file through the engine in bounded memory, keeping 55
    bytes a span for `spans`. Frames are made anew at each call and hold what they return. Times ending in `_s` are
    seconds since the recording's start, or since a slice's; pages are guest pages.
    """

    def __init__(self, recording: AnyRecording, options: Options, start_s: float | None, end_s: float | None) -> None:
        self._recording = recording
        self._options = options
        self._part = part_of(recording, start_s, end_s)

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        horizon_s: float = Options.horizon_s,
        gap_s: float = Options.gap_s,
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> Self:
        """As `tracer.open`."""
        if start_s is not None and end_s is not None and end_s <= start_s:
            raise UsageError(f"end_s {end_s:g} is not after start_s {start_s:g}: the range is empty")
        if horizon_s <= 0 or gap_s < 0:
            raise UsageError(f"horizon_s {horizon_s:g} must be above 0, gap_s {gap_s:g} not below it")
        return cls(open_recording(Path(path)), Options(horizon_s=horizon_s, gap_s=gap_s), start_s, end_s)

    def __repr__(self) -> str:
        return f"<Trace {self.path.name!r}: {self._recording.event_count:,} events>"

    @property
    def path(self) -> Path:
        """The recording's file."""
        return self._recording.path

    @property
    def metadata(self) -> Metadata:
        """What the recording says of itself: machine, clock, balloon, the source of each event kind; a slice's
        `start_ns` is where it begins."""
        return self._part.metadata

    @property
    def symbols(self) -> Mapping[int, str]:
        """Kernel address to function name, as resolved while recording."""
        return self._recording.symbols

    @property
    def analysis(self) -> Analysis:
        """The engine's results as dataclasses, the source of all frames but `events` and `samples`."""
        return self._analysed[0]

    def summary(self) -> dict[str, Any]:
        """What `reclaim-tracer summary --json` prints, as plain values; `docs/json.md` describes it."""
        analysis = self.analysis
        return summary_json(analysis, self._part.facts(analysis.accounting.lost))

    def events(self, kind: str) -> pd.DataFrame:
        """Every event of a kind (`shrink_slab_start`) by time, with the kind's fields as the kernel spells them.

        A field that the recorded kernel does not have is NA. Raises UsageError for an unknown kind.
        """
        which = kind_of(kind)
        return events_frame(
            self._part.items(kinds=frozenset({kind})), which, self.metadata, self.symbols, self._recording.cgroups
        )

    def samples(self) -> pd.DataFrame:
        """Every reading of the sampled counters by time, a column each (`vmstat.pgscan_kswapd`); NA where unread."""
        return samples_frame(self._items(), self.metadata)

    def spans(self) -> pd.DataFrame:
        """Every span by its begin, and every end without a begin: `columns.SPANS`."""
        return self._analysed[1].frame(self.metadata.start_ns)

    def ladder(self, episode: int | None = None) -> pd.DataFrame:
        """Tier x source of the whole recording, or of the episode of that id. Raises UsageError where there is none."""
        return frame(columns.LADDER, rows.ladder_rows(self._tiers(episode)))

    def reclaimers(self, episode: int | None = None) -> pd.DataFrame:
        """Who reclaimed in each tier, of the whole recording or of an episode: `columns.RECLAIMERS`."""
        return frame(columns.RECLAIMERS, rows.reclaimer_rows(self._tiers(episode)))

    def episodes(self) -> pd.DataFrame:
        """Episodes of reclaim: `columns.EPISODES`."""
        return frame(columns.EPISODES, [rows.episode_row(episode) for episode in self.analysis.episodes])

    def conflicts(self) -> pd.DataFrame:
        """Inflation and reclaim at the same time: `columns.CONFLICTS`."""
        return frame(columns.CONFLICTS, [rows.conflict_row(conflict) for conflict in self.analysis.conflicts])

    def cycles(self) -> pd.DataFrame:
        """Pages that left the balloon and came back: `columns.CYCLES`."""
        return frame(columns.CYCLES, [rows.classed_row(cycle) for cycle in self.analysis.cycles])

    def storms(self) -> pd.DataFrame:
        """Three and more cycles in a row: `columns.STORMS`."""
        return frame(columns.STORMS, [rows.classed_row(storm) for storm in self.analysis.storms])

    def findings(self) -> pd.DataFrame:
        """What deserves attention, the most severe first: `columns.FINDINGS`."""
        return frame(columns.FINDINGS, [asdict(finding) for finding in self.analysis.findings])

    def shrinkers(self) -> pd.DataFrame:
        """What each shrinker cost and gave, the costliest first: `columns.SHRINKERS`."""
        return frame(columns.SHRINKERS, [asdict(shrinker) for shrinker in self.analysis.shrinkers])

    def stalls(self) -> pd.DataFrame:
        """How long each task waited in each tier, the longest first: `columns.STALLS`."""
        return frame(columns.STALLS, [rows.stall_row(stall) for stall in self.analysis.stalls])

    def cgroups(self) -> pd.DataFrame:
        """Who paid, by cgroup, those that waited longest first: `columns.CGROUPS`; empty where none is told."""
        return frame(columns.CGROUPS, [asdict(row) for row in self.analysis.cgroups or ()])

    def steps(self) -> pd.DataFrame:
        """Pages that entered and left the balloon, step by step: `columns.STEPS`."""
        return frame(columns.STEPS, [asdict(step) for step in self.analysis.steps])

    def sql(self, query: str) -> pd.DataFrame:
        """The answer to a SELECT over the tables of `docs/sql.md`, with dtypes as other frames have them.

        Times count from the slice's start. Raises UsageError for what is wrong with the query, TracerError where it
        needs too much memory or DuckDB is not installed.
        """
        from .answers import answer_frame

        with self._session.ask(query) as answer:
            return answer_frame(answer)

    @cached_property
    def _session(self) -> Session:
        from .answers import session_of

        return session_of(self._part, self._options)

    @cached_property
    def _analysed(self) -> tuple[Analysis, SpanRows]:
        spans = SpanRows()
        engine = Engine(self._part.metadata, self._recording.symbols, self._options, spans, self._recording.cgroups)
        with numbers_of(self.path):
            for item in in_pieces(self._items()):
                engine.feed(item)
            return engine.finish(self._part.last_ns), spans

    def _items(self) -> Iterator[Item]:
        return self._part.items()

    def _tiers(self, episode: int | None) -> list[TierRow]:
        if episode is None:
            return self.analysis.tiers
        episodes = {found.id: found for found in self.analysis.episodes}
        if episode not in episodes:
            raise UsageError(f"there is no episode {episode}; there are {len(episodes)}, counted from 1")
        return episodes[episode].tiers
