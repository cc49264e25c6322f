"""What `summary --json` prints: the analysis, with the verdict that the text and the report begin with."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..analyze import summary_dict
from ..analyze.model import Analysis
from ..recording_facts import RecordingFacts
from .taps import tap_words
from .verdict import UNKNOWN, verdict


def summary_json(analysis: Analysis, facts: RecordingFacts) -> dict[str, Any]:
    """Plain JSON values; docs/json.md describes them."""
    values = summary_dict(analysis, facts)
    for episode, row in zip(analysis.episodes, values["episodes"], strict=True):
        if row["tap"]:
            row["tap"]["why"] = tap_words(analysis, episode, facts.metadata.page_size_bytes)
    named = {name: values.pop(name) for name in ("format", "version")}
    return {**named, "verdict": _verdict(analysis, facts), **values}


def _verdict(analysis: Analysis, facts: RecordingFacts) -> dict[str, Any]:
    judged = verdict(analysis, facts)
    return {
        "level": judged.level,
        "severity": None if judged.level == UNKNOWN else judged.severity.value,
        "kind": judged.kind,
        "text": judged.sentence,
        "qualifier": judged.qualifier or None,
        "finding": judged.finding,
        "not_judged": [asdict(each) for each in judged.not_judged],
    }
