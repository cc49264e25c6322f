"""What an event may tell of pages, so that their sums fit into 64 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .schema import KINDS

MOST_PAGES: Final = 1 << 36
"""That one event may tell: 256 TiB of the smallest pages, and the sum of 100 million events fits into 64 bits."""

_FIELDS: Final = frozenset(
    (
        *("nr_reclaimed", "inflated_pages", "deflated_pages", "reported_pages", "hinted_pages", "returned_pages"),
        *("filled", "freed", "pages_ballooned"),
    )
)
PAGE_COUNTS: Final[Mapping[str, frozenset[str]]] = {
    kind.name: names for kind in KINDS if (names := _FIELDS.intersection(dict(kind.fields)))
}
"""Fields that are pages and are added up, by kind."""
