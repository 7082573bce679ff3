"""Active inference as in the published predecessor of this project, so that it can be beaten in the open.

The predecessor is the repository JohnnyElaine/bsc_aif_parallel_pipeline (2025) and the bachelor's thesis at
TU Wien that it belongs to. Re-implemented from its description on pymdp 1.x (Heins et al. 2022, JOSS 7(73))
and not improved; what its model is, and what of it could not be known, is said in `agents.aif_thesis.model`.
Each cycle: infer the levels, value the policies, take the best, learn A. Of pymdp's choices that the
description leaves open its defaults are taken: fixed-point iteration, utility and state information gain, no
parameter information gain. An SLO that was not measured counts as OK, for that is the state an unknown
reading has.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from pymdp.agent import Agent as PymdpAgent
from pymdp.maths import dirichlet_expected_value, stable_entropy

from agents.aif_thesis.model import build
from agents.base import Agent, State
from envs.spec import ElasticitySpec


class Figures(NamedTuple):
    """What stands behind a decision, in nats.

    Attributes:
        expected_free_energy: of the chosen policy.
        policy_entropy: of the posterior over policies.
    """

    expected_free_energy: Any
    policy_entropy: Any


class Memory(NamedTuple):
    """What is carried from one decision to the next.

    Attributes:
        agent: pymdp's, with A as learned so far.
        prior: P(level) per knob, predicted for the interval to come.
    """

    agent: PymdpAgent
    prior: list[Array]


@partial(jax.jit, static_argnums=0)
def decide(structure: Any, leaves: list[Any], seen: list[Any], rate: Any) -> tuple[Any, list[Any], Figures]:
    """Run one cycle. Taking a `Memory` apart costs as much as the cycle, so its leaves are carried.

    Args:
        structure: of the memory, as jax.tree has it.
        leaves: of the memory, as the last cycle left them.
        seen: level per knob and state per SLO, each of shape (1,).
        rate: of learning A.

    Returns:
        (move per knob: 0 down, 1 none, 2 up; leaves to carry on; the figures behind the decision).
    """
    memory = jax.tree.unflatten(structure, leaves)
    agent = memory.agent
    beliefs = agent.infer_states(seen, memory.prior)
    q_policies, neg_efe = agent.infer_policies(beliefs)
    action = agent.sample_action(q_policies)
    prior = agent.update_empirical_prior(action, beliefs)
    figures = Figures(-neg_efe[0, jnp.argmax(q_policies[0])], stable_entropy(q_policies[0]))
    learned = agent.infer_parameters(beliefs, [o[:, None] for o in seen], action, lr_pA=rate)
    return action[0], jax.tree.leaves(Memory(learned, prior)), figures


def on_device(arrays: Sequence[NDArray[np.float64]]) -> list[Any]:
    """Return the same arrays for JAX, of 32 bits."""
    return [jnp.asarray(array, dtype=jnp.float32) for array in arrays]


class ThesisActiveInference(Agent):
    """One level down, none or up per knob and decision, by expected free energy over the knobs alone.

    Args:
        spec: the stream.
        load_weights: of each knob in the load index that the prior of A stands on; see `model.load_weights`.
        gamma: precision of the choice among policies, > 0.
        alpha: precision of the choice among actions, > 0; without effect where the best is taken.
        learning_rate: of A, >= 0.

    Raises:
        ValueError: a figure out of range, or a spec with too many joint settings or policies.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        load_weights: Sequence[float],
        gamma: float,
        alpha: float,
        learning_rate: float,
    ):
        super().__init__(spec)
        if min(gamma, alpha) <= 0 or learning_rate < 0 or min(load_weights) < 0:
            raise ValueError(
                "gamma and alpha must be > 0, learning_rate and load_weights >= 0, got "
                f"{gamma}, {alpha}, {learning_rate} and {list(load_weights)} (conf/agent/aif_thesis.yaml)"
            )
        self._rate = np.float32(learning_rate)
        self._tops = np.array(spec.highest)
        self._warn_at = np.array([slo.warn_at for slo in spec.slos])
        model = build(spec, load_weights)
        self._born = PymdpAgent(
            A=on_device(model.A),
            B=on_device(model.B),
            C=on_device(model.C),
            D=on_device(model.D),
            pA=[pA[None] for pA in on_device(model.A)],
            A_dependencies=model.A_dependencies,
            B_dependencies=[[i] for i in range(len(spec.knobs))],
            num_controls=[3] * len(spec.knobs),
            control_fac_idx=list(range(len(spec.knobs))),
            policies=jnp.asarray(model.policies),
            gamma=gamma,
            alpha=alpha,
            learn_A=True,
        )
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode, but not what was loaded; nothing here is random."""
        self._remember(self._born.D)

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the best policy's move from the levels in force."""
        levels, states = self._states(observation)
        seen = list(np.array([*levels, *states], dtype=np.int32)[:, None])
        move, self._leaves, figures = decide(self._structure, self._leaves, seen, self._rate)
        self._figures = jax.device_get(figures)
        return np.clip(levels + np.asarray(move, dtype=np.int64) - 1, 0, self._tops)

    def warm_up(self) -> None:
        """Compile; some seconds the first time."""
        nothing = list(np.zeros((len(self.spec.knobs) + len(self.spec.slos), 1), dtype=np.int32))
        jax.block_until_ready(decide(self._structure, self._leaves, nothing, self._rate))

    def explain(self) -> dict[str, float]:
        """See `Figures`; all 0 before the first decision."""
        figures = self._figures or Figures(0.0, 0.0)
        return {name: float(value) for name, value in figures._asdict().items()}

    def _remember(self, prior: list[Array]) -> None:
        self._leaves, self._structure = jax.tree.flatten(Memory(self._born, prior))
        self._figures: Figures | None = None

    def _states(self, observation: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the level per knob, and state per SLO: 0 OK, 1 WARNING, 2 CRITICAL."""
        seen = self.spec.decode(observation)
        states = (seen.ratios > self._warn_at).astype(np.int64) + (seen.ratios > 1)
        return seen.levels, np.where(seen.known, states, 0)

    def _checkpoint(self) -> State:
        memory = jax.tree.unflatten(self._structure, self._leaves)
        learned = {f"pA_{i}": np.asarray(pA) for i, pA in enumerate(memory.agent.pA)}
        return learned | {f"prior_{i}": np.asarray(prior) for i, prior in enumerate(memory.prior)}

    def _restore(self, state: State) -> None:
        counts = [jnp.asarray(state[f"pA_{i}"]) for i in range(len(self._born.pA))]
        likelihoods = [dirichlet_expected_value(pA, event_dim=1) for pA in counts]
        self._born = eqx.tree_at(lambda agent: (agent.A, agent.pA), self._born, (likelihoods, counts))
        self._remember([jnp.asarray(state[f"prior_{i}"]) for i in range(len(self.spec.knobs))])
