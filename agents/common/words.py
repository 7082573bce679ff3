"""Values of conf/agent/*.yaml that are one of a few words."""

from enum import StrEnum
from typing import NoReturn


class Word(StrEnum):
    """A word of a file, which `class Policy(Word, file="conf/agent/bandit.yaml")` names in errors."""

    def __init_subclass__(cls, file: str) -> None:
        cls.file = file

    @classmethod
    def _missing_(cls, value: object) -> NoReturn:
        name = cls.__name__.lower()
        raise ValueError(f"{name} must be {' or '.join(cls)}, got {value!r} ({cls.file})")
