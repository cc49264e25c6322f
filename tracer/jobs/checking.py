"""`reclaim-tracer check`: what can be traced here, what can't, and how to get it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from ..check.carried import ProgramSources
from ..check.facts import gather
from ..check.text import render
from ..errors import CannotTraceError
from ..kernel.access import Requirement
from ..probes.carried.programs_file import ProgramsFile
from ..recorder.starting import Wish, may_start
from ..terminal.paper import stdout_paper
from .observing import observe_now, observe_recording


def run(
    *,
    as_json: bool,
    verbose: bool = False,
    recording: Path | None = None,
    observe_s: float | None = None,
    balloon_source: str = "auto",
    oom_notifiers: tuple[str, ...] = (),
    programs: Path | None = None,
) -> int:
    """Print what this machine offers; 0 where live tracing works, 3 where something needed is missing.

    Raises RecordingError, CannotTraceError, UsageError.
    """
    seen = observe_recording(recording) if recording is not None else None
    sources = ProgramSources(None if programs is None else ProgramsFile(programs))
    memory = _memory(Wish(compiles=sources.may_compile))
    facts = replace(gather(balloon_source, oom_notifiers, (memory,), sources), observation=seen)
    if observe_s is not None and facts.can_trace:
        facts = replace(facts, observation=observe_now(observe_s, sources))
    text = json.dumps(facts.to_json(), indent=2) + "\n" if as_json else render(facts, stdout_paper(), verbose=verbose)
    sys.stdout.write(text)
    return 0 if facts.can_trace else CannotTraceError.exit_code


def _memory(wish: Wish) -> Requirement:
    """That starting leaves enough for everybody else."""
    told, advice = may_start(wish)
    return Requirement("memory", not advice, f"tracing takes up to {told}", f"record: {advice}" if advice else "")
