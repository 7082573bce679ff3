"""The largest of several stages, in bins."""

import numpy as np

from agents.causal.metrics import in_bins, largest, largest_in_bins

MEANS = np.array(
    [[-0.5, 0.2, -3.0], [-0.4, -2.5, -3.1], [-9.0, -0.1, -3.0]]
)  # of three stages, three settings
VARIANCES = np.array([[0.04, 0.01, 0.3], [0.09, 0.02, 0.3], [0.01, 0.5, 0.0]])


def test_the_largest_of_normals_is_that_of_their_bins_also_where_some_are_far_below():
    together = largest_in_bins(MEANS, VARIANCES)
    each = in_bins(MEANS, VARIANCES)
    by_hand = np.stack([largest(list(each[:, setting])) for setting in range(3)])
    np.testing.assert_allclose(together, by_hand, atol=1e-8)


def test_of_one_stage_it_is_that_stage():
    np.testing.assert_allclose(
        largest_in_bins(MEANS[:1], VARIANCES[:1]), in_bins(MEANS[0], VARIANCES[0]), atol=1e-8
    )
