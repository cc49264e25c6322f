"""What a recorder costs a small guest, from the guest's counters and its own trace of direct reclaim."""

from __future__ import annotations

from dataclasses import asdict, replace

from guest.harm import Held, Moment, Phase, own_reclaim
from guest.small import Row
from guest.small_table import HEAD, row_text

TRACE = """# tracer: nop
          python3-212     [000] d..1.    41.1: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL
          python3-212     [000] d..1.    41.2: mm_vmscan_direct_reclaim_end: nr_reclaimed=32
 kworker/0:1-E-215     [000] d..1.    41.3: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL
 kworker/0:1-E-215     [000] d..1.    41.4: mm_vmscan_direct_reclaim_end: nr_reclaimed=7
   rt packer-214     [001] .....    41.5: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL
   rt packer-214     [001] .....    41.6: mm_vmscan_direct_reclaim_end: nr_reclaimed=1
          python3-1       [001] .....    41.7: mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL
          python3-1       [001] .....    41.8: mm_vmscan_direct_reclaim_end: nr_reclaimed=64
"""
BEFORE = Moment(10**9, {"allocstall_normal": 4, "pgsteal_kswapd": 100, "oom_kill": 0}, 50, 0, 0)
AFTER = Moment(
    3 * 10**9, {"allocstall_normal": 9, "pgsteal_kswapd": 400, "pgsteal_direct": 60, "oom_kill": 1}, 250, 3, 33
)


def test_direct_reclaim_of_the_recorders_tasks_is_told_from_the_agents_and_the_kernels():
    assert own_reclaim(TRACE, recorder=212) == (2, 33)
    assert own_reclaim(TRACE, recorder=216) == (0, 0)


def test_a_phase_is_what_the_counters_grew_by_and_what_the_loads_did_not_need():
    assert Phase.between(BEFORE, AFTER) == Phase(2.0, 5, 360, 160, 3, 33, 1)


def test_what_could_not_be_told_is_unknown_and_not_nothing():
    phase = Phase.between(replace(BEFORE, own_stalls=None, own_pages=None), replace(AFTER, loads_pages=None))
    assert (phase.extra_pages, phase.own_stalls, phase.own_pages) == (None, None, None)
    assert phase.stalls == 5


def test_the_table_has_a_dash_for_what_is_unknown_and_a_bound_for_a_peak_that_was_only_seen():
    row = Row("5.10", 128, available_mib=39, state="killed")
    row.phases["starting"] = Phase.between(BEFORE, replace(AFTER, own_stalls=None))
    row.held["starting"] = Held(current=1, peak=30 << 20)
    cells = [cell.strip() for cell in row_text(asdict(row)).split("|")[1:-1]]
    told = dict(zip((name.strip() for name in HEAD.split("\n")[0].split("|")[1:-1]), cells, strict=True))
    assert (told["kernel"], told["memory"], told["available"]) == ("5.10", "128 MiB", "39 MiB")
    assert (told["recorder"], told["start: stalls"], told["peak"]) == ("killed", "- of 5 in 2 s", ">= 30 MiB")
    assert (told["before: stalls"], told["own reclaim"]) == ("-", "-")
    assert told["lost"] == "- of -"
