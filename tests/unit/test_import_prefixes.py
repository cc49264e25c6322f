"""What other tools put before a line is no part of the task's name."""

import pytest
from import_cases import import_text
from watching import watched

from tracer.imports.task_names import task_name

RECLAIMED = "mm_vmscan_direct_reclaim_end: nr_reclaimed=49"
HEAD = "         kswapd0-47    [000] ....   102.200000: "


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "             pub:",
        "host: ",
        "/tmp/trace-guest.dat: ",
        "> ",
        ">> > ",
        "| ",
        "[  500.123456] ",
        "<4>[  500.123456][  T123] ",
        "[Thu Dec 22 10:55:31 2016] ",
        "Dec 22 10:55:31 192.0.2.32:53062 ",
        "Dec 22 10:55:31 web7 kernel: [  500.123456] ",
        "2016-12-22T10:55:31.123456+00:00 web7 netconsole[12]: ",
        "6,1234,500123456,-;",
    ],
)
def test_the_name_is_what_stands_in_its_column(prefix, tmp_path):
    [event] = import_text(f"{prefix}{HEAD}{RECLAIMED}\n", tmp_path).events
    assert (event.comm, event.tid, event.time_ns) == ("kswapd0", 47, 102_200_000_000)


@pytest.mark.parametrize("prefix", ["> ", "[  500.123456] ", "<4>[    5.123456] ", "Dec 22 10:55:31 web7 kernel: "])
def test_a_prefix_is_seen_where_blanks_were_taken_away(prefix):
    assert task_name(f"{prefix}dd") == "dd"


@pytest.mark.parametrize(
    "name", ["a: b", "> x", "[1.000] y", "Web Content 2", "kworker/u8:2-ev", "<4>abc", "pub: pub:"]
)
def test_a_name_that_looks_like_a_prefix_is_a_name_in_its_column(name):
    assert task_name(name.rjust(16)) == name
    assert task_name(name.rjust(24)) == name
    assert task_name("             pub:" + name.rjust(16)) == name


def test_dumps_to_the_kernel_log_have_their_times_in_microseconds(tmp_path):
    text = f"[  500.123456]  kswapd0-47      0..... 103200000us : {RECLAIMED}\n"
    [event] = import_text(text, tmp_path).events
    assert (event.comm, event.time_ns) == ("kswapd0", 103_200_000_000)


@pytest.mark.parametrize("unit", ["[1.1 ", "a: ", "<1>", "1.1: ", "> ", "[ 1.123 ", "1,1,1,", "Jan  1 00:00:00 "])
def test_long_prefixes_take_time_in_proportion_to_their_length(unit):
    prefix = unit * (60_000 // len(unit))
    assert watched(lambda: "".join(task_name(f"{prefix} dd") for _ in range(100))[-2:]).way == "dd"
