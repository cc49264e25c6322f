"""Where the parts of the screen stand: on any size they fit, cover nothing of each other, and what matters is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer.screen.layout import PANES, Part, arrange

ALWAYS = (Part.HEAD, Part.BALLOON, Part.TIERS, Part.FINDINGS, Part.FOOT)


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 120),
    chosen=st.sampled_from(PANES),
    more=st.integers(0, 4),
)
def test_parts_fit_and_cover_nothing_of_each_other(width, height, chosen, more):
    places = arrange(width, height, chosen, more)
    taken = set()
    for place in places.values():
        if place.height:
            assert place.x + place.width <= width
            assert place.y + place.height <= height
        cells = {(x, y) for x in range(place.x, place.x + place.width) for y in range(place.y, place.y + place.height)}
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("chosen", PANES)
def test_a_small_screen_shows_the_state_the_balloon_all_tiers_the_chosen_pane_and_the_newest_finding(chosen):
    places = arrange(80, 24, chosen)
    assert set(places) == {*ALWAYS, Part.WAITING if chosen is Part.FINDINGS else chosen}
    assert places[Part.TIERS].height == 9
    assert places[Part.FINDINGS].height >= 3, "a title and two of them"
    assert places[Part.WAITING if chosen is Part.FINDINGS else chosen].height >= 5, "a title, columns, three rows"


def test_a_larger_screen_shows_all_panes_at_once():
    assert set(arrange(120, 40, Part.WAITING)) == {*Part} - {Part.DETAIL}
    assert set(arrange(200, 60, Part.WAITING)) == {*Part}
