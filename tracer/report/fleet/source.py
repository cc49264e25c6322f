"""What the page of a fleet is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...fleet.gathered import Recorded
from ...fleet.guests import Guest
from ...fleet.results import Results
from ..table import Cell


@dataclass(frozen=True)
class FleetSource:
    """A fleet's results, and links to recordings' own reports by their keys."""

    results: Results
    reports: Mapping[str, str]

    def guest_cell(self, guest: Guest) -> Cell:
        """A guest's name with a link to the report of its costliest recording."""
        return self.recording_cell(guest.name, guest.costliest)

    def recording_cell(self, text: str, recording: Recorded) -> Cell:
        """Words that lead to a recording's report; where there is none the recording's name stands below."""
        link = self.reports.get(recording.key, "")
        small = () if link or text == recording.source else (recording.source,)
        return Cell(text, link=link, small=small)
