"""Results in words: numbers with units, and the verdict. What the terminal and the report both say."""

from .verdict import Verdict, verdict

__all__ = ["Verdict", "verdict"]
