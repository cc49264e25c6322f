"""A balloon driver's module that came or went while tracing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...model import Finding
from ...terms import Severity
from ..kind import Explanation, Kind, found
from ..needs import MODULES

if TYPE_CHECKING:
    from ..evidence import Evidence


def _modules(evidence: Evidence) -> Iterator[Finding]:
    for change in evidence.balloon.modules.changes:
        when = evidence.seconds(change.time_ns)
        verb, what = (
            ("loaded", "Its functions and its OOM callback are not traced")
            if change.loaded
            else ("unloaded", "If it is loaded again, its work is not traced")
        )
        text = f"Module {change.name} was {verb} while tracing. {what} by this recording: start a new one."
        numbers = {"loaded": int(change.loaded)}
        yield found(Severity.WARNING, (when, when), text, numbers, cost=None)


KIND: Final = Kind(
    name="module",
    number=16,
    title="A balloon driver was loaded or unloaded while tracing",
    clause="a balloon driver was loaded or unloaded while tracing",
    needs=(MODULES,),
    rule=_modules,
    of_recording=True,
    explanation=Explanation(
        meaning="A balloon driver's module was loaded or unloaded during the recording. Probes are "
        "attached when a recording starts, so what the driver does afterwards is not traced.",
        computed="`module:module_load` and `module:module_free` events with the name of a balloon driver.",
        causes=("Somebody loaded or removed the module; a device was plugged in.",),
        advice=("Start a new recording.",),
        helped="The new recording's plan (`record -v`, `summary --json`) has sources for the balloon.",
        references=("kernel/module/main.c: load_module(), free_module()",),
    ),
)
