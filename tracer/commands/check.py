"""`reclaim-tracer check`: what can be traced here, what can't, and how to get it."""

from __future__ import annotations

import json
import sys

from ..errors import CannotTraceError
from .check_facts import gather
from .check_text import render, wants_colour


def run(*, as_json: bool) -> int:
    """Print what this machine offers; 0 where live tracing works, 3 where something needed is missing."""
    facts = gather()
    text = json.dumps(facts.to_json(), indent=2) + "\n" if as_json else render(facts, colour=wants_colour())
    sys.stdout.write(text)
    return 0 if facts.can_trace else CannotTraceError.exit_code
