"""The connection to a vLLM server that the user starts: it loads the adapter that it is told to
load, and gets prompts as token ids."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from self_evolution.errors import UserError, printable
from self_evolution.models.endpoint.address import parse_address
from self_evolution.models.endpoint.connection import PAUSE, TRIES, Connection
from self_evolution.models.protocols import SamplingParams

if TYPE_CHECKING:
    import httpx2

_START = (
    "start it with `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve MODEL --enable-lora "
    "--max-lora-rank RANK`"
)


class LoraServer:
    """Connect to the server at http://HOST:PORT/v1, or to the one model there after `#`.

    `base` is the name of the base model there, `window` the longest sequence that it takes. Raises
    UserError if the server does not answer, or has not one base model.
    """

    def __init__(self, name: str, pause: float = PAUSE) -> None:
        self._address = parse_address(name)
        self._connection = Connection(self._address, pause)
        self._loaded = ""
        self.base, self.window = asyncio.run(self._find())

    def use(self, folder: Path, sha256: str) -> str:
        """The name there of the adapter in `folder`; it is loaded, and the one before unloaded."""
        name = f"self-evolution-{sha256[:16]}"
        if name != self._loaded:
            asyncio.run(self._exchange(name, folder))
            self._loaded = name
        return name

    def close(self) -> None:
        """Unload the adapter that was loaded, if the server still answers."""
        with suppress(UserError):  # a server that has gone has no adapter either
            asyncio.run(self._unload(tries=1))

    def generate(
        self,
        model: str,
        rows: Sequence[list[int]],
        params: SamplingParams,
        seeds: Sequence[int],
        stops: Sequence[int],
    ) -> list[list[int]]:
        """The token ids of a reply to each prompt of token ids.

        Raises UserError if the server has read other tokens than those that were sent.
        """

        async def all_of_them() -> list[list[int]]:
            async with self._connection.client() as client:
                asked = [
                    self._reply(client, _body(model, row, params, seed, stops), row)
                    for row, seed in zip(rows, seeds, strict=True)
                ]
                return list(await asyncio.gather(*asked))

        return asyncio.run(all_of_them())

    async def _reply(
        self, client: httpx2.AsyncClient, body: dict[str, Any], row: list[int]
    ) -> list[int]:
        response = await self._connection.send(client, "POST", "/completions", body)
        answer = self._connection.json(response)
        try:
            choice = answer["choices"][0]
            ids, read = choice.get("token_ids"), choice.get("prompt_token_ids")
        except (AttributeError, KeyError, IndexError, TypeError):
            raise self._connection.unexpected(json.dumps(answer)) from None
        if choice.get("finish_reason") not in ("stop", "length"):
            raise self._refused(
                f"it broke a reply off ({printable(str(choice.get('finish_reason')))}); look at "
                "what it says, and give the same command again"
            )
        if ids is None or read is None:
            raise self._refused(
                "it does not say which tokens it reads and writes, so nothing can be checked; "
                "vLLM from 0.11 on does"
            )
        if len(read) < len(row):
            raise self._refused(
                f"it cuts prompts: it has read {len(read):,} of {len(row):,} tokens; start it with "
                "a larger --max-model-len and without truncation"
            )
        if read != row:
            raise self._refused(
                "it changes prompts, as with another chat template: it has read "
                f"{len(read):,} tokens where {len(row):,} others were sent"
            )
        return [int(id) for id in ids]

    async def _find(self) -> tuple[str, int | None]:
        async with self._connection.client() as client:
            response = await self._connection.send(client, "GET", "/models", None, tries=2)
        answer = self._connection.json(response)
        try:
            bases = {row["id"]: row.get("max_model_len") for row in answer["data"] if _is_base(row)}
        except (AttributeError, KeyError, TypeError):
            raise self._connection.unexpected(json.dumps(answer)) from None
        wanted = self._address.model or (next(iter(bases)) if len(bases) == 1 else "")
        if wanted not in bases:
            there = ", ".join(bases) or "none"
            raise self._refused(f"which base model is not said; it has: {printable(there)}")
        return wanted, bases[wanted]

    async def _exchange(self, name: str, folder: Path) -> None:
        await self._unload()
        async with self._connection.client() as client:
            body = {"lora_name": name, "lora_path": str(folder.absolute())}
            response = await self._connection.send(client, "POST", "/load_lora_adapter", body)
        there = response.status_code == 400 and "already" in response.text
        if response.status_code != 200 and not there:
            raise self._refused(
                f"it does not load the adapter in {folder} (status {response.status_code}: "
                f"{printable(' '.join(response.text.split())[:300])}); {_START}, on a machine that "
                "has this folder"
            )

    async def _unload(self, tries: int = TRIES) -> None:
        """Unload our adapter, if it is still there: a server that was started anew has none."""
        if self._loaded:
            async with self._connection.client() as client:
                body = {"lora_name": self._loaded}
                path = "/unload_lora_adapter"
                await self._connection.send(client, "POST", path, body, tries)
            self._loaded = ""

    def _refused(self, reason: str) -> UserError:
        return UserError(f"--model.generator {self._address.base}: {reason}")


def _is_base(row: dict[str, Any]) -> bool:
    """Whether a row of the list of models is no adapter."""
    return not row.get("parent")


def _body(
    model: str, row: list[int], params: SamplingParams, seed: int, stops: Sequence[int]
) -> dict[str, Any]:
    """A request in which nothing is left to the sampling settings of the model's own files."""
    return {
        "model": model,
        "prompt": row,
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": seed % 2**63,
        "stop_token_ids": list(stops),
        "return_token_ids": True,
        "stream": False,
    }
