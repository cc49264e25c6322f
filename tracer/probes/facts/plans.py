"""What `record` would have compiled on a described kernel."""

from __future__ import annotations

import os

from ..request import LoadRequest
from ..variants import every_request
from .facts import Facts, FactsError
from .file_format import why_insufficient
from .tree import as_tree
from .trials import DescribedKernel


def load_requests(facts: Facts) -> list[LoadRequest]:
    """Requests for the fullest boot of that kernel: what others ask for is in them.

    Raises FactsError where the description does not suffice, or is of another kind of machine than this one.
    """
    if reason := why_insufficient(facts):
        raise FactsError(reason)
    here = os.uname().machine
    if facts.machine != here:
        raise FactsError(f"it is of a kernel for {facts.machine}, and this machine is {here}: build on one of its kind")
    with as_tree(facts) as root:
        return list(every_request(root, DescribedKernel(facts.trials or {}), facts.release, facts.page_bytes))
