"""Replies: drawn by a generator of their own, streamed, with token ids and log-probabilities."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_templates import CHATML
from transformers import (
    AutoModelForCausalLM,
    FalconConfig,
    GenerationConfig,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from self_evolution import miniature
from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.models import Generator, SamplingParams, open_engine
from self_evolution.models.decoding import beginnings, generation, reading, sampling
from self_evolution.models.protocols import EVERYTHING
from self_evolution.models.reply import TextStream, without_thoughts
from self_evolution.models.scripted import ScriptedEngine

GREEDY = SamplingParams(0.0, 1.0, 12)
WARM = SamplingParams(1.0, 0.95, 12)
QUESTIONS = ["Which?", "Which alarm stops the pump at North Station?", "如何查询参数的默认值？"]
PROMPTS = [[{"role": "user", "content": question}] for question in QUESTIONS]


def warped(engine: Any, row: list[int], temperature: float, top_p: float) -> torch.Tensor:
    """The probabilities (V,) of the next token by transformers' own warpers."""
    with torch.no_grad():
        logits = engine.base(input_ids=torch.tensor([row])).logits[:, -1].float()
    warpers = LogitsProcessorList([TemperatureLogitsWarper(temperature)])
    if top_p < 1:
        warpers.append(TopPLogitsWarper(top_p))
    found: torch.Tensor = warpers(torch.tensor([row]), logits).softmax(-1)[0]
    return found


@pytest.mark.parametrize("name", ["embedded", "qwen2", "gemma3"])
@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.8, 0.95), (1.5, 0.5)])
def test_tokens_are_drawn_with_the_probabilities_of_transformers_own_warpers(
    name: str, temperature: float, top_p: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the nucleus is not within the likeliest tokens, so that all have to be sorted."""
    engine = tiny.engine(Path(miniature.MODEL if name == "embedded" else tiny.folder(name)))
    row = engine.prompt_ids(PROMPTS[1])
    expected = warped(engine, row, temperature, top_p)
    params = SamplingParams(temperature, top_p, 1)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    first: list[Any] = []
    for likeliest in (sampling.LIKELIEST, 2):
        monkeypatch.setattr(sampling, "LIKELIEST", likeliest)
        replies = engine.generate([PROMPTS[1]] * 4000, params, 5, "base")
        first.append([reply.ids for reply in replies])
    assert torch.equal(torch.get_rng_state(), before)
    assert first[0] == first[1]
    found = torch.bincount(torch.tensor(first[0]).flatten(), minlength=len(expected)) / 4000
    assert set(found.nonzero().flatten().tolist()) <= set(expected.nonzero().flatten().tolist())
    # Half the sum of the differences; by chance it is about sqrt(tokens / 4000) / 2.5.
    assert (found - expected).abs().sum() / 2 < 1.2 * (len(expected.nonzero()) / 4000) ** 0.5


def end_early(engine: Any, prompts: Any, params: SamplingParams, seeds: list[int]) -> None:
    """Let tokens of the replies end them, each in another step: such models seldom end."""
    replies = engine.generate(prompts, params, seeds, "base")
    ends = [reply.ids[5 * i] for i, reply in enumerate(replies[: len(PROMPTS)])]
    engine.chat.stops = [*engine.chat.stops, *ends]


@pytest.mark.parametrize("name", [*tiny.SIX, "gemma2", "cohere"])
def test_a_reply_does_not_depend_on_its_neighbours(name: str) -> None:
    """Rows that share a beginning, that end early and that are alone draw what they draw alone."""
    engine = tiny.engine(name)
    passage = "The pump at North Station stops when alarm 4711 is raised. " * 4
    texts = [*QUESTIONS, *(passage + text for text in QUESTIONS), passage * 2, QUESTIONS[0]]
    prompts = [[{"role": "user", "content": text}] for text in texts]
    seeds = [11, 12, 13, 14, 15, 16, 17, 18]
    rows = [engine.prompt_ids(prompt) for prompt in prompts]
    assert beginnings.shared(rows, [0] * len(rows))  # there is something to read once
    params = WARM._replace(max_tokens=30)
    end_early(engine, prompts, params, seeds)
    together = engine.generate(prompts, params, seeds, "base")
    assert len({len(reply.ids or ()) for reply in together}) > 2
    for prompt, seed, reply in zip(prompts, seeds, together, strict=True):
        assert engine.generate([prompt], params, [seed], "base") == [reply]
    assert together[0] != together[-1]  # the same prompt with another seed


@pytest.mark.parametrize("name", ["qwen2", "llama3", "gemma3"])
def test_a_model_in_16_bits_looks_back_at_float32_on_a_cpu(name: str) -> None:
    """Its replies are those of a model that reads everything at once. gemma3 attends by windows."""
    engine = tiny.engine(name, dtype="bfloat16")
    before = engine.base.config.get_text_config()._attn_implementation
    engine.begin_batch()
    params = GREEDY._replace(logprobs=4)
    for prompt, reply in zip(PROMPTS, engine.generate(PROMPTS, params, 0, "base"), strict=True):
        assert reply.ids and reply.top
        row = [*engine.prompt_ids(prompt), *reply.ids[:-1]]
        with torch.no_grad():
            logits = engine.base(input_ids=torch.tensor([row])).logits[0].float()
        expected = logits.log_softmax(-1)[-len(reply.top) :]
        for likely, values in zip(reply.top, expected, strict=True):
            for id, value in likely:
                assert value == pytest.approx(float(values[id]), abs=0.1)
    assert engine._read and engine._read[False].layers[0].keys.dtype == torch.float32
    assert engine.base.config.get_text_config()._attn_implementation == before == "sdpa"


@pytest.mark.parametrize("alibi", [False, True])
def test_a_model_with_an_attention_of_its_own_keeps_its_format(alibi: bool) -> None:
    """Falcon calls torch itself, which refuses two formats in one product."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 50}
    model = AutoModelForCausalLM.from_config(
        FalconConfig(alibi=alibi, **sizes), dtype=torch.bfloat16
    )
    model.eval().generation_config = GenerationConfig()
    rows = [[1, 2, 3], [4, 5, 6, 7]]
    request = generation.Request(rows, GREEDY, [0, 0], [49], 0)
    ids, _, cache = generation.generate(model, request, [], None, lambda *_: None)
    assert all(ids) and cache and cache.layers[0].keys.dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["qwen2", "gemma3"])
