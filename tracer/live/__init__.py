"""Results for the terminal."""

from .summary_text import finding_line, summary_text

__all__ = ["finding_line", "summary_text"]
