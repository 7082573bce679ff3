"""How the simulator's functions are compiled: once per version of their sources, then read from a cache.

Numba's own cache looks at the file of a function only, not at the files of the functions it calls, and would
go on with the old code when one of those has changed. So the cache lives in a folder named after all of them.
"""

import dis
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
from numba.core import config as numba_config

from pipeline.allowance import cache_folder

HERE = Path(__file__).resolve().parent
NOT_COMPILED = {
    *("branches.py", "env.py", "fleet.py", "info.py", "mixture.py", "system.py", "tables.py", "vector.py"),
}
SOURCES = (
    *sorted(path for path in HERE.glob("*.py") if path.name not in NOT_COMPILED),
    HERE.parent / "hardware.py",
    HERE.parent / "reward.py",
    HERE.parent / "scenario.py",
    HERE.parent / "video.py",
    HERE.parent / "worth.py",
    HERE.parents[1] / "pipeline" / "catalogue.py",
    HERE.parents[1] / "pipeline" / "content.py",
    HERE.parents[1] / "pipeline" / "findings.py",
    HERE.parents[1] / "pipeline" / "interval.py",
    HERE.parents[1] / "pipeline" / "metrics.py",
    HERE.parents[1] / "pipeline" / "producer" / "occupancy.py",
    HERE.parents[1] / "pipeline" / "producer" / "outlook.py",
    HERE.parents[1] / "pipeline" / "producer" / "stream.py",
    HERE.parents[1] / "pipeline" / "producer" / "transport.py",
    HERE.parents[1] / "pipeline" / "service_times.py",
    HERE.parents[1] / "pipeline" / "slos.py",
    HERE.parents[1] / "pipeline" / "worker" / "timing.py",
)


def compiled(function: Callable[..., Any]) -> Any:
    """The function as machine code, compiled when it is first called; other threads run meanwhile.

    Plain functions of its own module that it calls are compiled with it.
    """
    config: Any = numba_config  # its names are made when it is imported
    before, config.CACHE_DIR = config.CACHE_DIR, str(_cache())
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(_with_callees(function))
    finally:
        config.CACHE_DIR = before


def _with_callees(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, calling compiled ones where it would call plain ones of its module."""
    names: dict[str, Any] = function.__globals__
    used = {each.argval for each in dis.get_instructions(function) if each.opname == "LOAD_GLOBAL"}
    called = {
        name: compiled(names[name])
        for name in used
        if isinstance(names.get(name), FunctionType) and names[name].__module__ == function.__module__
    }
    if not called:
        return function
    return FunctionType(
        function.__code__,
        {**names, **called},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


@functools.cache
def _cache() -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in SOURCES:
        digest.update(path.read_bytes())
    return cache_folder() / "numba" / digest.hexdigest()[:16]
