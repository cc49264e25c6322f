"""Lines as long as lines may be take time in proportion to their length."""

from __future__ import annotations

import pytest
from import_cases import import_text
from watching import watched

from tracer.errors import RecordingError

HEAD = "   cat-7   [001]   {}.000001: mm_vmscan_lru_shrink_inactive: "
FIELDS = ("nid=0", "nr_scanned=1", "nr_reclaimed=1", "nr_dirty=0", "priority=5")
MANY_WORDS = " x" * 20
ONE_WORD = ",x y"


@pytest.mark.parametrize("gap", [MANY_WORDS, ONE_WORD])
@pytest.mark.parametrize(
    "filled",
    [
        pytest.param(lambda: " ".join(FIELDS[:-1]) + " ", id="fields again and again"),
        pytest.param(lambda: "nid=0 nr_scanned=1 ", id="two of the fields"),
        pytest.param(lambda: "x", id="a long word"),
        pytest.param(lambda: "x ", id="many words"),
        pytest.param(lambda: " ", id="blanks"),
    ],
)
def test_a_long_line_of_a_layout_learned_from_another(tmp_path, gap, filled):
    learned = HEAD + f"{gap} ".join(FIELDS) + " flags=RECLAIM_WB_FILE\n"
    unit = filled()
    long = HEAD + "nid=0" + unit * (60_000 // len(unit)) + "\n"
    text = "".join(line.format(second) for second, line in enumerate([learned, learned, *[long] * 5], 1))
    way = watched(lambda: str([event.args["nr_reclaimed"] for event in import_text(text, tmp_path).events[:2]])).way
    assert way == "[1, 1]"


def test_a_long_name_of_an_unknown_event_is_shown_in_short(tmp_path):
    line = f"   cat-7   [001]   1.000001: mm_vmscan_lru_isol{'9' * 60_000}: nid=0\n"
    with pytest.raises(RecordingError) as refused:
        import_text(line, tmp_path)
    assert "none of its events are known: mm_vmscan_lru_isol999" in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_a_long_blank_where_a_shrinkers_address_should_be(tmp_path):
    def at(second: int, blank: str) -> str:
        head = f"   cat-7   [001]   {second}.000001: mm_shrink_slab_end: super_cache{blank}_scan+0x0 0xffff8880: "
        return f"{head}nid: 0 unused scan count 0 new scan count 0 total_scan 0 last shrinker return val 0\n"

    text = "".join(at(second, " " * 65_000) for second in range(1, 6))
    assert watched(lambda: str(len(import_text(at(9, "") + text, tmp_path).events))).way
