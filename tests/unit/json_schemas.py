"""The JSON Schemas of docs/schema, and what is wrong with an output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
SCHEMA = {name: json.loads((ROOT / f"docs/schema/{name}.schema.json").read_text()) for name in ("summary", "check")}


def only_known_keys(schema: Any) -> Any:
    """The same schema with no room for keys it does not list: what is printed has to be described."""
    if isinstance(schema, list):
        return [only_known_keys(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: only_known_keys(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if isinstance(schema.get("required"), list) else closed


def errors(name: str, value: Any) -> list[str]:
    """Where an output is not as its schema says, undescribed keys included."""
    found = Draft202012Validator(only_known_keys(SCHEMA[name])).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in found]
