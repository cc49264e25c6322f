"""Gives before the guest has to reclaim: whatever keeps MemAvailable above a reserve. Takes nothing back."""

RESERVE_MIB = 250
STEP_MIB = 100


def target_mib(seen):
    available = seen.mib("stat-available-memory")
    if available is None or available >= RESERVE_MIB:
        return None
    return seen.target_mib + STEP_MIB + RESERVE_MIB - available
