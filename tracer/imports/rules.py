"""From an event's name in the source to the kind it is and the way to read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..schema import KIND_BY_NAME, MODULE_NAME_BYTES
from .heads import FUNCTION_ARROW
from .layouts import Layout, Matcher, Taken
from .names import Location, location, plain_name, undecorated, without_group
from .table import COUNTED_FUNCTIONS, FUNCTION_BY_NAME, OWN_EVENTS, TRACEPOINTS, WORK_FUNCTIONS, Function
from .threads import Threads, queue_number
from .values import COMM, GIVEN, INTEGER, MODULE_NAME, POINTER, SYMBOL_PATTERN, Symbols

FUNCTION_EVENT: Final = "function"
"""The function tracer's event, as trace-cmd and perf call it."""
_MOST_LOCATIONS: Final = 4096
_LOCATION: Final = re.compile(r"\(([^)]*)\)")
_WORK: Final = re.compile(rf"work(?: struct |=)({POINTER.pattern}):?(?: function[ =]({SYMBOL_PATTERN}))?\s*$")
_NOTIFIER: Final = re.compile(rf"(?:cb=)?({SYMBOL_PATTERN})\s*$")
_ENTERED: Final = re.compile(r"([^\s(:]+(?: \[\w+\])?)(?:\(.*\))?\s+<-")
_NUMBER: Final = r"(\d{1,20})"
_VICTIM: Final = re.compile(
    rf"pid={_NUMBER} comm=(.*) total-vm={_NUMBER}kB anon-rss={_NUMBER}kB file-rss[:=]{_NUMBER}kB"
    rf" shmem-rss[:=]{_NUMBER}kB uid={_NUMBER} pgtables={_NUMBER}kB oom_score_adj=(-?\d{{1,20}})\s*$"
)
_VICTIM_PID: Final = re.compile(rf"pid={_NUMBER}(?:\s|$)")
_VICTIM_FIELDS: Final = (
    *("pid", "victim_comm", "total_vm", "anon_rss", "file_rss", "shmem_rss"),
    *("uid", "pgtables", "oom_score_adj"),
)

_SIGNAL: Final = re.compile(
    rf"sig=(9) (?:errno=-?\d{{1,20}} )?code=(0|-\d{{1,20}}) comm=(.*) pid=(?P<pid>\d{{1,10}}) grp={_NUMBER} res=(0)\s*$"
)
_MODULE: Final = re.compile(rf"([^\s:]{{1,{MODULE_NAME_BYTES - 1}}})(?: [A-Z+-]*)?\s*$")
_SIGNAL_FIELDS: Final = ("sig", "code", "victim_comm", "pid", "group", "result")


class Rule(Protocol):
    """Reads one event name's lines. `settles` says that one line tells the kind of them all."""

    settles: bool

    def take(self, line: str, at: int, thread: int) -> Taken | None:
        """The fields of the text at `at`; None where it is damaged or not one of ours."""


class WorkRule:
    """`workqueue_execute_start/end`: only the balloon's own work; an end without a function ends the thread's start."""

    settles = False

    def __init__(self, kind: str, threads: Threads, symbols: Symbols) -> None:
        self._threads = threads
        self._is_end = kind.endswith("_end")
        self._layout = Layout(KIND_BY_NAME[kind], _WORK, (("work", POINTER), ("function", symbols.value)))
        self.is_balloons = _Remembered(lambda text: plain_name(text) in WORK_FUNCTIONS)

    @property
    def layout(self) -> Layout:
        """How its text is read."""
        return self._layout

    def take(self, line: str, at: int, thread: int) -> Taken | None:
        """The work and its function; None for other work."""
        texts = self.texts(line, at)
        if texts is None:
            return None
        function = self.settle(thread, texts[1])
        return None if function is None else (self._layout, (texts[0], function))

    def texts(self, line: str, at: int) -> tuple[str, str | None] | None:
        """The work and, where the text has it, its function; None where it is damaged."""
        match = _WORK.match(line, at)
        return None if match is None else (match[1], match[2])

    def remember(self, thread: int, function: str) -> None:
        """The next start or end on a thread of the balloon's own work."""
        if self._is_end:
            self._threads.works.pop(thread, None)
        else:
            self._threads.works[thread] = function

    def settle(self, thread: int, function: str | None) -> str | None:
        """The next start or end on a thread: its function, None where that is not the balloon's."""
        started = self._threads.works.pop(thread, None)
        function = function or (started if self._is_end else None)
        if function is None or not self.is_balloons(function):
            return None
        if not self._is_end:
            self._threads.works[thread] = function
        return function


