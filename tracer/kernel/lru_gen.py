"""The multi-gen LRU's switches: whether pages are reclaimed by generations here, and how long they are protected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .paths import ROOT, read_text

_ENABLED: Final = "/sys/kernel/mm/lru_gen/enabled"
_MIN_TTL: Final = "/sys/kernel/mm/lru_gen/min_ttl_ms"


@dataclass(frozen=True)
class LruGen:
    """`enabled` is the bit mask of LRU_GEN_* (include/linux/mmzone.h), 0 where the lists are the classic ones;
    `min_ttl_ms` how long the youngest pages are kept even at the price of an OOM kill. None where the kernel has no
    such file (CONFIG_LRU_GEN, 6.1 and later) or does not let it be read.
    """

    enabled: int | None = None
    min_ttl_ms: int | None = None


def read_lru_gen(root: Path = ROOT) -> LruGen:
    """The switches of the machine below `root`: Documentation/admin-guide/mm/multigen_lru.rst."""
    return LruGen(_number(read_text(root, _ENABLED)), _number(read_text(root, _MIN_TTL)))


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return None
