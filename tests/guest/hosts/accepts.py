"""Takes once. What the guest takes out of the balloon it may keep: once it stands still, the target is what it has."""

TAKEN_MIB = 400
STILL_S = 3


def make():
    reached, last_mib, since = False, 0, 0

    def target_mib(seen):
        nonlocal reached, last_mib, since
        wanted = seen.full_mib - TAKEN_MIB
        reached = reached or seen.actual_mib <= wanted
        if not reached:
            return wanted
        if seen.actual_mib != last_mib:
            last_mib, since = seen.actual_mib, seen.second
        is_still = seen.second - since >= STILL_S
        return seen.actual_mib if is_still and seen.actual_mib > seen.target_mib else None

    return target_mib
