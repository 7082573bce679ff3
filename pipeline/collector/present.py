"""Which producer's which episode it is, and what is done with results of another."""

import logging
from dataclasses import dataclass, field

from pipeline.collector.reorder import Arrival
from pipeline.messages import Result, Settings
from pipeline.once import Once

logger = logging.getLogger(__name__)

MAX_EARLY = 32  # results come some milliseconds before the settings of their episode, if at all


@dataclass(slots=True)
class Present:
    """Only settings say what is present; results and settings travel apart, and may overtake each other.

    A result that is not present may be early. It is kept until settings come that were asked for after
    it had come: it is taken if they name its episode, else refused. So one that names an episode that
    will never be, or a producer that never was, costs nothing but a count.

    Attributes:
        incarnation: of the producer; 0 before any settings.
        episode: of that producer, from 1; 0 before its first.
        waits_for: the collector that is in charge instead of this one, if any; then no result is present.
        refused: results so far.
    """

    incarnation: int = 0
    episode: int = 0
    waits_for: str = ""
    refused: int = 0
    _turned_ns: int = 0  # when it was heard of first that the present producer is there
    _left: set[int] = field(default_factory=set)  # incarnations that were present before
    _early: list[Arrival] = field(default_factory=list)
    _once: Once = field(default_factory=lambda: Once(logger))

    def is_over(self, settings: Settings) -> bool:
        """Tell whether these are of an earlier episode, or the last words of a producer that has gone.

        Who lives answers what was asked since the present one was heard of first.
        """
        if settings.incarnation == self.incarnation:
            return settings.episode < self.episode
        return self.incarnation != 0 and settings.echo_ns <= self._turned_ns

    def turn_to(self, settings: Settings, now_ns: int) -> bool:
        """Take these, which are not over, for the present; whether an episode begins with them."""
        before = self.incarnation, self.episode
        if self.incarnation != settings.incarnation:
            self._turned_ns = now_ns
            self._left = (self._left | {self.incarnation}) - {0, settings.incarnation}
        self.incarnation, self.episode, self.waits_for = settings.incarnation, settings.episode, ""
        return before != (self.incarnation, self.episode)

    def admit(self, arrival: Arrival) -> bool:
        """Tell whether a result is present; if it is not, it is kept as early, or refused."""
        header = arrival.part.header
        problem = self._problem_with(header)
        if not problem and self._is_present(header):
            return True
        if not problem and len(self._early) >= MAX_EARLY:
            problem = f"more than {MAX_EARLY} results that come before the settings of their episode"
        if problem:
            self.refuse(problem)
        else:
            self._early.append(arrival)
        return False

    def proved(self, asked_ns: int) -> list[Arrival]:
        """List the early ones that have proved to be present.

        Args:
            asked_ns: when the present settings were asked for, ns on the collector's clock. The episode of
                what had arrived by then had begun: what is still not present is refused.
        """
        early, self._early = self._early, []
        present = []
        for arrival in early:
            header = arrival.part.header
            problem = self._problem_with(header)
            if problem:
                self.refuse(problem)
            elif self._is_present(header):
                present.append(arrival)
            elif arrival.received_ns <= asked_ns:
                self.refuse("results of an episode, or a producer, that is not there")
            else:
                self._early.append(arrival)
        return present

    def _is_present(self, header: Result) -> bool:
        incarnation = header.incarnation or self.incarnation
        return not self.waits_for and (incarnation, header.episode) == (self.incarnation, self.episode)

    def _problem_with(self, header: Result) -> str:
        """Why a result will never be present; "" if it is, or may yet be."""
        if not header.episode:
            return "results that name no episode"
        if header.incarnation in self._left:
            return "results of a producer that has gone"
        is_ours = header.incarnation in (0, self.incarnation)
        return "results of an episode that is over" if is_ours and header.episode < self.episode else ""

    def refuse(self, what: str) -> None:
        """Count a result that is not taken; the log has each kind once."""
        self.refused += 1
        self._once.warn(f"{what} are refused, and counted from now on")
