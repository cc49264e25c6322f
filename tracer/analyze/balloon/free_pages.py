"""Free pages that the driver gives to the host without the balloon's work: reported ones, and hinted ones."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...metadata import Metadata
from ..stream.stretch import Stretch
from .host_words import HostWords

REPORT: Final = "virtballoon_free_page_report"
_HINTS: Final = "report_free_page"
_CHANGE: Final = "virtballoon_changed"
_CMD_ID_DONE: Final = 1
"""VIRTIO_BALLOON_CMD_ID_STOP is 0, _DONE 1; higher ones start a run (include/uapi/linux/virtio_balloon.h)."""


class FreePages:
    """Adds up reports and runs of hinting. What nothing in the recording tells is None."""

    def __init__(self, metadata: Metadata, *, none_here: bool) -> None:
        """`none_here`: the machine is known to have no balloon, so nothing was reported or hinted."""
        self._metadata = metadata
        self._none_here = none_here
        self._reports = self._reported_pages = self._runs = self._hinted_pages = 0
        self._command: int | None = None
        self.hint_commands = 0
        self.words = HostWords(runs_traced=self._traced and self._may_hint)

    def advance(self, stretch: Stretch) -> None:
        """Take the next stretch."""
        self.words.changed(stretch.time_ns[stretch.args.all(_CHANGE)[0]].tolist())
        reported = stretch.reported
        self._reports += len(reported.at)
        self._reported_pages += int(reported.value.sum())
        rows, args = stretch.args.all(_HINTS)
        self._runs += len(rows)
        self._hinted_pages += int(args["hinted_pages"].sum())
        columns = (args[name].astype(np.int64).tolist() for name in ("cmd_id", "hinted_pages", "returned_pages"))
        for end_ns, command, hinted, returned in zip(stretch.time_ns[rows].tolist(), *columns, strict=True):
            commands = self._commands(command, hinted, returned)
            self.words.ran(end_ns, commands, hinted=hinted > 0)
            self.hint_commands += commands
            self._command = command

    def _commands(self, command: int, hinted: int, returned: int) -> int:
        """How many of the host's commands a run of hinting followed: it is run after changes of target, too.

        One that hinted was started by a new command (virtio_balloon_report_free_pages, drivers/virtio), and stopped by
        a second one where that is what it ends with. The first run's command may be an old one: pages taken back tell.
        """
        if hinted:
            return 1 + (command <= _CMD_ID_DONE)
        if self._command is None:
            return int(command == _CMD_ID_DONE and returned > 0)
        return int(command != self._command)

    @property
    def reports(self) -> int | None:
        """How often the driver reported free pages."""
        return self._reports if self._reports or self._seen(REPORT) else None

    @property
    def reported_pages(self) -> int | None:
        """How many these were."""
        return self.reported_of(self._reports, self._reported_pages)

    def reported_of(self, reports: int, pages: int) -> int | None:
        """The pages of so many reports, where that is known."""
        told = self._metadata.tells(REPORT, "reported_pages") if reports else self._seen(REPORT)
        return pages if told else None

    @property
    def hinted_pages(self) -> int | None:
        """A lower bound: what pressure took back during a run is missing in it."""
        told = self._metadata.tells(_HINTS, "hinted_pages") if self._runs else self._seen(_HINTS)
        return self._hinted_pages if told else None

    @property
    def hints_possible(self) -> bool:
        """Whether config changes may be commands for hinting."""
        return bool(self._runs) or "free_page_hint" in self._metadata.balloon.features

    @property
    def targets_told(self) -> bool:
        """Whether `words` hands on changes of target alone, by what the recording says of itself."""
        hinting = "free_page_hint" in self._metadata.balloon.features
        return not hinting or (self._traced and self._metadata.tells(_HINTS, "cmd_id"))

    @property
    def _may_hint(self) -> bool:
        """Whether hinting was negotiated, or that is not known."""
        features = self._metadata.balloon.features
        return "free_page_hint" in features or not features

    @property
    def commands_told(self) -> bool:
        """Whether commands for hinting are told from changes of target."""
        return not self.hints_possible or (self._metadata.tells(_HINTS, "cmd_id") and bool(self._runs or self._traced))

    @property
    def _traced(self) -> bool:
        return _HINTS in self._metadata.kinds_traced

    def _seen(self, kind: str) -> bool:
        return self._none_here or kind in self._metadata.kinds_traced
