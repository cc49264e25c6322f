"""The balloon over the recording: its runs, and its movements by the best source that the recording has."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...batch import Samples
from ...metadata import Metadata
from ..options import Options
from ..stream.stretch import Stretch
from ..terms import Quality
from .columns import I64
from .compactions import Compactions
from .constraint import ConstrainedOoms, ConstraintTracker
from .count_check import CountCheck
from .counted import CountedSteps
from .free_pages import FreePages
from .measured import MeasuredSteps, PageSources
from .modules import ModuleTracker
from .runs import IN_A_THREAD, NameOf, Runs, notifier_runs, shrinker_runs, work_runs
from .size_steps import SizeSteps
from .step_columns import StepColumns
from .stuck import StuckRuns
from .works import WorkLog

_WORK_KINDS: Final = frozenset({"balloon_work_begin", "update_balloon_size_begin"})


class BalloonTracker:
    """Collects the balloon's runs, and its steps and the host's words until they are due."""

    def __init__(self, metadata: Metadata, name_of: NameOf, options: Options) -> None:
        self._name_of = name_of
        self._sources = PageSources.of(metadata)
        self._measured = MeasuredSteps(self._sources, metadata.page_size_bytes, metadata.balloon.reclaim_path)
        self._compactions = Compactions(metadata)
        self._counted = CountedSteps(
            self._compactions, inflations=not self._sources.inflations, leaks=not self._sources.leaks
        )
        self._sizes = SizeSteps(metadata)
        self._check = CountCheck(self._compactions)
        self._held: list[StepColumns] = []
        self._constraints = ConstraintTracker(metadata.numa_nodes)
        self.works = WorkLog(round(options.inflate_gap_s * 1e9), round(options.horizon_s * 1e9))
        self.modules = ModuleTracker()
        self.config_changes = 0
        self._metadata = metadata
        self.free_pages = FreePages(metadata, none_here=self._none_here)
        self.stuck = StuckRuns(metadata.ends_made_up, metadata.start_ns)
        self.changes_traced = "virtballoon_changed" in metadata.kinds_traced

    @property
    def _none_here(self) -> bool:
        """A recording of a machine that has no balloon: what it moved is known to be nothing."""
        live = self._metadata.imported_from is None and bool(self._metadata.plan)
        return live and self._metadata.balloon.driver is None

    @property
    def pages_counted(self) -> bool:
        """Whether anything in the recording counts the balloon's pages."""
        return self.inflations_counted or self.leaks_counted

    @property
    def inflations_counted(self) -> bool:
        """Whether anything in the recording counts pages that entered the balloon."""
        by_events = self._sources.inflations and (self.work_seen or not self._sources.runs)
        return by_events or self._counted_otherwise

    @property
    def leaks_counted(self) -> bool:
        """Whether anything in the recording counts pages that left the balloon."""
        return self._sources.leaks or self._counted_otherwise

    @property
    def _counted_otherwise(self) -> bool:
        return self._measured.status_seen or self._counted.was_read or self._sizes.was_read or self._none_here

    @property
    def compared(self) -> bool:
        """Whether what events tell was held against the kernel's counters."""
        return self._sources.exact and self._counted.was_read

    @property
    def work_seen(self) -> bool:
        """Whether runs of the balloon's work would be seen."""
        traced = self._metadata.kinds_traced & _WORK_KINDS and self._metadata.balloon.driver != IN_A_THREAD
        return bool(self.works.count or traced) or self._none_here

    @property
    def quality(self) -> Quality:
        """Whether all pages were counted by events, and nothing else."""
        right = self._sources.exact and not self.missed_pages and not self.extra_pages
        right = right and not self._check.compacted_pages
        return Quality.MEASURED if right else Quality.INFERRED

    @property
    def leak_quality(self) -> Quality:
        """Whether leaked pages were counted by events, whatever told of the inflated ones."""
        right = self._sources.leaks and not self._check.missed_pages[1] and not self._check.extra_pages[1]
        return Quality.MEASURED if right else Quality.INFERRED

    @property
    def missed_pages(self) -> int:
        """Pages in and out that the kernel's counters have beyond those that exact events told of."""
        return sum(self._check.missed_pages)

    @property
    def extra_pages(self) -> int:
        """Pages in and out that exact events told of beyond those that the kernel's counters have."""
        return sum(self._check.extra_pages)

    @property
    def constrained(self) -> ConstrainedOoms:
        """Notifications for allocations that could use only some nodes."""
        return self._constraints.found

    @property
    def migrated_pages(self) -> int:
        """Pages that compaction moved inside the balloon, as events or else counters tell."""
        return self._measured.migrated_pages or self._counted.migrated_pages

    def advance(self, stretch: Stretch) -> Runs:
        """Take the next stretch; gives the calls of the balloon's OOM callback that ended in it."""
        ended, under_way = work_runs(stretch)
        notifiers, notified = notifier_runs(stretch, self._name_of)
        self.works.advance(ended, under_way)
        self.stuck.advance(stretch, ended, under_way)
        self.modules.advance(stretch)
        self.free_pages.advance(stretch)
        self._compactions.advance(stretch)
        self._constraints.advance(stretch, notifiers)
        shrinks = shrinker_runs(stretch, self._name_of)
        self._counted.runs(ended, notifiers, shrinks)
        self._counted.under_way(under_way, notified)
        self.works.no_puffs = np.concatenate((self.stuck.for_host, self.stuck.never_returned))
        tried = ended.take(~ended.among(self.stuck.never_returned))
        steps = self._measured.advance(stretch, tried, under_way)
        self._held.append(steps)
        if self._sources.exact:
            self._check.advance(steps, (ended, notifiers, shrinks), (under_way, notified))
        changed, _ = stretch.args.all("virtballoon_changed")
        self.config_changes += len(changed)
        return notifiers

    def end(self, end_ns: int) -> None:
        """The recording ends: runs under way since long have not come back, and tell of no lack of memory."""
        self.stuck.end(end_ns)
        self.works.no_puffs = np.concatenate((self.stuck.for_host, self.stuck.never_returned))

    def sample(self, samples: Samples) -> None:
        """Take counter readings up to which all events have been seen."""
        steps = self._counted.sample(samples) + self._sizes.sample(samples)
        if self._sources.exact:
            steps += self._check.sample(samples)
        self._held.append(StepColumns.of_steps(steps))

    def read_until(self, read_ns: int) -> int:
        """Up to when the guest's readings up to `read_ns` tell all steps that they can."""
        return min(self._counted.read_until(read_ns), self._sizes.read_until(read_ns))

    @property
    def targets_told(self) -> bool:
        """Whether the changes that `due` gives are all that the host had to say of its target, and nothing else."""
        return self.changes_traced and self.free_pages.targets_told

    def told_until(self, until_ns: int) -> int:
        """Up to when `due` knows what the host's words were, if all events up to `until_ns` were taken."""
        return self.free_pages.words.told_until(until_ns)

    def due(self, until_ns: int) -> tuple[StepColumns, I64]:
        """Steps and changes of target up to a time, in order; they are forgotten here."""
        self._counted.forget()
        self._check.forget()
        held = StepColumns.concat(self._held)
        over = held.end_ns <= until_ns
        self._held = [held.take(~over)]
        return held.take(over).in_order(), np.asarray(self.free_pages.words.due(until_ns), np.int64)

    def pending_begins(self) -> I64:
        """Begins of steps that are not due yet, as far as their spans have ended."""
        held = [steps.begin_ns for steps in self._held]
        read = np.asarray((*self._counted.pending_begins(), *self._sizes.pending_begins()), np.int64)
        return np.concatenate((*held, read, self.works.unsettled_begins()))

    def target_changes(self) -> int | None:
        """Config changes that were no commands for hinting, where they were traced, else runs after an idle balloon.

        None without these, and where they may as well have followed such a command.
        """
        free = self.free_pages
        if self.changes_traced:
            hints = free.hint_commands if free.commands_told else None
            if not self.config_changes:
                return 0
            return None if hints is None else max(self.config_changes - hints, 0)
        return self.works.starts if self.work_seen and not (self.works.starts and free.hints_possible) else None
