"""The network that decides is a Bayesian network: its answers are enumeration's, and pgmpy's."""

import itertools
from typing import Any

import numpy as np
import pytest

from agents.causal.agent import Causal
from agents.causal.model import Model
from agents.causal.outlook import outlook
from agents.causal.structure import Kind, Node, Structure
from agents.causal.tables import Cpt
from agents.common.bins import N_BINS, N_FULFILLED
from tests.agents.episodes import make, run
from tests.agents.streams import ledger, lidar, video


def causal(spec, **changes):
    agent = make("causal", spec, **changes)
    assert isinstance(agent, Causal)
    return agent


FEW = [(0, 0), (2, 1), (3, 2)]


@pytest.fixture(scope="module")
def agent():
    """On the smallest stream, after some steps of a world."""
    stream = ledger()
    agent = causal(stream.spec, horizon=1)
    run(agent, stream.plant(0.5), (3, 2), [1.0] * 12)
    return agent


@pytest.mark.filterwarnings("ignore::FutureWarning:pgmpy.*")
def test_do_queries_equal_pgmpys_inference(agent):
    pytest.importorskip("pgmpy")
    from pgmpy.inference import VariableElimination

    network = agent.network()
    assert network.check_model()  # what is negligible, ours leaves out
    query = VariableElimination(network)
    ours = agent._model.look_ahead(slice(None), 1)
    spec = agent.spec
    for setting in FEW:
        index = np.ravel_multi_index(setting, spec.n_levels)
        do: dict[Any, int] = {
            f"set {knob.name}": level for knob, level in zip(spec.knobs, setting, strict=True)
        }
        answer: Any = query.query(["backlog_s"], evidence=do, show_progress=False)
        theirs = answer.values[:N_FULFILLED].sum()
        assert ours.all_fulfilled[0, index] == pytest.approx(theirs, abs=1e-3)


def table_of(parents, rng, shape):
    prior = rng.dirichlet(np.ones(N_BINS), size=shape)
    return Cpt(parents, prior, 1.0, 1.0)


def test_two_intervals_of_a_learned_structure_equal_enumeration():
    """Two SLOs below one metric: the first hangs on its past and a knob, the second on a knob alone."""
    rng = np.random.default_rng(0)
    n_metric = 64
    metric, knob, before = Node(Kind.METRIC, 0), Node(Kind.KNOB, 0), Node(Kind.BEFORE, 0)
    first = table_of((metric, knob, before), rng, (n_metric, 2, N_BINS))
    second = table_of((knob,), rng, (2,))
    expectation = np.zeros((2, n_metric))
    expectation[:, [3, 40]] = [[0.25, 0.75], [0.5, 0.5]]
    settings = np.array([[0], [1]])
    found = outlook([first, second], (0, 0), [expectation], [4, 0], settings, horizon=2)
    for s, e in itertools.product((0, 1), (1, 2)):
        total = 0.0
        for m in (3, 40):
            belief = first.probabilities[m, s, 4]
            if e == 2:
                belief = belief @ first.probabilities[m, s]
            both = belief[:N_FULFILLED].sum() * second.probabilities[s, :N_FULFILLED].sum()
            total += expectation[s, m] * both
        assert found.all_fulfilled[e - 1, s] == pytest.approx(total)


@pytest.mark.parametrize("build", (video, ledger, lidar))
def test_every_slo_hangs_on_a_metric_and_one_with_memory_on_where_it_was(build):
    spec = build().spec
    variables = causal(spec)._model.variables
    for slo, parents in enumerate(variables.given):
        kinds = [Kind.METRIC, Kind.BEFORE] if spec.slos[slo].memory else [Kind.METRIC]
        assert [node.kind for node in parents] == kinds
        assert set(parents) <= set(variables.candidates[slo])


def test_a_picture_has_every_knob_and_slo_and_curves_that_fall_with_cost():
    stream = video()
    agent = causal(stream.spec)
    run(agent, stream.plant(0.3), stream.spec.highest, [1.0] * 20)
    picture = agent.network_figure()
    kinds = list(picture.kinds.values())
    assert (kinds.count(Kind.KNOB), kinds.count(Kind.SLO)) == (3, 5)
    assert ("set fps", "congestion") in picture.edges
    assert [curve.shape for curve in picture.curves] == [(6, 5), (4, 5), (3, 5)]
    assert all(np.diff(curve[:, 4]).max() < 0.01 for curve in picture.curves)  # the load's


def test_a_learned_structure_follows_the_samples_and_a_learned_agent_stays_elastic():
    pytest.importorskip("pgmpy")
    stream = video()
    agent = causal(stream.spec, structure=Structure.LEARNED)
    agent.warm_up()
    episode = run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 30 + [0.3] * 30)
    assert episode.figures[-1]["n_relearned"] >= 1
    assert episode.fulfilment(45) >= 0.9
    assert isinstance(agent._model, Model)
    assert agent.network_figure().edges
