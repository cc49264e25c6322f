"""What a kill says besides its victim: who allocated what, what was free, and whether the balloon had enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streams import METADATA, MS, SECOND, Records, analyse, counters, event, records

from tracer.analyze.findings.registry import KIND_BY_NAME
from tracer.analyze.model import Analysis, Finding
from tracer.batch import Samples
from tracer.metadata import BalloonInfo

MIB_PAGES = 256
KIB_IN_MIB = 1024
OFF = replace(METADATA, balloon=BalloonInfo("virtio_balloon", "virtio0", ("stats_vq",), "none"))
NO_BALLOON = replace(METADATA, balloon=BalloonInfo())


def retry(time_ns: int, zone_idx: int, free: int, min_wmark: int, tid: int = 100, **more: object) -> Records:
    given = {"node": 0, "zone_idx": zone_idx, "reclaimable": 700, "min_wmark": min_wmark, **more}
    return event(time_ns, "reclaim_retry_zone", tid, available=700 + free, **given)


def victim(time_ns: int = 50 * MS, **more: object) -> Records:
    sizes = {"total_vm": 9000, "anon_rss": 300 * KIB_IN_MIB, "file_rss": 2 * KIB_IN_MIB, "shmem_rss": KIB_IN_MIB}
    given = {"pid": 77, "victim_comm": b"java", "pgtables": 80, "uid": 1000, "oom_score_adj": -500, **sizes, **more}
    return event(time_ns, "mark_victim", 100, "nginx", **given)


def reclaim(kind: str = "direct_reclaim", **more: object) -> Records:
    given = {"order": 3, "gfp_flags": 0x140CCA, **more}
    return records(event(10 * MS, f"{kind}_begin", **given), event(20 * MS, f"{kind}_end"))


def held(mebibytes: int) -> Samples:
    return counters([(0, mebibytes * MIB_PAGES, 0), (SECOND, mebibytes * MIB_PAGES, 0)])


def kill_of(analysis: Analysis) -> Finding:
    (found,) = [finding for finding in analysis.findings if finding.kind == "oom_kill"]
    return found


def test_it_says_what_the_victim_held():
    numbers = kill_of(analyse(victim())).numbers
    assert numbers["anon_rss_bytes"] == 300 << 20
    assert (numbers["uid"], numbers["oom_score_adj"]) == (1000, -500)
    assert "The victim held 303.0 MiB (anon 300.0 MiB" in kill_of(analyse(victim())).text


def test_an_older_kernels_victim_has_no_sizes_rather_than_none():
    absent = ("total_vm", "anon_rss", "file_rss", "shmem_rss", "pgtables", "uid", "oom_score_adj", "victim_comm")
    old = replace(METADATA, absent_fields={"mark_victim": absent})
    kill = kill_of(analyse(event(MS, "mark_victim", pid=7), metadata=old))
    assert kill.numbers == {"pid": 7}
    assert "held" not in kill.text


def test_order_and_flags_are_those_of_the_tasks_last_reclaim():
    kill = kill_of(analyse(records(reclaim(), victim())))
    assert (kill.numbers["order"], kill.numbers["gfp_flags"]) == (3, 0x140CCA)
    assert "nginx was allocating (order 3, gfp_flags 0x140cca)." in kill.text


def test_the_call_itself_knows_better():
    call = event(30 * MS, "out_of_memory_begin", order=0, gfp_flags=0x100CCA, memcg_id=4711)
    end = event(60 * MS, "out_of_memory_end", retval=1, constraint=3)
    analysis = analyse(records(reclaim(), call, victim(), end), held(512))
    kill = kill_of(analysis)
    assert [kill.numbers[name] for name in ("order", "gfp_flags", "memcg_id", "constraint")] == [0, 0x100CCA, 4711, 3]
    assert "CONSTRAINT_MEMCG, memory cgroup with inode 4711" in kill.text
    # AND it is the cgroup's, whatever the reclaim before was
    assert "the kernel does not call OOM notifiers" in kill.text
    assert "missing_pages" not in kill.numbers


def test_cgroups_are_told_by_their_paths_where_these_were_recorded():
    call = event(30 * MS, "out_of_memory_begin", gfp_flags=0x100CCA, memcg_id=4711)
    kill = victim(pid=100)
    kill["cgroup_id"] = 4712
    paths = {4711: "/kubepods/pod1", 4712: "/kubepods/pod1/app"}
    text = kill_of(analyse(records(call, kill), cgroups=paths)).text
    assert "memory cgroup /kubepods/pod1)" in text
    assert "The victim, in cgroup /kubepods/pod1/app, held 303.0 MiB" in text


@pytest.mark.parametrize("constraint", [0, 1, 2])
def test_a_call_of_the_machine_is_no_cgroups_whatever_was_reclaimed_before(constraint):
    end = event(60 * MS, "out_of_memory_end", constraint=constraint)
    kill = kill_of(analyse(records(reclaim("memcg_reclaim"), victim(), end), held(512), metadata=OFF))
    assert "DEFLATE_ON_OOM" in kill.text
    assert kill.numbers["constraint"] == constraint


def test_the_return_of_a_call_whose_begin_was_not_seen_says_nothing_of_a_constraint():
    end = event(60 * MS, "out_of_memory_end", constraint=-1)
    assert "constraint" not in kill_of(analyse(records(victim(), end))).numbers


def test_a_recording_from_before_these_fields_does_not_tell_them():
    old = {"out_of_memory_begin": ("order", "gfp_flags", "memcg_id"), "out_of_memory_end": ("constraint",)}
    call = event(30 * MS, "out_of_memory_begin")
    end = event(60 * MS, "out_of_memory_end", retval=1)
    kill = kill_of(analyse(records(call, victim(), end), metadata=replace(METADATA, absent_fields=old)))
    assert not {"order", "gfp_flags", "memcg_id", "constraint"} & kill.numbers.keys()
    assert "allocating" not in kill.text


def test_free_pages_and_watermarks_are_those_of_the_zones_that_the_task_retried_last():
    # GIVEN two zones, each retried twice, another task's zone, and one from long before
    stream = records(
        retry(1 * MS, 2, free=9000, min_wmark=9000),
        retry(30 * MS, 1, free=90, min_wmark=100),
        retry(31 * MS, 1, free=1, min_wmark=1, tid=5),
        retry(32 * MS, 2, free=900, min_wmark=1000),
        retry(40 * MS, 1, free=80, min_wmark=100),
        retry(41 * MS, 2, free=800, min_wmark=1000),
        victim(),
    )
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        numbers = kill_of(analyse(*pieces)).numbers
        assert (numbers["free_pages"], numbers["min_wmark_pages"]) == (880, 1100)


def test_retries_of_longer_ago_are_of_another_allocation():
    stream = records(retry(0, 2, free=80, min_wmark=100), victim(1_000_000_001))
    assert "free_pages" not in kill_of(analyse(stream)).numbers


def test_a_zone_with_pages_to_spare_makes_up_for_no_other():
    stream = records(
        retry(40 * MS, 1, free=900, min_wmark=100), retry(41 * MS, 2, free=700, min_wmark=1000, order=1), victim()
    )
    assert kill_of(analyse(held(2), stream, metadata=OFF)).numbers["missing_pages"] == 302


@pytest.mark.parametrize(("balloon_mib", "words"), [(2, "more than enough"), (1, "too little")])
def test_it_says_whether_the_balloon_would_have_been_enough(balloon_mib, words):
    # GIVEN zones that lack 300 pages, for an allocation of two
    stream = records(retry(40 * MS, 2, free=700, min_wmark=1000, order=1), victim())
    kill = kill_of(analyse(held(balloon_mib), stream, metadata=OFF))
    assert kill.numbers["missing_pages"] == 302
    assert words in kill.text


@pytest.mark.parametrize("order", [-1, -(1 << 31), 21, (1 << 31) - 1])
def test_for_an_order_that_no_allocation_has_nothing_is_weighed(order):
    stream = records(retry(40 * MS, 2, free=700, min_wmark=1000, order=order), victim())
    kill = kill_of(analyse(held(2), stream, metadata=OFF))
    assert "missing_pages" not in kill.numbers
    assert "The balloon held" not in kill.text


@pytest.mark.parametrize(("metadata", "sizes"), [(OFF, [held(0)]), (NO_BALLOON, [])], ids=["empty", "no balloon"])
def test_a_balloon_without_pages_is_not_weighed(metadata, sizes):
    stream = records(retry(40 * MS, 2, free=700, min_wmark=1000), victim())
    text = kill_of(analyse(*sizes, stream, metadata=metadata)).text
    assert "The balloon held" not in text
    assert "2.7 MiB free, with min watermarks of 3.9 MiB" in text


def test_without_retries_the_last_reading_says_what_was_free():
    names = ("meminfo.MemFree_bytes",)
    free = Samples(np.asarray([0, 40 * MS, 60 * MS]), names, np.asarray([[9 << 20], [5 << 20], [7 << 20]]))
    kill = kill_of(analyse(free, victim()))
    assert kill.numbers["free_bytes"] == 5 << 20
    assert "5.0 MiB of memory were free at the last sample before" in kill.text


MEMCG_CALL = records(
    event(30 * MS, "out_of_memory_begin", memcg_id=47), event(60 * MS, "out_of_memory_end", constraint=3)
)


@pytest.mark.parametrize(
    ("told", "samples", "metadata", "advice"),
    [
        (MEMCG_CALL, (held(512),), OFF, "For a memory cgroup"),
        (reclaim("memcg_reclaim"), (held(512),), OFF, "For a memory cgroup"),
        (reclaim("memcg_reclaim"), (), NO_BALLOON, "For a memory cgroup"),
        (reclaim(), (held(512),), OFF, "If the reason is DEFLATE_ON_OOM"),
        (reclaim(), (held(512),), METADATA, "If the balloon held memory"),
        (reclaim(), (held(0),), METADATA, "If the balloon was empty"),
        (reclaim(), (), NO_BALLOON, "If the balloon was empty or there is none"),
    ],
)
def test_what_to_try_first_is_true_of_this_kill(told, samples, metadata, advice):
    kill = kill_of(analyse(records(told, victim()), *samples, metadata=metadata))
    assert KIND_BY_NAME["oom_kill"].explanation.advice[kill.advice].startswith(advice)


def test_against_a_kill_that_somebody_asked_for_there_is_nothing_to_try():
    asked = event(50 * MS, "mark_victim", 100, "kworker/0:1", pid=77)
    kill = kill_of(analyse(asked, held(512), metadata=OFF))
    assert "sysrq" in kill.text
    assert kill.advice is None
