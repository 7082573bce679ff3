"""What it means that an agent has a model that can be asked, and so be held against the truth."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent


class Forecaster(Agent):
    """An agent that can say what it expects of settings that it does not choose."""

    @abstractmethod
    def forecast(self, settings: NDArray[np.int64]) -> NDArray[np.float64]:
        """P(SLO fulfilled | do(setting)), in an interval some ten after each setting was set and then held.

        Asked after `act`, of what the agent believes then; changes nothing in it.

        Args:
            settings: level index per knob, shape (n, n_knobs).

        Returns:
            Shape (n, n_slos), in [0, 1].
        """
