"""Each release's bcc, by a real Python of some release: the programs compile, load and trace on the running kernel."""

from __future__ import annotations

import json

from roots import Root, Userland

BCC_OF = {"bullseye": "0.18.0", "bookworm": "0.26.0", "trixie": "0.31.0", "sid": "0."}
"""As these releases froze it; sid moves."""
CHECK = ("python3", "-c", "from tracer.commands.entry import main; main()", "check", "--json")
COMPILE = ("python3", "/project/tests/compat/compile_programs.py")


def test_every_kernels_programs_compile_and_pass_the_verifier(userland: Userland, root: Root) -> None:
    outcomes = list(root.lines(*COMPILE))
    assert {line["kernel"] for line in outcomes} >= {"5.10", "6.1", "6.12", "7.3", "own"}
    assert {line["error"] for line in outcomes} == {""}
    assert [line["missing"] for line in outcomes] == [[]] * len(outcomes)
    assert [line["refused"] for line in outcomes] == [{}] * len(outcomes)
    assert min(line["loaded"] for line in outcomes if line["kernel"] != "own") >= 40
    assert all(line["bcc"].startswith(BCC_OF[userland.bcc_of]) for line in outcomes)


def test_check_finds_that_bcc_and_traces_with_it(userland: Userland, root: Root) -> None:
    done = root.run(*CHECK)
    facts = json.loads(done.stdout)
    bcc = next(item for item in facts["requirements"] if item["name"] == "bcc")
    assert bcc["detail"].startswith(BCC_OF[userland.bcc_of])
    assert (done.returncode, facts["can_trace"], facts["plan_tried"]) == (0, True, True), done.stderr
