"""`check`: what it prints, what it returns, and that it tries nothing where it can't."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tracer.check import facts as check_facts
from tracer.check.facts import CheckFacts, bcc_requirement, gather, untried
from tracer.check.observation import Observation
from tracer.check.text import render
from tracer.errors import CannotTraceError
from tracer.jobs import checking as check
from tracer.kernel.access import Requirement
from tracer.kernel.host import Distribution, HostInfo
from tracer.kernel.lru_gen import LruGen
from tracer.metadata import BalloonInfo, PlanRow, SourceState
from tracer.probes.finder import BccStatus
from tracer.terminal.paper import Paper

OK = Requirement("privileges", True, "CAP_SYS_ADMIN")
NO_TRACEFS = Requirement("tracefs", False, "not mounted", "mount -t tracefs tracefs /sys/kernel/tracing")
NO_BTF = Requirement("BTF", False, "none", "use another kernel", needed=False)
USED = PlanRow("shrink_slab_start", "tracepoint:vmscan:mm_shrink_slab_start", SourceState.USED)
SAMPLED = PlanRow("psi", "samples:/proc/pressure/memory", SourceState.USED)
REFUSED = PlanRow("mark_victim", "tracepoint:oom:mark_victim", SourceState.REFUSED, "Operation not permitted")

FACTS = CheckFacts(
    host=HostInfo(
        kernel_release="6.1.0-18-cloud-amd64",
        kernel_version="#1 SMP",
        machine="x86_64",
        host="guest1",
        boot_id="b",
        cpus_possible=4,
        cpus_online=2,
        numa_nodes=(0, 1),
        page_size_bytes=4096,
        memory_total_bytes=3 << 30,
        distribution=Distribution("debian", "Debian 12", "debian"),
        container="",
    ),
    requirements=(OK,),
    balloon=BalloonInfo("virtio_balloon", "virtio0", ("deflate_on_oom",), "oom_notifier"),
    cgroup_version=2,
    counters=60,
    absent={},
    plan=(USED, SAMPLED),
    plan_tried=True,
    absent_fields={},
)


def text(facts: CheckFacts, *, colour: bool = False, width: int = 1000, verbose: bool = False) -> str:
    return render(facts, Paper(colour, width), verbose=verbose)


def section(output: str, title: str) -> list[str]:
    """Its lines, their gaps narrowed."""
    _, _, after = output.partition(f"\n{title}")
    return [" ".join(line.split()) for line in after.partition("\n\n")[0].splitlines()[1:]]


def lines_with(output: str, word: str) -> list[str]:
    return [" ".join(line.split()) for line in output.splitlines() if word in line]


def test_the_first_line_is_the_verdict_and_a_whole_machine_has_nothing_to_do():
    output = text(FACTS)
    assert output.splitlines()[0] == "Live tracing works here."
    assert "What to do" not in output
    assert lines_with(output, "CPUs") == ["CPUs 2 online, 4 possible, 2 NUMA nodes"]
    assert lines_with(output, "memory ")[0] == "memory 3.0 GiB in pages of 4 KiB"


def test_everything_missing_comes_with_its_fix_one_a_line_needed_ones_first():
    facts = replace(FACTS, requirements=(NO_BTF, OK, NO_TRACEFS))
    output = text(facts)
    assert "does not work here yet: tracefs." in output.splitlines()[0]
    fixes = output.partition("What to do\n")[2].partition("\n\n")[0].splitlines()
    assert [" ".join(line.split()) for line in fixes] == [
        "tracefs mount -t tracefs tracefs /sys/kernel/tracing",
        "BTF use another kernel (optional)",
    ]


def test_what_only_degrades_does_not_keep_from_tracing():
    assert replace(FACTS, requirements=(OK, NO_BTF)).can_trace
    assert not replace(FACTS, requirements=(OK, NO_TRACEFS)).can_trace


def test_what_one_command_mends_is_one_row_and_optional_only_where_all_of_it_is():
    root = "sudo reclaim-tracer ..."
    items = (
        Requirement("kernel symbols", False, "hidden", root, needed=False),
        Requirement("privileges", False, "missing", root),
        Requirement("BTF", False, "none", "another kernel", needed=False),
        Requirement("pressure (PSI)", False, "off", "another kernel", needed=False),
    )
    fixes = text(replace(FACTS, requirements=items)).partition("What to do\n")[2].partition("\n\n")[0].splitlines()
    assert [" ".join(line.split()) for line in fixes] == [
        f"privileges, kernel symbols {root}",
        "BTF, pressure (PSI) another kernel (optional)",
    ]


@pytest.mark.parametrize(
    ("lru_gen", "line"),
    [
        (LruGen(), "multi-gen LRU not known: this kernel has no /sys/kernel/mm/lru_gen"),
        (LruGen(0, 0), "multi-gen LRU off"),
        (LruGen(7, 0), "multi-gen LRU on (0x0007)"),
        (LruGen(1, 500), "multi-gen LRU on (0x0001), pages younger than 500 ms are protected"),
    ],
)
def test_the_multi_gen_lru_is_said_as_it_is_and_unknown_is_not_off(lru_gen, line):
    facts = replace(FACTS, lru_gen=lru_gen)
    assert lines_with(text(facts), "multi-gen LRU") == [line]
    assert facts.to_json()["lru_gen"] == {"enabled": lru_gen.enabled, "min_ttl_ms": lru_gen.min_ttl_ms}


def test_the_reclaim_path_is_an_expectation_until_it_is_seen():
    output = text(FACTS)
    assert any(line.startswith("reclaim path oom_notifier: expected") for line in lines_with(output, "reclaim path"))
    assert "--recording FILE" in lines_with(output, "observed")[0]
    assert not lines_with(text(replace(FACTS, balloon=BalloonInfo())), "observed")


@pytest.mark.parametrize(
    ("shrinker", "oom_notifier", "path", "words"),
    [
        (0, 0, None, "observed none: no page left the balloon under pressure in x.rtrace"),
        (0, 512, "oom_notifier", "observed oom_notifier: 512 pages by oom_notifier (measured) in x.rtrace"),
        (1024, 0, "shrinker", "observed shrinker: 1,024 pages by shrinker (measured) in x.rtrace"),
        (1, 512, "oom_notifier, shrinker", "512 pages by oom_notifier and 1 pages by shrinker"),
    ],
)
def test_what_was_observed_is_told_with_its_pages(shrinker, oom_notifier, path, words):
    leaked = {"host": 7, "shrinker": shrinker, "oom_notifier": oom_notifier}
    facts = replace(FACTS, observation=Observation("x.rtrace", leaked, "measured"))
    assert words in lines_with(text(facts), "observed")[0]
    balloon = facts.to_json()["balloon"]
    assert balloon["reclaim_path_observed"] == path
    assert balloon["observation"] == {"where": "x.rtrace", "leaked_pages": leaked, "quality": "measured"}


def test_the_plan_gathers_what_is_alike_and_gives_every_reason():
    output = text(replace(FACTS, plan=(USED, replace(USED, what="throttled"), REFUSED, SAMPLED)))
    assert "used tracepoint:vmscan shrink_slab_start, throttled" in lines_with(output, "shrink_slab_start")
    assert lines_with(output, "mark_victim")[0] == "refused tracepoint:oom mark_victim: Operation not permitted"
    assert lines_with(output, "psi") == ["used samples psi"]


SEVERAL = (
    PlanRow("leak_balloon_begin", "fentry:leak_balloon", SourceState.REFUSED, "not supported"),
    PlanRow("leak_balloon_begin", "kprobe:leak_balloon", SourceState.ABSENT, "no kprobes"),
    PlanRow("leak_balloon_end", "fexit:leak_balloon", SourceState.REFUSED, "not supported"),
    PlanRow("leak_balloon_end", "kretprobe:leak_balloon", SourceState.ABSENT, "no kprobes"),
    *(PlanRow(f"f{n}", f"fentry:f{n}", SourceState.REFUSED, "not supported") for n in range(4)),
    PlanRow("balloon_pages", "fentry:tell_host", SourceState.REFUSED, "not in BTF"),
    PlanRow("balloon_pages", "samples:/proc/vmstat", SourceState.USED, "inferred"),
)


def test_sources_of_one_way_with_one_reason_are_one_row_with_the_functions_used_ones_first():
    assert section(text(replace(FACTS, plan=(*SEVERAL, USED))), "Sources of events") == [
        "used samples balloon_pages: inferred",
        "used tracepoint:vmscan shrink_slab_start",
        "refused fentry leak_balloon, f0, f1 and 2 more: not supported",
        "absent kprobe leak_balloon: no kprobes",
        "refused fentry tell_host: not in BTF",
    ]


def test_verbose_shows_every_source_of_a_kind_the_used_one_first():
    facts = replace(FACTS, plan=(*SEVERAL, USED))
    shown = section(text(facts, verbose=True), "Sources of events")
    assert len(shown) == len(facts.plan)
    assert shown[-3:] == [
        "used balloon_pages samples:/proc/vmstat: inferred",
        "refused fentry:tell_host: not in BTF",
        "used shrink_slab_start tracepoint:vmscan:mm_shrink_slab_start",
    ]


def test_kinds_that_nothing_shows_are_named_where_the_plan_was_tried():
    rows = [PlanRow(f"drop_caches_{end}", "kprobe:drop", SourceState.ABSENT, "none") for end in ("begin", "end")]
    facts = replace(FACTS, plan=(USED, *rows))
    assert section(text(facts), "Not traced here") == ["events drop_caches"]
    assert not section(text(replace(facts, plan_tried=False)), "Not traced here")


def test_sources_absent_for_one_reason_are_one_row():
    reason = "tracefs is not mounted"
    absent = tuple(PlanRow(f"k{n}", f"tracepoint:a:k{n}", SourceState.ABSENT, reason) for n in range(9))
    output = text(replace(FACTS, plan=(*absent, SAMPLED), plan_tried=False))
    assert lines_with(output, reason) == [f"absent tracepoint:a k0, k1, k2 and 6 more: {reason}"]
    assert "(not tested" in output


@pytest.mark.parametrize(
    ("ways", "ok", "words"),
    [
        (("fentry", "kprobe"), True, "fentry"),
        (("kprobe",), True, "kprobe"),
        ((), False, "not supported; no kprobes"),
    ],
)
def test_whether_functions_can_be_probed_is_said_by_what_was_tried(ways, ok, words):
    rows = [
        PlanRow("a", "fentry:f", SourceState.USED if "fentry" in ways else SourceState.REFUSED, "not supported"),
        PlanRow("a", "fexit:f", SourceState.USED if "fentry" in ways else SourceState.REFUSED, "not supported"),
        PlanRow("a", "kretprobe:f", SourceState.USED if "kprobe" in ways else SourceState.ABSENT, "no kprobes"),
        USED,
    ]
    (found,) = check_facts._function_probes(rows)
    assert (found.name, found.ok, found.needed) == ("function probes", ok, False)
    assert found.detail.startswith(words)
    assert found.fix.startswith("nothing: tracepoints suffice") is not ok


def test_where_no_function_was_to_be_probed_nothing_is_said_of_it():
    assert not [*check_facts._function_probes([USED, SAMPLED])]


def test_fields_and_counters_that_are_not_there_are_listed_without_widening_the_page():
    fields = {"mark_victim": ("total_vm", "anon_rss"), **{f"k{n}": ("memcg_id",) for n in range(5)}}
    absent = {"vmstat.nr_balloon_pages": "no such line", "psi.memory": "off"}
    output = text(replace(FACTS, absent_fields=fields, absent=absent)).partition("Not traced here\n")[2]
    assert [" ".join(line.split()) for line in output.splitlines()] == [
        "fields total_vm, anon_rss of mark_victim",
        "field memcg_id of k0, k1, k2 and 2 more",
        "counter vmstat.nr_balloon_pages: no such line",
    ]


@pytest.mark.parametrize("width", [80, 60, 132])
def test_in_a_terminal_no_line_is_longer_than_it_is_wide(width):
    long = "word " * 60
    facts = replace(FACTS, requirements=(replace(NO_TRACEFS, detail=long, fix=long),), plan=(USED, REFUSED))
    lines = text(facts, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert text(facts).count("word") == text(facts, width=width).count("word")


def test_columns_are_aligned():
    rows = text(FACTS).partition("Machine\n")[2].partition("\n\n")[0].splitlines()
    value_columns = {len(row) - len(row[2:].partition("  ")[2].lstrip()) for row in rows}
    assert len(value_columns) == 1


def test_colour_is_only_there_where_asked_for():
    assert "\x1b" not in text(FACTS)
    assert "\x1b[32mok\x1b[0m" in text(FACTS, colour=True)


def test_no_text_of_the_machine_reaches_the_terminal_as_a_command():
    evil = replace(FACTS, host=replace(FACTS.host, host="a\x1b[2Jb\nc"), plan=(replace(REFUSED, reason="x\x07\ny"),))
    output = text(evil)
    assert "\x1b" not in output
    assert "\x07" not in output
    assert lines_with(output, r"a\x1b[2Jb c")


def test_json_has_the_contracts_keys():
    data = replace(FACTS, requirements=(OK, NO_TRACEFS), absent={"psi.memory": "PSI is switched off"})
    data = json.loads(json.dumps(data.to_json()))
    assert (data["format"], data["version"], data["can_trace"]) == ("reclaim-tracer/check", 1, False)
    assert data["kernel"] == {"release": "6.1.0-18-cloud-amd64", "version": "#1 SMP", "machine": "x86_64"}
    assert data["requirements"][1] == {
        "name": "tracefs",
        "ok": False,
        "detail": "not mounted",
        "fix": "mount -t tracefs tracefs /sys/kernel/tracing",
        "needed": True,
    }
    assert data["plan"][0] == {
        "what": "shrink_slab_start",
        "source": "tracepoint:vmscan:mm_shrink_slab_start",
        "state": "used",
        "reason": "",
    }
    assert data["balloon"]["reclaim_path"] == "oom_notifier"
    assert data["balloon"]["reclaim_path_observed"] is None
    assert data["balloon"]["observation"] is None
    assert data["psi"] == {"available": False, "reason": "PSI is switched off"}


@pytest.mark.parametrize(("requirements", "code"), [((OK,), 0), ((OK, NO_TRACEFS), 3)])
def test_the_exit_code_says_whether_this_machine_can_trace(monkeypatch, capsys, requirements, code):
    monkeypatch.setattr(check, "gather", lambda *_: replace(FACTS, requirements=requirements))
    assert check.run(as_json=True) == code
    captured = capsys.readouterr()
    assert json.loads(captured.out)["can_trace"] is (code == 0)
    assert captured.err == ""


def test_a_missing_bcc_is_needed_and_an_impostor_is_told():
    missing = bcc_requirement(BccStatus(False, reason="not installed", fix="apt-get install python3-bpfcc"))
    assert (missing.ok, missing.needed, missing.fix) == (False, True, "apt-get install python3-bpfcc")
    beside = bcc_requirement(BccStatus(True, "0.26.0", Path("/usr/lib/bcc"), Path("/venv/bcc")))
    assert beside.ok
    assert "/venv/bcc is PyPI's unrelated bcc" in beside.detail


def test_untried_tracepoints_do_not_count_as_used_but_samples_do():
    assert [row.state for row in untried((USED, REFUSED, SAMPLED))] == [
        SourceState.UNUSED,
        SourceState.REFUSED,
        SourceState.USED,
    ]


def test_nothing_is_attached_where_something_needed_is_missing(monkeypatch):
    def never(*_):
        raise AssertionError("tried")

    monkeypatch.setattr(check_facts, "Probes", never)
    monkeypatch.setattr(check_facts, "requirements", lambda: (OK, NO_TRACEFS))
    facts = gather()
    assert not facts.plan_tried
    assert "tracefs" in [item.name for item in facts.missing]
    assert not any(row.state is SourceState.USED and row.source.startswith("tracepoint:") for row in facts.plan)


def test_a_kernel_that_refuses_every_program_can_not_trace(monkeypatch):
    def refuse(*_, **__):
        raise CannotTraceError("no BPF program could be attached: Operation not permitted")

    monkeypatch.setattr(check_facts, "Probes", refuse)
    monkeypatch.setattr(check_facts, "requirements", lambda: (OK,))
    monkeypatch.setattr(check_facts, "bcc_status", lambda: BccStatus(True, "0.26.0", Path("/usr/lib/bcc")))
    facts = gather()
    assert [(item.name, item.detail) for item in facts.missing] == [
        ("programs", "no BPF program could be attached: Operation not permitted")
    ]
    assert not facts.can_trace
