"""The trained networks as arrays, and what they say: plain NumPy, so that acting imports no torch.

One scorer, with the same weights for every joint setting: h_a = relu(W … relu(W [context; row_a] + b) …), and
the score of a setting is w · h_a. Which grid it is of, and how large, makes no difference. The value of a
state is another network's, of the mean and the largest of each h over all settings, and the context.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.learned.features import N_FEATURES, n_context
from agents.learned.streams import Floats

Layers = tuple[tuple[Floats, Floats], ...]  # (weight of shape (n_out, n_in), bias), relu between them


@dataclass(frozen=True, slots=True)
class Network:
    """What was learned.

    Attributes:
        depth: observations that are seen as they were, see `Memory`.
        scorer: from the context and a row to that setting's score.
        value: from what the scorer's last hidden layer says of all settings, and the context, to the value
            in units of `return_scale`; () = scores are values, and the best of them is the state's.
        return_scale: discounted return that counts as 1.
    """

    depth: int
    scorer: Layers
    value: Layers
    return_scale: float

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"expected depth >= 1, got {self.depth}")
        n_shared = n_context(self.depth)
        pooled = self.scorer[-1][0].shape[1]
        for name, layers, width in (
            ("scorer", self.scorer, n_shared + N_FEATURES),
            ("value", self.value, 2 * pooled + n_shared),
        ):
            for weight, bias in layers:
                if weight.shape != (bias.shape[0], width):
                    raise ValueError(
                        f"{name} network: expected a layer of {width} inputs, got weights of shape "
                        f"{weight.shape} and {bias.shape[0]} biases"
                    )
                width = bias.shape[0]

    @property
    def is_q(self) -> bool:
        """Return whether scores are discounted returns, and not logits of a policy."""
        return not self.value

    def judge(self, seen: Floats) -> tuple[Floats, Floats]:
        """Return scores of all settings and the discounted return that is expected.

        Args:
            seen: what a `Memory` says, shape (..., n_seen).

        Returns:
            Shapes (..., n_settings) and (...).
        """
        context, rows = parted(seen, self.depth)
        (weight, bias), *others = self.scorer
        n_shared = context.shape[-1]
        shared = context @ weight[:, :n_shared].T + bias
        hidden = np.maximum(rows @ weight[:, n_shared:].T + shared[..., np.newaxis, :], 0.0)
        for weight, bias in others[:-1]:
            hidden = np.maximum(hidden @ weight.T + bias, 0.0)
        weight, bias = others[-1]
        scores = (hidden @ weight.T + bias)[..., 0]
        if self.is_q:
            return scores, scores.max(axis=-1) * self.return_scale
        outputs = np.concatenate([hidden.mean(axis=-2), hidden.max(axis=-2), context], axis=-1)
        *inner, (weight, bias) = self.value
        for inner_weight, inner_bias in inner:
            outputs = np.maximum(outputs @ inner_weight.T + inner_bias, 0.0)
        return scores, (outputs @ weight.T + bias)[..., 0] * self.return_scale

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything under a name each, for a checkpoint."""
        named: dict[str, NDArray[Any]] = {
            "depth": np.array(self.depth),
            "return_scale": np.array(self.return_scale),
        }
        for name, layers in (("scorer", self.scorer), ("value", self.value)):
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
                _layers(arrays, "scorer"),
                _layers(arrays, "value") if "value.0.weight" in arrays else (),
                float(arrays["return_scale"]),
            )
        except KeyError as error:
            raise ValueError(f"a network needs {error.args[0]}; there are {sorted(arrays)}") from None


def parted(seen: Any, depth: int) -> tuple[Any, Any]:
    """Return the context, (..., n_context), and the rows, (..., n_settings, N_FEATURES), of what is seen."""
    n_shared = n_context(depth)
    return seen[..., :n_shared], seen[..., n_shared:].reshape(*seen.shape[:-1], -1, N_FEATURES)


def _layers(arrays: Mapping[str, NDArray[Any]], name: str) -> Layers:
    layers: list[tuple[Floats, Floats]] = []
    while not layers or f"{name}.{len(layers)}.weight" in arrays:
        prefix = f"{name}.{len(layers)}"
        layers.append((arrays[f"{prefix}.weight"], arrays[f"{prefix}.bias"]))
    return tuple(layers)


def probabilities(logits: Floats) -> NDArray[np.float64]:
    """Return the probability of each joint setting under a policy's logits, shape (..., n_settings)."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    return weights / weights.sum(axis=-1, keepdims=True)
