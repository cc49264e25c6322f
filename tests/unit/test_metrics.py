"""Results as metrics: only what is known, counters that never fall, labels that stay bounded."""

from __future__ import annotations

from pathlib import Path

import exports
import numpy as np
import pytest
from metric_series import fetched, samples
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed
from streams import SECOND
from written_recordings import write_recording

import tracer
from tests.golden.cases import DATA as GOLDEN
from tests.golden.cases import Case
from tracer.analyze.totals.wait_histograms import WaitHistograms, indexes
from tracer.analyze.wait_lengths import STEPS_A_DOUBLING
from tracer.metrics.bounded import OTHER, BoundedNames, label_value
from tracer.metrics.families import Families, Grown

REAL = GOLDEN / "guest-host-reasserts.rtrace"
PREFIX = "reclaim_tracer_"
HOSTILE = 'evil"} 1\n# EOF\x1b[31m\\\udc80'


def exported(path: Path) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return samples([*parsed(exports.exported(path, "prometheus").decode())])


def total(told: dict, name: str, **labels: str) -> float:
    """The sum over all samples of a name that have these labels."""
    wanted = labels.items()
    found = [value for (one, has), value in told.items() if one == PREFIX + name and wanted <= dict(has).items()]
    assert found, name
    return sum(found)


def test_an_export_adds_up_to_the_summary() -> None:
    told, summary = exported(REAL), tracer.open(REAL).summary()
    balloon, page_bytes = summary["balloon"], 4096
    assert total(told, "balloon_inflated_bytes_total") == balloon["inflated_pages"] * page_bytes > 0
    for cause, pages in balloon["leaked_pages"].items():
        assert total(told, "balloon_leaked_bytes_total", cause=cause) == pages * page_bytes
    assert total(told, "balloon_wasted_bytes_total") == balloon["wasted_pages"] * page_bytes
    assert total(told, "balloon_cycles_total") == len(summary["cycles"]) > 0
    assert total(told, "events_total") == summary["recording"]["events"]
    assert total(told, "events_lost_total") == summary["recording"]["lost"] == 0
    for tier in summary["tiers"]:
        for source in ("file", "anon"):
            if tier["tier"] in ("background", "direct"):
                size = total(told, "reclaimed_bytes_total", tier=tier["tier"], source=source)
                assert size == (tier["sources"][source]["pages"] or 0) * page_bytes
    conflicts_s = sum(sum(one["overlap_s"].values()) for one in summary["conflicts"])
    assert total(told, "conflict_seconds_total") == pytest.approx(conflicts_s, abs=1e-6)
    waits = [row for row in summary["stalls"] if row["tier"] == "direct"]
    assert total(told, "wait_seconds_count", tier="direct") == sum(row["spans"] for row in waits) > 0
    assert total(told, "wait_seconds_sum", tier="direct") == pytest.approx(sum(row["stall_s"] for row in waits))
    kinds = {finding["kind"] for finding in summary["findings"]}
    for kind in kinds:
        assert total(told, "findings_total", kind=kind) == sum(one["kind"] == kind for one in summary["findings"])
    assert total(told, "recording_active") == 0


def test_what_is_not_known_is_not_there(tmp_path: Path) -> None:
    summary = tracer.open(REAL).summary()
    unjudged = {one["kind"] for one in summary["verdict"]["not_judged"]}
    told = exported(REAL)
    assert unjudged
    found = {dict(labels)["kind"] for name, labels in told if name == PREFIX + "findings_total"}
    for kind in unjudged - {one["kind"] for one in summary["findings"]}:
        assert kind not in found
        assert total(told, "finding_judged", kind=kind) == 0


def test_what_nothing_counts_is_not_there(tmp_path: Path) -> None:
    # GIVEN a text in which nothing tells of the balloon's pages
    path = Case(GOLDEN / "E-memcg.txt.zst").recording(tmp_path)
    assert tracer.open(path).summary()["balloon"]["inflated_pages"] is None
    # THEN neither they are there, nor what is made of them
    names = {name.removeprefix(PREFIX) for name, _ in exported(path)}
    assert not {one for one in names if one.startswith(("balloon_inflated", "balloon_size", "conflict_seconds"))}
    assert "reclaimed_bytes_total" in names


