"""What numbers of events may be, so that their sums fit into 64 bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..batch import Batch
from ..errors import RecordingError, shown
from ..schema import KINDS

MOST_PAGES: Final = 1 << 36
"""That one event may tell: 256 TiB of the smallest pages, and the sum of 100 million events fits into 64 bits."""

_PAGES: Final = frozenset(
    (
        *("nr_reclaimed", "inflated_pages", "deflated_pages", "reported_pages", "hinted_pages", "returned_pages"),
        *("filled", "freed", "pages_ballooned"),
    )
)
_PAGES_OF: Final = {kind.name: names for kind in KINDS if (names := _PAGES.intersection(dict(kind.fields)))}


def check_pages(batch: Batch) -> None:
    """Raises OverflowError where an event tells more than MOST_PAGES."""
    for kind, arguments in batch.args.items():
        for name in _PAGES_OF.get(kind, ()):
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
