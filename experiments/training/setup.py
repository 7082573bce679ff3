"""What a training takes place on, whatever the world; and what it is known by."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agents.learned.recipe import Recipe
from agents.training import Worlds
from envs.spec import ElasticitySpec
from experiments.training.schemas import JudgingSchema
from experiments.worlds.run_spec import Plan

HELD_OUT_SEED = 1_000_000  # the first; training begins its episodes with seeds from the run's own on


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """Where an agent learns, and where it is judged.

    Attributes:
        spec: of every world.
        worlds: to learn in, and to choose the checkpoint in.
        names: of the worlds that are trained on.
        evaluation: worlds kept from training, by name.
        substance: all that can make a difference in `worlds`, as JSON can write it.
    """

    spec: ElasticitySpec
    worlds: Worlds
    names: tuple[str, ...]
    evaluation: Mapping[str, Plan]
    substance: Any


def check_judging(schema: JudgingSchema) -> None:
    """Raise ValueError if a number of episodes is out of range."""
    for name in ("held_out_episodes", "evaluation_seeds"):
        if getattr(schema, name) < 1:
            raise ValueError(f"{name} must be >= 1, got {getattr(schema, name)}")


def training_hash(setup: TrainingSetup, algorithm: str, recipe: Recipe, seed: int) -> str:
    """12 hexadecimal digits that change with whatever a training depends on but the code."""
    whole = {
        "spec": setup.spec.hash,
        "algorithm": algorithm,
        "recipe": asdict(recipe),
        "worlds": setup.substance,
        "held_out": list(setup.worlds.held_out_seeds),
        "seed": seed,
    }
    canonical = json.dumps(whole, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
