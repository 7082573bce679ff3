"""The acceptance run, its events compressed; with the real periods: tests/experiments/survival.py."""

import pytest
from rich.console import Console

from tests.experiments.survival import Ordeal, check, undergo


@pytest.mark.real
@pytest.mark.nightly
@pytest.mark.timeout(400)
def test_a_run_that_is_hurt_all_the_time_ends_degraded_with_every_frame_accounted_for(tmp_path):
    ordeal = Ordeal(length_s=75, kill_every_s=8, poison_every_s=10)
    check(ordeal, undergo(ordeal, tmp_path, Console(quiet=True)))
