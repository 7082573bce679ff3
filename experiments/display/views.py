"""What a run shows while it goes on: plain lines here, the live picture in `experiments.display.live`."""

from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console

from envs.spec import ElasticitySpec
from experiments.program.console import say
from experiments.program.formatting import figure, setting_text
from experiments.runs.episode import Observer, Step
from pipeline.slos import SloState


class View(Observer):
    """Shows a run, as a context manager around all of it; this one shows nothing."""

    def __enter__(self) -> Self:
        """Begin to show."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the terminal as it was found."""

    def say(self, text: str) -> None:
        """Tell what is going on before the first step: programs start, models load."""


class PlainView(View):
    """Prints one line per event, for logs and pipes."""

    def __init__(self, console: Console, title: str, spec: ElasticitySpec, n_steps: int) -> None:
        self._console, self._title, self._spec, self._n_steps = console, title, spec, n_steps

    def __enter__(self) -> Self:
        self.say(self._title)
        return self

    def say(self, text: str) -> None:
        """Print a line."""
        say(self._console, text)

    def step(self, step: Step) -> None:
        """Print a line per step."""
        self.say(step_line(step, self._spec, self._n_steps))


def delivered_per_s(step: Step) -> float | None:
    """Frames/s delivered in time, of all streams; None if there was no interval or no count."""
    interval_s = step.info["interval_s"]
    delivered = step.info["metrics"].get("delivered")
    return delivered / interval_s if interval_s and delivered is not None else None


def step_line(step: Step, spec: ElasticitySpec, n_steps: int) -> str:
    """A step in one line: setting, QoE, what is broken, the figures that explain it."""
    info, metrics = step.info, step.info["metrics"]
    parts = [
        f"step {step.index + 1:>3}/{n_steps}",
        f"{setting_text(spec, step.action):<20}",
        f"QoE {info['qoe']:.2f}",
        f"reward {step.reward:+.2f}",
        f"offered {figure(metrics.get('offered_fps')):>4}/s",
        f"delivered {figure(delivered_per_s(step)):>4}/s",
        f"p95 {figure(metrics.get('latency_p95_ms'))} ms",
        f"queue {figure(metrics.get('queue_size'), 1)}",
        f"decided in {step.decision_ms:.1f} ms",
        verdict_text(info),
        *filter(None, [deaths_text(info)]),
    ]
    return "  ".join(parts)


def verdict_text(info: Mapping[str, Any]) -> str:
    """Which SLOs are broken; if none is, which were not measured."""
    broken = [name for name, state in info["slos"].items() if state == SloState.CRITICAL]
    unknown = [name for name, is_known in info["known"].items() if not is_known]
    if broken:
        return "broken: " + ", ".join(broken)
    return "not measured: " + ", ".join(unknown) if unknown else "all SLOs hold"


def deaths_text(info: Mapping[str, Any]) -> str:
    """How many programs died unplanned so far, and how many were started again; "" if none did."""
    return f"{info['deaths']} died, {info['restarts']} started again" if info["deaths"] else ""
