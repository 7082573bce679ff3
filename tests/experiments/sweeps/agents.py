"""Agents that do not live to see the end of an episode."""

import os
import signal

from agents.static import Static


class Gives(Static):
    """Gives up in its fifth step."""

    def reset(self, seed):
        """Full of ideas."""
        self._n_decisions = 0

    def act(self, observation, info):
        """As long as it lasts."""
        self._n_decisions += 1
        if self._n_decisions == 5:
            raise ArithmeticError("no more ideas")
        return super().act(observation, info)


class Dies(Static):
    """Takes its process with it."""

    def act(self, observation, info):
        """At once."""
        os._exit(3)


class Interrupts(Static):
    """Has the program interrupted, as by Ctrl-C."""

    def act(self, observation, info):
        """At once."""
        signal.raise_signal(signal.SIGINT)
        return super().act(observation, info)
