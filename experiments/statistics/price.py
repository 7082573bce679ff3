"""Who is best depends on what a violation costs: ranks of agents over its price.

The utility of an agent at a price λ is U = QoE − λ · share of the steps in which an SLO is broken, both
means over episodes: a line in λ. Where two lines cross, two ranks swap. The reward of this project stands for
a price of about 1. A lexicographic order (SLOs first) is the limit of a high price, and puts on top whoever
never tries.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.aggregates import Values

HIGHEST_PRICE = 3.0  # in QoE per violation: beyond it, next to nothing changes any more


class Lead(NamedTuple):
    """Who is best from a price on; `agent` is an index."""

    price: float
    agent: int


def utilities(qoe: Values, broken: Values, prices: Values) -> Values:
    """Return U of each agent at each price, shape (n_agents, n_prices).

    Args:
        qoe: mean, in [0, 1], shape (n_agents,).
        broken: share of the steps in which an SLO is broken, in [0, 1], shape (n_agents,).
        prices: of such a step, in QoE, >= 0, shape (n_prices,).
    """
    return qoe[:, np.newaxis] - broken[:, np.newaxis] * prices


def ranks(utility: Values) -> NDArray[np.int64]:
    """Return the rank of each agent (axis 0), 1 the best; equals share the better one."""
    return 1 + (utility[np.newaxis] > utility[:, np.newaxis]).sum(axis=1)


def leads(qoe: Values, broken: Values, highest: float = HIGHEST_PRICE) -> list[Lead]:
    """Return who is best from price 0 up to the highest, exactly: the upper envelope of the lines.

    Args:
        qoe, broken: as for `utilities`, of at least one agent.
        highest: price up to which to look.
    """
    best = max(range(len(qoe)), key=lambda i: (qoe[i], -broken[i]))
    found = [Lead(0.0, best)]
    while True:
        slower = [i for i in range(len(qoe)) if broken[i] < broken[best]]
        crossings = {i: float((qoe[best] - qoe[i]) / (broken[best] - broken[i])) for i in slower}
        if not crossings:
            return found
        best = min(slower, key=lambda i: (crossings[i], broken[i]))
        if crossings[best] > highest:
            return found
        found.append(Lead(crossings[best], best))
