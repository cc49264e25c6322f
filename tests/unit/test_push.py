"""Requests to an OTLP endpoint: what is tried again, what is given up, and that nobody waits for it."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from otlp_server import PATIENCE_S, free_port, saying, taking

from tracer.errors import TracerError
from tracer.push.endpoint import Endpoint, endpoint_of, read_headers
from tracer.push.exchange import Answer, Outcome, post
from tracer.push.outbox import Outbox, Parcel
from tracer.push.sender import Sender

TRACES = "/v1/traces"


def at(port: int, **headers: str) -> Endpoint:
    return Endpoint(is_tls=False, host="127.0.0.1", port=port, headers=headers)


def spans(*bodies: str) -> list[Parcel]:
    return [Parcel(TRACES, body.encode(), "spans", 1) for body in bodies]


def metrics(body: str) -> list[Parcel]:
    return [Parcel("/v1/metrics", body.encode(), "metrics", 1, replaces=True)]


class Said:
    """What a sender said, and that sender: it tries again after a hundredth of a second."""

    def __init__(self, port: int, *, timeout_s: float = PATIENCE_S, most_bytes: int = 1 << 20) -> None:
        self.lines: list[str] = []
        self.url = at(port).url
        self.sender = Sender(
            at(port), self.lines.append, timeout_s=timeout_s, first_pause_s=0.01, outbox=Outbox(most_bytes)
        )


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:4318", Endpoint(False, "127.0.0.1", 4318)),
        ("http://[::1]:4318/", Endpoint(False, "::1", 4318)),
        ("https://otlp.example.org", Endpoint(True, "otlp.example.org", 443)),
        ("https://prometheus:9090/api/v1/otlp/", Endpoint(True, "prometheus", 9090, "/api/v1/otlp")),
    ],
)
def test_endpoints(url: str, endpoint: Endpoint) -> None:
    assert endpoint_of(url) == endpoint
    assert endpoint_of(endpoint.url) == endpoint


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is not http"),
        ("127.0.0.1:4318", "is not http"),
        ("ftp://x", "is not http"),
        ("http://", "names no host"),
        ("http://a b", "names no host"),
        ("http://x:0", "port 0"),
        ("http://x:99999", "ort"),
        ("http://x:http", "ort"),
        ("http://me:secret@x", "--otlp-headers"),
        ("http://x/?token=1", "query"),
        ("http://x/#a", "fragment"),
        ("http://x/a b", "characters"),
        ("http://x/\x1b[31m", "characters"),
    ],
)
def test_what_is_no_endpoint(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        endpoint_of(url)
    assert "secret" not in str(raised.value)


def test_headers_are_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("# a token\nAuthorization: Bearer abc: d\r\n\nX-Scope-OrgID:\ttenant \n")
    assert read_headers(path) == {"Authorization": "Bearer abc: d", "X-Scope-OrgID": "tenant"}
    with taking() as server:
        post(at(server.port, **read_headers(path)), TRACES, b"{}", PATIENCE_S)
        (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer abc: d"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["user-agent"].startswith("reclaim-tracer/")
    assert asked.body == b"{}"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"secret", "line 1: is not"),
        (b"A: 1\nB:\n", "line 2: is not"),
        (b"A: secret\x0b\n", "line 1: is not"),
        (b"A A: secret\n", "line 1: is not"),
        (b"content-length: 9\n", "line 1: content-length is not"),
        ("A: \u00e9".encode(), "other than ASCII"),
        (b"A: b\n" * 20_000, "64 KiB"),
    ],
)
def test_a_wrong_file_of_headers_is_one_line_without_its_words(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "headers"
    path.write_bytes(data)
    with pytest.raises(TracerError, match=why) as raised:
        read_headers(path)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_headers_are_of_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in ((tmp_path / "pipe", "regular"), (tmp_path, "regular"), (tmp_path / "no", "No such file")):
        with pytest.raises(TracerError, match=why):
            read_headers(path)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, {}, b""), Answer(Outcome.TAKEN)),
        ((202, {}, b"\xff garbage"), Answer(Outcome.TAKEN)),
        ((200, {}, b"[" * 50_000), Answer(Outcome.TAKEN)),
        (
            (200, {}, b'{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old\\u001b"}}'),
            Answer(Outcome.TAKEN, "too old\\x1b", rejected=2),
        ),
        ((400, {}, b"x"), Answer(Outcome.REFUSED, "400 Bad Request")),
        ((500, {}, b"x"), Answer(Outcome.REFUSED, "500 Internal Server Error")),
        ((429, {"Retry-After": "7"}, b""), Answer(Outcome.AGAIN, "429 Too Many Requests", after_s=7.0)),
        ((503, {"Retry-After": "999999"}, b""), Answer(Outcome.AGAIN, "503 Service Unavailable", after_s=300.0)),
        ((502, {"Retry-After": "soon"}, b""), Answer(Outcome.AGAIN, "502 Bad Gateway")),
        ((504, {}, b""), Answer(Outcome.AGAIN, "504 Gateway Timeout")),
    ],
)
def test_answers(answer: tuple[int, dict[str, str], bytes], outcome: Answer) -> None:
    with taking(answer) as server:
        assert post(at(server.port), TRACES, b"{}", PATIENCE_S) == outcome


def test_a_server_may_name_the_time() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    with taking((503, {"Retry-After": later}, b"")) as server:
        assert 60 < post(at(server.port), TRACES, b"{}", PATIENCE_S).after_s <= 100


def test_redirects_are_not_followed() -> None:
    with taking() as other, taking((307, {"Location": f"http://127.0.0.1:{other.port}/v1/traces"}, b"")) as server:
        answer = post(at(server.port, Authorization="secret"), TRACES, b"{}", PATIENCE_S)
        assert answer == Answer(Outcome.REFUSED, "307 Temporary Redirect")
        assert other.asked == []


@pytest.mark.parametrize("words", [b"garbage\r\n\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"])
def test_garbage_is_no_answer(words: bytes) -> None:
    with saying(words) as port:
        assert post(at(port), TRACES, b"{}", PATIENCE_S).outcome is Outcome.AGAIN


@pytest.mark.parametrize("body", [b"Content-Length: 9\r\n\r\nshort", b"Transfer-Encoding: chunked\r\n\r\nzz"])
def test_what_was_taken_stays_so_where_the_answer_breaks_off(body: bytes) -> None:
    with saying(b"HTTP/1.1 200 OK\r\n" + body) as port:
        assert post(at(port), TRACES, b"{}", PATIENCE_S) == Answer(Outcome.TAKEN)


def test_an_answer_that_never_ends_is_cut_off() -> None:
    began_s = time.monotonic()
    with saying(b"HTTP/1.1 100 Continue\r\n\r\n") as port:
        assert post(at(port), TRACES, b"{}", 0.3).outcome is Outcome.AGAIN
    assert time.monotonic() - began_s < PATIENCE_S


def test_a_long_answer_is_not_read_to_its_end() -> None:
    with taking((200, {}, b" " * (8 << 20))) as server:
        assert post(at(server.port), TRACES, b"{}", PATIENCE_S) == Answer(Outcome.TAKEN)


def test_tls_is_checked() -> None:
    with saying(b"not TLS") as port:
        answer = post(Endpoint(True, "127.0.0.1", port), TRACES, b"{}", PATIENCE_S)
    assert answer.outcome is Outcome.AGAIN
    assert answer.why.startswith("TLS: ")


def test_a_server_that_comes_back_gets_everything() -> None:
    # GIVEN nobody there, which is told once however often it is tried
    port = free_port()
    said = Said(port)
    said.sender.put(spans("a", "b"))
    until_s = time.monotonic() + PATIENCE_S
    while not said.lines and time.monotonic() < until_s:
        time.sleep(0.01)
    assert said.lines == [f"OTLP: {said.url}{TRACES}: connection refused; it is tried again"]
    # WHEN somebody is, who is busy first
    with taking((503, {}, b""), (429, {"Retry-After": "0"}, b""), port=port) as server:
        server.wait_for(lambda asked: len(asked) == 4)
        # THEN all arrives, and it is said that it does
        tally = said.sender.close(PATIENCE_S)
        assert {one.body for one in server.asked[2:]} == {b"a", b"b"}
    assert (dict(tally.sent), dict(tally.lost)) == ({"spans": 2}, {})
    assert len(said.lines) == 2
    assert "answers again" in said.lines[1]


def test_what_is_refused_is_not_tried_again_and_told_once() -> None:
    with taking((400, {}, b""), (400, {}, b"")) as server:
        said = Said(server.port)
        said.sender.put(spans("a", "b", "c"))
        tally = said.sender.close(PATIENCE_S)
        assert [one.body for one in server.asked] == [b"a", b"b", b"c"]
    assert (dict(tally.sent), dict(tally.lost), tally.why) == ({"spans": 1}, {"spans": 2}, "400 Bad Request")
    assert said.lines == [f"OTLP: {said.url}{TRACES}: 400 Bad Request; spans are left out"]


def test_what_a_server_leaves_out_is_counted() -> None:
    with taking((200, {}, b'{"partialSuccess": {"rejectedSpans": 1, "errorMessage": "too old"}}')) as server:
        said = Said(server.port)
        said.sender.put(spans("a", "b"))
        tally = said.sender.close(PATIENCE_S)
    assert (dict(tally.sent), dict(tally.lost), tally.why) == ({"spans": 1}, {"spans": 1}, "too old")
    assert said.lines == [f"OTLP: {said.url}{TRACES} leaves out some spans: too old"]


def test_a_retry_waits_as_long_as_it_is_asked_to() -> None:
    with taking((429, {"Retry-After": "1"}, b"")) as server:
        said = Said(server.port)
        said.sender.put(spans("a"))
        server.wait_for(lambda asked: len(asked) == 1)
        began_s = time.monotonic()
        server.wait_for(lambda asked: len(asked) == 2)
        assert time.monotonic() - began_s > 0.9
        said.sender.close(PATIENCE_S)


def test_closing_does_not_wait_for_a_server_that_is_gone() -> None:
    said = Said(free_port())
    said.sender.put([*spans("a", "b"), *metrics("m")])
    tally = said.sender.close(PATIENCE_S)
    assert dict(tally.lost) == {"spans": 2, "metrics": 1}
    assert tally.why == "connection refused"


def test_closing_does_not_wait_for_a_server_that_says_nothing() -> None:
    with taking() as server:
        server.hold = threading.Event()
        said = Said(server.port)
        said.sender.put(spans("a", "b"))
        server.wait_for(lambda asked: asked)
        tally = said.sender.close(0.05)
        server.hold.set()
    assert (dict(tally.sent), dict(tally.lost)) == ({}, {"spans": 2})


def test_what_waits_is_bounded_and_the_newest_stay() -> None:
    outbox = Outbox(most_bytes=10)
    outbox.put(spans("aaaa", "bbbb", "cccc"))
    assert dict(outbox.tally().lost) == {"spans": 1}
    outbox.put(spans("x" * 11))
    assert dict(outbox.tally().lost) == {"spans": 4}
    outbox.put(spans("dddd", "eeee"))
    parcel = outbox.take()
    assert parcel
    assert parcel.body == b"dddd"
    # WHEN one comes back, it is behind the others, and bounded too
    outbox.put(spans("ffff"))
    outbox.back(parcel)
    assert dict(outbox.tally().lost) == {"spans": 5}
    outbox.close()
    assert [one.body for one in iter(outbox.take, None)] == [b"ffff", b"dddd"]


def test_only_the_newest_metrics_wait() -> None:
    outbox = Outbox()
    outbox.put(metrics("1"))
    old = outbox.take()
    assert old
    outbox.put(metrics("2"))
    outbox.put(spans("a"))
    outbox.put([*metrics("3"), *metrics("4")])
    outbox.back(old)
    outbox.close()
    assert [one.body for one in iter(outbox.take, None)] == [b"a", b"3", b"4"]
    assert not outbox.tally().lost
