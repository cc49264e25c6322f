"""Whether programs that are carried along, or cached, are those that this kernel needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ..errors import shown
from ..kernel.access import Requirement
from ..probes.attach import load_request, refused_beforehand
from ..probes.carried.cache import Cache
from ..probes.carried.programs_file import ProgramsFile
from ..probes.loader import Loader, may_compile
from ..probes.plan import Plan
from ..probes.request import LoadRequest
from ..probes.transport import choose_transport

_CARRIED: Final = "carried programs"
_CACHE: Final = "program cache"
_MEND: Final = "programs describe here, programs build --for where bcc is, then copy the file"
_CLEAN: Final = "reclaim-tracer programs clean"


@dataclass(frozen=True)
class ProgramSources:
    """Where programs may come from before any are compiled: a file, and this machine's cache."""

    carried: ProgramsFile | None = None
    cache: Cache = field(default_factory=Cache)

    @property
    def may_compile(self) -> bool:
        """Whether a compiler will be needed, as far as that can be said beforehand."""
        return may_compile(self.carried, self.cache)

    def loader(self) -> Loader:
        """Loads as `record` does, but begins no cache. Raises CannotTraceError."""
        return Loader(self.carried, None if may_compile(None, self.cache) else self.cache)


def with_programs(
    needs: Sequence[Requirement], bcc: Requirement, programs: ProgramSources, plan: Plan
) -> tuple[Requirement, ...]:
    """All requirements: bcc is none where a file or the cache has what `record` would have compiled.

    Raises RecordingError where the file is damaged.
    """
    carried, cache = programs.carried, programs.cache
    if missing := [item.name for item in needs if item.needed and not item.ok]:
        return (*needs, bcc, *([_not_compared(carried, missing)] if carried else []))
    request = load_request(plan, choose_transport().transport, refused_beforehand(plan))
    rows = [*([_fit(carried, request)] if carried else []), _cached(cache, request)]
    has_them = bool(carried and rows[0].ok) or cache.find(request) is not None
    return (*needs, replace(bcc, needed=not has_them), *rows)


def _not_compared(carried: ProgramsFile, missing: Sequence[str]) -> Requirement:
    detail = f"{shown(carried.path)}: not compared with this kernel yet ({', '.join(missing)})"
    return Requirement(_CARRIED, False, detail, "mend the others first", needed=False)


def _fit(carried: ProgramsFile, request: LoadRequest) -> Requirement:
    name = shown(carried.path)
    if carried.find(request) is not None:
        return Requirement(_CARRIED, True, f"{name} fits this kernel")
    return Requirement(_CARRIED, False, f"{name} does not fit: {carried.why_none(request)}", _MEND)


def _cached(cache: Cache, request: LoadRequest) -> Requirement:
    """That nothing is cached lacks nothing: the first recording sees to it."""
    file, name = cache.read(), shown(cache.path)
    if file is None and cache.refusal:
        return Requirement(_CACHE, False, cache.refusal, _CLEAN, needed=False)
    if file is None:
        return Requirement(_CACHE, True, f"nothing cached yet in {name}", needed=False)
    fits = "with those for this kernel" if cache.find(request) else "none of them for this kernel yet"
    count = len(file.purposes)
    return Requirement(_CACHE, True, f"{count} set{'s' * (count > 1)} of programs in {name}, {fits}", needed=False)
