"""An agent's values against its class: whoever wrote it, a wrong key is found before anything starts."""

import difflib
import inspect
from dataclasses import fields, is_dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from agents.base import Agent
from experiments.complaints import ConfigError
from pipeline.naming import named

TARGET = "_target_"
HYDRAS = frozenset({TARGET, "_convert_", "_recursive_"})  # keys that Hydra reads itself
SPEC = "spec"  # the argument that every agent is given
CUSTOM = "agent=custom agent._target_=my_package.MyAgent +agent.KEY=VALUE"


def check_agent(values: DictConfig, place: str) -> None:
    """Hold an agent's values against the arguments of its class.

    Args:
        values: with the class's dotted path under `_target_`; left alone while that has no value.
        place: of them, for the text of an error, e.g. "agent".

    Raises:
        ConfigError: there is no such class, it is no agent, it lacks a key, or needs one that is not there.
    """
    if not isinstance(values, DictConfig) or TARGET not in values.keys():  # noqa: SIM118 - `in` hides "???"
        raise ConfigError(f"{place} names no class: expected {TARGET}, e.g. {CUSTOM}")
    if OmegaConf.is_missing(values, TARGET):
        return
    target = str(values[TARGET])
    parameters = inspect.signature(_class_of(target, place)).parameters
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    known = [
        name
        for name, one in parameters.items()
        if name != SPEC and one.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    given = [str(name) for name in values if name not in HYDRAS]
    unknown = [] if takes_any else [name for name in given if name not in known]
    if unknown:
        raise ConfigError(_unknown(unknown[0], known, target, place, values))
    for name in known:
        if name not in given and parameters[name].default is inspect.Parameter.empty:
            raise ConfigError(f"{place} has no key {name!r}, which {target} needs: say +{place}.{name}=...")


def _class_of(target: str, place: str) -> Any:
    try:
        found = named(target)
    except ValueError as error:
        raise ConfigError(f"{place}.{TARGET}: {error}") from error
    if not inspect.isclass(found) or not issubclass(found, Agent):
        raise ConfigError(f"{place}.{TARGET}: {target} must be a subclass of agents.base.Agent, and is not")
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(found.__abstractmethods__))
        raise ConfigError(f"{place}.{TARGET}: {target} lacks {lacking}, which every agent has")
    if SPEC not in inspect.signature(found).parameters:
        raise ConfigError(f"{place}.{TARGET}: {target} must take the argument {SPEC}, the stream's spec")
    return found


def _unknown(key: str, known: list[str], target: str, place: str, values: DictConfig) -> str:
    """The sentence about a key that a class does not take."""
    text = f"{place} has a key {key!r}, but {target} takes {', '.join(known) or 'no key of its own'}"
    schema = OmegaConf.get_type(values)
    if is_dataclass(schema) and key in {field.name for field in fields(schema)}:
        return f"{text}; for a class of your own say {CUSTOM}"  # ours takes it: the class is what was changed
    close = difflib.get_close_matches(key, known, n=1)
    return f"{text}; did you mean {close[0]}?" if close else text
