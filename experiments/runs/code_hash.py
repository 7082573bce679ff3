"""Which code a result depends on: the sources that a module imports, of its own package and of ours."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path

OURS = ("agents", "envs", "pipeline")  # what decides what happens; experiments only looks on
REAL, SIMULATED, REPLAYED = "envs.pipeline_env", "envs.simulator.env", "envs.replay.env"  # the worlds


@cache
def source_hash(module: str) -> str:
    """12 hexadecimal digits that change with any source that this module imports, directly or not."""
    own, _, _ = module.partition(".")
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = None if name in found else source_of(name)
        if path is not None:
            found[name] = path
            waiting += [other for other in imports_of(path) if other.partition(".")[0] in (*OURS, own)]
    digest = hashlib.sha256()
    for name, path in sorted(found.items()):
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def source_of(module: str) -> Path | None:
    """A module's file, found without importing anything; None if it has none, or is no module."""
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent.joinpath(*inner)
    if not inner:
        return Path(spec.origin)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Names of all that a source imports: modules, the packages that they are in, things in them."""
    return tuple(sorted(set(_imports(ast.parse(path.read_text(encoding="utf-8"))))))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from accumulate(name.split("."), lambda outer, inner: f"{outer}.{inner}")
