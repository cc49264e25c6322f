"""Allocation flags by name: their bits move between kernels."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from .btf import Btf
from .paths import ROOT
from .tracefs import print_format


def gfp_mask(names: Collection[str], btf: Btf | None, root: Path = ROOT) -> int | None:
    """The bits of flags such as `__GFP_NORETRY`, together; None where one can't be found out.

    From BTF where the bits are enumerators (since "mm: enumerate all gfp flags", v6.9), else from the text that
    `kmem:mm_page_alloc` prints flags with.
    """
    text = print_format("kmem:mm_page_alloc", root)
    values = [_from_btf(name, btf) or _from_text(name, text) for name in names]
    if not all(values):
        return None
    mask = 0
    for value in values:
        mask |= value
    return mask


def _from_btf(name: str, btf: Btf | None) -> int:
    bit = btf.enumerator(f"_{name}_BIT") if btf else None
    return 0 if bit is None else 1 << bit


def _from_text(name: str, text: str) -> int:
    entry = re.search(rf'\{{([^{{}}"]*), "{name}"\}}', text)
    if entry is None:
        return 0
    if (value := re.search(r"0x([0-9a-f]+)", entry[1])) is not None:
        return int(value[1], 16)
    bit = re.search(r"<<\s*\(?(\d+)", entry[1])
    return 1 << int(bit[1]) if bit else 0