class NotifierRule:
    """`notifier_run`: only callbacks on the OOM chain."""

    settles = False

    def __init__(self, kind: str, symbols: Symbols) -> None:
        self._layout = Layout(KIND_BY_NAME[kind], _NOTIFIER, (("cb", symbols.value),))
        self._is_oom = _Remembered(lambda text: "oom" in plain_name(text))

    @property
    def layout(self) -> Layout:
        """How its text is read."""
        return self._layout

    def take(self, line: str, at: int, thread: int) -> Taken | None:  # noqa: ARG002 - the rule's interface
        """The callback; None for one of another chain."""
        texts = self.texts(line, at)
        return None if texts is None else (self._layout, texts)

    def texts(self, line: str, at: int) -> tuple[str] | None:
        """The callback; None for one of another chain."""
        match = _NOTIFIER.match(line, at)
        return (match[1],) if match is not None and self._is_oom(match[1]) else None


class VictimRule:
    """`mark_victim`: the process id, on newer kernels the sizes too. The victim's name is not trusted."""

    settles = True

    def __init__(self, kind: str) -> None:
        values = [COMM if name == "victim_comm" else INTEGER for name in _VICTIM_FIELDS]
        self._full = Layout(KIND_BY_NAME[kind], _VICTIM, tuple(zip(_VICTIM_FIELDS, values, strict=True)))
        self._pid = Layout(KIND_BY_NAME[kind], _VICTIM_PID, (("pid", INTEGER),))

    def take(self, line: str, at: int, thread: int) -> Taken | None:  # noqa: ARG002 - the rule's interface
        """The victim."""
        for layout in (self._full, self._pid):
            if match := layout.pattern.match(line, at):
                return layout, match.groups()
        return None


class SignalRule:
    """`signal_generate`: only a SIGKILL that arrived, from another thread and not from the kernel."""

    settles = False

    def __init__(self, kind: str) -> None:
        values = [COMM if name == "victim_comm" else INTEGER for name in _SIGNAL_FIELDS]
        self._layout = Layout(KIND_BY_NAME[kind], _SIGNAL, tuple(zip(_SIGNAL_FIELDS, values, strict=True)))

    def take(self, line: str, at: int, thread: int) -> Taken | None:
        """The signal; None for every other one."""
        match = self._layout.pattern.match(line, at)
        return (self._layout, match.groups()) if match is not None and int(match["pid"]) != thread else None


class ModuleRule:
    """`module_load`, `module_free`: the module's name, behind which a load has the module's taints."""

    settles = True

    def __init__(self, kind: str) -> None:
        self._layout = Layout(KIND_BY_NAME[kind], _MODULE, (("module_name", MODULE_NAME),))

    def take(self, line: str, at: int, thread: int) -> Taken | None:  # noqa: ARG002 - the rule's interface
        """The module."""
        match = self._layout.pattern.match(line, at)
        return None if match is None else (self._layout, match.groups())


@dataclass
class _Target:
    matcher: Matcher
    callback: str | None = None


@dataclass(frozen=True)
class Place:
    """What a probe's location says: how the text from `at` on is read; no layout for a function that is no kind."""

    layout: Layout | None
    at: int = field(compare=False)
    counted: str | None = None
    """A function that is only counted."""
    callback: str = ""


class ProbeRule:
    """A probe on a function: which one, its name or its location tells."""

    settles = False

    def __init__(self, name: str, threads: Threads, symbols: Symbols, kind: str | None = None) -> None:
        """With `kind` neither name nor location is asked."""
        self._name = name
        self._kind = kind
        self._threads = threads
        self._symbols = symbols
        self._targets: dict[str, _Target | str | None] = {}
        self._matchers: dict[str, Matcher] = {}

    def take(self, line: str, at: int, thread: int) -> Taken | None:
        """The probe's fields; None where the function is not one of ours, or the text is damaged."""
        match = _LOCATION.match(line, at)
        target = self._known_target(match[1] if match else "")
        if not isinstance(target, _Target):
            if target is not None:
                self._threads.count(thread, target)
            return None
        taken = target.matcher.take(line, match.end() if match else at)
        return None if taken is None else self._finish(taken, target, thread)

    def place(self, line: str, at: int) -> Place | None:
        """What the location at the begin of a line's text says; None where it has none, or none that was read yet."""
        match = _LOCATION.match(line, at)
        if match is None:
            return None
        target = self._known_target(match[1])
        if not isinstance(target, _Target):
            return Place(None, match.end(), counted=target)
        layout = target.matcher.first
        return None if layout is None else Place(layout, match.end(), callback=target.callback or "")

    def _known_target(self, where: str) -> _Target | str | None:
        if where not in self._targets:
            if len(self._targets) >= _MOST_LOCATIONS:
                self._targets.clear()
            self._targets[where] = self._target(where)
        return self._targets[where]

    def _target(self, where: str) -> _Target | str | None:
        """What a location says: a kind and how to read it, a function that is only counted, or nothing."""
        if self._kind is not None:
            return _Target(self._matcher(self._kind), self._name)
        place = location(where) if where else None
        found = function_of(self._name, place)
        if found is None:
            return counted_function(self._name, place)
        function, is_exit, name = found
        kind = function.exit if is_exit else function.entry
        return None if kind is None else _Target(self._matcher(kind), name)

    def _matcher(self, kind: str) -> Matcher:
        if kind not in self._matchers:
            extra = {"tell_host": (("direction", GIVEN),), "oom_notify_begin": (("cb", self._symbols.value),)}
            self._matchers[kind] = Matcher(kind, self._symbols, extra.get(kind, ()))
        return self._matchers[kind]

    def _finish(self, taken: Taken, target: _Target, thread: int) -> Taken:
        layout, texts = taken
        kind, functions = layout.kind.name, self._threads.functions
        if kind == "tell_host":
            queue = queue_number(str(texts[layout.index("vq")])) if "vq" in layout.names else None
            direction = self._threads.queues.direction(queue, functions.get(thread))
            return layout, (*texts, direction)
        functions[thread] = kind
        return (layout, (*texts, target.callback or "")) if kind == "oom_notify_begin" else taken


