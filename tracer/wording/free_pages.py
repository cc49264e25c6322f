"""Free pages that the driver gave to the host without the balloon's work."""

from __future__ import annotations

from ..analyze.balloon_result import BalloonResult
from .numbers import mib, plural


def reported(balloon: BalloonResult, page_bytes: int) -> str:
    """What the driver reported, as a clause without capital and full stop; empty where no report was seen."""
    if not balloon.reports:
        return ""
    if balloon.reported_pages is None:
        times = plural(balloon.reports, "time")
        return f"the driver reported free pages to the host {times}; this recording does not say how many"
    return f"the driver reported {mib(balloon.reported_pages, page_bytes)} of free pages to the host"


def free_page_lines(balloon: BalloonResult, duration_s: float, page_bytes: int) -> list[str]:
    """Reports with their rate, and hints, each as a line; none where none was seen."""
    lines = []
    if balloon.reports:
        pages = balloon.reported_pages
        size = "free pages (amount not known)" if pages is None else mib(pages, page_bytes)
        rate = f" ({balloon.reports / duration_s:,.1f}/s)" if duration_s > 0 else ""
        lines.append(f"reported {size} to the host in {plural(balloon.reports, 'report')}{rate}")
    if balloon.hinted_pages:
        lines.append(f"hinted at least {mib(balloon.hinted_pages, page_bytes)} to the host")
    return lines


def targets(balloon: BalloonResult) -> str:
    """Changes of target; config changes where nothing tells these from commands for hinting; empty without either."""
    if balloon.target_changes is not None:
        return plural(balloon.target_changes, "target change")
    if balloon.config_changes:
        changes = plural(balloon.config_changes, "config change")
        return f"{changes} (target or hinting, not distinguishable here)"
    return ""
