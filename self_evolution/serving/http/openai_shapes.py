"""Requests and responses of the OpenAI-compatible API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator

from self_evolution.models.reply import content_text
from self_evolution.serving.http.problems import Given

Text = Annotated[str, Field(max_length=1 << 19)]
Name = Annotated[str, Field(max_length=200)]
Stop = Annotated[str, Field(min_length=1, max_length=200)]
MOST_MESSAGES = 1000
MOST_LOGPROBS = 20


class StreamOptions(Given):
    """Whether the last event of a stream has the usage."""

    include_usage: bool = False


class Sampled(Given):
    """How a reply is chosen. What is left out is as in the evaluation of the run.

    Fields that are not listed here are ignored, but for those in `refused`.
    """

    model: Name = "leader"
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=16)] | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None

    def refused(self) -> str | None:
        """The field that asks for what no answer could take into account, if there is one."""
        wanted = {
            "n": self.n not in (None, 1),
            "presence_penalty": bool(self.presence_penalty),
            "frequency_penalty": bool(self.frequency_penalty),
            "logit_bias": bool(self.logit_bias),
        }
        return next((name for name, asked in wanted.items() if asked), None)

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class TextPart(Given):
    """A part of a message. Images and sound are not understood."""

    type: Literal["text"]
    text: Text


class ChatMessage(Given):
    """A turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart]

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return content_text([part.model_dump() for part in self.content])


class ChatRequest(Sampled):
    """A conversation that ends with a question of the user."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=MOST_LOGPROBS)] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None

    @field_validator("messages")
    @classmethod
    def _in_turns(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        roles = [one.role for one in messages]
        if roles[0] in ("system", "developer"):
            roles = roles[1:]
        if len(roles) % 2 == 0 or roles != (["user", "assistant"] * len(roles))[: len(roles)]:
            raise ValueError(
                "expected one system message at most, at the beginning, then user and assistant "
                "in turns, the user last"
            )
        return messages

    def refused(self) -> str | None:
        kind = (self.response_format or {}).get("type", "text")
        wanted = {
            "tools": bool(self.tools),
            "functions": bool(self.functions),
            "response_format": kind != "text",
        }
        return next((name for name, asked in wanted.items() if asked), super().refused())


class CompletionRequest(Sampled):
    """Questions, each put by itself as a chat would put it."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=64)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    echo: bool | None = None
    suffix: str | None = None
    best_of: int | None = None

    def refused(self) -> str | None:
        wanted = {
            "echo": bool(self.echo),
            "suffix": bool(self.suffix),
            "best_of": self.best_of not in (None, 1),
        }
        return next((name for name, asked in wanted.items() if asked), super().refused())


class Source(BaseModel):
    """A passage that was shown to the model, and where it stands."""

    fragment: str
    document: str
    heading: list[str]
    page: int | None
    opening: str


class Usage(BaseModel):
    """Tokens that were read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TopToken(BaseModel):
    token: str
    logprob: float
    bytes: list[int] | None


class Token(TopToken):
    """A token of a reply; its logprob is -9999 if it is not among the 20 most likely."""

    top_logprobs: list[TopToken]


class TokenList(BaseModel):
    content: list[Token]


class ReplyMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    index: int
    message: ReplyMessage
    logprobs: TokenList | None = None
    finish_reason: Literal["stop", "length"]


class ChatCompletion(BaseModel):
    """A reply; `generation` and `sources` are beyond what OpenAI's has."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    generation: int
    sources: list[Source]


class FlatLogprobs(BaseModel):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(BaseModel):
    index: int
    text: str
    logprobs: FlatLogprobs | None = None
    finish_reason: Literal["stop", "length"]


class Completion(BaseModel):
    """Replies to prompts; `generation` is beyond what OpenAI's has."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage
    generation: int


class Model(BaseModel):
    """A name to give as `model`; `generation` is what it stands for at this moment."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["self-evolution"] = "self-evolution"
    generation: int


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]
