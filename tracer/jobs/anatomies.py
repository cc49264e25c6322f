"""Scenes of a recording that was analysed, read from it once more for its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..evidence.anatomy import Anatomy
    from ..evidence.longest_wait import LongestWait
    from ..evidence.numbering import Anchors
    from ..evidence.standing import Standing
    from ..store.slicing import RecordingPart


def anatomies_of(
    part: RecordingPart, analysis: Analysis, anchors: Anchors, longest: LongestWait, standing: Mapping[int, Standing]
) -> list[Anatomy]:
    """The costliest first. Raises RecordingError."""
    from ..evidence.anatomy import anatomies
    from ..evidence.scenes import scenes
    from ..report.chosen_findings import chosen

    wanted = scenes(analysis, part.metadata.start_ns, longest.found, chosen(analysis.findings), standing)
    return [*anatomies(part, anchors, wanted)]
