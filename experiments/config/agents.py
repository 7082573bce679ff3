"""From an agent's values to the agent; what is wrong is found before anything starts, whoever wrote it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from hydra import compose
from hydra.errors import HydraException, MissingConfigException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from agents.base import Agent
from agents.learned.agent import Learned
from envs.spec import ElasticitySpec
from experiments.config.derived import arguments_of, schema_of
from experiments.program.errors import ConfigError, blaming, no_key, sentence
from pipeline.naming import named

TARGET = "_target_"
HYDRAS = frozenset({TARGET, "_convert_", "_recursive_"})  # keys that Hydra reads itself
SPEC = "spec"  # the argument that every agent is given
CUSTOM = "agent=custom agent._target_=my_package.MyAgent +agent.KEY=VALUE"


def make_agent(values: DictConfig, spec: ElasticitySpec, place: str = "agent", **changed: Any) -> Agent:
    """Make an agent of its values, for a stream's spec; `changed` are arguments that differ from the values.

    Raises ConfigError: a value is wrong, as for `typed_values`, or its constructor fails.
    """
    found = typed_values(values, place)
    try:
        with blaming(place):
            return instantiate(found, _partial_=True)(spec=spec, **changed)
    except (ConfigError, HydraException):
        raise
    except Exception as error:  # a stranger's constructor may fail in any way
        raise ConfigError(f"{place}: {sentence(error)}") from error


def agent_values(
    name: str, results: str, place: str, overrides: Mapping[str, Any] | None = None
) -> DictConfig:
    """Return what conf/agent/NAME.yaml is made of, inside a `hydra.main` or an initialised Hydra.

    `results` is the folder that checkpoints are in; `place` names the agent in errors; `overrides` are values
    that are others than in the file. Raises ConfigError: there is no such agent, or a value is wrong.
    """
    try:
        whole = compose(f"agent/{name}")
        with open_dict(whole):
            whole.results = results
        OmegaConf.resolve(whole)
        values = OmegaConf.merge(whole["agent"], dict(overrides or {}))
    except MissingConfigException as error:
        raise ConfigError(f"{place}: there is no conf/agent/{name}.yaml") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{place}: {sentence(error)}") from error
    assert isinstance(values, DictConfig)
    return typed_values(values, place)


def typed_values(values: DictConfig, place: str = "agent") -> DictConfig:
    """Hold an agent's values against the arguments of its class, whose dotted path is under `_target_`.

    Returns them resolved, each of its argument's type; as they are while the class is not known yet.
    `place` names them in errors. Raises ConfigError: there is no such class, it is no agent, it lacks a key,
    needs one that is not there, or a value is of another type.
    """
    if not isinstance(values, DictConfig) or TARGET not in values.keys():  # noqa: SIM118 - `in` hides "???"
        raise ConfigError(f"{place} names no class: expected {TARGET}, e.g. {CUSTOM}")
    if OmegaConf.is_missing(values, TARGET):
        return values
    plain: Any = OmegaConf.to_container(values, resolve=True)
    return OmegaConf.create(_typed(plain, _agent_class(plain[TARGET], place), frozenset({SPEC}), place))


def is_learned(values: DictConfig) -> bool:
    """Whether an agent of these values is one that is trained beforehand."""
    return issubclass(get_class(values[TARGET]), Learned)


def _typed(
    values: Mapping[str, Any], target: Callable[..., Any], given: frozenset[str], place: str
) -> dict[str, Any]:
    """Likewise, of anything that is made of values; `given` are the arguments that it gets otherwise."""
    arguments = {name: one for name, one in arguments_of(target).items() if name not in given}
    own = {name: value for name, value in values.items() if name not in HYDRAS}
    takes_any = any(one.kind is one.VAR_KEYWORD for one in inspect.signature(target).parameters.values())
    if (unknown := [name for name in own if name not in arguments]) and not takes_any:
        hint = "" if target.__module__.startswith("agents.") else f"for a class of your own say {CUSTOM}"
        raise ConfigError(no_key(place, unknown[0], arguments, hint))
    for name, argument in arguments.items():
        if name not in own and argument.default is inspect.Parameter.empty:
            raise ConfigError(
                f"{place} has no key {name!r}, which {values[TARGET]} needs: say +{place}.{name}=..."
            )
    made = {
        name: _typed(value, _class(value[TARGET], f"{place}.{name}"), frozenset(), f"{place}.{name}")
        for name, value in own.items()
        if isinstance(value, dict) and TARGET in value
    }
    simple = {name: value for name, value in own.items() if name in arguments and name not in made}
    schema = OmegaConf.structured(schema_of(target, given.union(made)))
    try:
        typed = OmegaConf.to_container(OmegaConf.merge(schema, simple))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{place}.{sentence(error)}") from None  # it would be told instead of this
    assert isinstance(typed, dict)
    return {**values, **{name: typed[name] for name in simple}, **made}


def _class(target: str, place: str) -> Any:
    with blaming(f"{place}.{TARGET}"):
        return named(str(target))


def _agent_class(target: str, place: str) -> Any:
    found = _class(target, place)
    if not inspect.isclass(found) or not issubclass(found, Agent):
        raise ConfigError(f"{place}.{TARGET}: {target} must be a subclass of agents.base.Agent, and is not")
    if SPEC not in inspect.signature(found).parameters:
        raise ConfigError(f"{place}.{TARGET}: {target} must take the argument {SPEC}, the stream's spec")
    return found
