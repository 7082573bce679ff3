"""Active inference over a stream's knobs: what every SLO rests at under each setting is a hidden state.

The agent infers it, and each stage's capacity with it, from what loads and SLOs show, and sets the levels of
the policy of least expected free energy. That active inference can drive elasticity follows Sedlak et al.,
"Active inference on the edge"; ours has Gaussian states, whose inference is exact but for jumps and bounds,
and policies that go on by what they have seen.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.aif import ageing
from agents.aif.ageing import Age
from agents.aif.beliefs import Belief, beginning, known_of, prior_of, visited
from agents.aif.channels import Channels
from agents.aif.explaining import FIGURES, figures_of
from agents.aif.filtering import perceived
from agents.aif.habits import Habit, judged
from agents.aif.picture import Picture, picture_of
from agents.aif.planning import Figures, Outlook, Plan, compare, draws_of, held
from agents.aif.settings import WHERE, Response
from agents.aif.trends import Trend, beginning_trend
from agents.base import Forecaster, State, Transition
from agents.common.checkpoints import packed, unpacked
from envs.spec import ElasticitySpec

DRAWN_FROM = 0  # seed of the deviates that trials are valued by: the same in every decision
STEPS_HELD = 10  # intervals after which a forecast is to come true


class ActiveInference(Forecaster):
    """Infers what every SLO rests at under each setting, and sets the levels that promise most of it.

    Args:
        spec: the stream.
        loads, rest, ages: how the load of a stage, an SLO that is none, and the latency of what is shown are
            expected to follow the settings.
        learns: false = how, is taken for known: offsets alone are inferred.
        by_stage: false = one load stands for those of all stages.
        longest_delay: that telemetry may have, in intervals, >= 0; 0 = it is taken for prompt.
        risk, patience, drain, switching_cost, drains, gamma: see `agents.aif.planning.Figures`.
        first_bar: intervals without trials after one that failed, >= 0; twice as many each time.

    Raises:
        ValueError: a figure out of range, or a spec with too many joint settings.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        loads: Response,
        rest: Response,
        ages: Response,
        learns: bool,
        by_stage: bool,
        longest_delay: int,
        risk: float,
        patience: float,
        drain: float,
        switching_cost: float,
        drains: bool,
        gamma: float,
        first_bar: int,
    ):
        super().__init__(spec)
        check(longest_delay, first_bar, (patience, drain, switching_cost), (risk, gamma))
        self._figures = Figures(risk, patience, drain, switching_cost, drains, gamma)
        self._first_bar, self._longest_delay = first_bar, longest_delay
        self._channels = Channels(spec, by_stage)
        n_rest = self._channels.n - self._channels.n_loads
        responses = [loads] * self._channels.n_loads + [rest] * n_rest
        self._prior = self._known = prior_of(spec, self._channels.steps, responses, learns)
        self._age_prior = self._known_ages = prior_of(spec, self._channels.steps[-1:], [ages], learns)
        self._draws = draws_of(self._channels, self._prior, np.random.default_rng(DRAWN_FROM))
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode: how SLOs follow the settings is as loaded, and nothing was seen."""
        self._belief = beginning(self._known, self._longest_delay, self._row(self.spec.highest))
        self._trend = beginning_trend(self._known)
        self._age = Age(self._known_ages.mean[0], self._known_ages.cov[0])
        self._habit = Habit()
        self._surprise = 0.0
        self._plan: Plan | None = None

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the setting of the policy of least expected free energy."""
        observed = self.spec.decode(observation)
        seen, row = self._channels.read(observed), self._row(observed.levels)
        before = self._belief
        self._belief, self._trend, self._surprise = perceived(
            self._channels, self._known, before, self._trend, seen, row
        )
        self._age = ageing.forgotten(self._known_ages, before, self._belief, self._age)
        time, belief = self._belief.time, self._belief
        delay = int(belief.delays[belief.likeliest])
        is_broken = bool(self._trend.broken.any())
        self._habit = judged(self._habit, time, is_broken, delay, self._first_bar)
        outlook = self._outlook()
        self._plan = compare(self._channels, self._known, self._draws, self._figures, outlook)
        to = int(self._plan.value.argmax())
        if outlook.worth[to] > outlook.worth[row]:
            self._habit = self._habit._replace(raised=time)
        return self._known.settings[to].copy()

    def learn(self, transition: Transition) -> None:
        """Take in what a setting that was held was worth while every SLO held, where worth ages."""
        before = self._belief
        rows = np.append(before.rows, self._row(transition.action))  # the newest last
        delay = int(before.delays[before.likeliest])
        row, former = rows[-1 - delay], rows[-2 - delay]
        if not transition.reward > 0 or row != former or len(self.spec.worth.ages_s) == 1:
            return
        self._belief = visited(self._known, before, row)
        self._age = ageing.forgotten(self._known_ages, before, self._belief, self._age)
        self._age = ageing.aged(self.spec, self._known_ages, self._belief, self._age, row, transition.reward)

    def forecast(self, settings: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return forecasts from what SLOs are believed to rest at; backlogs of now are gone by then."""
        rows = np.asarray(np.ravel_multi_index(tuple(np.asarray(settings).T), self.spec.n_levels), np.int64)
        return held(self._channels, self._known, self._belief, self._trend, rows, STEPS_HELD)

    def explain(self) -> dict[str, float]:
        """See `agents.aif.explaining`; P(fulfilled) under each SLO's own name; all 0 at first."""
        names = ["p_fulfilled_" + slo.metric for slo in self.spec.slos]
        if self._plan is None:
            return dict.fromkeys([*FIGURES, *names], 0.0)
        to = int(self._plan.value.argmax())
        figures = figures_of(self.spec, self._plan, self._belief, self._figures.gamma, self._surprise)
        return figures | dict(zip(names, self._plan.p_fulfilled[:, to].tolist(), strict=True))

    def picture(self) -> Picture:
        """Return what was believed and compared in the last decision; at first, what would be."""
        plan = self._plan
        if plan is None:
            plan = compare(self._channels, self._known, self._draws, self._figures, self._outlook())
        return picture_of(self.spec, self._channels, self._known, self._belief, plan, self._figures.gamma)

    def _outlook(self) -> Outlook:
        worth = ageing.expected_worth(self.spec, self._known_ages, self._belief, self._age)
        may_try = self._belief.time >= self._habit.barred_until
        return Outlook(self._belief, self._trend, worth, int(self._belief.rows[-1]), may_try)

    def _row(self, levels: Any) -> int:
        return int(np.ravel_multi_index(tuple(levels), self.spec.n_levels))

    def _checkpoint(self) -> State:
        parts = {"belief": self._belief, "trend": self._trend, "age": self._age, "habit": self._habit}
        return {name: packed(part) for name, part in parts.items()}

    def _restore(self, state: State) -> None:
        self._belief, self._trend = unpacked(Belief, state["belief"]), unpacked(Trend, state["trend"])
        self._age, self._habit = unpacked(Age, state["age"]), unpacked(Habit, state["habit"])
        self._known = known_of(self._prior, self._belief)
        self._known_ages = ageing.known_ages(self._age_prior, self._age)
        self._plan, self._surprise = None, 0.0


def check(
    longest_delay: int, first_bar: int, amounts: tuple[float, ...], positive: tuple[float, ...]
) -> None:
    """Raise ValueError if one of them is out of range."""
    if min(longest_delay, first_bar, *amounts) < 0 or min(positive) <= 0:
        raise ValueError(
            "expected longest_delay, first_bar, patience, drain and switching_cost >= 0, risk and gamma > 0, "
            f"got {longest_delay}, {first_bar}, {amounts} and {positive} {WHERE}"
        )
