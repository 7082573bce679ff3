"""The trained networks as arrays, and what they say: plain NumPy, so that acting imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from envs.spec import ElasticitySpec

RATIO_FLOOR = 0.05  # added to a ratio before its logarithm is taken
CLIP = 10.0  # of a normalised observation, in standard deviations; VecNormalize's default
EPSILON = 1e-8  # added to a variance, likewise

Floats = NDArray[np.float32]
Layers = tuple[tuple[Floats, Floats], ...]  # (weight of shape (n_out, n_in), bias), tanh between them


@dataclass(frozen=True, slots=True)
class Network:
    """Policy and value network, and the normalisation of what they see.

    Attributes:
        is_ratio: which entries of an observation are ratios, see `features`, shape (n_observed,).
        mean, variance: of each feature in training, likewise.
        policy: its last layer gives the logits of every knob's levels, one knob after the other.
        value: its last layer gives the value in units of `return_scale`.
        return_scale: standard deviation of the discounted return in training.
    """

    is_ratio: NDArray[np.bool_]
    mean: Floats
    variance: Floats
    policy: Layers
    value: Layers
    return_scale: float

    def __post_init__(self) -> None:
        for name, layers in (("policy", self.policy), ("value", self.value)):
            width = self.is_ratio.shape[0]
            for weight, bias in layers:
                if weight.shape != (bias.shape[0], width):
                    raise ValueError(
                        f"{name} network: expected a layer of {width} inputs, got weights of shape "
                        f"{weight.shape} and {bias.shape[0]} biases"
                    )
                width = bias.shape[0]

    def logits(self, observation: Floats) -> Floats:
        """Of every knob's levels, shape (..., Σ levels), for observations of shape (..., n_observed)."""
        return forward(self.policy, self._normalised(observation))

    def returns(self, observation: Floats) -> NDArray[Any]:
        """Discounted return that the policy expects, shape (...)."""
        return forward(self.value, self._normalised(observation))[..., 0] * self.return_scale

    def _normalised(self, observation: Floats) -> Floats:
        scaled = (features(observation, self.is_ratio) - self.mean) / np.sqrt(
            self.variance + np.float32(EPSILON)
        )
        return np.clip(scaled, -CLIP, CLIP, dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything under a name each, for a checkpoint."""
        named: dict[str, NDArray[Any]] = {
            "is_ratio": self.is_ratio,
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
        """From what `arrays` returned.

        Raises:
            ValueError: something is missing, or does not fit.
        """
        try:
            layers = {name: _layers(arrays, name) for name in ("policy", "value")}
            return cls(
                arrays["is_ratio"],
                arrays["mean"],
                arrays["variance"],
                return_scale=float(arrays["return_scale"]),
                **layers,
            )
        except KeyError as error:
            raise ValueError(f"a network needs {error.args[0]}; there are {sorted(arrays)}") from None


def features(observation: Floats, is_ratio: NDArray[np.bool_]) -> Floats:
    """What the networks see: of ratios the logarithm, for a tenth of a bound is as far from it as tenfold.

    Args:
        observation: shape (..., n_observed).
        is_ratio: shape (n_observed,).
    """
    return np.where(is_ratio, np.log(observation + np.float32(RATIO_FLOOR)), observation)


def ratio_entries(spec: ElasticitySpec) -> NDArray[np.bool_]:
    """Which entries of the spec's observations are ratios."""
    k, s = len(spec.knobs), len(spec.slos)
    entries = np.arange(k + 2 * s + len(spec.metrics))
    return (entries >= k) & (entries < k + s)


def _layers(arrays: Mapping[str, NDArray[Any]], name: str) -> Layers:
    layers: list[tuple[Floats, Floats]] = []
    while not layers or f"{name}.{len(layers)}.weight" in arrays:
        prefix = f"{name}.{len(layers)}"
        layers.append((arrays[f"{prefix}.weight"], arrays[f"{prefix}.bias"]))
    return tuple(layers)


def forward(layers: Layers, inputs: Floats) -> Floats:
    """Through all layers, with tanh between them: shape (..., n_in) to (..., n_out)."""
    *hidden, (weight, bias) = layers
    for inner_weight, inner_bias in hidden:
        inputs = np.tanh(inputs @ inner_weight.T + inner_bias)
    return inputs @ weight.T + bias


def choose(logits: Floats, n_levels: Sequence[int]) -> NDArray[np.int64]:
    """The likeliest level of every knob, shape (..., n_knobs)."""
    ends = np.cumsum(n_levels)[:-1]
    return np.stack([part.argmax(axis=-1) for part in np.split(logits, ends, axis=-1)], axis=-1)


def probabilities(logits: Floats, n_levels: Sequence[int]) -> list[NDArray[np.float64]]:
    """Of the levels of each knob, for one observation's logits."""
    parts = np.split(logits.astype(np.float64), np.cumsum(n_levels)[:-1])
    weights = [np.exp(part - part.max()) for part in parts]
    return [weight / weight.sum() for weight in weights]
