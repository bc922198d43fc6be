"""Likelihoods of given tokens, without ever holding the logits of a whole batch.

With a vocabulary of 150,000 the logits are most of the cost of scoring: so hidden states are
taken at answer positions only, and the log-sum-exp runs over tiles of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from self_evolution.meter import pulse
from self_evolution.models.protocols import Row

TILE_NUMBERS = 1 << 24
"""Logits in memory at once: 64 MiB in float32."""

CACHED_NUMBERS = {"cpu": 1 << 19}
"""Logits in memory at once if only their sums are wanted, by kind of device. A CPU then keeps them
in its cache, which makes this work twice as fast."""

LARGE = 1e3
"""No logit of a token that a model may say has this size."""


class Likelihood:
    """Mean token NLL under a causal language model of transformers (adapters may be on or off)."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._decoder = model.get_decoder()
        self._head = model.get_output_embeddings()
        self._config = model.config.get_text_config()
        self._cap = getattr(self._config, "final_logit_softcapping", None)
        # Some architectures scale or shift their logits in ways of their own. Rather than list
        # them, compare once; where tiles disagree, the model's own logits are used.
        self.tiled = self._agrees()

    @torch.inference_mode()
    def nll(self, rows: Sequence[Row], pad: int) -> list[float]:
        """Mean NLL in nats of each row's second part given its first, as one padded batch.

        Input of B rows padded on the right to the longest, T tokens; work in O(B·T) memory plus
        one tile of the logits.
        """
        longest = max(len(prompt) + len(answer) for prompt, answer in rows)
        ids = torch.full((len(rows), longest), pad)
        mask = torch.zeros_like(ids)
        targets = torch.zeros_like(ids, dtype=torch.bool)  # where the *next* token is scored
        for i, (prompt, answer) in enumerate(rows):
            size = len(prompt) + len(answer)
            ids[i, :size] = torch.tensor(prompt + answer)
            mask[i, :size] = 1
            targets[i, len(prompt) - 1 : size - 1] = True
        device = self._head.weight.device
        ids, mask, targets = ids.to(device), mask.to(device), targets.to(device)
        wanted = ids.roll(-1, dims=1)[targets]
        states = self.states(ids, mask, targets)
        pulse(int(mask.sum()), "score", longest)
        if self.tiled:
            losses = self._token_nll(states, wanted)
        else:
            losses = torch.nn.functional.cross_entropy(states.float(), wanted, reduction="none")
        parts = torch.split(losses.double().cpu(), [len(answer) for _, answer in rows])
        return [float(part.mean()) for part in parts]

    def states(self, ids: Tensor, mask: Tensor, chosen: Tensor) -> Tensor:
        """The states that `logits` needs of the N `chosen` places, as (N, H); arguments are (B, T).

        The last hidden states; or the logits themselves, where the architecture makes them of
        these in a way of its own.
        """
        if self.tiled:
            output: Tensor = self._decoder(input_ids=ids, attention_mask=mask, use_cache=False)[0]
        else:
            output = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return output[chosen]

    @property
    def tile(self) -> int:
        """So many tokens' logits over the whole vocabulary are in memory at once."""
        return max(1, TILE_NUMBERS // int(self._config.vocab_size))

    @property
    def width(self) -> int:
        """Numbers in a state."""
        return int(self._config.hidden_size if self.tiled else self._config.vocab_size)

    def logits(self, states: Tensor) -> Tensor:
        """Logits (N, V) in float32 of `states` (N, H), of which there is a `tile` at most."""
        return self._logits(states, 0, len(self._head.weight)) if self.tiled else states.float()

    def _token_nll(self, hidden: Tensor, wanted: Tensor) -> Tensor:
        """-log softmax(W h)[wanted] for hidden (N, H) and wanted (N,), as (N,) in float32."""
        size = self._head.weight.shape[0]
        total = torch.full(wanted.shape, -torch.inf, device=hidden.device)
        chosen = torch.zeros(wanted.shape, device=hidden.device)
        numbers = min(TILE_NUMBERS, CACHED_NUMBERS.get(hidden.device.type, TILE_NUMBERS))
        width = max(256, numbers // max(1, len(hidden)))
        for start in range(0, size, width):
            stop = min(start + width, size)
            logits = self._logits(hidden, start, stop)
            # Of the ways to a sum of exponentials, this one reads the logits least often. Beside a
            # very large number, which makes the first token impossible, the sum would be lost.
            sums = logits[:, 0] - logits.log_softmax(-1)[:, 0]
            if not bool((logits[:, 0].abs() < LARGE).all()):
                sums = logits.logsumexp(-1)
            total = torch.logaddexp(total, sums)
            inside = (wanted >= start) & (wanted < stop)
            at = (wanted - start).clamp(0, stop - start - 1).unsqueeze(1)
            chosen = torch.where(inside, logits.gather(1, at).squeeze(1), chosen)
        return total - chosen

    def _logits(self, hidden: Tensor, start: int, stop: int) -> Tensor:
        """Logits of the vocabulary's tokens from `start` to `stop`, in float32."""
        bias = getattr(self._head, "bias", None)
        logits = torch.nn.functional.linear(
            hidden, self._head.weight[start:stop], None if bias is None else bias[start:stop]
        ).float()
        return self._cap * torch.tanh(logits / self._cap) if self._cap else logits

    @torch.inference_mode()
    def _agrees(self) -> bool:
        if self._decoder is None or self._head is None:
            return False
        ids = torch.arange(1, 9, device=self._head.weight.device).unsqueeze(0)
        hidden = self._decoder(input_ids=ids, use_cache=False)[0]
        expected = self._model(input_ids=ids, use_cache=False).logits.float()
        found = self._logits(hidden, 0, self._head.weight.shape[0])
        if found.shape != expected.shape:
            return False
        return bool((found - expected).norm() <= 1e-2 * expected.norm())  # bfloat16 is some 3e-3
