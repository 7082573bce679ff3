"""`python -m tests.golden.record`: play the golden set and record its figures anew, where they shall change.

What changed is in the diff of `figures.json`; the commit that has it says why.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden import fixture
from tests.golden.figures import differences, read
from tests.golden.programs import play_runs, play_study, play_training


def main() -> None:
    """Play, say what is no longer as it was, write."""
    with TemporaryDirectory(prefix="elasticbench-golden-") as folder:
        for play in (play_runs, play_study, play_training):
            play(Path(folder))
        figures, traces = read(Path(folder))
    if (fixture.FOLDER / fixture.FIGURES).exists():
        before, traces_before = fixture.load()
        for line in differences(before | traces_before, figures | traces):
            print(line)
    fixture.save(figures, traces)
    print(f"{len(traces)} runs and {len(figures) - len(traces)} tables are recorded in {fixture.FOLDER}")


if __name__ == "__main__":
    main()
