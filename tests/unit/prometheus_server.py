"""A real Prometheus on loopback."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from command_line import ROOT

PATIENCE_S = 90.0
RULES = ROOT / "docs/prometheus/alerts.yml"


@contextmanager
def fetching(folder: Path, target: str, *options: str) -> Iterator[str]:
    """A server with its files in a folder that fetches from `target` every two seconds; its address."""
    settings = folder / "prometheus.json"
    told = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "reclaim-tracer", "static_configs": [{"targets": [target]}]}],
    }
    settings.write_text(json.dumps(told))
    command = ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={folder / 'tsdb'}", *options]
    with (folder / "prometheus.err").open("w") as stderr:
        server = subprocess.Popen([*command, "--web.listen-address=127.0.0.1:0"], stderr=stderr)
    try:
        yield eventually(lambda: _address(server))
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def _address(server: subprocess.Popen[bytes]) -> str | None:
    """Where a process listens: /proc/PID/net/tcp tells of all, its descriptors of which are its own."""
    assert server.poll() is None, "prometheus has ended"
    own = set()
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        try:
            own.add(str(link.readlink()))
        except OSError:
            continue
    for row in Path(f"/proc/{server.pid}/net/tcp").read_text().splitlines()[1:]:
        columns = row.split()
        if columns[3] == "0A" and f"socket:[{columns[9]}]" in own:
            return f"127.0.0.1:{int(columns[1].partition(':')[2], 16)}"
    return None


def eventually(found: Callable[[], Any]) -> Any:
    until_s = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < until_s, "it did not come"
        time.sleep(0.1)
    return value


def asked(server: str, query: str) -> list[tuple[dict[str, str], float]]:
    url = f"http://{server}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            result = json.load(answer)["data"]["result"]
    except OSError:
        return []
    return [(one["metric"], float(one["value"][1])) for one in result]
