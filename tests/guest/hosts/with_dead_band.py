"""Gives as soon as the guest has little free memory; takes only what leaves it twice that, and waits."""

STEP_MIB = 300
FREE_MIB = 100
QUIET_S = 30


def make():
    quiet_since = 0

    def target_mib(seen):
        nonlocal quiet_since
        free = seen.mib("stat-free-memory")
        if free is None:
            return None
        if free <= FREE_MIB:
            quiet_since = seen.second
            return seen.target_mib + STEP_MIB
        if free <= STEP_MIB + 2 * FREE_MIB:
            quiet_since = seen.second
        elif seen.second - quiet_since >= QUIET_S:
            return max(seen.target_mib - STEP_MIB, seen.full_mib - 2 * STEP_MIB)
        return None

    return target_mib
