"""Jinja templates from `reports/templates/`: what they print is escaped, and unprintable characters are shown."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..errors import TracerError
from ..resources import resource_dir
from .glossary import glossary
from .markup import visible

if TYPE_CHECKING:
    from jinja2 import Environment


def fill(template: str, context: dict[str, object]) -> str:
    """A template of `reports/templates/` with its names replaced. Raises TracerError when the installation lacks it."""
    from jinja2 import TemplateNotFound

    try:
        return environment().get_template(template).render(context)
    except TemplateNotFound as error:
        missing = f"no {error.name} in {resource_dir('reports') / 'templates'}"
        raise TracerError(f"the installation is incomplete: {missing}; install reclaim-tracer again") from error


@cache
def environment() -> Environment:
    """One for all templates, which are compiled once. Raises TracerError when the installation lacks `reports/`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(resource_dir("reports") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["glossary"] = glossary()
    return made


def _shown(value: object) -> object:
    """What a template prints; markup is a template's own, everything else is still to be escaped."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
