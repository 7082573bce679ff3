"""The bins that an SLO's ratio falls in: intervals between ascending edges, open at both ends of the list."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

BELOW_WARNING = (0.05, 0.12, 0.25, 0.5, 0.75, 0.94)  # edges of the bins that are OK, as shares of warn_at
ABOVE = (1.0, 1.3, 2.0, 4.0, 8.0)  # edges of the bins that break the SLO

N_BINS = len(BELOW_WARNING) + 1 + len(ABOVE) + 1
N_FULFILLED = len(BELOW_WARNING) + 2  # bins of OK and of WARNING


def ratio_edges(warn_at: float) -> Array:
    """Return the edges of a ratio's bins, shape (N_BINS - 1,); the bins from N_FULFILLED on break the SLO."""
    return np.array([*(share * warn_at for share in BELOW_WARNING), warn_at, *ABOVE])


def in_bins(mean: Array, sigma: Array | float, edges: Array) -> Array:
    """Return P(bin) of a normal, shape (*mean.shape, n_edges + 1); in logarithms, of a log-normal."""
    below = np.empty((*mean.shape, edges.size + 2))
    below[..., 0], below[..., -1] = 0.0, 1.0
    ndtr((edges - mean[..., None]) / np.asarray(sigma)[..., None], out=below[..., 1:-1])
    return below[..., 1:] - below[..., :-1]
