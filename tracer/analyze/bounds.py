"""What numbers of events may be, so that their sums fit into 64 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..batch import Batch
from ..errors import RecordingError, shown
from ..page_counts import MOST_PAGES, PAGE_COUNTS


def check_pages(batch: Batch) -> None:
    """Raises OverflowError where an event tells more than MOST_PAGES."""
    for kind, arguments in batch.args.items():
        for name in PAGE_COUNTS.get(kind, ()):
            if name in arguments and int(arguments[name].max(initial=0)) > MOST_PAGES:
                raise OverflowError(f"{kind}: {name} is beyond {MOST_PAGES}")


@contextmanager
def numbers_of(recording: Path) -> Iterator[None]:
    """Add up a recording's numbers inside. Raises RecordingError where they go beyond 64 bits."""
    try:
        yield
    except OverflowError as error:
        raise RecordingError(
            f"{shown(recording)}: has events with numbers too large to add up (beyond 64 bits): "
            "it is damaged or made up; look at a part of its time (--from, --to)"
        ) from error
