"""The expected free energy is that of its definition: by enumeration, integrals and closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from agents.aif.beliefs import everywhere
from agents.aif.planning import Figures, Outlook, compare, draws_of, held, preferred
from agents.common.objective import DEEPER
from envs.reward import step_reward
from tests.agents.aif.small import CARRIED, CHANNELS, LOAD, PRIOR, TREND, belief, resting

FIGURES = Figures(risk=1.0, patience=80.0, drain=6.0, switching_cost=0.01, drains=True, gamma=16.0)
WORTH = np.array([0.0, 0.3, 0.5, 0.7, 0.9, 1.0])
DRAWS = draws_of(CHANNELS, PRIOR, np.random.default_rng(0))


def sure(load, carried, of=None):
    """A belief whose every setting rests at these, and no doubt but on the load of the highest."""
    of = of or belief()
    mean, cov = np.zeros_like(of.mean), np.zeros_like(of.cov)
    mean[0, :, -1] = load, carried
    return of._replace(mean=mean, cov=cov)


def plan_of(of, figures=FIGURES, trend=TREND, worth=WORTH, row=0, may_try=True, prior=None):
    prior = prior or PRIOR._replace(own_var=np.zeros(2))
    return compare(CHANNELS, prior, DRAWS, figures, Outlook(of, trend, worth, row, may_try))


def test_what_a_setting_promises_is_the_reward_expected_over_all_that_may_come_of_it():
    """Each SLO holds or is broken by as much as its stage; both hold with the lesser of the probabilities."""
    g, sd = np.array([[0.1], [-0.2]]), np.array([[0.2], [0.3]])
    f, holds = preferred(CHANNELS, g, sd, np.array([0.7]))
    p_load, p_carried = norm.cdf(-0.1 / 0.2), norm.cdf(0.2 / 0.3)
    both, only_carried, ratio = min(p_load, p_carried), p_carried - min(p_load, p_carried), np.exp(0.1)
    by_hand = both * step_reward(0, 2, 0.0, 0.7, 0, 2)
    by_hand += only_carried * step_reward(1, 2, ratio, 0.7, 0, 2)
    by_hand += (1 - p_carried) * step_reward(2, 2, ratio, 0.7, 0, 2)
    deeper = DEEPER * 0.1 * (1 - (p_load + p_carried) / 2)
    assert f[0] == pytest.approx(by_hand - deeper)
    assert holds.ravel().tolist() == pytest.approx([p_load, p_carried])


def test_the_pragmatic_value_is_its_mean_over_what_is_believed():
    """Delays share it out by their probability."""
    of = belief(longest_delay=2)
    plan = plan_of(of, prior=PRIOR)
    mean, variance = everywhere(PRIOR, of)
    sd = np.sqrt(variance + TREND.risk(PRIOR)[:, None] ** 2)
    each = [preferred(CHANNELS, mean[i], sd[i], WORTH)[0] for i in range(3)]
    np.testing.assert_allclose(plan.pragmatic, of.p_delays @ np.array(each))


def test_where_all_is_known_there_is_nothing_to_be_told():
    assert plan_of(sure(-1.0, -1.0)).epistemic == pytest.approx(0.0, abs=1e-9)


def test_what_a_trial_tells_is_the_chance_of_more_less_what_a_failure_costs():
    """The load alone is in doubt, and of two settings alone, so that f is theirs or the best known."""
    of = sure(-1.0, -1.0)
    doubt = PRIOR.table[:, 3]  # the product of both knobs: settings 3 and 5 have it, of 1/2 and of 1
    mean, cov = of.mean.copy(), of.cov.copy()
    mean[0, LOAD, 3], cov[0, LOAD, 3, 3] = 1.5, 4.0
    plan = plan_of(of._replace(mean=mean, cov=cov))
    drawn = DRAWS.unknowns[:, LOAD, 3] * 2.0
    for row in (3, 5):
        g = -1.0 + doubt[row] * (1.5 + drawn)
        f = np.array(
            [
                preferred(
                    CHANNELS, np.array([[x], [-1.0]]), TREND.risk(PRIOR)[:, None], WORTH[row : row + 1]
                )[0][0]
                for x in g
            ]
        )
        best = plan.pragmatic.max()
        told = np.maximum(f, best).mean() - 6.0 / 80.0 * np.maximum(best - f, 0).mean() - plan.pragmatic[row]
        assert plan.epistemic[row] == pytest.approx(max(told, 0.0) * (WORTH[row] > best), abs=1e-3)
    assert plan.epistemic[5] > 0


def test_the_draws_value_a_trial_as_the_integral_does():
    g, noise = np.linspace(-8, 8, 4001), 0.1
    p = norm.pdf(g, 0.0, 1.0) / norm.pdf(g, 0.0, 1.0).sum()
    f = np.array(
        [preferred(CHANNELS, np.array([[x], [-9.0]]), np.full((2, 1), noise), np.ones(1))[0][0] for x in g]
    )
    drawn = DRAWS.unknowns[:, LOAD, 0]
    ours = np.array(
        [
            preferred(CHANNELS, np.array([[x], [-9.0]]), np.full((2, 1), noise), np.ones(1))[0][0]
            for x in drawn
        ]
    )
    assert np.maximum(ours, 0.5).mean() == pytest.approx((p * np.maximum(f, 0.5)).sum(), abs=0.05)


@pytest.mark.parametrize("change", ({"patience": 0.0}, {"may_try": False}))
def test_nothing_is_tried_without_patience_nor_after_a_failure(change):
    figures = FIGURES._replace(patience=change.get("patience", 80.0))
    plan = plan_of(belief(), figures, may_try=change.get("may_try", True), prior=PRIOR)
    assert not plan.epistemic.any()


def test_what_leaves_the_present_setting_pays_for_it_and_policies_follow_from_their_values():
    plan = plan_of(sure(-1.0, -1.0), row=2)
    habit = np.where(np.arange(6) == 2, 0.0, 0.01)
    np.testing.assert_allclose(plan.value, plan.pragmatic + plan.epistemic - plan.waits - habit)
    odds = np.exp(16.0 * plan.value)
    np.testing.assert_allclose(plan.probabilities, odds / odds.sum())


def test_while_a_long_backlog_is_worked_off_what_drains_it_soonest_is_best():
    mean = belief().mean
    mean[0, CARRIED, -1] = -2.0
    mean[0, LOAD, -1] = np.log(0.2)  # the highest has a load of 0.2 * 12 ** 0.75, 1.3; the middle ones less
    of = belief()._replace(mean=mean, cov=np.zeros_like(belief().cov))
    stuck = TREND._replace(broken=np.array([False, True]), ratio=np.array([0.2, 4.0]))
    assert plan_of(of, trend=stuck).value.argmax() == 0
    assert plan_of(of, FIGURES._replace(drains=False), trend=stuck).value.argmax() > 0
    load = np.exp(resting(of, 2)[0][LOAD])
    lost = (plan_of(of, trend=stuck).pragmatic.max() + 0.5) * (3.0 / (1 - load) - 1)
    assert plan_of(of, trend=stuck).waits[2] == pytest.approx(lost)


def test_one_flat_severity_would_be_inverse_so_a_hopeless_world_is_graded():
    mean = belief().mean
    mean[0, LOAD, -1] = 2.0
    of = belief()._replace(mean=mean, cov=np.zeros_like(belief().cov))
    assert plan_of(of, row=5).value.argmax() == 0


def test_a_forecast_is_of_what_slos_rest_at():
    lowest, broken = held(CHANNELS, PRIOR, sure(-2.0, 0.5), TREND, np.array([0, 0]), 10)
    assert lowest.tolist() == broken.tolist()
    assert lowest[0] < 0.01 and lowest[1] > 0.99


def test_slos_that_are_no_load_break_together():
    assert np.all(DRAWS.unknowns[:, CARRIED:] == DRAWS.unknowns[:, -1:])
    np.testing.assert_allclose(DRAWS.own.mean(0), 0, atol=1e-12)