class FunctionRule:
    """The function tracer's lines, `F <-CALLER` or `F <-- CALLER`: entries of functions, without fields and returns."""

    settles = False

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._layouts: dict[str, Layout | None] = {}

    def take(self, line: str, at: int, thread: int) -> Taken | None:
        """The function's entry; None for a function that is no kind."""
        match = _ENTERED.match(line, at)
        if match is None:
            return None
        name = plain_name(match[1])
        if name not in self._layouts:
            if len(self._layouts) >= _MOST_LOCATIONS:
                self._layouts.clear()
            self._layouts[name] = _entry_layout(name)
        layout = self._layouts[name]
        if layout is not None:
            self._threads.functions[thread] = layout.kind.name
            return layout, ()
        if name in COUNTED_FUNCTIONS:
            self._threads.counted[name] += 1
        return None


def _entry_layout(name: str) -> Layout | None:
    function = FUNCTION_BY_NAME.get(name)
    return Layout(KIND_BY_NAME[function.entry], _ENTERED, ()) if function else None


class _Remembered:
    """An answer about a function's text, looked up once."""

    def __init__(self, ask: Callable[[str], bool]) -> None:
        self._ask = ask
        self._answers: dict[str, bool] = {}

    def __call__(self, text: str) -> bool:
        if text not in self._answers:
            if len(self._answers) >= _MOST_LOCATIONS:
                self._answers.clear()
            self._answers[text] = self._ask(text)
        return self._answers[text]


def function_of(name: str, where: Location | None) -> tuple[Function, bool, str] | None:
    """The function a probe event is about, whether this is its return, and its name in the kernel."""
    for place in where.places if where else ():
        if place.is_entry and place.name in FUNCTION_BY_NAME:
            return FUNCTION_BY_NAME[place.name], where is not None and where.is_exit, place.name
    candidates, says_exit = undecorated(name)
    for candidate in candidates:
        if function := FUNCTION_BY_NAME.get(candidate):
            own = function.names[0] if candidate in ("oom_notify", "shrinker_scan") else candidate
            return function, where.is_exit if where else says_exit, own
    return None


def counted_function(name: str, where: Location | None) -> str | None:
    """The function a probe event enters, where it is one that is only counted."""
    names = [place.name for place in where.places if place.is_entry] if where and not where.is_exit else []
    return next((each for each in (*names, *undecorated(name)[0]) if each in COUNTED_FUNCTIONS), None)


class Rules:
    """The rule of every event name, the user's own (`--map`) first."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        """`mapping`: event name to kind name."""
        self.symbols = Symbols()
        self.threads = Threads()
        self.by_name: dict[str, Rule] = {}
        self._mapping = mapping

    def meet(self, name: str, line: str, at: int) -> Rule | None:
        """A name for the first time, its text at `at`: its rule goes into `by_name`, where it is one of ours."""
        rule = self._rule(name, line, at)
        if rule is not None:
            self.by_name[name] = rule
        return rule

    def _rule(self, name: str, line: str, at: int) -> Rule | None:
        short = without_group(name)
        if short in (FUNCTION_ARROW, FUNCTION_EVENT):
            return FunctionRule(self.threads)
        kind = self._mapping.get(name) or self._mapping.get(short) or (short if short in OWN_EVENTS else None)
        if kind is not None:
            return ProbeRule(short, self.threads, self.symbols, kind)
        if line.startswith("(", at):
            return ProbeRule(name, self.threads, self.symbols)
        if short in TRACEPOINTS:
            return self._tracepoint(TRACEPOINTS[short])
        return ProbeRule(name, self.threads, self.symbols) if function_of(name, None) else None

    def _tracepoint(self, kind: str) -> Rule:
        if kind in ("balloon_work_begin", "balloon_work_end"):
            return WorkRule(kind, self.threads, self.symbols)
        if kind == "oom_notifier_run":
            return NotifierRule(kind, self.symbols)
        if kind == "signal_generate":
            return SignalRule(kind)
        if kind in ("module_load", "module_free"):
            return ModuleRule(kind)
        return VictimRule(kind) if kind == "mark_victim" else Matcher(kind, self.symbols)
