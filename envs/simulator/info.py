"""`info` as `envs.observe.judge` documents it, of one episode or of all, from the simulator's arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.simulator.records import N_WORKERS
from envs.simulator.system import System
from envs.simulator.verdicts import FRAMES, METRICS, QUALITIES
from envs.spec import ElasticitySpec

SINGLES = ("step", "qoe", "streams", "interval_s")
OF_WORKERS = (
    *("utilisation", "service_ms", "processed", "in_hand"),
    *("expected_service_ms", "expected_transfer_ms"),
)


class Info:
    """Reads what the last step left in the verdicts.

    Args:
        system: any of those that are simulated: its ladders and queue policy.
        verdicts: VERDICT, shape (n,).
    """

    def __init__(self, spec: ElasticitySpec, system: System, verdicts: NDArray[Any]) -> None:
        self._policy = str(system.queue_policy)
        knobs, slos = [knob.name for knob in spec.knobs], [slo.metric for slo in spec.slos]
        self._ladders = system.ladders
        self._fps = np.array(self._ladders.fps)
        self._sizes = np.array(self._ladders.sizes)
        self._groups = [
            (group, names, values[:, : len(names)])
            for group, values, names in (
                ("metrics", verdicts["metrics"], METRICS),
                ("ratios", verdicts["ratios"], slos),
                ("slos", verdicts["states"], slos),
                ("known", verdicts["known"].view(np.bool_), slos),
                ("thresholds", verdicts["thresholds"], slos),
                ("delivered", verdicts["delivered"], knobs),
                ("levels", verdicts["levels"], knobs),
                ("qoe_by", verdicts["qoe_by"], QUALITIES),
                ("frames", verdicts["frames"], FRAMES),
            )
        ]
        self._first = [(group, names, values[0]) for group, names, values in self._groups]
        self._singles = [(name, verdicts[name]) for name in SINGLES]
        self._of_workers = [(name, verdicts[name]) for name in OF_WORKERS]
        self._is_live, self._n_workers = verdicts["is_live"].view(np.bool_), verdicts["n_workers"]
        self._levels, self._frames = verdicts["levels"], verdicts["frames"]
        self._interval_s = verdicts["interval_s"]
        self._worker_names = [f"worker-{w}" for w in range(N_WORKERS)]

    def of_first(self) -> dict[str, Any]:
        """The info of the first episode."""
        info: dict[str, Any] = {
            name: dict(zip(names, row.tolist(), strict=True)) for name, names, row in self._first
        }
        for name, values in self._singles:
            info[name] = values.item(0)
        fps, size, grade = info["levels"].values()
        width, height = self._ladders.sizes[size]
        info["settings"] = {
            "fps": self._ladders.fps[fps],
            "width": width,
            "height": height,
            "grade": grade,
        }
        n_dropped = info["frames"]["dropped"]
        info["drops"] = {self._policy: n_dropped} if n_dropped else {}
        info["workers"] = {
            self._worker_names[w]: {name: values.item(0, w) for name, values in self._of_workers}
            for w in range(self._n_workers.item(0))
            if self._is_live.item(0, w)
        }
        info["overrun"], info["stale"] = False, info["interval_s"] == 0.0
        info["deaths"] = info["restarts"] = 0  # whoever dies here was meant to
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
            # one pass over the records for all of a group's columns
            block = values.copy() if everyone else np.where(chosen[:, np.newaxis], values, 0)
            inner: dict[str, Any] = {}
            for name, column in zip(names, block.T, strict=True):
                inner[name], inner[f"_{name}"] = column, chosen
            add(info, group, inner)
        for name, values in self._singles:
            add(info, name, values)
        levels = self._levels
        settings: dict[str, Any] = {}
        for name, values in (
            ("fps", self._fps[levels[:, 0]]),
            ("width", self._sizes[levels[:, 1], 0]),
            ("height", self._sizes[levels[:, 1], 1]),
            ("grade", levels[:, 2]),
        ):
            add(settings, name, values)
        add(info, "settings", settings)
        self._add_drops_and_workers(info, chosen, add)
        add(info, "overrun", np.zeros(len(chosen), np.bool_))
        add(info, "stale", self._interval_s == 0.0)
        add(info, "deaths", np.zeros(len(chosen), np.int64))
        add(info, "restarts", np.zeros(len(chosen), np.int64))
        return info

    def _add_drops_and_workers(self, info: dict[str, Any], chosen: NDArray[np.bool_], add: Any) -> None:
        n_dropped = self._frames[:, FRAMES.index("dropped")]
        drops: dict[str, Any] = {}
        has_dropped = chosen & (n_dropped > 0)
        if has_dropped.any():
            add(drops, self._policy, n_dropped, has_dropped)
        add(info, "drops", drops)
        workers: dict[str, Any] = {}
        for w, worker in enumerate(self._worker_names):
            is_live = chosen & self._is_live[:, w]
            if is_live.any():
                figures: dict[str, Any] = {}
                for name, values in self._of_workers:
                    add(figures, name, values[:, w], is_live)
                add(workers, worker, figures, is_live)
        add(info, "workers", workers)
