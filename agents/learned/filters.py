"""What settings do to each stage and SLO, learned within an episode: Kalman filters side by side.

For every channel c (a stage's ln pressure, or an SLO's ln ratio) of every episode

    y_c(a) = κ_c + Σ_k β_ck x_ck(a) + noise,

with x the ln costs of the levels. κ follows what the world can take, and jumps with it; the slopes β are the
world's own, near those of the spec. One filter per lag L holds that what is seen now was done L intervals
ago; which of them is right shows in how well they predict the pressures. The figures below are round ones:
none of them was searched.
"""

import numpy as np
from numpy.typing import NDArray

from agents.learned.streams import Streams

N_LAGS = 4  # telemetry that is 0 ... 3 intervals late
LN_SLOWER = -0.7  # ln of how much rarer one more interval of lag is
LEVEL_SD = 2.0  # of κ, before anything was seen
STAGE_SLOPE, STAGE_SLOPE_SD = 0.75, 0.4  # overheads make real costs flatter than those of the spec
SLO_SLOPE, SLO_SLOPE_SD = 0.15, 0.3  # of an SLO that carries the past
FLOOR_SLOPE_SD = 0.5  # of a lower bound, about 0: either way may mend it
DRIFT = 0.03  # sd of κ's change in an interval
STAGE_NOISE, SLO_NOISE = 0.08, 0.15  # sd of a reading
JUMP = 3.0  # standard deviations from which on a reading of a stage is a jump
OUTLIER = -6.0  # least ln likelihood of a reading: one proves nothing
KEPT = 0.98  # of the evidence for a lag, from one interval to the next

Array = NDArray[np.float64]


class Filters:
    """The filters of n episodes with C = q + s channels and d = 1 + k coefficients.

    Attributes:
        mean: of κ and the slopes, shape (n, N_LAGS, C, d).
        covariance: likewise, (n, N_LAGS, C, d, d).
        evidence: ln of how probable each lag is, up to a constant, (n, N_LAGS).
        surprise: size of the last prediction errors of the stages under the likeliest lag, in [0, 1], (n,).
    """

    def __init__(self, streams: Streams) -> None:
        n, _, k, s, q = streams.shape
        self._n_stages, self._everyone = q, np.arange(n)
        slopes = np.where(streams.is_floor, 0.0, np.where(streams.has_memory, SLO_SLOPE, STAGE_SLOPE))
        slope_sds = np.where(
            streams.is_floor, FLOOR_SLOPE_SD, np.where(streams.has_memory, SLO_SLOPE_SD, STAGE_SLOPE_SD)
        )
        slopes = np.concatenate([np.full(q, STAGE_SLOPE), slopes])
        slope_sds = np.concatenate([np.full(q, STAGE_SLOPE_SD), slope_sds])
        self._noise = np.concatenate([np.full(q, STAGE_NOISE), np.full(s, SLO_NOISE)]) ** 2
        self._first_mean = np.stack([np.zeros(q + s), *[slopes] * k], axis=1)
        sds = np.stack([np.full(q + s, LEVEL_SD), *[slope_sds] * k], axis=1)
        self._first_covariance = sds[..., np.newaxis] ** 2 * np.eye(1 + k)
        self.mean = np.empty((n, N_LAGS, q + s, 1 + k))
        self.covariance = np.empty((n, N_LAGS, q + s, 1 + k, 1 + k))
        self.evidence = np.empty((n, N_LAGS))
        self.surprise = np.empty(n)
        self.begin(np.ones(n, np.bool_))

    def begin(self, which: NDArray[np.bool_]) -> None:
        """Forget what was learned in these episodes."""
        self.mean[which], self.covariance[which] = self._first_mean, self._first_covariance
        self.evidence[which] = LN_SLOWER * np.arange(N_LAGS)
        self.surprise[which] = 0.0

    @property
    def lag(self) -> NDArray[np.intp]:
        """Return the likeliest lag of each episode, shape (n,)."""
        return self.evidence.argmax(axis=1)

    def see(self, inputs: NDArray[np.floating], seen: Array, extra: Array) -> None:
        """Take one interval's readings into account.

        Args:
            inputs: of the settings that were in force 0 ... N_LAGS - 1 intervals ago, (n, N_LAGS, C, d).
            seen: the readings, NaN where there is none, (n, C).
            extra: variance of each beyond its noise, (n, C).
        """
        q = self._n_stages
        self.covariance[..., 0, 0] += DRIFT**2
        known = ~np.isnan(seen)[:, np.newaxis]
        error = np.where(known, np.nan_to_num(seen)[:, np.newaxis] - (self.mean * inputs).sum(axis=-1), 0.0)
        noise = (self._noise + extra)[:, np.newaxis]
        spread = np.einsum("nlcde,nlce->nlcd", self.covariance, inputs)
        variance = (spread * inputs).sum(axis=-1) + noise
        fit = -0.5 * (error**2 / variance + np.log(variance))[..., :q]
        self.evidence *= KEPT
        self.evidence += np.where(known[..., :q], np.maximum(fit, OUTLIER), 0.0).sum(axis=-1)
        self.evidence += (1 - KEPT) * LN_SLOWER * np.arange(N_LAGS)
        self.evidence -= self.evidence.max(axis=1, keepdims=True)
        jumped = np.zeros(error.shape)
        jumped[..., :q] = np.where(error**2 > JUMP**2 * variance, error**2, 0.0)[..., :q]
        self.covariance[..., 0, 0] += jumped  # κ alone, whose input is 1
        spread[..., 0] += jumped
        variance += jumped
        gain = np.where(known[..., np.newaxis], spread / variance[..., np.newaxis], 0.0)
        self.mean += gain * error[..., np.newaxis]
        self.covariance -= gain[..., np.newaxis] * spread[..., np.newaxis, :]
        size = np.abs(error[self._everyone, self.lag, :q]).max(axis=-1)
        self.surprise += 0.2 * (np.minimum(size, 1.0) - self.surprise)

    def predict(self, inputs: NDArray[np.floating]) -> tuple[Array, Array]:
        """Return what each channel is expected to come to at every setting, and its standard deviation.

        Args:
            inputs: shape (n, C, N, d).

        Returns:
            Two arrays of shape (n, C, N), under the likeliest lag.
        """
        mean = self.mean[self._everyone, self.lag]
        covariance = self.covariance[self._everyone, self.lag]
        expected = (inputs @ mean[..., np.newaxis])[..., 0]
        variance = ((inputs @ covariance) * inputs).sum(axis=-1)
        return expected, np.sqrt(np.maximum(variance, 0.0) + self._noise[:, np.newaxis])
