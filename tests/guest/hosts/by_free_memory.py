"""Takes whenever the guest has free memory, gives whenever it has not: one threshold for both, no pause."""

STEP_MIB = 300
FREE_MIB = 100


def target_mib(seen):
    free = seen.mib("stat-free-memory")
    if free is None:
        return None
    if free > FREE_MIB:
        return max(seen.target_mib - STEP_MIB, seen.full_mib - 2 * STEP_MIB)
    return seen.target_mib + STEP_MIB
