"""Recordings held against each other: numbers, what makes them incomparable, findings, sentences, gates, JSON, text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from balloon_streams import shrinker_storm
from command_line import ROOT, run
from json_schemas import only_known_keys
from jsonschema import Draft202012Validator
from streams import METADATA, MS, SECOND, analyse, counters, event, records
from typer import BadParameter
from written_recordings import HOSTILE_COMM, write_recording

from tracer.analyze import Analysis
from tracer.commands.compare_options import arms_of, spread
from tracer.compare.arms import Arm, Run
from tracer.compare.as_json import compare_json
from tracer.compare.aspects import ASPECTS, allocated
from tracer.compare.comparing import Comparison, compare
from tracer.compare.gating import judge_comparison
from tracer.compare.kinds import Course
from tracer.compare.sentence import sentence
from tracer.compare.windows import edges_s, of_size
from tracer.errors import UsageError
from tracer.gates.conditions import parse
from tracer.gates.judging import Outcome
from tracer.metadata import BalloonInfo, Metadata, PlanRow, SourceState
from tracer.recording_facts import RecordingFacts
from tracer.terminal.compare_text import compare_text

LENGTH = 20
PLAN = tuple(
    PlanRow(kind, f"tracepoint:{kind}", SourceState.USED)
    for kind in ("mark_victim", "direct_reclaim_begin", "direct_reclaim_end", "lru_shrink_inactive", "kswapd_wake")
)
MACHINE = replace(
    METADATA, plan=PLAN, memory_total_bytes=1 << 30, host="vm1", kernel_release="6.12.1", balloon=BalloonInfo()
)


def recorded(refaults_a_s: float = 0, wait_ms: int = 0, work_a_s: int = 1000, kills: int = 0) -> Analysis:
    """20 s of a load: page cache read again, one wait a second of so many ms, pages allocated."""
    rows = [(at * SECOND // 4, 0, 0) for at in range(4 * LENGTH + 1)]
    grown = {
        "workingset_refault_file": [round(refaults_a_s * row[0] / SECOND) for row in rows],
        "pgalloc_normal": [work_a_s * row[0] // SECOND for row in rows],
    }
    events = []
    for at in range(LENGTH if wait_ms else 0):
        begin = at * SECOND + 100 * MS
        events.append(event(begin, "direct_reclaim_begin", 7))
        events.append(event(begin + wait_ms * MS, "direct_reclaim_end", 7, nr_reclaimed=1))
    events += [event((5 + at) * SECOND, "mark_victim", 9, pid=77 + at, victim_comm=b"java") for at in range(kills)]
    stream = records(*sorted(events, key=lambda each: int(each["time_ns"][0])))
    return analyse(counters(rows, **grown), stream, metadata=MACHINE, end_ns=LENGTH * SECOND)


def one(analysis: Analysis, source: str = "x.rtrace", metadata: Metadata = MACHINE, **facts: object) -> Run:
    return Run(source, analysis, RecordingFacts(source, metadata, **facts))


def pair(*analyses: Analysis) -> Comparison:
    arms = [Arm(name, (one(each, f"{name}.rtrace"),)) for name, each in zip("ab", analyses, strict=True)]
    return compare(arms)


@pytest.fixture(scope="module")
def better() -> Comparison:
    return pair(recorded(refaults_a_s=5000, wait_ms=200), recorded(refaults_a_s=450, wait_ms=0))


def test_the_costs_that_fell_are_told_first_in_one_sentence(better):
    (found,) = better.pairs
    assert [each.aspect.name for each in found.differences[:2]] == ["stall", "refault"]
    words = sentence(found)
    assert words.startswith("b: 4.00 s less waiting for memory, 91 % less page cache read again.")


def test_numbers_are_those_of_the_summary(better):
    stall, refault = (better.pairs[0].of(name) for name in ("stall", "refault"))
    assert stall.before.totals == (pytest.approx(4.0),)
    assert refault.before.totals == (5000 * LENGTH * 4096,)
    assert refault.share == pytest.approx(-0.91, abs=0.001)
    assert refault.per_s.before == pytest.approx(5000 * 4096)
    assert stall.told
    assert refault.told


def test_windows_add_up_to_the_total(better):
    for run_ in (run_ for arm in better.arms for run_ in arm.runs):
        for aspect in ASPECTS:
            amount = aspect.amount(run_)
            if amount.windows is not None and amount.total is not None:
                assert amount.windows.sum() == pytest.approx(amount.total), aspect.name
                assert amount.windows.shape == (len(edges_s(run_)) - 1,)


def test_twice_the_work_at_twice_the_cost_is_no_difference_by_work():
    arms = [Arm("a", (one(recorded(2000, work_a_s=1000)),)), Arm("b", (one(recorded(4000, work_a_s=2000)),))]
    per_gib = compare(arms, by_work=True).pairs[0].of("refault").basis
    assert per_gib.difference == pytest.approx(0, abs=per_gib.before * 0.01)
    assert allocated(arms[1].runs[0]).total == 2000 * LENGTH * 4096


def test_work_that_was_not_sampled_is_unknown():
    rows = [(at * SECOND, 0, 0) for at in range(LENGTH + 1)]
    blind = one(analyse(counters(rows), metadata=MACHINE, end_ns=LENGTH * SECOND))
    assert allocated(blind).total is None
    found = compare([Arm("a", (blind,)), Arm("b", (blind,))]).pairs[0]
    assert found.of("stall").per_gib is None
    assert found.of("refault").per_s is None
    assert "Not known: page cache read again (refaults were not sampled)" in sentence(found)


def test_two_recordings_of_the_same_load_are_not_told_apart():
    found = pair(recorded(2000, wait_ms=20), recorded(2200, wait_ms=24))
    assert sentence(found.pairs[0]) == "b: no difference can be told."
    assert not any(each.told for each in found.pairs[0].differences)


def test_few_kills_are_said_though_too_few_to_tell():
    words = sentence(pair(recorded(kills=1), recorded()).pairs[0])
    assert "1 OOM kill before and 0 after, too few to tell a difference" in words
    assert "Findings gone: oom_kill" in words


def test_what_one_recording_a_side_can_not_tell_for_sure_is_likely():
    comparison = pair(recorded(2000, wait_ms=20), recorded(450, wait_ms=20))
    (found,) = comparison.pairs
    assert sentence(found) == "b: likely 78 % less page cache read again."
    assert (found.of("refault").told, found.of("refault").likely) == (False, True)
    text = compare_text(comparison)
    assert re.search(r"page cache read again .*-78 %  likely ", text)
    assert "40 % is assumed. Likely is what differs if they vary by 25 % at most" in " ".join(text.split())
    arms = [
        Arm(name, tuple(one(recorded(each, wait_ms=20), f"{name}{each}") for each in rates))
        for name, rates in (("a", (1900, 2000, 2100)), ("b", (430, 450, 470)))
    ]
    several = compare(arms)
    assert sentence(several.pairs[0]) == "b: 78 % less page cache read again."
    assert "Likely" not in compare_text(several)


def test_what_never_happened_in_one_of_them_is_said():
    stormy = analyse(*shrinker_storm(), metadata=MACHINE, end_ns=LENGTH * SECOND)
    words = sentence(pair(recorded(), stormy).pairs[0])
    cycles = len(stormy.cycles)
    assert re.search(rf"Only b: {cycles} cycles(,| and|\.)", words)
    assert re.search(rf"Only a: {cycles} cycles", sentence(pair(stormy, recorded()).pairs[0]))
    assert "only b" in compare_text(pair(recorded(), stormy))
    lost = one(recorded(), "a.rtrace", lost={"lru_shrink_inactive": 3})
    assert "Only b" not in sentence(compare([Arm("a", (lost,)), Arm("b", (one(stormy, "b.rtrace"),))]).pairs[0])


def test_kinds_came_went_and_could_not_be_judged():
    blind = replace(MACHINE, plan=PLAN[1:])
    killed, calm = one(recorded(kills=2)), one(recorded())
    unseen = one(analyse(counters([(0, 0, 0), (LENGTH * SECOND, 0, 0)]), metadata=blind), metadata=blind)
    courses = [
        next(each.course for each in compare([Arm("a", (first,)), Arm("b", (second,))]).pairs[0].kinds
             if each.kind == "oom_kill")
        for first, second in ((killed, calm), (calm, killed), (killed, killed), (unseen, killed))
    ]  # fmt: skip
    assert courses == [Course.WENT, Course.CAME, Course.STAYED, Course.UNKNOWN]
    mixed = compare([Arm("a", (killed, calm)), Arm("b", (calm, calm))]).pairs[0]
    assert [each.course for each in mixed.kinds if each.kind == "oom_kill"] == [Course.VARIES]


@pytest.mark.parametrize(
    ("change", "words", "breaks"),
    [
        ({"memory_total_bytes": 2 << 30}, "Other memory size: a: 1.0 GiB; b: 2.0 GiB.", True),
        ({"kernel_release": "6.1.0"}, "Other kernel: a: 6.12.1; b: 6.1.0.", False),
        ({"page_size_bytes": 65536}, "Other page size: a: 4.0 KiB; b: 64.0 KiB.", True),
        ({"lru_gen_enabled": 7}, "Other multi-gen LRU: a: off; b: on.", True),
        ({"balloon": BalloonInfo("virtio_balloon", None, ("reporting",))}, "Other balloon driver:", False),
        ({"host": "vm2"}, "Other host: a: vm1; b: vm2.", False),
    ],
)
def test_what_makes_two_hard_to_compare_is_said(change, words, breaks):
    other = replace(MACHINE, **change)
    found = compare([Arm("a", (one(recorded()),)), Arm("b", (one(recorded(10), metadata=other),))])
    obstacle = next(each for each in found.obstacles if each.text.startswith(words))
    assert obstacle.breaks is breaks
    text = compare_text(found)
    assert text.index(words.split(":")[0]) < text.index("Verdict: ")


def test_loss_other_counters_and_other_lengths_are_said():
    lossy = one(recorded(), "b.rtrace", lost={"lru_shrink_inactive": 3})
    counted = [replace_counters(recorded(), value) for value in (True, False)]
    short = analyse(counters([(0, 0, 0), (SECOND, 0, 0)]), metadata=MACHINE, end_ns=SECOND)
    texts = [
        [each.text for each in compare([Arm("a", (first,)), Arm("b", (second,))]).obstacles]
        for first, second in ((one(recorded()), lossy), tuple(map(one, counted)), (one(recorded()), one(short)))
    ]
    assert "b.rtrace: 3 events were lost. Its numbers are lower bounds." in texts[0]
    assert any("pgsteal counters include memory cgroups' own reclaim in one arm" in text for text in texts[1])
    assert any(text.startswith("Length differs (a: 20.0 s; b: 1.00 s)") for text in texts[2])


def replace_counters(analysis: Analysis, value: bool) -> Analysis:
    analysis.counters_include_memcg = value
    return analysis


def test_the_same_recording_twice_is_said():
    same = one(recorded(2000, wait_ms=20))
    found = compare([Arm("a", (same,)), Arm("b", (same,))])
    assert any("are the same recording" in each.text for each in found.obstacles)


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("refault>+20%", Outcome.MET),
        ("refault>+2000%", Outcome.PASSED),
        ("stall>+1s", Outcome.MET),
        ("stall>+1h", Outcome.PASSED),
        ("wait>+20%", Outcome.UNKNOWN),
        ("refault>300MiB", Outcome.MET),
        ("kind:oom_kill", Outcome.PASSED),
        ("kills>+0", Outcome.PASSED),
    ],
)
def test_growth_and_limits_are_held_against_what_came_after(condition, outcome):
    worse = pair(recorded(450), recorded(5000, wait_ms=200))
    (judged,) = judge_comparison(parse(condition, compares=True), worse)
    assert judged.outcome is outcome, judged.words


def test_growth_within_the_spread_is_passed_and_said():
    (judged,) = judge_comparison(parse("refault>+20%", compares=True), pair(recorded(2000), recorded(2600)))
    assert judged.outcome is Outcome.PASSED
    assert judged.words == "from 156.2 MiB to 203.1 MiB a recording, +30 % by rate (b), but no difference can be told"


def test_growth_that_is_likely_but_not_told_is_passed_and_said():
    (judged,) = judge_comparison(parse("refault>+20%", compares=True), pair(recorded(2000), recorded(7000)))
    assert judged.outcome is Outcome.PASSED
    assert judged.words.endswith("(b): likely, but no difference can be told"), judged.words


def test_unknown_growth_is_not_passed():
    rows = [(at * SECOND, 0, 0) for at in range(LENGTH + 1)]
    blind = analyse(counters(rows), metadata=MACHINE, end_ns=LENGTH * SECOND)
    (judged,) = judge_comparison(parse("refault>+20%", compares=True), pair(recorded(10), blind))
    assert (judged.outcome, judged.words) == (Outcome.UNKNOWN, "b: refaults were not sampled")


def test_the_balloons_size_is_a_mean_over_time():
    storm = one(analyse(*shrinker_storm(4)))
    size = __import__("tracer.analyze.balloon.size", fromlist=["x"]).sampled_size(storm.analysis, 4096)
    mean = of_size(storm, size).sum() / storm.length_s
    assert size.mib.min() <= mean <= size.mib.max()


def test_three_arms_are_held_against_the_first():
    runs = [one(recorded(each)) for each in (5000, 4900, 100)]
    found = compare([Arm(name, (run_,)) for name, run_ in zip(("none", "shrinker", "notifier"), runs, strict=True)])
    assert [(each.before.name, each.after.name) for each in found.pairs] == [("none", "shrinker"), ("none", "notifier")]
    assert sentence(found.pairs[0]) == "shrinker: no difference can be told."
    assert "less page cache read again" in sentence(found.pairs[1])


def test_fewer_than_two_and_too_many_arms_are_refused():
    arm = Arm("a", (one(recorded()),))
    for arms in ([arm], [arm] * 7):
        with pytest.raises(UsageError, match="compare takes from 2 to 6"):
            compare(arms)


SCHEMA = json.loads((ROOT / "docs/schema/compare.schema.json").read_text())


def test_json_is_as_its_schema_says(better):
    gates = judge_comparison(parse("refault>+20%,kind:starved", compares=True), better)
    blind = compare([Arm("a", (one(analyse()),)), Arm("b", (one(recorded(wait_ms=5, kills=1), metadata=METADATA),))])
    for data in (compare_json(better, gates), compare_json(blind)):
        found = Draft202012Validator(only_known_keys(SCHEMA)).iter_errors(json.loads(json.dumps(data)))
        assert [f"{error.json_path}: {error.message}" for error in found] == []


def test_every_key_is_documented():
    page = (ROOT / "docs/compare.md").read_text()
    keys = set(re.findall(r'"([a-z_0-9]+)": {', json.dumps(SCHEMA["properties"] | SCHEMA["$defs"])))
    hidden = {"properties", "items", "bounds", "estimate", "side"}
    documented = set(re.findall(r"[`.]([a-z_0-9]+)(?:\[\])?`", page))
    assert keys - hidden - documented == set()


def test_json_has_all_of_it(better):
    data = json.loads(json.dumps(compare_json(better), allow_nan=False))
    assert (data["format"], data["version"]) == ("reclaim-tracer/compare", 1)
    first = data["comparisons"][0]["differences"][0]
    assert (first["name"], first["told"], first["before"]["quality"]) == ("stall", True, "measured")
    assert {"before", "after", "low", "high", "p", "p_usual"} == set(first["per_s"])
    assert data["arms"][0]["waits"]["spans"] == LENGTH


@pytest.mark.parametrize(
    ("words", "spread_out"),
    [
        ("a b", "a b"),
        ("--before a b --after c", "--before a --before b --after c"),
        ("--arm x a b --arm y c --json", "--arm x\0a --arm x\0b --arm y\0c --json"),
        ("--arm k=1 a --arm k=2 b", "--arm k=1\0a --arm k=2\0b"),
        ("--arm x --arm y c", "--arm x --arm y\0c"),
        ("--arm x -o out.html", "--arm x -o out.html"),
        ("--before a b -o out.html --after c d", "--before a --before b -o out.html --after c --after d"),
        ("--arm x", "--arm x"),
    ],
)
def test_options_take_several_files(words, spread_out):
    assert list(spread(words.split())) == spread_out.split()


def test_arms_have_names():
    two = arms_of([Path("x.rtrace"), Path("y.rtrace")], [], [], [])
    three = arms_of([Path("a/x.rtrace"), Path("b/x.rtrace"), Path("y.rtrace")], [], [], [])
    assert [arm.name for arm in two] == ["before", "after"]
    assert [arm.name for arm in three] == ["x (1)", "x (2)", "y"]
    assert arms_of([], [], [], ["n\0a", "n\0b", "m\0c"])[0].files == (Path("a"), Path("b"))
    for wrong in (([], [], [], []), ([], [Path("a")], [], []), ([Path("a")], [Path("b")], [], []), ([], [], [], ["n"])):
        with pytest.raises(BadParameter):
            arms_of(*wrong)


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "a.rtrace")


def test_the_command_compares_and_gates(marked, tmp_path):
    lossy = write_recording(tmp_path / "b.rtrace", lost=7)
    result = run("compare", marked, lossy, "--fail-on", "kills>+0, loss", "--junit", tmp_path / "gate.xml")
    assert result.returncode == 5
    assert "--fail-on: loss 7 in " in result.stderr
    said = " ".join(result.stdout.split())
    assert said.index("b.rtrace: 7 events were lost") < said.index("Verdict: ")
    assert (tmp_path / "gate.xml").exists()
    assert HOSTILE_COMM not in result.stdout


def test_the_command_prints_json(marked, tmp_path):
    other = write_recording(tmp_path / "b.rtrace")
    result = run("compare", "--arm", "none", marked, "--arm", "new", other, other, "--json", "--from", 1)
    data = json.loads(result.stdout)
    assert [(arm["name"], len(arm["recordings"])) for arm in data["arms"]] == [("none", 1), ("new", 2)]
    assert data["arms"][0]["recordings"][0]["from_s"] == 1


def test_arms_may_stand_last_and_none_is_dropped(marked, tmp_path):
    other = write_recording(tmp_path / "b.rtrace")
    last = run("compare", "--json", "--arm", "k=1", marked, "--arm", "k=2", other)
    assert [arm["name"] for arm in json.loads(last.stdout)["arms"]] == ["k=1", "k=2"]
    without = run("compare", "--arm", "none", "--arm", "a", marked, "--arm", "b", other)
    assert (without.returncode, without.stdout) == (2, "")
    assert "'none' has no file" in without.stderr


def test_a_junit_file_replaces_neither_a_recording_nor_the_page(marked, tmp_path):
    other = write_recording(tmp_path / "b.rtrace")
    kept = other.read_bytes()
    result = run("compare", marked, other, "--fail-on", "loss", "--junit", other)
    assert (result.returncode, other.read_bytes()) == (1, kept)
    assert "is the same file as the input" in result.stderr
    page = tmp_path / "out"
    both = run("compare", marked, other, "--fail-on", "loss", "--junit", page, "-o", f"{tmp_path}/./out")
    assert (both.returncode, page.exists()) == (2, False)
    assert "--output names the same file" in both.stderr


def test_what_can_not_be_aligned_is_one_line(marked, tmp_path):
    for words, said in ((("--align", "host"), "no command of the host was recorded"), (("--mark", "x"), "no mark 'x'")):
        result = run("compare", marked, marked, *words)
        assert (result.returncode, result.stdout) == (2, "")
        assert said in result.stderr


def test_a_recording_of_nothing_is_not_compared_as_if_nothing_had_happened(tmp_path):
    whole = write_recording(tmp_path / "whole.rtrace")
    cut = tmp_path / "cut.rtrace"
    cut.write_bytes(whole.read_bytes()[:700])
    result = run("compare", whole, cut)
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr.endswith("cut.rtrace: nothing was recorded, so it can't be compared\n")


def test_a_title_stands_above_text_and_page(marked, tmp_path):
    other, page = write_recording(tmp_path / "b.rtrace"), tmp_path / "page.html"
    result = run("compare", marked, other, "--title", "A <b>new</b> policy", "-o", page)
    assert result.stdout.startswith("A <b>new</b> policy\n")
    assert "<h1>A &lt;b&gt;new&lt;/b&gt; policy</h1>" in page.read_text()
