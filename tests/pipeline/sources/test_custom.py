"""A source of somebody else's is looked at before it is used."""

import json

import numpy as np
import pytest

from pipeline.cli import parse_options, to_argv
from pipeline.naming import named
from pipeline.options import ProducerOptions, SourceKind
from pipeline.sources.base import SourceError, SourceFrame
from pipeline.sources.custom import check_source, custom_source, text_of, value_of
from pipeline.sources.memory import MemorySource
from pipeline.sources.opening import open_source

HERE = __name__


class Grey:
    """Pictures of one grey, ten per second."""

    is_live = False

    def __init__(self, level: int = 7, width: int = 32, name: str = "") -> None:
        if level < 0:
            raise RuntimeError("no such grey")
        self.width, self.height, self.fps, self.name = width, 16, 10.0, name
        self._level, self._index = level, 0
        self.closed = False

    def peek(self) -> int | None:
        return self._index * 100_000_000

    def read(self) -> SourceFrame:
        image = np.full((self.height, self.width, 3), self._level, np.uint8)
        return SourceFrame(self._index, self._index * 100_000_000, image)

    def skip(self) -> None:
        self._index += 1

    def restart(self, seed: int) -> None:
        self._index = 0

    def close(self) -> None:
        self.closed = True


class Skipless(Grey):
    skip = None  # type: ignore[assignment]


class Empty(Grey):
    def peek(self) -> None:
        return None


class Flat(Grey):
    def read(self) -> SourceFrame:
        return SourceFrame(0, 0, np.zeros((self.height, self.width), np.uint8))


class Fractional(Grey):
    def peek(self) -> float:  # type: ignore[override]
        return 0.5


class Faulty(Grey):
    def read(self) -> SourceFrame:
        raise ZeroDivisionError("a bug in it")


def test_the_class_is_made_of_its_arguments_with_their_types():
    texts = {"level": "9", "name": text_of("9")}
    options = ProducerOptions(source=SourceKind.CUSTOM, factory="pipeline.sources.custom.value_of")
    assert options.arguments == {}
    source = custom_source(f"{HERE}.Grey", texts)
    assert isinstance(source, Grey)
    assert (source.read().image[0, 0, 0], source.name) == (9, "9")


def test_arguments_survive_the_command_line_of_the_producer():
    arguments = {
        name: text_of(value) for name, value in (("a", 1), ("b", "1"), ("c", None), ("d", [1.5, "x"]))
    }
    options = ProducerOptions(source=SourceKind.CUSTOM, factory="my.Drone", arguments=arguments)
    again = parse_options(ProducerOptions, "producer", to_argv(options))
    assert again == options
    assert [value_of(text) for text in again.arguments.values()] == [1, "1", None, [1.5, "x"]]


def test_text_by_hand_needs_no_quotes():
    assert value_of("harbour") == "harbour"
    assert json.loads(text_of("harbour")) == "harbour"


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        ("Grey", {}, r"factory: expected package\.module\.Name, got 'Grey'$"),
        ("no.Grey", {}, r"factory: no\.Grey is not there: no module no is installed or on PYTHONPATH$"),
        ("pipeline.Grey", {}, r"factory: pipeline\.Grey is not there: pipeline has no Grey$"),
        (f"{HERE}.HERE", {}, r"HERE cannot be called with \{\}: .* is not a callable object$"),
        (f"{HERE}.Grey", {"hue": "1"}, r"cannot be called with \{'hue': 1\}: got an unexpected keyword"),
        (f"{HERE}.Grey", {"level": "-1"}, r"Grey could not be made: RuntimeError: no such grey$"),
        (f"{HERE}.dict_of", {}, r"is no source: it lacks peek, read, skip, restart, close, width"),
        (f"{HERE}.Skipless", {}, r"Skipless is no source: it lacks skip \(pipeline/sources/base\.py\)$"),
        (f"{HERE}.Grey", {"width": "3.5"}, r"Grey\.width must be a whole number of px >= 1, got 3\.5$"),
        (f"{HERE}.Empty", {}, r"Empty has no first picture: peek\(\) gives None$"),
        (f"{HERE}.Fractional", {}, r"Fractional\.peek\(\) must give whole nanoseconds >= 0, got 0\.5$"),
        (
            f"{HERE}.Flat",
            {},
            r"uint8 pictures of shape \(16, 32, 3\), C-contiguous, got uint8 of \(16, 32\)$",
        ),
        (f"{HERE}.Faulty", {}, r"Faulty has no first picture: ZeroDivisionError: a bug in it$"),
    ],
)
def test_what_is_no_source_is_one_sentence(factory, arguments, message):
    options = ProducerOptions(source=SourceKind.CUSTOM, factory=factory, arguments=arguments)
    with pytest.raises(SourceError, match=message):
        open_source(options)


def dict_of() -> dict[str, int]:
    """No source."""
    return {}


def test_what_is_refused_is_closed(monkeypatch):
    made = []
    monkeypatch.setattr(Flat, "close", lambda self: made.append(self))
    with pytest.raises(SourceError):
        custom_source(f"{HERE}.Flat", {})
    assert len(made) == 1


def test_ours_are_sources_too():
    check_source(MemorySource([np.zeros((4, 6, 3), np.uint8)], 5.0), "memory")


def test_a_module_that_breaks_while_it_is_imported_says_how(tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "worse_module.py").write_text("raise RuntimeError('on purpose')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        ValueError, match=r"^broken_module cannot be imported: it needs the module a_module_that"
    ):
        named("broken_module.Thing")
    with pytest.raises(ValueError, match=r"^worse_module cannot be imported: RuntimeError: on purpose$"):
        named("worse_module.Thing")
