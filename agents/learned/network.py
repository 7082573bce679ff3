"""The trained networks as arrays, and what they say: plain NumPy, so that acting imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.learned.features import Floats

CLIP = 10.0  # of a normalised feature, in standard deviations; VecNormalize's default
EPSILON = 1e-8  # added to a variance, likewise

Layers = tuple[tuple[Floats, Floats], ...]  # (weight of shape (n_out, n_in), bias), tanh between them


@dataclass(frozen=True, slots=True)
class Network:
    """What was learned, and the normalisation of what it sees.

    Attributes:
        depth: observations that are seen at once.
        mean, variance: in training, of each figure that is seen (see `Memory`), shape (n_seen,).
        policy: its last layer scores the levels, see `choose`.
        value: its last layer gives the value in units of `return_scale`; () = the scores are values of joint
            settings, and the best of them is the value.
        return_scale: standard deviation of the discounted return in training.
    """

    depth: int
    mean: Floats
    variance: Floats
    policy: Layers
    value: Layers
    return_scale: float

    def __post_init__(self) -> None:
        if self.depth < 1 or self.mean.ndim != 1 or self.variance.shape != self.mean.shape:
            raise ValueError(
                f"expected depth >= 1, and mean and variance of one vector each, got {self.depth}, "
                f"{self.mean.shape} and {self.variance.shape}"
            )
        for name, layers in (("policy", self.policy), ("value", self.value)):
            width = self.mean.shape[0]
            for weight, bias in layers:
                if weight.shape != (bias.shape[0], width):
                    raise ValueError(
                        f"{name} network: expected a layer of {width} inputs, got weights of shape "
                        f"{weight.shape} and {bias.shape[0]} biases"
                    )
                width = bias.shape[0]

    @property
    def is_joint(self) -> bool:
        """Return whether scores are of joint settings, and not of each knob's levels."""
        return not self.value

    def scores(self, seen: Floats) -> Floats:
        """Return scores of the levels, shape (..., n_scores), for what a `Memory` says, (..., n_seen)."""
        return forward(self.policy, self._normalised(seen))

    def returns(self, seen: Floats) -> NDArray[Any]:
        """Return the discounted return that is expected, shape (...)."""
        if self.is_joint:
            return self.scores(seen).max(axis=-1) * self.return_scale
        return forward(self.value, self._normalised(seen))[..., 0] * self.return_scale

    def _normalised(self, seen: Floats) -> Floats:
        scaled = (seen - self.mean) / np.sqrt(self.variance + np.float32(EPSILON))
        return np.clip(scaled, -CLIP, CLIP, dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything under a name each, for a checkpoint."""
        named: dict[str, NDArray[Any]] = {
            "depth": np.array(self.depth),
            "mean": self.mean,
            "variance": self.variance,
            "return_scale": np.array(self.return_scale),
        }
        for name, layers in (("policy", self.policy), ("value", self.value)):
            for i, (weight, bias) in enumerate(layers):
                named |= {f"{name}.{i}.weight": weight, f"{name}.{i}.bias": bias}
        return named

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the network from what `arrays` returned.

        Raises:
            ValueError: something is missing, or does not fit.
        """
        try:
            return cls(
                int(arrays["depth"]),
                arrays["mean"],
                arrays["variance"],
                _layers(arrays, "policy"),
                _layers(arrays, "value") if "value.0.weight" in arrays else (),
                float(arrays["return_scale"]),
            )
        except KeyError as error:
            raise ValueError(f"a network needs {error.args[0]}; there are {sorted(arrays)}") from None


def _layers(arrays: Mapping[str, NDArray[Any]], name: str) -> Layers:
    layers: list[tuple[Floats, Floats]] = []
    while not layers or f"{name}.{len(layers)}.weight" in arrays:
        prefix = f"{name}.{len(layers)}"
        layers.append((arrays[f"{prefix}.weight"], arrays[f"{prefix}.bias"]))
    return tuple(layers)


def forward(layers: Layers, inputs: Floats) -> Floats:
    """Return what comes of inputs (..., n_in) through all layers, tanh between them: (..., n_out)."""
    *hidden, (weight, bias) = layers
    for inner_weight, inner_bias in hidden:
        inputs = np.tanh(inputs @ inner_weight.T + inner_bias)
    return inputs @ weight.T + bias


def choose(scores: Floats, n_levels: Sequence[int], is_joint: bool) -> NDArray[np.int64]:
    """Return the levels that score best, shape (..., n_knobs).

    Args:
        scores: of every joint setting, in C order of the levels, if `is_joint`; else the logits of every
            knob's levels, one knob after the other.
        n_levels: per knob.
        is_joint: whose the scores are.
    """
    if is_joint:
        return np.stack(np.unravel_index(scores.argmax(axis=-1), tuple(n_levels)), axis=-1)
    ends = np.cumsum(n_levels)[:-1]
    return np.stack([part.argmax(axis=-1) for part in np.split(scores, ends, axis=-1)], axis=-1)


def probabilities(logits: Floats, n_levels: Sequence[int]) -> list[NDArray[np.float64]]:
    """Return probabilities of the levels of each knob, for one observation's logits."""
    parts = np.split(logits.astype(np.float64), np.cumsum(n_levels)[:-1])
    weights = [np.exp(part - part.max()) for part in parts]
    return [weight / weight.sum() for weight in weights]
