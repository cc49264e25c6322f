"""`--redact`: nothing that somebody named is told, in no output, and the numbers stay what they are."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import run
from hypothesis import given, settings
from hypothesis import strategies as st
from named_recordings import APP, CONTAINER, POD, POD_UID, paths_of, secret, stream, texts_of, write_named

from tracer.batch import Batch
from tracer.jobs.analysis import WHOLE, Span, analyse_file
from tracer.known_names import KERNEL_THREAD
from tracer.store import RedactedRecording, open_recording
from tracer.store.aliases import AddressAliases, CgroupAliases, TaskAliases
from tracer.wording.summary import summary_json

HIDDEN = ("qzsecret", POD_UID[:13], POD_UID[:13].replace("-", "_"), CONTAINER[:12])


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_named(tmp_path_factory.mktemp("named") / f"{secret('file')}.rtrace")


def assert_tells_nothing(text: str) -> None:
    for each in texts_of(text):
        found = [hidden for hidden in HIDDEN if hidden in each]
        assert not found, each[max(0, each.index(found[0]) - 80) :][:200]


COMMANDS = [
    ["summary"],
    ["summary", "--verbose", "--by", "cgroup"],
    ["summary", "--json"],
    ["summary", "--json", "--from", "1", "--to", "3"],
    ["report", "--format", "mail"],
    ["report", "--format", "markdown"],
    ["replay"],
    ["replay", "--speed", "1000", "--verbose"],
    ["events"],
    ["events", "--json", "--from", "1"],
    ["events", "--csv", "--kind", "mark_victim"],
    ["spans"],
    ["spans", "--json"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_printed_holds_no_name(recording, command) -> None:
    plain, redacted = run(*command, recording), run(*command, "--redact", recording)
    assert redacted.returncode == 0, redacted.stderr
    assert "qzsecret" in plain.stdout
    assert_tells_nothing(redacted.stdout + redacted.stderr)


def test_a_stream_and_an_import_hold_no_name_either(recording, tmp_path) -> None:
    imported = write_named(tmp_path / "import.rtrace", imported=True)
    for text in ("summary", "-v"), ("summary", "--json"):
        assert "qzsecret" in run(*text, imported).stdout
        assert_tells_nothing(run(*text, "--redact", imported).stdout)
    with recording.open() as stream_of:
        streamed = run("summary", "--json", "--redact", "-", stdin=stream_of)
    assert json.loads(streamed.stdout) == json_of(recording)


def json_of(recording: Path, span: Span = WHOLE, *, redact: bool = True) -> dict[str, Any]:
    return json.loads(json.dumps(summary_json(*analyse_file(recording, span=span, redact=redact))))


@pytest.mark.parametrize("slice_", [[], ["--from", "1", "--to", "4"]], ids=["whole", "slice"])
def test_the_page_and_its_data_hold_no_name(recording, tmp_path, slice_) -> None:
    plain, redacted = tmp_path / "plain.html", tmp_path / "redacted.html"
    assert run("report", recording, "-o", plain).returncode == 0
    assert run("report", "--redact", *slice_, recording, "-o", redacted).returncode == 0
    assert "qzsecret" in plain.read_text()
    assert_tells_nothing(redacted.read_text())
    assert "task-1" in redacted.read_text()


def numbers_of(value: Any) -> Any:
    """JSON without its words."""
    if isinstance(value, dict):
        return {key: numbers_of(part) for key, part in value.items()}
    if isinstance(value, list):
        return [numbers_of(part) for part in value]
    return value if not isinstance(value, str) else "words"


def test_all_numbers_and_ids_stay(recording) -> None:
    assert numbers_of(json_of(recording)) == numbers_of(json_of(recording, redact=False))


def test_an_alias_stands_for_the_same_name_whatever_part_is_looked_at(recording) -> None:
    def tasks(span: Span) -> dict[int, str]:
        return {stall["pid"]: stall["comm"] for stall in json_of(recording, span)["stalls"]}

    whole, part = tasks(WHOLE), tasks(Span(2, 4))
    assert set(part) < set(whole)
    assert part == {tid: whole[tid] for tid in part}
    assert len({whole[100], whole[101], whole[102]}) == 3


def test_kernel_threads_functions_and_memory_killers_keep_their_names(recording) -> None:
    opened = RedactedRecording(open_recording(recording))
    comms = {bytes(name) for item in opened.items() if isinstance(item, Batch) for name in item.header["comm"]}
    assert {b"kswapd0", b"kworker/0:1", b"earlyoom"} < comms
    assert "virtio_balloon_oom_notify" in opened.symbols.values()
    text = json.dumps(json_of(recording))
    assert re.search(r"earlyoom \(pid 31\) killed task-\d+ \(pid 78\)", text)


@pytest.mark.parametrize(
    "name", [b"kswapd0x", b"my kswapd0", b"kworker/0:1-acme", b"kworker/acme", b"kdamond.x", b"KSMD"]
)
def test_a_name_with_a_free_part_is_no_kernel_threads(name) -> None:
    assert KERNEL_THREAD.fullmatch(name) is None
    assert TaskAliases()[name] == b"task-1"


def test_cgroups_keep_what_kind_of_thing_they_are() -> None:
    aliases = CgroupAliases(paths_of(secret))
    assert aliases[APP] == "/system.slice/cgroup-1.service/cgroup-2"
    assert aliases[POD] == (
        "/kubepods.slice/kubepods-burstable-pod00000003-0000-0000-0000-000000000000.slice/"
        f"cri-containerd-000000000004{0:052}.scope"
    )
    assert dict(CgroupAliases({1: "/", 2: "/user.slice/user-1000.slice"})) == {
        1: "/",
        2: "/user.slice/cgroup-1.slice",
    }


def test_aliases_of_cgroups_follow_paths_that_come_later() -> None:
    paths = {5: "/a"}
    aliases = CgroupAliases(paths)
    assert aliases.get(6) is None
    paths[6] = "/b/a"
    assert (aliases.get(6), aliases[5], len(aliases)) == ("/cgroup-2/cgroup-1", "/cgroup-1", 2)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.binary(max_size=15).map(lambda name: name.rstrip(b"\0")), min_size=1, max_size=40),
    st.lists(st.integers(0, 40), max_size=3),
)
def test_no_task_keeps_a_free_name_however_events_are_cut(names, cuts) -> None:
    column = np.array(names, "S16")
    whole, pieces = TaskAliases().column(column), TaskAliases()
    edges = [0, *sorted(min(cut, len(names)) for cut in cuts), len(names)]
    parts = [pieces.column(column[a:b]) for a, b in pairwise(edges)]
    assert np.concatenate(parts).tolist() == whole.tolist()
    by_name = dict(zip(column.tolist(), whole.tolist(), strict=True))
    assert len(set(by_name.values())) == len(by_name)
    for name, alias in by_name.items():
        assert alias == name if name == b"" or KERNEL_THREAD.fullmatch(name) else re.fullmatch(rb"task-\d+", alias)


def test_victims_are_the_tasks_that_they_were(recording) -> None:
    plain, redacted = (next(iter(open_(recording).items())) for open_ in (open_recording, aliased))
    names = dict(zip(plain.header["comm"].tolist(), redacted.header["comm"].tolist(), strict=True))
    assert set(names) == {bytes(name) for name in stream()["comm"]}
    [victim] = redacted.args["mark_victim"]["victim_comm"]
    assert re.fullmatch(rb"task-\d+", victim)
    assert victim not in names.values()


def aliased(path: Path) -> RedactedRecording:
    return RedactedRecording(open_recording(path))


def test_marks_keep_their_times(recording) -> None:
    assert json_of(recording)["recording"]["marks"] == [{"at_s": 1.0, "text": "mark-1"}]


def test_the_live_screen_refuses(recording) -> None:
    ended = run("replay", "--live", "--redact", recording)
    assert ended.returncode == 2
    assert "--redact" in ended.stderr


ADDRESS = re.compile(r"0x[0-9a-f]{9,}")


def test_addresses_tell_no_place_of_the_kernel_and_keep_their_symbols(recording) -> None:
    plain, redacted = (run("events", recording, "--json", *words).stdout for words in ((), ("--redact",)))
    assert ADDRESS.search(plain)
    assert not ADDRESS.search(redacted)
    symbols = [[json.loads(line)["fields"].get("cb_name") for line in text.splitlines()] for text in (plain, redacted)]
    assert symbols[0] == symbols[1]
    assert "virtio_balloon_oom_notify" in symbols[1]


def test_aliases_of_addresses_are_one_to_one_and_keep_small_numbers() -> None:
    column = np.array([5, -1000, 0xFFFF_8880_0000_1000 - (1 << 64), -1000, 0], np.int64)
    aliases = AddressAliases()
    told = aliases.column(column)
    assert told.tolist() == [5, 0x1002, 0x1003, 0x1002, 0]
    assert aliases.column(column[::-1]).tolist() == told[::-1].tolist()


def test_recordings_that_are_compared_share_their_aliases(recording, tmp_path) -> None:
    other = write_named(
        tmp_path / f"{secret('other')}.rtrace", lambda what: secret("2") if what == "host" else secret(what)
    )
    page = tmp_path / "page.html"
    words = ("compare", recording, other, recording, "--fail-on", "severity>=info,kind:user_kill")
    plain, redacted = run(*words), run(*words, "--redact", "-o", page)
    assert "qzsecret" in plain.stdout + plain.stderr
    assert redacted.returncode == 5, redacted.stderr
    assert_tells_nothing(redacted.stdout + redacted.stderr.replace(str(page), ""))
    assert_tells_nothing(page.read_text())
    hosts = "Other host: recording: host; recording-2: host-2; recording-3: host."
    assert hosts in redacted.stdout.replace("\n    ", " ")
    assert "are the same recording" in redacted.stdout
