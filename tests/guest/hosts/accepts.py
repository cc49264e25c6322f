"""Takes once; what the guest takes out of the balloon it may keep: the target becomes what the guest has."""

TAKEN_MIB = 400


def make():
    reached = False

    def target_mib(seen):
        nonlocal reached
        wanted = seen.full_mib - TAKEN_MIB
        reached = reached or seen.actual_mib <= wanted
        if not reached:
            return wanted
        return seen.actual_mib if seen.actual_mib > seen.target_mib else None

    return target_mib
