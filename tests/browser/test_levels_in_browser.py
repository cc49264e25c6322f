"""What is drawn of long columns, whatever stretch is seen: no extreme and no sum is lost."""

from __future__ import annotations

import numpy as np
import pytest

from tracer.resources import resource_dir

SEEDS = range(6)
SUMS = """([series, columns]) => {
    if (series.moments) series.rest = levels.rest(series.sums, series.bucket_s, series.moments);
    return [...levels.sums(series, levels.grid(series.bucket_s, 0, 101, columns, true))];
}"""


@pytest.fixture
def levels(browser):
    page = browser.new_page()
    script = (resource_dir("reports") / "script" / "levels.js").read_text()
    page.add_script_tag(content=f"const data = {{}};\n{script}\nwindow.levels = levels;")
    yield page
    page.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_thinned_readings_keep_least_and_most_of_what_is_seen(levels, seed):
    random = np.random.default_rng(seed)
    time, value = np.sort(random.random(5000)) * 100, random.normal(size=5000)
    from_s, to_s = sorted(random.random(2) * 100)
    kept = levels.evaluate(
        "([time, value, from, to]) => levels.extremes(time, [value], from, to, 60)",
        [time.tolist(), value.tolist(), from_s, to_s],
    )
    seen = value[(time >= from_s) & (time <= to_s)]
    drawn = value[kept]
    assert len(kept) <= 2 * 60 + 6
    assert kept == sorted(set(kept))
    assert drawn.min() <= seen.min()
    assert drawn.max() >= seen.max()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("told", [0, 250, 400])
def test_columns_add_up_to_what_was_there(levels, seed, told):
    # GIVEN amounts in buckets of 0.5 s, of which none, some or all are told as moments, too
    random = np.random.default_rng(seed)
    begin = np.sort(random.integers(0, 10_000, 400)) / 100
    length = np.where(random.random(400) < 0.5, 0.0, 0.004)
    amount = random.integers(1, 100, 400).astype(float)
    buckets = np.bincount((begin / 0.5).astype(int), weights=amount, minlength=200)
    columns = {"begin": begin, "length": length, "amount": amount, "until": np.maximum.accumulate(begin + length)}
    moments = {name: column[:told].tolist() for name, column in columns.items()}
    series = {"bucket_s": 0.5, "sums": buckets.tolist()}
    if told:
        series["moments"] = moments
    for columns in (7, 180, 5000):
        found = levels.evaluate(SUMS, [series, columns])
        assert sum(found) == pytest.approx(amount.sum())


def test_marks_that_are_too_close_are_one_with_their_sum(levels):
    groups = levels.evaluate("() => levels.grouped([1, 1.01, 5], [2, 7, 3], 0, 10, 10)")
    assert [(group["at"], group["sum"], group["count"]) for group in groups] == [(1, 9, 2), (2, 3, 1)]


def test_stretches_with_less_than_a_column_between_them_are_one(levels):
    rows = "{begin: [0, 1, 5], length: [0.5, 1, 1], count: [1, 4, 1], until: [0.5, 2, 6]}"
    found = levels.evaluate(f"() => levels.merged({rows}, 0, 10, 10)")
    assert [(one["begin"], one["end"], one["count"]) for one in found] == [(0, 2, 5), (5, 6, 1)]
    assert levels.evaluate(f"() => levels.merged({rows}, 0, 10, 1000).length") == 3
