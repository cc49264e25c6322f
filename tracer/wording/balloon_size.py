"""How the balloon's pages differ from the kernel's count."""

from __future__ import annotations

from ..analyze.model import BalloonResult
from .numbers import mib


def miscount(balloon: BalloonResult, page_bytes: int) -> str:
    """How the balloon's pages differ from the kernel's count, without capital and full stop; empty if they don't."""
    more, less = (mib(pages or 0, page_bytes) for pages in (balloon.missed_pages, balloon.extra_pages))
    if balloon.missed_pages and balloon.extra_pages:
        return f"no bounds: the kernel's counters have {more} more than events told at times, {less} less at others"
    if balloon.missed_pages:
        return f"lower bounds: the kernel's counters have {more} more than events told"
    return f"upper bounds: the kernel's counters have {less} less than events told" if balloon.extra_pages else ""
