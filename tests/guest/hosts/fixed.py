"""Sets the same target every second, whatever the guest took out of the balloon."""

TAKEN_MIB = 400


def target_mib(seen):
    return seen.full_mib - TAKEN_MIB
