"""Colours that tables and charts share, as CSS custom properties of `reports/style/palette.css`."""

from __future__ import annotations

from ..analyze.terms import Tier


def tier_color(tier: Tier) -> str:
    """The tier's colour."""
    return f"var(--tier-{int(tier)})"
