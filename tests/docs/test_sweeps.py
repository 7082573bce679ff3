"""The sweep that README shows has no run that cannot begin."""

import re
import shlex

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from experiments.config.composing import register
from experiments.config.schemas import CONF, RunConfig
from experiments.sweeps.sweep import by_point, combinations
from experiments.worlds.plan import plan_run
from tests.docs.pages import DOCS

SWEEP = re.compile(r"python -m experiments\.run -m ((?:.*\\\n)*.*)")


def test_every_run_of_the_sweep_in_readme_can_begin():
    found = SWEEP.search((DOCS.parent / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    words = [word for word in shlex.split(found[1].replace("\\\n", " ")) if not word.startswith("hydra/")]
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        points = by_point(combinations(words, GlobalHydra.instance().config_loader()))
        worlds = {tuple(word for word in point if not word.startswith("agent=")) for point in points}
        assert len(worlds) > 1
        for world in worlds:
            config = OmegaConf.to_object(compose("config", list(world)))
            assert isinstance(config, RunConfig)
            plan_run(config)
