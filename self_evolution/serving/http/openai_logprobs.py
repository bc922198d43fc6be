"""Log-probabilities of a reply as OpenAI's two APIs show them."""

from __future__ import annotations

from self_evolution.models import Engine, Reply
from self_evolution.serving.http.openai_shapes import FlatLogprobs, Token, TokenList, TopToken

_UNLIKELY = -9999.0
"""What OpenAI gives a token that is not among the most likely ones."""


def chat_logprobs(engine: Engine, reply: Reply, most: int) -> TokenList:
    """Each token of the reply with the `most` likely ones in its place."""
    return TokenList(
        content=[
            Token(
                token=token,
                logprob=dict(likely).get(token, _UNLIKELY),
                bytes=list(token.encode()),
                top_logprobs=[
                    TopToken(token=word, logprob=value, bytes=list(word.encode()))
                    for word, value in likely[:most]
                ],
            )
            for token, likely in _steps(engine, reply)
        ]
    )


def flat_logprobs(engine: Engine, reply: Reply, most: int) -> FlatLogprobs:
    """The log-probabilities of a reply in the shape of the older API."""
    steps = _steps(engine, reply)
    words = [token for token, _ in steps]
    return FlatLogprobs(
        tokens=words,
        token_logprobs=[dict(likely).get(token, _UNLIKELY) for token, likely in steps],
        top_logprobs=[dict(likely[:most]) for _, likely in steps],
        text_offset=[len("".join(words[:i])) for i in range(len(words))],
    )


def _steps(engine: Engine, reply: Reply) -> list[tuple[str, list[tuple[str, float]]]]:
    """(token, the most likely ones with their log-probabilities), without the end of the turn."""
    ids, top = reply.ids or [], reply.top or []
    written = len(ids) - (reply.finish_reason == "stop")
    found = []
    for id, step in zip(ids[:written], top, strict=False):
        texts = engine.id_texts([id, *(int(other) for other, _ in step)])
        likely = [(text, value) for text, (_, value) in zip(texts[1:], step, strict=True)]
        found.append((texts[0], likely))
    return found
