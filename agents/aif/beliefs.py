"""What is believed of every channel at all settings: a Gaussian for each delay that telemetry may have.

The resting value of a channel at setting a is

    g(a) = φ(a)·θ + ν(a) + k

with θ and ν as in `agents.aif.settings` and an offset k, which moves with the world: of a load it is −ln of
the stage's capacity, in units of what the lowest setting costs. The unknowns are θ, the nuggets ν of the
settings that were visited last, and k, jointly Gaussian; h(a) are the figures that make g(a) of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.aif.channels import Bools
from agents.aif.settings import Floats, Response, features, weights
from agents.common.settings import joint_settings
from envs.spec import ElasticitySpec

Ints = NDArray[np.int64]

ANYWHERE = 2.0  # standard deviation of an offset's jump
N_BEFORE = 4  # settings before the present one that a load may still be of
N_OWN = 12  # settings whose nugget is kept: more than are visited within the longest delay
P_LATER = 0.7  # of a delay, ln P falls by so much per interval: 60 % of drawn training worlds have none


class Prior(NamedTuple):
    """What is believed before anything was seen, over c = channels, n = settings, d = unknowns.

    Attributes:
        settings: level per knob, shape (n, n_knobs).
        table: φ, shape (n, f).
        mean, cov: of the unknowns, shapes (c, d) and (c, d, d); d = f + N_OWN + 1.
        own_var: variance of a nugget, shape (c,).
        drift, jump, noise, least_noise: see `Response`, shape (c,).
    """

    settings: Ints
    table: Floats
    mean: Floats
    cov: Floats
    own_var: Floats
    drift: Floats
    jump: Floats
    noise: Floats
    least_noise: Floats


class Belief(NamedTuple):
    """The filters, over l = delays still thought possible, c = channels, d = unknowns.

    Attributes:
        delays: in intervals, ascending, shape (l,).
        ln_p: ln P of each, up to a constant, likewise.
        mean, cov: of the unknowns, shapes (l, c, d) and (l, c, d, d).
        own: row of the setting that each kept nugget is of, -1 for none, shape (N_OWN,).
        used: when it was visited last.
        rows: of the settings in force in the last intervals, the newest last.
        row: of the setting that the last reading was of, by the delay, shape (l,).
        n_held: intervals for which it had been held, but for the first.
        past: whether what is broken was so before that setting, shape (l, c).
        has_heard: whether any reading has come.
        time: decisions so far.
    """

    delays: Ints
    ln_p: Floats
    mean: Floats
    cov: Floats
    own: Ints
    used: Ints
    rows: Ints
    row: Ints
    n_held: Ints
    past: Bools
    has_heard: bool
    time: int

    @property
    def p_delays(self) -> Floats:
        """Return P of each delay, shape (l,)."""
        p = np.exp(self.ln_p - self.ln_p.max())
        return p / p.sum()

    @property
    def likeliest(self) -> int:
        """Return the place of the most probable delay."""
        return int(self.ln_p.argmax())


def prior_of(
    spec: ElasticitySpec, steps: Sequence[Sequence[Floats]], responses: Sequence[Response], learns: bool
) -> Prior:
    """Return what is believed of channels at first.

    Args:
        spec: the stream.
        steps: per channel, see `Channels`.
        responses: of each.
        learns: whether anything but offsets is to be learned.

    Raises:
        ValueError: more joint settings than a table has room for.
    """
    settings = joint_settings(spec.n_levels)
    table = features(settings, spec.n_levels)
    f, size = table.shape[1], table.shape[1] + N_OWN + 1
    means, covs = np.zeros((len(responses), size)), np.zeros((len(responses), size, size))
    for mean, cov, own_steps, response in zip(means, covs, steps, responses, strict=True):
        mean[:f], cov[:f, :f] = weights(own_steps, response, learns)
        mean[-1], cov[-1, -1] = response.start, response.start_sd**2
        np.fill_diagonal(cov[f:-1, f:-1], response.own_sd**2 * learns)
    fields = ("drift", "jump", "noise", "least_noise")
    figures = {name: np.array([getattr(response, name) for response in responses]) for name in fields}
    own_var = np.array([response.own_sd**2 * learns for response in responses])
    return Prior(settings, table, means, covs, own_var, **figures)


def beginning(prior: Prior, longest_delay: int, row: int) -> Belief:
    """Return the belief when an episode begins.

    Args:
        prior: see there.
        longest_delay: that telemetry may have, in intervals, >= 0.
        row: of the setting in force.
    """
    n, c = longest_delay + 1, len(prior.mean)
    delays = np.arange(n)
    return Belief(
        delays=delays,
        ln_p=-P_LATER * delays.astype(float),
        mean=np.repeat(prior.mean[None], n, 0),
        cov=np.repeat(prior.cov[None], n, 0),
        own=np.full(N_OWN, -1),
        used=np.full(N_OWN, -1),
        rows=np.full(n + N_BEFORE, row),
        row=np.full(n, row),
        n_held=np.zeros(n, np.int64),
        past=np.zeros((n, c), np.bool_),
        has_heard=False,
        time=0,
    )


def visited(prior: Prior, belief: Belief, row: int) -> Belief:
    """Return the belief with room for a setting's own nugget, in place of that visited the longest ago."""
    is_kept = row in belief.own
    place = int((belief.own == row).argmax() if is_kept else belief.used.argmin())
    own, used = belief.own.copy(), belief.used.copy()
    own[place], used[place] = row, belief.time
    if is_kept:
        return belief._replace(used=used)
    mean, cov = belief.mean.copy(), belief.cov.copy()
    unknown = prior.table.shape[1] + place
    mean[..., unknown] = 0.0
    cov[..., unknown, :] = cov[..., unknown] = 0.0
    cov[..., unknown, unknown] = prior.own_var
    return belief._replace(own=own, used=used, mean=mean, cov=cov)


def along(prior: Prior, belief: Belief, rows: Ints) -> Floats:
    """Return h of settings, shape (r, d), from their rows, shape (r,)."""
    f = prior.table.shape[1]
    h = np.ones((rows.size, prior.mean.shape[1]))
    h[:, :f] = prior.table[rows]
    h[:, f:-1] = belief.own == rows[:, None]
    return h


def everywhere(prior: Prior, belief: Belief) -> tuple[Floats, Floats]:
    """Return mean and variance of g at every setting, by delay and channel, shape (l, c, n) each."""
    f, table = prior.table.shape[1], prior.table
    mean = belief.mean[..., :f] @ table.T + belief.mean[..., -1:]
    half = belief.cov[..., :f, :f] @ table.T + 2 * belief.cov[..., :f, -1, None]
    variance = np.einsum("nf,lcfn->lcn", table, half)
    variance += (belief.cov[..., -1, -1] + prior.own_var)[..., None]
    kept = belief.own[belief.own >= 0]
    h = along(prior, belief, kept)
    mean[..., kept] = belief.mean @ h.T
    variance[..., kept] = np.einsum("rd,lcdr->lcr", h, belief.cov @ h.T)
    return mean, np.maximum(variance, 0.0)


def known_of(prior: Prior, belief: Belief) -> Prior:
    """Return the prior of the next episode: θ as it is believed now, all else as at first."""
    f, at = prior.table.shape[1], belief.likeliest
    mean, cov = prior.mean.copy(), prior.cov.copy()
    mean[:, :f], cov[:, :f, :f] = belief.mean[at, :, :f], belief.cov[at, :, :f, :f]
    return prior._replace(mean=mean, cov=cov)
