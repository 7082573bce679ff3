"""An agent's network becomes a picture."""

import numpy as np

from agents.base import NetworkFigure
from experiments.display.plots import placed, plot_network
from tests.agents.streams import ledger

FIGURE = NetworkFigure(
    kinds={"a": "knob", "b": "knob", "m": "metric", "o": "SLO"},
    edges=(("a", "m"), ("b", "m"), ("m", "o")),
    curves=(np.linspace(1, 0, 4)[:, None], np.linspace(1, 0.5, 3)[:, None]),
)


def test_knobs_are_left_of_metrics_and_these_left_of_slos():
    places = placed(FIGURE)
    assert places["a"][0] == places["b"][0] < places["m"][0] < places["o"][0]
    assert places["a"][1] > places["b"][1]


def test_a_png_is_written(tmp_path):
    plot_network(FIGURE, ledger().spec, "a run", tmp_path / "network.png")
    assert (tmp_path / "network.png").read_bytes().startswith(b"\x89PNG")
