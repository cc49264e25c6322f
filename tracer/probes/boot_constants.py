"""Values that differ between two boots of one kernel: programs have numbers in their place until they are loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

MARK_REGISTER: Final = 15
"""The source register of a 64-bit load whose immediate is a constant's number: bpf/boot.h. The kernel has none such."""
NO_ADDRESS: Final = (1 << 64) - 1
"""What a filter's unused places are compared with: no kernel function is there."""
FEWEST_SLOTS: Final = 4
"""Places of an address filter, at least: drivers come and go without another program."""

TASK_TYPE: Final = "RT_TASK_TYPE"
"""The running kernel's number of `struct task_struct`."""

_FIRST: Final = 0x7E000000
"""Far from any descriptor's number: bcc counts maps from 1 until it makes them."""
_SLOTS: Final = 1024
_FILTERS: Final = ("RT_IS_BALLOON_WORK", "RT_IS_OOM_NOTIFIER", "RT_IS_BALLOON_SHRINKER", "RT_IS_BALLOON_CALLBACK")
_SINGLE: Final = (
    "RT_SHRINKER_LEAKS",
    "RT_VM_EVENT_STATES",
    "RT_PER_CPU_OFFSET",
    "RT_CPUS",
    "RT_OOM_CALLBACK_0",
    "RT_OOM_CALLBACK_1",
    "RT_OOM_CALLBACK_2",
    "RT_OOM_CALLBACK_3",
    TASK_TYPE,
)
_FIRST_SINGLE: Final = _FIRST + _SLOTS * len(_FILTERS)


def constant_flag(name: str) -> str:
    """The compiler's flag for a constant by its macro's name."""
    return f"-D{name}=RT_BOOT({constant_number(name)})"


def constant_number(name: str) -> int:
    """The number that stands for it in a program. Raises ValueError for an unknown one."""
    return _FIRST_SINGLE + _SINGLE.index(name)


def filter_flag(macro: str, addresses: Collection[int]) -> str:
    """A flag defining `macro(address)`: whether it is one of some addresses, which are not in it."""
    tests = " || ".join(f"(address) == RT_BOOT({number})" for number in _slot_numbers(macro, addresses))
    return f"-D{macro}(address)=({tests})"


def filter_values(macro: str, addresses: Collection[int]) -> dict[int, int]:
    """What a filter's places are to be, by number."""
    wanted = sorted(addresses)
    numbers = _slot_numbers(macro, addresses)
    return {number: wanted[place] if place < len(wanted) else NO_ADDRESS for place, number in enumerate(numbers)}


def is_known(number: int) -> bool:
    """Whether some constant has this number."""
    return _FIRST <= number < _FIRST_SINGLE + len(_SINGLE)


def value_of(number: int, values: Mapping[int, int]) -> int:
    """A constant's value; one that was not told is of a program's part that does not run, or a filter's place."""
    return values.get(number, NO_ADDRESS if number < _FIRST_SINGLE else 0)


def _slot_numbers(macro: str, addresses: Collection[int]) -> Iterator[int]:
    """As many as a power of two: most machines with that kernel need the same."""
    count = max(FEWEST_SLOTS, 1 << max(len(addresses) - 1, 0).bit_length())
    first = _FIRST + _SLOTS * _FILTERS.index(macro)
    return iter(range(first, first + min(count, _SLOTS)))
