"""`info` as `envs.observe.judge` documents it, of one episode or of all, from the simulator's arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.simulator.system import System
from envs.simulator.verdicts import FRAMES, METRICS, Verdicts
from envs.spec import ElasticitySpec

Numbers = Mapping[str, Any]  # name -> number, or name -> such a mapping


class Info:
    """Reads what the last step left in the verdicts.

    Args:
        system: any of those that are simulated: its ladders and queue policy.
        episodes: records of the episodes that the verdicts are of.
    """

    def __init__(
        self, spec: ElasticitySpec, system: System, verdicts: Verdicts, episodes: NDArray[Any]
    ) -> None:
        self._verdicts, self._episodes = verdicts, episodes
        self._policy = str(system.queue_policy)
        knobs, slos = [knob.name for knob in spec.knobs], [slo.metric for slo in spec.slos]
        self._n_slos = len(slos)
        ladders = system.ladders
        self._fps = np.array(ladders.fps)
        self._widths = np.array([width for width, _ in ladders.sizes])
        self._heights = np.array([height for _, height in ladders.sizes])
        self._groups = (
            ("metrics", METRICS, verdicts.metrics),
            ("ratios", slos, verdicts.ratios),
            ("slos", slos, verdicts.states),
            ("known", slos, verdicts.known),
            ("thresholds", slos, episodes["thresholds"][:, : self._n_slos]),
            ("delivered", knobs, verdicts.delivered),
            ("levels", knobs, verdicts.levels),
            ("frames", FRAMES, verdicts.frames),
        )
        self._singles = (
            ("step", verdicts.steps),
            ("qoe", verdicts.qoe),
            ("quality", verdicts.quality),
            ("streams", verdicts.streams),
            ("interval_s", verdicts.interval_s),
        )
        self._of_workers = (
            ("utilisation", verdicts.worker_utilisation),
            ("service_ms", verdicts.worker_service_ms),
            ("processed", verdicts.worker_processed),
            ("in_hand", verdicts.worker_in_hand),
        )
        self._worker_names = [f"worker-{w}" for w in range(verdicts.worker_is_live.shape[1])]

    def of(self, i: int) -> dict[str, Any]:
        """The info of one episode."""
        info: dict[str, Any] = {
            name: dict(zip(names, values[i].tolist(), strict=True)) for name, names, values in self._groups
        }
        for name, values in self._singles:
            info[name] = values[i].item()
        fps, size, grade = self._verdicts.levels[i].tolist()
        info["settings"] = {
            "fps": self._fps[fps].item(),
            "width": self._widths[size].item(),
            "height": self._heights[size].item(),
            "grade": grade,
        }
        n_dropped = info["frames"]["dropped"]
        info["drops"] = {self._policy: n_dropped} if n_dropped else {}
        info["workers"] = {
            self._worker_names[w]: {name: values[i, w].item() for name, values in self._of_workers}
            for w, is_live in enumerate(self._verdicts.worker_is_live[i].tolist())
            if is_live
        }
        info["overrun"], info["stale"] = False, info["interval_s"] == 0.0
        return info

    def of_all(self, chosen: NDArray[np.bool_]) -> dict[str, Any]:
        """The infos of the chosen episodes as `gymnasium.vector.VectorEnv` has them.

        Every name has an array of one value per episode, and a mask under `_name` that says whose there are.
        """
        everyone = bool(chosen.all())
        info: dict[str, Any] = {}

        def add(place: dict[str, Any], name: str, values: Any, mask: NDArray[np.bool_] = chosen) -> None:
            if isinstance(values, np.ndarray):
                values = values.copy() if mask is chosen and everyone else np.where(mask, values, 0)
            place[name], place[f"_{name}"] = values, mask

        for group, names, values in self._groups:
            inner: dict[str, Any] = {}
            for name, column in zip(names, values.T, strict=True):
                add(inner, name, column)
            add(info, group, inner)
        for name, values in self._singles:
            add(info, name, values)
        levels = self._verdicts.levels
        settings: dict[str, Any] = {}
        for name, values in (
            ("fps", self._fps[levels[:, 0]]),
            ("width", self._widths[levels[:, 1]]),
            ("height", self._heights[levels[:, 1]]),
            ("grade", levels[:, 2]),
        ):
            add(settings, name, values)
        add(info, "settings", settings)
        self._add_drops_and_workers(info, chosen, add)
        add(info, "overrun", np.zeros(len(chosen), np.bool_))
        add(info, "stale", self._verdicts.interval_s == 0.0)
        return info

    def _add_drops_and_workers(self, info: dict[str, Any], chosen: NDArray[np.bool_], add: Any) -> None:
        n_dropped = self._verdicts.frames[:, FRAMES.index("dropped")]
        drops: dict[str, Any] = {}
        has_dropped = chosen & (n_dropped > 0)
        if has_dropped.any():
            add(drops, self._policy, n_dropped, has_dropped)
        add(info, "drops", drops)
        workers: dict[str, Any] = {}
        for w, worker in enumerate(self._worker_names):
            is_live = chosen & self._verdicts.worker_is_live[:, w]
            if is_live.any():
                figures: dict[str, Any] = {}
                for name, values in self._of_workers:
                    add(figures, name, values[:, w], is_live)
                add(workers, worker, figures, is_live)
        add(info, "workers", workers)
