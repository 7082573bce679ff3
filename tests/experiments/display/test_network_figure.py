"""An agent's network becomes a picture."""

import numpy as np

from agents.causal.picture import Picture
from agents.causal.structure import Kind
from experiments.display.network_figure import placed, plot_network
from tests.agents.streams import ledger

PICTURE = Picture(
    kinds={"a": Kind.KNOB, "b": Kind.KNOB, "m": Kind.METRIC, "o": Kind.SLO},
    edges=(("a", "m"), ("b", "m"), ("m", "o")),
    curves=(np.linspace(1, 0, 4)[:, None], np.linspace(1, 0.5, 3)[:, None]),
)


def test_knobs_are_left_of_metrics_and_these_left_of_slos():
    places = placed(PICTURE)
    assert places["a"][0] == places["b"][0] < places["m"][0] < places["o"][0]
    assert places["a"][1] > places["b"][1]


def test_a_png_is_written(tmp_path):
    plot_network(PICTURE, ledger().spec, "a run", tmp_path / "network.png")
    assert (tmp_path / "network.png").read_bytes().startswith(b"\x89PNG")
