"""What the results so far say of the present moment: each state has its rule, and rests on findings where one tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ..analyze.findings.needs import BACKGROUND_KINDS
from ..analyze.model import Analysis, Episode, Finding
from ..analyze.naming import reclaim_label
from ..analyze.terms import Scope, Severity, Tier
from ..recording_facts import RecordingFacts
from ..wording.numbers import listing, mib, percent, plural
from ..wording.verdict import undecided
from .looks import DIRECT_KINDS, Look, Rung, is_told
from .model import State
from .windows import works

FIRST_S: Final = 1.0
"""Nothing is called fine before it was watched for a full second."""
LOSS_S: Final = 10.0
"""For so long after a loss, what the last ten seconds came to is not known."""
SILENT_S: Final = 3.0
"""Counters are read four times a second and events come with them: where nothing comes for so long, the recorder, the
connection or the analysis stands still."""
KILL_S: Final = 10.0
"""A kill is over at once: it is shown for as long as the ten seconds that it is counted in."""
STALL_S: Final = 2.0
"""A wait of a second and more that has just ended: whoever looks up finds it still there."""
FIGHT_S: Final = 2.0
"""The balloon pauses between two runs (0.2 s in fill_balloon(), drivers/virtio/virtio_balloon.c) and between cycles."""
EPISODE_S: Final = 1.0
"""Reclaim that pauses for no longer is one episode (Options.gap_s)."""

_KILLS: Final = frozenset({"oom_kill", "user_kill"})
_STALLS: Final = frozenset({"long_stall", "worker_stuck"})
_STARVED: Final = frozenset({"starved"})
_LASTING_FIGHTS: Final = frozenset({"storm", "host_oscillation"})
_SINGLE_FIGHTS: Final = frozenset({"cycle", "conflict"})
"""A cycle is called open for as long as another one may follow, which is longer than anybody fights."""
_SHORT: Final = frozenset({"thrashing", "memcg_limit", "futile_reclaim", "kswapd_gave_up"})
_LASTS: Final = {
    State.KILLING: ((_KILLS, KILL_S),),
    State.STALLED: ((_STALLS, STALL_S),),
    State.STARVED: ((_STARVED, 0.0),),
    State.FIGHTING: ((_LASTING_FIGHTS, FIGHT_S), (_SINGLE_FIGHTS, FIGHT_S)),
    State.RECLAIMING: ((_SHORT, 0.0),),
}
"""How long a state holds after the ends of findings that it rests on."""
GLOBAL: Final = "global"


@dataclass(frozen=True)
class Reading:
    """A state that holds now, since when by what it rests on, and why in one sentence."""

    state: State
    since_s: float
    why: str
    where: str | None = None
    finding: Finding | None = None


@dataclass(frozen=True)
class Moment:
    """What rules look at: the results so far, the look at them, and the one a second before. `limited` names the cgroup
    that was at its limit in that second; `lag_s` is how far the results lie behind now, None where nobody knows; `cut`:
    the stream ended without its end mark."""

    analysis: Analysis
    facts: RecordingFacts
    now: Look
    second_ago: Look
    limited: Callable[[], str | None]
    lag_s: float | None = None
    cut: bool = False

    def recent(self, kinds: frozenset[str], within_s: float) -> list[Finding]:
        """Findings of these kinds that last or ended so recently, the worst first; mere information is none."""
        lasting = [finding for finding in self._of(kinds) if finding.open or self._ended(finding, within_s)]
        return [finding for finding in lasting if finding.severity is not Severity.INFO]

    def ended(self, kinds: frozenset[str], within_s: float, *, with_information: bool = False) -> list[Finding]:
        """The same of those alone that were seen so recently."""
        seen = [finding for finding in self._of(kinds) if self._ended(finding, within_s)]
        return [finding for finding in seen if with_information or finding.severity is not Severity.INFO]

    def ends_s(self, kinds: frozenset[str]) -> list[float]:
        """When those that last no longer ended; mere information is none."""
        over = [finding for finding in self._of(kinds) if not finding.open]
        return [finding.end_s for finding in over if finding.severity is not Severity.INFO]

    def _of(self, kinds: frozenset[str]) -> list[Finding]:
        return [finding for finding in self.analysis.findings if finding.kind in kinds]

    def _ended(self, finding: Finding, within_s: float) -> bool:
        return finding.end_s >= self.now.time_s - within_s


def held_until_s(state: State, moment: Moment) -> float:
    """Up to when a state that holds no longer can have been seen, by what is known now; 0 where nothing tells.

    Who looks often sees it up to then. Who looks once in ten seconds of a recording does not.
    """
    now_s = moment.now.time_s
    ends = [end_s + within_s for kinds, within_s in _LASTS.get(state, ()) for end_s in moment.ends_s(kinds)]
    if state is State.RECLAIMING:
        ends += [episode.end_s + EPISODE_S for episode in moment.analysis.episodes[-1:]]
    return max((end_s for end_s in ends if end_s <= now_s), default=0.0)


def blindness(moment: Moment) -> Reading | None:
    """Why nothing can be said, where that is so."""
    now_s = moment.now.time_s
    if seen := [reading for reading in (_cut(moment), _late(moment), _lossy(moment)) if reading]:
        return Reading(State.BLIND, min(one.since_s for one in seen), " ".join(one.why for one in seen))
    if now_s < FIRST_S:
        return Reading(State.BLIND, 0.0, "Watching for less than a second.")
    if not moment.analysis.accounting.events and not moment.analysis.samples and not moment.facts.metadata.plan:
        return Reading(State.BLIND, 0.0, "Nothing was seen yet.")
    return None


def _cut(moment: Moment) -> Reading | None:
    return Reading(State.BLIND, moment.now.time_s, "What has happened since is not known.") if moment.cut else None


def _late(moment: Moment) -> Reading | None:
    if moment.lag_s is None or moment.lag_s <= SILENT_S:
        return None
    why = f"What is shown is {moment.lag_s:.0f} s old: nothing newer has been analysed."
    return Reading(State.BLIND, moment.now.time_s, why)


def _lossy(moment: Moment) -> Reading | None:
    stretches, from_s = moment.analysis.accounting.lost_stretches, moment.now.time_s - LOSS_S
    lost = [stretch for stretch in stretches if stretch[1] >= from_s]
    if not lost:
        return None
    events = plural(sum(number for _, _, number in lost), "event was", "events were")
    why = f"{events} lost in the last {LOSS_S:.0f} s: numbers are lower bounds."
    return Reading(State.BLIND, min(start_s for start_s, _, _ in lost), why)


def present(moment: Moment) -> Reading:
    """The worst state that holds."""
    rules = (_killing, _stalled, _starved, _fighting, _reclaiming, _unjudged)
    return next((reading for rule in rules if (reading := rule(moment))), _ok(moment))


def _killing(moment: Moment) -> Reading | None:
    return _of_findings(State.KILLING, moment.recent(_KILLS, KILL_S))


def _stalled(moment: Moment) -> Reading | None:
    return _of_findings(State.STALLED, moment.recent(_STALLS, STALL_S))


def _starved(moment: Moment) -> Reading | None:
    return _of_findings(State.STARVED, moment.recent(_STARVED, 0.0))


def _fighting(moment: Moment) -> Reading | None:
    """A storm or an oscillation that lasts, or a cycle or a conflict just now; one that is mere information where the
    machine itself is short of memory."""
    found = moment.recent(_LASTING_FIGHTS, FIGHT_S) + moment.ended(_SINGLE_FIGHTS, FIGHT_S)
    if not found and any(_is_machines(rung) for rung in _at_work(moment)):
        found = moment.ended(_SINGLE_FIGHTS, FIGHT_S, with_information=True)
    return _of_findings(State.FIGHTING, found)


def _reclaiming(moment: Moment) -> Reading | None:
    """An episode that lasts, or a shortage that a finding tells of."""
    findings, last = moment.recent(_SHORT, 0.0), moment.analysis.episodes[-1:]
    lasting = [episode for episode in last if episode.end_s >= moment.now.time_s - EPISODE_S]
    if not findings and not lasting:
        return None
    since_s = min([*(finding.start_s for finding in findings[:1]), *(episode.start_s for episode in lasting)])
    rungs = _at_work(moment) or [rung for episode in lasting for rung in _rungs(episode)]
    finding = findings[0] if findings else None
    why = finding.text if finding else _supplies(moment, rungs)
    return Reading(State.RECLAIMING, since_s, why, _where(moment, rungs, finding), finding)


def _unjudged(moment: Moment) -> Reading | None:
    """Why it can't be called fine although nothing is seen."""
    needed = ((BACKGROUND_KINDS, "kswapd"), (DIRECT_KINDS, "direct reclaim"))
    untold = [name for kinds, name in needed if not is_told(moment.analysis, moment.facts.metadata, kinds)]
    whys = [f"{name} was not traced" for name in untold]
    whys += undecided(moment.analysis, moment.facts)
    return Reading(State.BLIND, 0.0, f"Nothing is seen, but {listing(whys)}.") if whys else None


