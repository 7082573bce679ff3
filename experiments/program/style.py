"""How every picture and every page of this project looks.

Pictures by matplotlib's parameters, and colours and lines in their order; pages begin with page.html.j2, and
need no network, no script and no other style.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from experiments.program.errors import ConfigError
from experiments.program.files import whole

STYLE: Any = mpl.rc_params_from_file(
    Path(__file__).with_name("elasticbench.mplstyle"), use_default_template=False
)
COLOURS: Sequence[str] = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
LINES = ("-", "--", "-.", ":")
FORMATS = (".png", ".svg", ".pdf")


@contextmanager
def drawn_to(path: Path, width_in: float, height_in: float) -> Iterator[Figure]:
    """A figure to draw on, in inches, which is then written as what its name ends in, whole or not at all.

    Raises ConfigError: that is none of FORMATS.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(f"a picture's name must end in {', '.join(FORMATS)}, got {path}")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width_in, height_in))
        yield figure
        with whole(path) as partial:
            figure.savefig(partial, format=path.suffix.removeprefix("."))


def rendered(template: Path, **values: Any) -> str:
    """Return the text of a page; all that is filled in is escaped."""
    loader = FileSystemLoader([template.parent, Path(__file__).parent])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template.name).render(values)
