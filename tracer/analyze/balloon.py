"""The balloon over the recording: its runs, and its movements by the best source that the recording has."""

from __future__ import annotations

from itertools import pairwise

from ..batch import Samples
from ..metadata import Metadata
from .constraint import ConstrainedOoms, ConstraintTracker
from .counted import CountedSteps
from .measured import MeasuredSteps, PageSources
from .model import Quality
from .runs import NameOf, Run, notifier_runs, shrinker_runs, work_runs
from .steps import Step
from .stretch import Stretch


class BalloonTracker:
    """Collects the balloon's runs and steps."""

    def __init__(self, metadata: Metadata, name_of: NameOf, idle_gap_ns: int) -> None:
        self._name_of = name_of
        self._idle_gap_ns = idle_gap_ns
        self._sources = PageSources.of(metadata)
        self._measured = MeasuredSteps(self._sources, metadata.page_size_bytes)
        self._counted = CountedSteps(inflations=not self._sources.inflations, leaks=not self._sources.leaks)
        self._open_works: list[Run] = []
        self._steps: list[Step] = []
        self.works: list[Run] = []
        self._notifications: list[Run] = []
        self._constraints = ConstraintTracker(metadata.numa_nodes)
        self.config_changes: list[int] = []
        self.changes_traced = "virtballoon_changed" in metadata.kinds_traced

    @property
    def steps(self) -> list[Step]:
        """All steps in order of their end."""
        return sorted(self._steps, key=lambda step: (step.end_ns, step.begin_ns, step.pages))

    @property
    def quality(self) -> Quality:
        """Whether all pages were counted by events."""
        return Quality.MEASURED if self._sources.exact else Quality.INFERRED

    @property
    def leak_quality(self) -> Quality:
        """Whether leaked pages were counted by events, whatever told of the inflated ones."""
        return Quality.MEASURED if self._sources.leaks else Quality.INFERRED

    @property
    def notifications(self) -> list[Run]:
        """Calls of the balloon's OOM callback in order of begin."""
        return sorted(self._notifications, key=lambda run: (run.begin_ns, run.id))

    @property
    def constrained(self) -> ConstrainedOoms:
        """Notifications for allocations that could use only some nodes."""
        return self._constraints.found

    @property
    def migrated_pages(self) -> int:
        """Pages that compaction moved inside the balloon, as events or else counters tell."""
        return self._measured.migrated_pages or self._counted.migrated_pages

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        works = work_runs(stretch, closed=True)
        self._open_works = work_runs(stretch, closed=False)
        notifiers = notifier_runs(stretch, self._name_of, closed=True)
        self.works += works
        self._notifications += notifiers
        self._constraints.advance(stretch, notifiers)
        self._counted.runs(works, notifiers, shrinker_runs(stretch, self._name_of))
        self._counted.under_way(self._open_works, notifier_runs(stretch, self._name_of, closed=False))
        self._steps += self._measured.advance(stretch, works, self._open_works)
        changed, _ = stretch.args.all("virtballoon_changed")
        self.config_changes += stretch.time_ns[changed].tolist()

    def sample(self, samples: Samples) -> None:
        """Take counter readings up to which all events have been seen."""
        self._steps += self._counted.sample(samples)

    def all_works(self) -> list[Run]:
        """Work runs in order of begin, the ones under way included."""
        return sorted([*self.works, *self._open_works], key=lambda run: (run.begin_ns, run.id))

    def target_changes(self) -> int:
        """Config changes where they were traced, else runs that began after an idle balloon."""
        if self.changes_traced:
            return len(self.config_changes)
        works = self.all_works()
        idle = [later.begin_ns - run.end_ns > self._idle_gap_ns for run, later in pairwise(works)]
        return bool(works) + sum(idle)
