"""A stream of two knobs and two SLOs, small enough to be enumerated, and what is believed of it."""

import numpy as np

from agents.aif.beliefs import along, beginning, prior_of, visited
from agents.aif.channels import Channels, Readings
from agents.aif.settings import Response
from agents.aif.trends import beginning_trend
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 2.0, 4.0),)),
        Knob("b", "", (1, 2), (1.0, 2.0), ((1.0, 3.0),)),
    ),
    slos=(Slo("carried", 1.0, memory=True), Slo("instant", 1.0)),
)
LOADS = Response(
    slope=0.75,
    slope_sd=0.4,
    step_sd=0.05,
    interaction_sd=0.1,
    own_sd=0.1,
    start=0.0,
    start_sd=1.0,
    drift=0.0,
    jump=0.05,
    noise=0.1,
    least_noise=0.03,
)
REST = Response(0.15, 0.3, 0.25, 0.3, 0.15, 0.0, 1.0, 0.0, 0.0, 0.1, 0.02)
CHANNELS = Channels(SPEC)
PRIOR = prior_of(SPEC, CHANNELS.steps, (LOADS, REST), learns=True)
TREND = beginning_trend(PRIOR)
LOAD, CARRIED = 0, 1


def belief(longest_delay=0, row=0):
    """At first, with room for the nugget of a setting."""
    return visited(PRIOR, beginning(PRIOR, longest_delay, row), row)


def readings(load, ratio, known=(True, True)):
    """As `Channels.read` makes them of a load and of a ratio that carries the past."""
    ratios, known = np.array([load, ratio]), np.array(known)
    y = np.array([np.log(load), np.log((ratio + 0.1) / 1.1).clip(-2.0, 0.9)])
    return Readings(y, ratios, known, np.zeros(2, np.int64), known & (ratios > 1))


def resting(of, row):
    """Mean and variance of what each channel rests at, shape (c,) each."""
    (h,) = along(PRIOR, of, np.array([row]))
    return of.mean[0] @ h, np.einsum("d,cde,e->c", h, of.cov[0], h)
