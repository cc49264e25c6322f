"""Colours that stand for different things in one chart differ for every kind of sight, and words can be read on what is
behind them; in light and dark."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

PALETTE = (Path(__file__).parents[2] / "reports/style/palette.css").read_text()
THEMES = dict(zip(("light", "dark"), PALETTE.split("@media"), strict=True))
SIGHTS = {
    "all colours": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""What is seen of linear RGB: Machado, Oliveira and Fernandes 2009, severity 1."""
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
WHITE = [0.95047, 1.0, 1.08883]
TOGETHER = {
    "tiers": [f"--tier-{number}" for number in range(6)],
    "memory": ["--mem-file", "--mem-anon", "--mem-slab", "--mem-free", "--mem-other", "--balloon"],
    "leaks": ["--balloon", "--leak-host", "--leak-shrinker", "--leak-oom_notifier", "--leak-compaction"],
    "pressure": ["--psi-some", "--psi-full"],
    "lanes": ["--band-episode", "--band-conflict", "--band-cycle", "--balloon"],
    "severities": ["--critical", "--warning", "--accent"],
}
LEAST_DIFFERENCE = 10.0
"""CIE76: some 2.3 can just be told apart side by side, in areas."""
READ_ON = [
    ("--ink", "--page"),
    ("--muted", "--page"),
    ("--muted", "--surface"),
    ("--accent", "--surface"),
    ("--critical", "--critical-soft"),
    ("--warning", "--warning-soft"),
    ("--good", "--good-soft"),
]
LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3 (AA)."""


def colours(theme: str) -> dict[str, str]:
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", THEMES[theme]))


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(colour: str, sight: str) -> np.ndarray:
    seen = np.clip(np.array(SIGHTS[sight]) @ linear(colour), 0, 1)
    part = np.array(XYZ) @ seen / WHITE
    x, y, z = np.where(part > 0.008856, np.cbrt(part), 7.787 * part + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("chart", TOGETHER)
def test_colours_of_one_chart_can_be_told_apart(theme: str, sight: str, chart: str) -> None:
    shown = {name: lab(colours(theme)[name], sight) for name in TOGETHER[chart]}
    alike = {
        (one, other): round(float(difference), 1)
        for one, other in combinations(shown, 2)
        if (difference := np.linalg.norm(shown[one] - shown[other])) < LEAST_DIFFERENCE
    }
    assert alike == {}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("words", "behind"), READ_ON)
def test_words_can_be_read_on_what_is_behind_them(theme: str, words: str, behind: str) -> None:
    light, dark = sorted(
        (float(linear(colours(theme)[name]) @ [0.2126, 0.7152, 0.0722]) + 0.05 for name in (words, behind)),
        reverse=True,
    )
    assert light / dark >= LEAST_CONTRAST
