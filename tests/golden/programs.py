"""What the golden set plays: programs as a user calls them, with words that stay as they are.

Figures must not depend on where they are computed: one thread, and no instructions beyond AVX2, since NumPy,
JAX and torch round logarithms and sums otherwise on processors that have more.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PINNED = {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 --xla_cpu_max_isa=AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "avx2",
    "OPENBLAS_CORETYPE": "Haswell",
}

RUNS, TRAININGS = "golden", "training"  # under RESULTS
COMPARISON, STUDY = "comparison", "comparisons/study-quick"
SWEEP_WORDS = (
    "-m",
    "agent=rule,aif,causal,mpc",
    "hardware=rpi5,edge_mixed_2,jetson_orin_nano_super",
    "scenario=load_burst,worker_loss",
    "seed=range(2)",
    "env=simulator",
    "env.steps=40",
    "output.mlflow=false",
    f"name={RUNS}",
)
TRAINING_WORDS = (
    "agent=ppo",
    "training=small",
    "agent.recipe.total_steps=4096",
    "agent.recipe.n_envs=16",
    "agent.recipe.n_steps=32",
    "agent.recipe.batch_size=256",
    "agent.recipe.evaluations=2",
    f"name={TRAININGS}",
)


class ProgramError(Exception):
    """A program did not come to its end; the text has what it said."""


def play_runs(results: Path) -> None:
    """Leave a sweep and its comparison under `results`, an empty folder. Raises ProgramError."""
    _call("experiments.run", *SWEEP_WORDS, f"results={results}")
    comparison = f"output={results / COMPARISON}"
    _call("experiments.compare", f"runs={results / RUNS}", comparison, "processes=1", f"results={results}")


def play_study(results: Path) -> None:
    """The same with a study, whose scores lie between random and an oracle."""
    _call("experiments.study", "study=quick", "processes=1", f"results={results}")


def play_training(results: Path) -> None:
    """The same with a training; what its checkpoint comes to in worlds kept from it is in its summary."""
    _call("experiments.train", *TRAINING_WORDS, f"results={results}")


def _call(program: str, *words: str) -> None:
    command: Sequence[str] = (sys.executable, "-m", program, *words)
    done = subprocess.run(command, cwd=ROOT, env=os.environ | PINNED, capture_output=True, text=True)
    if done.returncode != 0:
        raise ProgramError(f"{program} ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