def _ok(moment: Moment) -> Reading:
    last = max((episode.end_s for episode in moment.analysis.episodes[-1:]), default=0.0)
    balloon = ", and the balloon does not fight" * bool(moment.facts.metadata.balloon.driver)
    return Reading(State.OK, last, f"No memory is reclaimed under pressure{balloon}.")


def _of_findings(state: State, found: Sequence[Finding]) -> Reading | None:
    """By the worst of them, since the first."""
    if not found:
        return None
    return Reading(state, min(finding.start_s for finding in found), found[0].text, found[0].cgroup, found[0])


def _at_work(moment: Moment) -> list[Rung]:
    """What was at work under pressure in the last second."""
    rungs = [rung for rung in moment.now.supplies if rung[0] > Tier.PROACTIVE]
    return [rung for rung in rungs if works(rung, moment.second_ago, moment.now)]


def _rungs(episode: Episode) -> list[Rung]:
    rungs: list[Rung] = []
    for row in episode.tiers:
        rungs += [(row.tier, scope) for scope in row.scopes] if row.scopes else [(row.tier, None)]
    return rungs


def _is_machines(rung: Rung) -> bool:
    """Whether it works for the machine's own watermarks."""
    tier, scope = rung
    return tier in (Tier.BACKGROUND, Tier.OOM_NOTIFY) or (tier is Tier.DIRECT and scope in (Scope.GLOBAL, Scope.NODE))


