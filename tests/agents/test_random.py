"""Uniform levels."""

import numpy as np

from tests.agents.episodes import run


def test_every_level_of_every_knob_is_as_likely(streams, agent_for):
    episode = run(agent_for("random", "ledger"), streams["ledger"].plant(2.0), (0, 0), [1.0] * 600)
    for knob, n in enumerate((4, 3)):
        counts = np.bincount([levels[knob] for levels in episode.levels], minlength=n)
        assert np.all(np.abs(counts - 600 / n) < 4 * np.sqrt(600 / n))


def test_another_seed_draws_other_levels(streams, agent_for):
    first, second = (
        run(agent_for("random", "video"), streams["video"].plant(2.0), (0, 0, 0), [1.0] * 8, seed=seed)
        for seed in (1, 2)
    )
    assert first.levels != second.levels
