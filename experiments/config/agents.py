"""From an agent's values to the agent; what is wrong is found before anything starts, whoever wrote it."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.config.derived import arguments_of, schema_of
from experiments.program.errors import ConfigError, blaming, sentence
from pipeline.naming import named

TARGET = "_target_"
HYDRAS = frozenset({TARGET, "_convert_", "_recursive_"})  # keys that Hydra reads itself
SPEC = "spec"  # the argument that every agent is given
CUSTOM = "agent=custom agent._target_=my_package.MyAgent +agent.KEY=VALUE"


def make_agent(values: DictConfig, spec: ElasticitySpec, place: str = "agent", **changed: Any) -> Agent:
    """Make an agent of its values, for a stream's spec; `changed` are arguments that differ from the values.

    Raises:
        ConfigError: a value is wrong, as for `typed_values`, or its constructor fails.
    """
    found = typed_values(values, place)
    try:
        with blaming(place):
            return instantiate(found, _partial_=True)(spec=spec, **changed)
    except (ConfigError, HydraException):
        raise
    except Exception as error:  # a stranger's constructor may fail in any way
        raise ConfigError(f"{place}: {sentence(error)}") from error


def typed_values(values: DictConfig, place: str = "agent") -> DictConfig:
    """Hold an agent's values against the arguments of its class.

    Args:
        values: with the class's dotted path under `_target_`.
        place: of them, for the text of an error, e.g. "agent".

    Returns:
        The same, resolved, each of its argument's type; as they are while the class is not known yet.

    Raises:
        ConfigError: there is no such class, it is no agent, it lacks a key, needs one that is not there, or a
            value is of another type.
    """
    if not isinstance(values, DictConfig) or TARGET not in values.keys():  # noqa: SIM118 - `in` hides "???"
        raise ConfigError(f"{place} names no class: expected {TARGET}, e.g. {CUSTOM}")
    if OmegaConf.is_missing(values, TARGET):
        return values
    target = str(values[TARGET])
    return OmegaConf.create(_typed(values, _agent_class(target, place), frozenset({SPEC}), place))


def _typed(
    values: DictConfig, target: Callable[..., Any], given: frozenset[str], place: str
) -> dict[str, Any]:
    """Likewise, of anything that is made of values; `given` are the arguments that it gets otherwise."""
    arguments = arguments_of(target)
    known = [name for name in arguments if name not in given]
    takes_any = any(one.kind is one.VAR_KEYWORD for one in inspect.signature(target).parameters.values())
    plain = OmegaConf.to_container(values, resolve=True)
    assert isinstance(plain, dict)
    plain = {str(name): value for name, value in plain.items()}
    own = {name: value for name, value in plain.items() if name not in HYDRAS}
    unknown = [name for name in own if name not in known]
    if unknown and not takes_any:
        raise ConfigError(_unknown(unknown[0], known, values, place))
    for name in known:
        if name not in own and arguments[name].default is inspect.Parameter.empty:
            raise ConfigError(
                f"{place} has no key {name!r}, which {values[TARGET]} needs: say +{place}.{name}=..."
            )
    made = {}
    for name, value in own.items():
        if isinstance(value, dict) and TARGET in value:
            inside = f"{place}.{name}"
            made[name] = _typed(values[name], _class(value[TARGET], inside), frozenset(), inside)
    schema = OmegaConf.structured(schema_of(target, given.union(made)))
    simple = {name: value for name, value in own.items() if name in known and name not in made}
    try:
        typed = OmegaConf.to_container(OmegaConf.merge(schema, simple))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{place}.{sentence(error)}") from None  # it would be told instead of this
    assert isinstance(typed, dict)
    return {**plain, **{name: typed[name] for name in simple}, **made}


def _class(target: str, place: str) -> Any:
    with blaming(f"{place}.{TARGET}"):
        return named(str(target))


def _agent_class(target: str, place: str) -> Any:
    found = _class(target, place)
    if not inspect.isclass(found) or not issubclass(found, Agent):
        raise ConfigError(f"{place}.{TARGET}: {target} must be a subclass of agents.base.Agent, and is not")
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(found.__abstractmethods__))
        raise ConfigError(f"{place}.{TARGET}: {target} lacks {lacking}, which every agent has")
    if SPEC not in inspect.signature(found).parameters:
        raise ConfigError(f"{place}.{TARGET}: {target} must take the argument {SPEC}, the stream's spec")
    return found


def _unknown(key: str, known: list[str], values: DictConfig, place: str) -> str:
    """Return the sentence about a key that a class does not take."""
    text = f"{place} has a key {key!r}, but {values[TARGET]} takes {', '.join(known) or 'no key of its own'}"
    if close := difflib.get_close_matches(key, known, n=1):
        return f"{text}; did you mean {close[0]}?"
    is_ours = str(values[TARGET]).startswith(f"{Agent.__module__.partition('.')[0]}.")
    return text if is_ours else f"{text}; for a class of your own say {CUSTOM}"
