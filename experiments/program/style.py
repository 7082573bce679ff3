"""How every picture of this project looks: matplotlib's parameters, and colours and lines in their order."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments.program.files import whole

STYLE: Any = mpl.rc_params_from_file(
    Path(__file__).with_name("elasticbench.mplstyle"), use_default_template=False
)
COLOURS: Sequence[str] = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
LINES = ("-", "--", "-.", ":")


@contextmanager
def drawn_to(path: Path, width_in: float, height_in: float) -> Iterator[Figure]:
    """A figure to draw on, in inches, which is then written as what its name ends in, whole or not at all."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width_in, height_in))
        yield figure
        with whole(path) as partial:
            figure.savefig(partial, format=path.suffix.removeprefix("."))