def test_what_happens_to_be_in_new_memory_changes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prompts of several lengths, of which some begin alike, and then one that was read before."""
    engine = tiny.engine(name, dtype="bfloat16")
    same = [{"role": "user", "content": "Which alarm stops the pump at East Station?"}]
    batches = [[*PROMPTS, same], [*PROMPTS[1:], same]]

    def replies() -> list[Any]:
        engine.begin_batch()
        return [engine.generate(batch, WARM, 3, "base") for batch in batches]

    expected, made, new_empty = replies(), [], torch.Tensor.new_empty

    def spoiled(self: torch.Tensor, *size: Any, **more: Any) -> torch.Tensor:
        made.append(size)
        return new_empty(self, *size, **more).fill_(float("nan"))

    monkeypatch.setattr(torch.Tensor, "new_empty", spoiled)
    assert replies() == expected and made


@pytest.mark.parametrize("name", [*tiny.SIX, "gemma2"])
@pytest.mark.parametrize("params", [GREEDY, WARM])
def test_a_model_of_another_kind_of_memory_replies_the_same(
    name: str, params: SamplingParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tiny.engine(name)
    replies = engine.generate(PROMPTS, params, 3, "base")
    monkeypatch.setattr(generation, "keeps_all", lambda model: False)
    assert engine.generate(PROMPTS, params, 3, "base") == replies
    logprobs = engine.generate(PROMPTS, params._replace(logprobs=2), 3, "base")
    assert [reply[:3] for reply in logprobs] == [reply[:3] for reply in replies]
    assert all(len(reply.top or ()) == len(reply.ids or ()) for reply in logprobs)


@pytest.mark.parametrize("name", tiny.SIX)
def test_greedy_text_is_that_of_transformers_own_generate(name: str) -> None:
    engine = tiny.engine(name)
    prompts = [*PROMPTS, [{"role": "user", "content": QUESTIONS[1] * 9}]]
    replies = engine.generate(prompts, GREEDY._replace(max_tokens=40), 0, "base")
    for prompt, reply in zip(prompts, replies, strict=True):
        row = torch.tensor([engine.prompt_ids(prompt)])
        config = GenerationConfig(max_new_tokens=40, eos_token_id=engine.chat.stops, use_cache=True)
        output = engine.base.generate(
            input_ids=row, attention_mask=torch.ones_like(row), generation_config=config
        )
        assert engine.chat.read(output[0, row.shape[1] :].tolist()) == reply


def counted(engine: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tokens that go through the model from now on, one number for each step."""
    found: list[int] = []
    forward = reading.forward

    def counting(model: Any, cache: Any, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        found.append(ids.numel())
        return forward(model, cache, ids, *rest)

    for module in (reading, generation):
        monkeypatch.setattr(module, "forward", counting)
    return found


def test_what_prompts_have_in_common_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine("llama3")
    passage = "The pump at North Station stops when alarm 4711 is raised. " * 5
    prompts = [[{"role": "user", "content": passage + text}] for text in QUESTIONS]
    size = len(engine.prompt_ids([{"role": "user", "content": passage}]))
    alone = sum(len(engine.prompt_ids(prompt)) for prompt in prompts)
    found = counted(engine, monkeypatch)
    engine.generate(prompts, GREEDY._replace(max_tokens=1), 0, "base")
    assert sum(found) < alone - 1.5 * size
    found.clear()
    engine.generate([prompts[0]] * 5, WARM._replace(max_tokens=1), 0, "base")  # samples of one
    assert sum(found) <= len(engine.prompt_ids(prompts[0])) + 5
    found.clear()
    engine.generate([prompts[0]] * 5, GREEDY._replace(max_tokens=1), 0, "base")  # asked once
    assert sum(found) == len(engine.prompt_ids(prompts[0]))


def test_a_conversation_goes_on_without_being_read_again_within_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And in the next batch nothing is known of it; replies are the same in any case."""
    engine = tiny.engine("llama3")
    first = engine.generate(PROMPTS, WARM, 0, "base")
    longer = [
        [*prompt, {"role": "assistant", "content": reply.text}, *prompt]
        for prompt, reply in zip(PROMPTS, first, strict=True)
    ]
    once = WARM._replace(max_tokens=1)
    alone = engine.generate(longer, once, 1, "base")
    found = counted(engine, monkeypatch)
    engine.generate(longer, once, 1, "base")
    unknown = sum(found)
    engine.begin_batch()
    engine.generate(PROMPTS, WARM, 0, "base")
    found.clear()
    assert engine.generate(longer, once, 1, "base") == alone
    assert sum(found) < 0.8 * unknown
    engine.begin_batch()
    found.clear()
    assert engine.generate(longer, once, 1, "base") == alone
    assert sum(found) == unknown


def test_a_row_that_has_ended_costs_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine("llama3")
    end_early(engine, PROMPTS, WARM._replace(max_tokens=40), [4, 5, 6])
    replies = engine.generate(PROMPTS, WARM._replace(max_tokens=40), [4, 5, 6], "base")
    lengths = sorted(len(reply.ids or ()) for reply in replies)
    assert lengths[0] < lengths[-1]
    found = counted(engine, monkeypatch)
    engine.generate(PROMPTS, WARM._replace(max_tokens=40), [4, 5, 6], "base")
    steps = found[-(lengths[-1] - 1) :]
    assert sum(steps) == sum(lengths) - len(lengths)


@pytest.mark.parametrize("params", [GREEDY, WARM, WARM._replace(temperature=0.3, top_p=0.2)])
def test_log_probabilities_are_those_of_the_model_before_it_is_sampled(
    params: SamplingParams,
) -> None:
    engine, model = tiny.engine("llama3"), tiny.model("llama3")
    plain = engine.generate(PROMPTS, params, 3, "base")
    replies = engine.generate(PROMPTS, params._replace(logprobs=4), 3, "base")
    for messages, reply, without in zip(PROMPTS, replies, plain, strict=True):
        assert (reply.text, reply.finish_reason, reply.ids) == without[:3]
        assert without.top is None and reply.ids is not None and reply.top is not None
        prompt = engine.prompt_ids(messages)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + reply.ids])).logits[0]
        expected = logits.log_softmax(-1)[len(prompt) - 1 : -1].topk(4)
        assert [[id for id, _ in step] for step in reply.top] == expected.indices.tolist()
        found = torch.tensor([[logprob for _, logprob in step] for step in reply.top])
        torch.testing.assert_close(found, expected.values, atol=1e-4, rtol=0)


def test_all_tokens_are_reported_where_more_are_wanted_than_there_are() -> None:
    engine = tiny.engine("qwen2")
    size = len(engine.chat.tokenizer)
    params = SamplingParams(0.0, 1.0, 1, logprobs=10 * size)
    (reply,) = engine.generate(PROMPTS[:1], params, 0, "base")
    assert reply.top is not None
    assert sum(torch.tensor([logprob for _, logprob in reply.top[0]]).exp()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["llama3", "qwen3"])
@pytest.mark.parametrize("params", [GREEDY, WARM._replace(max_tokens=40)])
def test_the_pieces_of_a_reply_add_up_to_its_text(name: str, params: SamplingParams) -> None:
    engine = tiny.engine(name)
    pieces: dict[int, list[str]] = defaultdict(list)
    replies = engine.generate(PROMPTS, params, 1, "base", lambda i, text: pieces[i].append(text))
    assert replies == engine.generate(PROMPTS, params, 1, "base")
    assert ["".join(pieces[i]) for i in range(len(PROMPTS))] == [reply.text for reply in replies]
    assert max(map(len, pieces.values())) > 3


def test_pieces_come_while_the_reply_is_written() -> None:
    engine = tiny.engine("llama3")

    class Enough(Exception):
        """The caller has read enough."""

    def stop(place: int, text: str) -> None:
        raise Enough

    with pytest.raises(Enough):
        engine.generate(PROMPTS[:1], GREEDY._replace(max_tokens=1900), 0, "base", stop)


def test_a_thought_that_the_template_opens_is_not_streamed(tmp_path: Path) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text(
        CHATML.replace("<|im_start|>assistant\n' }}", "<|im_start|>assistant\n<think>\n' }}")
    )
    engine = tiny.engine("qwen3", chat_template=str(path))
    pieces: list[str] = []
    (reply,) = engine.generate(
        PROMPTS[:1], GREEDY, 0, "base", lambda place, text: pieces.append(text)
    )
    assert reply.finish_reason == "length" and reply.ids
    assert (reply.text, pieces) == ("", [])


@pytest.mark.parametrize(
    "thought",
    [
        "<think>\nhm\n</think>\n\n{}",  # Qwen, DeepSeek
        "hm\n</think>\n\n{}",  # the template opened it
        "<think></think>{}",
        "[THINK]hm[/THINK]{}",  # Magistral
        "◁think▷hm◁/think▷{}",  # Kimi
        "<seed:think>hm</seed:think>{}",  # Seed
        "<thought>\nhm\n</thought>\n{}",  # EXAONE
        " <thinking>hm</thinking> {}",
        "<reasoning>hm</reasoning>{}",
        "<|START_THINKING|>hm<|END_THINKING|>{}",  # Command
        "<|inner_prefix|>hm<|inner_suffix|>{}",  # Apertus
        "<|channel>thought\nhm<channel|>{}",  # Gemma
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
        "<|channel|>final<|message|>{}",  # gpt-oss
        "<|channel|>commentary<|message|>hm<|channel|>final<|message|>{}",
        "<|channel|>final<|message|>{}",
    ],
)
def test_thoughts_of_all_kinds_are_left_out(thought: str) -> None:
    answer = "It is < 4711, see [1]."
    assert without_thoughts(thought.format(answer)) == answer
    begun = thought.partition("hm")[0] + "hm"
    if "hm" in thought and not thought.startswith("hm"):
        assert without_thoughts(begun + ", so") == ""
    sent: list[str] = []
    stream = TextStream(sent.append)
    text = thought.format(answer)
    for end in range(len(text) + 1):
        stream.update(without_thoughts(text[:end]))
    stream.update(without_thoughts(text), finished=True)
    assert "".join(sent).endswith(answer)
    assert thought.startswith("hm") or "".join(sent) == answer


@pytest.mark.parametrize(
    "answer",
    [
        "The tag <thought> opens a thought, </thought> closes it.",
        "Write <reasoning> first.",
        "a < b and [T] and <t>",
        "The final channel of the analysis",
    ],
)
def test_an_answer_that_speaks_of_thoughts_stays(answer: str) -> None:
    assert without_thoughts(answer) == answer


@given(
    st.lists(st.sampled_from(["<think>", "hm", "</think>", " ", "\n", "<", "<th", "泵", "A b"])),
    st.booleans(),
)
def test_a_stream_adds_up_wherever_the_text_is_cut(parts: list[str], thinks: bool) -> None:
    whole = "".join(parts)
    before, _, after = whole.rpartition("</think>")
    text = f"<think>{before}</think>{after}" if thinks else whole.replace("</think>", "")
    sent: list[str] = []
    stream = TextStream(sent.append)
    for end in range(len(text) + 1):
        stream.update(without_thoughts(text[:end]))
    stream.update(without_thoughts(text), finished=True)
    assert "".join(sent) == without_thoughts(text)


@pytest.mark.parametrize(
    ("texts", "sent"),
    [
        (("hm", "", "The", "The pump"), ["hm", "The", " pump"]),
        (
            ("A Ƥ", "A \ufffd", "A \ufffd\ufffd\ufffd.", "A \ufffd\ufffd\ufffd. B"),
            ["A Ƥ", "\ufffd\ufffd\ufffd.", " B"],
        ),
        (("A long thought", "", "42"), ["A long thought", "42"]),
    ],
)
def test_nothing_is_lost_where_the_text_changes_further_back(
    texts: tuple[str, ...], sent: list[str]
) -> None:
    found: list[str] = []
    stream = TextStream(found.append)
    for text in texts:
        stream.update(text)
    stream.update(texts[-1], finished=True)
    assert found == sent


def test_a_character_is_sent_once_it_is_whole() -> None:
    sent: list[str] = []
    stream = TextStream(sent.append)
    for text in ("A \ufffd", "A \ufffd\ufffd", "A 泵", "A 泵."):
        stream.update(text)
    assert sent == ["A", " 泵", "."]


def test_the_scripted_engine_declares_what_it_can_do() -> None:
    engine: Generator = ScriptedEngine(Model(), lambda messages: "The pump, at 4 o'clock. ")
    assert EVERYTHING - engine.capabilities == {"logprobs", "served", "sharing"}
    pieces: list[str] = []
    (reply,) = engine.generate(
        PROMPTS[:1], GREEDY, 0, "base", lambda place, text: pieces.append(text)
    )
    assert "".join(pieces) == reply.text == "The pump, at 4 o'clock."
    assert len(pieces) == 5 and reply.ids
    with pytest.raises(UserError, match="scripted engine cannot give log-probabilities; choose"):
        engine.generate(PROMPTS, GREEDY._replace(logprobs=2), 0, "base")


def test_a_closed_engine_gives_its_memory_back() -> None:
    import gc
    import weakref

    engine = open_engine(Model(name=str(tiny.folder("qwen2")), device="cpu"))
    weights = weakref.ref(next(engine.base.parameters()))  # type: ignore[attr-defined]
    engine.close()
    gc.collect()
    assert weights() is None
    engine.close()
