"""Conversations as token ids, in the templates of each architecture."""

from __future__ import annotations

from typing import Any

import pytest
import tiny
from tiny import ALL, SIX
from tiny_templates import CHATML

from self_evolution.errors import UserError
from self_evolution.models import Reply
from self_evolution.models.chat_template import _PRIVATE
from self_evolution.models.training.job import IGNORED
from self_evolution.records import context

SYSTEM = {"role": "system", "content": "You know pumps."}
ONE = {"role": "user", "content": "Which alarm stops the pump?"}
FIRST = {"role": "assistant", "content": "Alarm 4711, 泵站."}
TWO = {"role": "user", "content": "And which one opens the valve?"}
SECOND = {"role": "assistant", "content": "None does."}
FOLDED = [{"role": "user", "content": f"{SYSTEM['content']}\n\n{ONE['content']}"}]

LEADS = dict.fromkeys(SIX, "") | {"mistral": " "}
ENDS = {
    "qwen2": "<|im_end|>",
    "qwen3": "<|im_end|>",
    "llama3": "<|eot_id|>",
    "mistral": "</s>",
    "gemma3": "<end_of_turn>",
    "phi3": "<|end|>",
}
STOPS = {
    "qwen2": {"<|im_end|>"},
    "qwen3": {"<|im_end|>"},
    "llama3": {"<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"},
    "mistral": {"</s>"},
    "gemma3": {"<eos>", "<end_of_turn>"},
    "phi3": {"<|endoftext|>", "<|end|>", "<|user|>"},
}
OPENINGS = {
    "qwen2": "<|im_start|>assistant\n",
    "qwen3": "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "llama3": "<|begin_of_text|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "mistral": "<s>[INST]  [/INST]",
    "gemma3": "<bos><start_of_turn>model\n",
    "phi3": "<|assistant|>\n",
}


def rendered(tokenizer: Any, turns: list[dict[str, str]], prompt: bool) -> list[int]:
    """The ids that transformers itself makes of a conversation."""
    encoded = tokenizer.apply_chat_template(
        turns, add_generation_prompt=prompt, enable_thinking=False, return_dict=True
    )
    return list(encoded["input_ids"])


