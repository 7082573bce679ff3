"""An agent's network for people and for pgmpy: its graph, what an intervention does, and the same as CPTs."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

from agents.base import NetworkFigure
from agents.causal import metrics
from agents.causal.model import Model
from agents.causal.structure import Kind, Node
from agents.causal.tables import n_states
from agents.common.bins import N_BINS

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork


def network_figure(model: Model, setting: int, horizon: int) -> NetworkFigure:
    """Return the figure of a model as it is, at a joint setting; SLOs are judged after so many intervals."""
    variables, levels = model.variables, model.settings[setting]
    edges = edges_of(model)
    used = {node for edge in edges for node in edge}
    kinds = {variables.name(node): node.kind for node in nodes_in_order(model) if node in used}
    curves = []
    for knob, n_levels in enumerate(variables.spec.n_levels):
        settings = np.tile(levels, (n_levels, 1))
        settings[:, knob] = np.arange(n_levels)
        indices = np.atleast_1d(np.ravel_multi_index(tuple(settings.T), variables.spec.n_levels))
        curves.append(model.look_ahead(indices, horizon).each_fulfilled)
    names = tuple((variables.name(cause), variables.name(effect)) for cause, effect in edges)
    return NetworkFigure(kinds, names, tuple(curves))


def nodes_in_order(model: Model) -> tuple[Node, ...]:
    """Return knobs, stages where there are several, metrics, earlier states, SLOs."""
    spec = model.variables.spec
    slos = range(len(spec.slos))
    return (
        *(Node(Kind.KNOB, i) for i in range(len(spec.knobs))),
        *(Node(Kind.STAGE, i) for i in range(len(spec.stages)) if len(spec.stages) > 1),
        *(Node(Kind.METRIC, i) for i in sorted(set(model.variables.metric_of))),
        *(Node(Kind.BEFORE, i) for i in slos if spec.slos[i].memory),
        *(Node(Kind.SLO, i) for i in slos),
    )


def edges_of(model: Model) -> list[tuple[Node, Node]]:
    """Return the edges: knobs lead to stages and metrics, stages to their metrics, parents to their SLO."""
    nodes = nodes_in_order(model)
    knobs, stages, above = (
        [n for n in nodes if n.kind is kind] for kind in (Kind.KNOB, Kind.STAGE, Kind.METRIC)
    )
    edges = [(knob, stage) for knob in knobs for stage in stages]
    for metric in above:
        is_binding = model.variables.belief_of[metric.index] is None
        edges += [(cause, metric) for cause in (stages if stages and is_binding else knobs)]
    for slo, table in enumerate(model.tables):
        edges += [(parent, Node(Kind.SLO, slo)) for parent in table.parents]
    return edges


def as_pgmpy(model: Model) -> "DiscreteBayesianNetwork":
    """Return the network of the next interval in pgmpy, to be asked anything; it takes seconds to import.

    Knobs are uniform. An SLO with memory was certainly where it was seen last. Stages are summed out.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what pgmpy imports and does not call
        from pgmpy.factors.discrete import TabularCPD
        from pgmpy.models import DiscreteBayesianNetwork
    variables, spec = model.variables, model.variables.spec
    knobs = [Node(Kind.KNOB, i) for i in range(len(spec.knobs))]
    metric_nodes = [node for node in nodes_in_order(model) if node.kind is Kind.METRIC]
    edges = [(knob, metric) for knob in knobs for metric in metric_nodes]
    edges += [edge for edge in edges_of(model) if edge[1].kind is Kind.SLO]
    network = DiscreteBayesianNetwork([(variables.name(a), variables.name(b)) for a, b in edges])
    cpds = [
        TabularCPD(variables.name(k), n, np.full((n, 1), 1 / n))
        for k, n in zip(knobs, spec.n_levels, strict=True)
    ]
    for node in nodes_in_order(model):
        name = variables.name(node)
        if node.kind is Kind.METRIC:
            table = model.expectation(node.index, slice(None)).T
            evidence = [variables.name(knob) for knob in knobs]
            cpds.append(TabularCPD(name, metrics.N_BINS, table, evidence, list(spec.n_levels)))
        elif node.kind is Kind.BEFORE and name in network:
            belief = np.eye(N_BINS)[:, [max(model.previous_bins[node.index], 0)]]
            cpds.append(TabularCPD(name, N_BINS, belief))
        elif node.kind is Kind.SLO:
            parents = model.tables[node.index].parents
            table = model.tables[node.index].probabilities.reshape(-1, N_BINS).T
            evidence = [variables.name(parent) for parent in parents]
            cpds.append(TabularCPD(name, N_BINS, table, evidence, list(n_states(spec, parents))))
    network.add_cpds(*cpds)
    return network