def test_a_family_leaves_out_what_is_none() -> None:
    families = Families(Grown())
    families.gauge("size_bytes", "Size.", None)
    families.gauge("known_bytes", "Known.", 0)
    families.counter("moved_bytes", "Moved.", None, cause="host")
    families.counter("moved_bytes", "Moved.", 3, cause="shrinker")
    told = samples(families.all())
    assert told == {(f"{PREFIX}known_bytes", ()): 0, (f"{PREFIX}moved_bytes_total", (("cause", "shrinker"),)): 3}


def test_no_counter_falls_while_it_is_recorded() -> None:
    before: dict = {}
    rounds = 0
    for now in fetched(REAL, 1.0):
        counters = {
            key: value for key, value in now.items() if key[0].endswith(("_total", "_bucket", "_count", "_sum"))
        }
        assert all(counters.get(key, 0) >= value for key, value in before.items())
        before, rounds = counters, rounds + 1
    assert rounds > 10


def test_a_counter_that_was_inferred_too_high_stays() -> None:
    grown = Grown()
    told = []
    for value in (5, 3, 6):
        families = Families(grown)
        families.counter("moved_bytes", "Moved.", value)
        told += samples(families.all()).values()
    assert told == [5, 5, 6]


def test_names_are_bounded_and_keep_their_value() -> None:
    names = BoundedNames(2)
    assert names.sums([(1, "/a", 1.0), (2, "/b", 2.0), (3, "/c", 4.0), (4, "/d", 8.0)]) == {
        "/a": 1.0,
        "/b": 2.0,
        OTHER: 12.0,
    }
    # WHEN what was in the rest comes to matter most, or gets another name
    assert names.sums([(4, "/d", 90.0), (1, "/renamed", 1.0), (3, "/c", None)]) == {OTHER: None, "/a": 1.0}


def test_hostile_names_stay_one_label_of_one_line() -> None:
    families = Families(Grown())
    families.counter("cgroup_wait_seconds", "Waited.", 1.5, cgroup=label_value(HOSTILE * 50))

    class Given:
        def collect(self):
            return families.all()

    registry = CollectorRegistry(support_collectors_without_names=True)
    registry.register(Given())
    for text, parse in ((generate_latest(registry), parsed), (openmetrics(registry), parsed_openmetrics)):
        ((name, labels, value, *_),) = [one for family in parse(text.decode()) for one in family.samples]
        assert (name, value) == (f"{PREFIX}cgroup_wait_seconds_total", 1.5)
        assert labels["cgroup"].startswith('evil"} 1\\n# EOF\\x1b[31m')
        assert len(labels["cgroup"]) <= 256
        assert all(char.isprintable() for char in labels["cgroup"])


def test_lengths_are_counted_between_their_bounds() -> None:
    lengths_ns = np.unique(np.concatenate([np.geomspace(1, 1e12, 5000), 1e9 * np.exp2(np.arange(-9, 8))])).astype(int)
    index = indexes(lengths_ns)
    assert (lengths_ns / 1e9 <= np.exp2(index / STEPS_A_DOUBLING) * (1 + 1e-15)).all()
    assert (lengths_ns / 1e9 > np.exp2((index - 1) / STEPS_A_DOUBLING) * (1 - 1e-15)).all()
    assert indexes(np.array([SECOND, SECOND + 1, SECOND // 2])).tolist() == [0, 1, -STEPS_A_DOUBLING]
    histograms = WaitHistograms()
    histograms.add(np.array([3, 3, 3]), np.array([0, SECOND, 2 * SECOND]))
    (one,) = histograms.told()
    assert (one.waits, one.zeros, one.waited_ns) == (3, 1, 3 * SECOND)
    assert one.lengths == {0: 1, STEPS_A_DOUBLING: 1}


def test_loss_is_told(tmp_path: Path) -> None:
    told = exported(write_recording(tmp_path / "lossy.rtrace", lost=7))
    assert total(told, "events_lost_total", kind="shrink_slab_start") == 7
    assert total(told, "lossy_seconds_total") == pytest.approx(1.0)