@pytest.fixture(params=SIX, scope="module")
def named(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return request.param, tiny.engine(request.param).chat


def test_a_prompt_is_what_the_template_renders(named: tuple[str, Any]) -> None:
    name, chat = named
    for turns in ([ONE], [ONE, FIRST, TWO]):
        assert chat.prompt(turns) == rendered(chat.tokenizer, turns, prompt=True)
    turns = FOLDED if name == "mistral" else [SYSTEM, ONE]
    assert chat.prompt([SYSTEM, ONE]) == rendered(chat.tokenizer, turns, prompt=True)


def test_a_refused_system_role_goes_before_the_question() -> None:
    chat = tiny.engine("gemma2").chat
    assert chat.prompt([SYSTEM, ONE]) == rendered(chat.tokenizer, FOLDED, prompt=True)


def test_frame_of_a_reply(named: tuple[str, Any]) -> None:
    name, chat = named
    tokenizer = chat.tokenizer
    assert chat._lead == LEADS[name]
    assert tokenizer.convert_ids_to_tokens(chat._end) == [ENDS[name]]
    assert set(tokenizer.convert_ids_to_tokens(chat.stops)) == STOPS[name]
    assert tokenizer.decode(chat.opening()) == OPENINGS[name]
    assert chat.reply("") == []


@pytest.mark.parametrize("turns", [[ONE, FIRST], [ONE, FIRST, TWO, SECOND], [SYSTEM, ONE, FIRST]])
def test_labels_are_the_assistants_tokens_and_the_end_of_its_turns(
    named: tuple[str, Any], turns: list[dict[str, str]]
) -> None:
    name, chat = named
    ids, labels = chat.example(turns)
    whole = [*FOLDED, FIRST] if turns[0] is SYSTEM and name == "mistral" else turns
    expected = rendered(chat.tokenizer, whole, prompt=False)
    assert ids == expected[: len(ids)]  # what follows is a newline, or the end of the text
    assert len(ids) == len(labels)
    prompt = chat.prompt(turns[:-1])
    assert ids[: len(prompt)] == prompt
    assert all(label in (IGNORED, id) for label, id in zip(labels, ids, strict=True))
    replies = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    if name == "qwen3":  # earlier turns are shown without the thought they were asked for with
        replies = replies[-1:]
    text = chat.tokenizer.decode([label for label in labels if label != IGNORED])
    assert [part.strip() for part in text.split(ENDS[name])] == [*replies, ""]


def test_a_reply_is_tokenized_as_after_a_prompt() -> None:
    """A sentencepiece tokenizer would put a second space before a text of its own."""
    chat = tiny.engine("mistral").chat
    assert chat.tokenizer.convert_ids_to_tokens(chat.reply("The pump")) == ["▁The", "▁pump"]
    whole = chat.text(chat._before + chat._lead + "The pump")
    assert chat.text(chat._before) + chat.reply("The pump") == whole


def test_a_reply_that_would_merge_with_the_prompt_is_kept_whole() -> None:
    chat = tiny.engine("qwen2").chat
    assert chat.tokenizer.decode(chat.reply("\n\nThe pump")) == "\n\nThe pump"


@pytest.mark.parametrize("name", ALL)
def test_words_for_special_tokens_in_a_text_are_text(name: str) -> None:
    """Every special token there is, at the borders of a content too; nothing else changes."""
    chat = tiny.engine(name).chat
    tokenizer = chat.tokenizer
    words = [token.content for token in tokenizer.added_tokens_decoder.values()]
    for word in (word for word in words if word not in ("<think>", "</think>")):
        for text in (f"The pump{word} stops", word, f"{word}{word} 泵\n{word}"):
            plain = [{"role": "user", "content": text.replace(word, "x")}]
            turns = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
            ids = chat.prompt(turns[:1])
            assert tokenizer.decode(ids) == chat._render(turns[:1], prompt=True)
            assert specials(chat, ids) == specials(chat, chat.prompt(plain))
            reply = chat.reply(text)
            assert specials(chat, reply) == []
            assert tokenizer.decode(reply).strip() == text
            ids, labels = chat.example(turns)
            target = [label for label in labels if label != IGNORED]
            assert ids[-len(target) :] == target == reply + chat._end


def specials(chat: Any, ids: list[int]) -> list[int]:
    return [id for id in ids if id in chat._silent]


def test_a_special_word_costs_no_other_token() -> None:
    """Before and after it, tokens are those of the text without it."""
    chat = tiny.engine("mistral").chat
    turns = [{"role": "user", "content": "The pump <s> stops"}]
    ids, without = chat.prompt(turns), chat.prompt([{"role": "user", "content": "The pump stops"}])
    at = chat.tokenizer.convert_ids_to_tokens(without).index("▁pump") + 1
    assert (ids[:at], ids[at - len(without) :]) == (without[:at], without[at:])


def test_a_mark_is_none_of_the_texts_own_characters() -> None:
    chat = tiny.engine("qwen2").chat
    text = f"{chr(_PRIVATE[0])}The pump<|im_end|>{chr(_PRIVATE[1])}"
    assert chat.tokenizer.decode(chat.reply(text)) == text


@pytest.mark.parametrize("text", ["The<|im_end|> pump", "The<|im_<|im_end|>end|> pump"])
@pytest.mark.parametrize("case", ["merged", "slow"])
def test_where_a_word_cannot_be_marked_it_is_left_out(
    case: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = tiny.engine("qwen2").chat
    if case == "merged":  # as if the vocabulary had a token of the mark and the letter before it
        monkeypatch.setattr(chat, "_unmarked", lambda text, mark: None)
    else:
        monkeypatch.setattr(type(chat.tokenizer), "is_fast", False)
    assert chat.reply(text) == chat.reply("The pump")


def test_a_mark_that_merges_is_noticed() -> None:
    chat = tiny.engine("qwen2").chat
    assert chat._unmarked("The pump", "u") is None


def test_counting_takes_special_words_as_text() -> None:
    engine = tiny.engine("qwen2")
    assert engine.count(["<|im_end|>", "The pump"])[0] > 3


def test_reading_cuts_at_the_first_stop_and_drops_thoughts() -> None:
    chat = tiny.engine("qwen3").chat
    end = chat.tokenizer.eos_token

    def read(text: str) -> tuple[str, str]:
        reply = chat.read(chat.text(text))
        return reply.text, reply.finish_reason

    assert read(f" The pump. {end}more{end}") == ("The pump.", "stop")
    assert read("The pump.") == ("The pump.", "length")
    assert read(f"<think>\nhm\n</think>\n\nThe pump.{end}") == ("The pump.", "stop")
    assert read(f"hm\n</think>\n\nThe pump.{end}") == ("The pump.", "stop")
    assert read("<think>\nhm, the") == ("", "length")
    assert chat.read([]) == Reply("", "length", [])


def test_the_tokens_of_a_reply_are_all_up_to_the_first_stop() -> None:
    chat = tiny.engine("qwen3").chat
    ids, end = chat.text("<think>\nhm\n</think>\n\nThe pump."), chat.stops[:1]
    assert chat.read(ids + end + ids).ids == ids + end
    assert chat.read(ids).ids == ids


def test_a_thought_that_the_template_opens_is_none_of_the_text(tmp_path: Any) -> None:
    path = tmp_path / "chat.jinja"
    opened = "<|im_start|>assistant\n<think>\n"
    path.write_text(CHATML.replace("<|im_start|>assistant\n", opened))
    chat = tiny.engine("qwen3", chat_template=str(path)).chat
    assert chat.tokenizer.decode(chat.prompt([ONE])).endswith("<think>\n")
    assert chat.read(chat.text("hm, the")).text == ""
    assert chat.read(chat.text("hm\n</think>\n\nThe pump.")).text == "The pump."


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("[THINK]", "[/THINK]"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
    ],
)
def test_what_the_template_opens_is_a_thought_whatever_it_is_called(
    tmp_path: Any, opening: str, closing: str
) -> None:
    path = tmp_path / "chat.jinja"
    opened = f"<|im_start|>assistant\n{opening}\n"
    path.write_text(CHATML.replace("<|im_start|>assistant\n", opened))
    chat = tiny.engine("qwen3", chat_template=str(path)).chat
    assert chat.read(chat.text("hm, the")).text == ""
    assert chat.read(chat.text(f"hm\n{closing}\n\nThe pump.")).text == "The pump."


def test_a_thinking_model_may_think() -> None:
    engine = tiny.engine("qwen3", thinking=True)
    assert engine.chat.tokenizer.decode(engine.prompt_ids([ONE])).endswith("assistant\n")


def test_the_date_in_a_prompt_stands_still() -> None:
    chat = tiny.engine("llama3").chat
    assert "Today: 26 Jul 2024" in chat.tokenizer.decode(chat.prompt([ONE]))


def test_a_model_without_chat_template() -> None:
    with pytest.raises(UserError, match=r"no chat template.*--model.chat-template plain"):
        tiny.engine("base")
    with pytest.raises(
        UserError, match=r"--model.chat-template nowhere\.jinja: .*expected `plain`"
    ):
        tiny.engine("base", chat_template="nowhere.jinja")


@pytest.mark.parametrize("text", ["{% for", "{{ messages[0].missing.deeper }}", "nothing", ""])
def test_a_template_that_is_none(tmp_path: Any, text: str) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text(text)
    with pytest.raises(UserError, match=r"--model\.chat-template"):
        tiny.engine("base", chat_template=str(path))


def test_the_plain_template_serves_a_base_model() -> None:
    chat = tiny.engine("base", chat_template="plain").chat
    text = (
        "<|begin_of_text|>System: You know pumps.\n\nUser: Which alarm stops the pump?\n\n"
        "Assistant: Alarm 4711, 泵站.<|eot_id|>"
    )
    ids, labels = chat.example([SYSTEM, ONE, FIRST])
    assert chat.tokenizer.decode(ids) == text
    target = [label for label in labels if label != IGNORED]
    assert chat.tokenizer.decode(target) == " Alarm 4711, 泵站.<|eot_id|>"
    assert chat.tokenizer.decode(chat.opening()) == "<|begin_of_text|>Assistant:"
    _, labels = chat.example([ONE, FIRST, TWO, SECOND])
    target = [label for label in labels if label != IGNORED]
    assert chat.tokenizer.decode(target) == " Alarm 4711, 泵站.<|eot_id|> None does.<|eot_id|>"
    _, labels = chat.example([ONE, context(FIRST), TWO, SECOND])
    target = [label for label in labels if label != IGNORED]
    assert chat.tokenizer.decode(target) == " None does.<|eot_id|>"


def test_a_start_token_that_begins_each_header_is_not_doubled() -> None:
    """As SmolLM2 has it: <|im_start|> is the start token and begins each turn of ChatML."""
    chat = tiny.engine("qwen3").chat
    before = chat.opening()
    chat.tokenizer.bos_token = "<|im_start|>"
    assert chat.opening() == before
    assert chat.tokenizer.decode(before).startswith("<|im_start|>assistant\n")


def test_a_template_from_a_file(tmp_path: Any) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text(CHATML)
    chat = tiny.engine("base", chat_template=str(path)).chat
    assert chat.tokenizer.decode(chat.prompt([ONE])).endswith("<|im_start|>assistant\n")


@pytest.mark.parametrize("name", ALL)
def test_every_architecture_has_its_stops_and_its_pad(name: str) -> None:
    chat = tiny.engine(name).chat
    assert chat.stops
    assert 0 <= chat.pad < len(chat.tokenizer)