def _where(moment: Moment, rungs: Sequence[Rung], finding: Finding | None) -> str | None:
    """Whose memory is short; None where that is not known."""
    if any(map(_is_machines, rungs)):
        return GLOBAL
    if any(scope is Scope.MEMCG for _, scope in rungs):
        return moment.limited()
    return finding.cgroup if finding else None


def _supplies(moment: Moment, rungs: Sequence[Rung]) -> str:
    """Which tiers give how much, and what tasks wait meanwhile."""
    names = listing([reclaim_label(tier, scope) for tier, scope in rungs])
    length_s = moment.now.time_s - moment.second_ago.time_s
    given = f"{names[:1].upper()}{names[1:]}"
    pages = [_more(moment, tier) for tier in (Tier.BACKGROUND, Tier.DIRECT)]
    if length_s and None not in pages:
        given += f": {mib(sum(filter(None, pages)) / length_s, moment.facts.metadata.page_size_bytes)}/s"
    waited, before = moment.now.waited_s, moment.second_ago.waited_s
    if length_s and waited is not None and before is not None and waited > before:
        given += f"; tasks wait {percent((waited - before) / length_s)} of the time"
    return f"{given}."


def _more(moment: Moment, tier: Tier) -> int | None:
    now, before = moment.now.off_lru(tier), moment.second_ago.off_lru(tier)
    return None if now is None or before is None else max(now - before, 0)
