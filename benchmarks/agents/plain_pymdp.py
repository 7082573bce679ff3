"""The generative model of `aif` in pymdp's own agent, which compiles nothing: what compiling is worth.

Two SLOs, 72 joint settings. The knobs' levels, the capacity and the backlog are factors of their own, and the
likelihoods are tables over all of them; costs are taken for known, since pymdp has no belief about them.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray
from rich.console import Console

from agents.aif.agent import ActiveInference  # before jax, which it keeps on one core
from agents.common.settings import stage_costs
from benchmarks.agents.case import SETTLING, Case, busy_system, case_spec, to_one_core, values_of
from benchmarks.turns import Turn, alternate
from envs.simulator.env import SimulatorEnv

N_SLOS = 2  # the first with memory, the second without
N_OURS, N_PLAIN = 50, 1  # decisions in a turn; one of pymdp's takes seconds


def measure_plain(rounds: int) -> dict[str, list[Turn]]:
    """Return turns of `aif` and of `pymdp`, which decide about one and the same observation, on one core."""
    to_one_core()
    spec = case_spec(N_SLOS)
    ours = instantiate(values_of(Case("aif", N_SLOS)), _partial_=True)(spec=spec)
    ours.warm_up()
    ours.reset(0)
    observation, info = SimulatorEnv(spec, [busy_system(SETTLING)]).reset(seed=0)
    plain = PlainAgent(ours)
    plain()  # what JAX does once per operation
    contenders = {
        "aif": partial(_take_turn, lambda: ours.act(observation, info), N_OURS),
        "pymdp": partial(_take_turn, plain, N_PLAIN),
    }
    return alternate(contenders, rounds, "", Console(quiet=True))


def _take_turn(decide: Callable[[], Any], n: int) -> Turn:
    cpu_before_s, began_s = time.process_time(), time.perf_counter()
    for _ in range(n):
        decide()
    return Turn(n, time.perf_counter() - began_s, time.process_time() - cpu_before_s)


class PlainAgent:
    """pymdp's agent on the model of ours: one stage, one SLO with memory and one without, in this order."""

    def __init__(self, ours: ActiveInference) -> None:
        import jax.numpy as jnp
        from pymdp.agent import Agent

        self._n_levels, model = ours.spec.n_levels, ours.model
        n_knobs, n_bins = len(self._n_levels), model.C_slo.size
        knobs, capacity, backlog = list(range(n_knobs)), n_knobs, n_knobs + 1
        ln_costs = np.log([stage_costs(ours.spec, levels) for levels in model.settings])  # (a, 1)
        ln_u = ln_costs - np.log(model.capacity[0])  # (a, c)
        remembered, instant = (self._whole(model.A_slo[kind], model.ln_u, ln_u) for kind in model.kind)
        likelihoods = [
            *map(np.eye, self._n_levels),
            np.moveaxis(remembered, 0, -1),  # the bin before is the last factor
            instant[0],
            self._whole(model.A_pressure[None], model.ln_u, ln_u)[0],
        ]
        share = model.C_setting.max() / n_knobs  # of the best worth, as if knobs weighed the same
        preferences = [share * np.linspace(0.0, 1.0, n) for n in self._n_levels]
        preferences += [model.C_slo, model.C_slo, np.zeros(model.A_pressure.shape[0])]
        transitions = [np.tile(np.eye(n)[:, None, :], (1, n, 1)) for n in self._n_levels]
        transitions += [model.B[..., None], np.eye(n_bins)[..., None]]
        self._agent = Agent(
            A=[jnp.asarray(table)[None] for table in likelihoods],
            B=[jnp.asarray(table)[None] for table in transitions],
            C=[jnp.asarray(row)[None] for row in preferences],
            A_dependencies=[*([i] for i in knobs), [*knobs, capacity, backlog], *[[*knobs, capacity]] * 2],
            B_dependencies=[[factor] for factor in range(n_knobs + 2)],
        )
        self._prior: list[Any] = self._agent.D
        self._seen = [jnp.array([[index]]) for index in (*ours.spec.highest, 3, 3, 8)]

    def _whole(
        self, table: NDArray[np.float64], at: NDArray[np.float64], ln_u: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Tables (n, bins, u) at each setting's cost and each capacity: (n, bins, a knob's levels ..., c)."""
        flat = [[np.interp(ln_u, at, row) for row in rows] for rows in table]
        return np.reshape(flat, (*table.shape[:2], *self._n_levels, ln_u.shape[1]))

    def __call__(self) -> NDArray[np.int64]:
        """One decision about one and the same observation: infer, compare, choose, go on."""
        agent = self._agent
        beliefs = agent.infer_states(self._seen, self._prior)
        assert isinstance(beliefs, list)
        q_policies, _ = agent.infer_policies(beliefs)
        action = agent.sample_action(q_policies)
        self._prior = agent.update_empirical_prior(action, beliefs)
        return np.asarray(action)[0, : len(self._n_levels)]
