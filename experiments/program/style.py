"""How every picture of this project looks: matplotlib's parameters, and colours and lines in their order."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

STYLE: Any = mpl.rc_params_from_file(
    Path(__file__).with_name("elasticbench.mplstyle"), use_default_template=False
)
COLOURS: Sequence[str] = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
LINES = ("-", "--", "-.", ":")
