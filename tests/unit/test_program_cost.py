"""The BPF programs' cost on its way through a recording's notes."""

from __future__ import annotations

import json
from pathlib import Path

from written_recordings import write_recording

from tracer.jobs.analysis import analyse_file
from tracer.program_cost import COST_NOTE, ProgramCost, costs_from_notes, costs_to_note
from tracer.store import Recording
from tracer.terminal.summary_text import summary_text

COSTS = {"shrink_slab_start": ProgramCost(1000, 250_000), "kswapd_wake": ProgramCost(2, 700)}


def test_it_comes_back_from_json_as_it_went() -> None:
    assert costs_from_notes({COST_NOTE: json.loads(json.dumps(costs_to_note(COSTS)))}) == COSTS


def test_a_recording_tells_it_in_its_summary(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.rtrace", notes={COST_NOTE: costs_to_note(COSTS)})
    assert Recording.open(path).notes[COST_NOTE] == costs_to_note(COSTS)
    text = summary_text(*analyse_file(path))
    assert "BPF programs ran 1,002 times, 250 ns each, 251 µs in all" in text


def test_a_recording_without_it_does_not_speak_of_it(tmp_path: Path) -> None:
    assert "BPF programs" not in summary_text(*analyse_file(write_recording(tmp_path / "a.rtrace")))
