"""Results in words: numbers with units, and the verdict. What the terminal and the report both say."""

from .facts import RecordingFacts
from .verdict import Verdict, verdict

__all__ = ["RecordingFacts", "Verdict", "verdict"]
