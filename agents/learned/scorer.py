"""The networks of `agents.learned.network` as stable-baselines3 trains them: in torch."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.dqn.policies import DQNPolicy, QNetwork
from torch import Tensor, nn

from agents.learned.features import N_FEATURES, n_context
from agents.learned.network import Layers, Network, parted

SMALL = 0.01  # scale of the first scores: at first all settings are about as likely


class Scorer(nn.Module):
    """See `agents.learned.network`; with a value, it is the `mlp_extractor` of a policy.

    Args:
        depth: see `Memory`.
        hidden: units per hidden layer, of both networks.
        has_value: whether there is a value beside the scores.
    """

    def __init__(self, depth: int, hidden: Sequence[int], has_value: bool) -> None:
        super().__init__()
        self._depth, self._n_shared = depth, n_context(depth)
        self._scoring = linears((self._n_shared + N_FEATURES, *hidden, 1))
        self._valuing = linears((2 * hidden[-1] + self._n_shared, *hidden, 1) if has_value else ())
        self.scorer, self.value = nn.ModuleList(self._scoring), nn.ModuleList(self._valuing)
        with torch.no_grad():
            self._scoring[-1].weight *= SMALL

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores and value, shapes (n, n_settings) and (n, 1)."""
        context, hidden, scores = self._scored(seen)
        outputs = torch.cat([hidden.mean(dim=-2), hidden.amax(dim=-2), context], dim=-1)
        for layer in self._valuing[:-1]:
            outputs = torch.relu(layer(outputs))
        return scores, self._valuing[-1](outputs)

    def forward_actor(self, seen: Tensor) -> Tensor:
        """Return the scores, shape (n, n_settings)."""
        return self._scored(seen)[2]

    def forward_critic(self, seen: Tensor) -> Tensor:
        """Return the value, shape (n, 1)."""
        return self(seen)[1]

    def _scored(self, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        context, rows = parted(seen, self._depth)
        first = self._scoring[0]
        shared = nn.functional.linear(context, first.weight[:, : self._n_shared], first.bias)
        hidden = nn.functional.linear(rows, first.weight[:, self._n_shared :]) + shared.unsqueeze(-2)
        for layer in self._scoring[1:-1]:
            hidden = layer(torch.relu(hidden))
        hidden = torch.relu(hidden)
        return context, hidden, self._scoring[-1](hidden).squeeze(-1)

    def network(self, return_scale: float) -> Network:
        """Return a copy of what was learned."""
        return Network(self._depth, layers_of(self._scoring), layers_of(self._valuing), return_scale)


def linears(widths: Sequence[int]) -> list[nn.Linear]:
    """Return layers between these widths."""
    return [nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths)]


def layers_of(modules: Sequence[nn.Linear]) -> Layers:
    """Return their weights and biases, copied."""

    def array(tensor: Tensor) -> NDArray[np.float32]:
        return tensor.detach().cpu().numpy().copy()

    return tuple((array(module.weight), array(module.bias)) for module in modules)


class ScoringPolicy(ActorCriticPolicy):
    """The likelier a setting, the higher its score: a softmax over all rows.

    Args:
        depth: see `Scorer`; the others are ActorCriticPolicy's, of which net_arch are the hidden units.
    """

    def __init__(self, *args: Any, depth: int, **kwargs: Any) -> None:
        self._depth = depth
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        """Called by stable-baselines3."""
        assert isinstance(self.net_arch, list)
        self.mlp_extractor = Scorer(self._depth, self.net_arch, has_value=True)  # pyright: ignore
        self.action_net = self.value_net = nn.Identity()
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # pyright: ignore


class ScoringQNetwork(QNetwork):
    """The score of a setting is the discounted return."""

    def __init__(self, *args: Any, depth: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scorer = Scorer(depth, self.net_arch, has_value=False)
        self.q_net = nn.Sequential()  # what it made itself has an output per setting

    def forward(self, obs: Any) -> Tensor:
        """Return the value of each setting, shape (n, n_settings)."""
        return self.scorer.forward_actor(obs)


class ScoringDqnPolicy(DQNPolicy):
    """Deep Q-learning by such networks.

    Args:
        depth: see `Scorer`; the others are DQNPolicy's.
    """

    def __init__(self, *args: Any, depth: int, **kwargs: Any) -> None:
        self._depth = depth
        super().__init__(*args, **kwargs)

    def make_q_net(self) -> QNetwork:
        """Called by stable-baselines3."""
        arguments = self._update_features_extractor(self.net_args, features_extractor=None)
        return ScoringQNetwork(**arguments, depth=self._depth).to(self.device)
