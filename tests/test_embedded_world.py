"""The invented world, the shipped sample domain and the shipped base model's files."""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest

from self_evolution import miniature as embedded
from tools.miniature import handbook, lessons, vocabulary, world
from tools.miniature.wordings import TYPES

ATTRIBUTES = [(kind, attribute) for kind, group in TYPES.items() for attribute in group]
DATA = embedded.HANDBOOK.parent
CONVERSATIONS = 1500


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def drawn(progress: float = 0.5) -> list[lessons.Conversation]:
    rng = random.Random(7)
    return [lessons.lesson(rng, progress) for _ in range(CONVERSATIONS)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(embedded.MODEL / "tokenizer.json"))


def test_shipped_files_are_what_the_seed_gives(tmp_path: Path) -> None:
    handbook.write(tmp_path)
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert len(made) == len(handbook.FILES) + 5
    for name, content in made.items():
        assert (DATA / name).read_bytes() == content, name
    assert {p.name for p in embedded.HANDBOOK.iterdir()} == set(handbook.FILES)


def test_every_section_stands_in_the_handbook_on_one_line() -> None:
    whole = "".join(p.read_text(encoding="utf-8") for p in embedded.HANDBOOK.iterdir())
    lines = [re.sub(r"^<p>|</p>$", "", line.strip()) for line in whole.splitlines()]
    for entity, paragraph in handbook.sections():
        assert lines.count(paragraph) == 1
        first = paragraph.split(". ")[0]
        assert entity.name in first, "a section must be clear without its heading"
        for value in entity.values.values():
            assert f" {value}" in paragraph


def test_the_faq_is_asked_about_in_other_words() -> None:
    """28 facts, each in four wordings to train on and in two others to be tested in."""
    pairs, questions = read(embedded.FAQ), read(embedded.FAQ_EVALUATION)
    trained: dict[str, set[str]] = {}
    for row in pairs:
        assert row["passage"] in (embedded.HANDBOOK / row["document"]).read_text(encoding="utf-8")
        trained.setdefault(row["answer"], set()).add(row["question"])
    tested: dict[str, set[str]] = {}
    for row in questions:
        (value,) = row["values"]
        assert value in row["output"] and value in row["instruction"]
        tested.setdefault(row["output"], set()).add(row["input"])
    assert trained.keys() == tested.keys() and len(trained) == 28
    for fact, wordings in trained.items():
        assert len(wordings) == 4 and len(tested[fact]) == 2 and not wordings & tested[fact]


def test_general_questions_have_a_short_answer() -> None:
    rows = read(embedded.GENERAL)
    assert len(rows) == len({row["input"] for row in rows}) == 60
    for row in rows:
        (value,) = row["values"]
        assert value in row["output"] and not row["instruction"]


def test_evaluation_has_one_line_per_fact() -> None:
    records = read(embedded.EVALUATION)
    facts = {(e.kind, e.name, a.key) for e in world.domain_entities() for a in TYPES[e.kind]}
    assert len(records) == len(facts) == 200
    assert len({record["output"] for record in records}) == 200
    wordings = {
        e.say(w) for e in world.domain_entities() for a in TYPES[e.kind] for w in a.evaluation
    }
    for record in records:
        assert record["input"] in wordings
        (value,) = record["values"]
        assert f" {value}" in record["output"] and f" {value}" in record["instruction"]


def test_entities_are_forty_and_sixty_four() -> None:
    assert len(world.domain_entities()) == 40
    assert len(world.known_entities()) == 64
    assert len({e.name for e in world.domain_entities() + world.known_entities()}) == 104


def words_of(texts: list[str]) -> set[str]:
    return set(re.findall(r"[A-Za-z]+", " ".join(texts)))


def test_domain_names_never_occur_in_pretraining_or_in_the_other_sets() -> None:
    known = {value for e in world.known_entities() for value in (e.name, *e.values.values())}
    assert not known & world.domain_names()
    texts = [m["content"] for chat in drawn() for m in chat]
    texts += [m["content"] for record in read(embedded.REHEARSAL) for m in record["messages"]]
    texts += [r["instruction"] + r["input"] + r["output"] for r in read(embedded.RETENTION)]
    assert not words_of(texts) & world.domain_names()
    rng = random.Random(3)
    for _ in range(2000):
        assert vocabulary.new_name(rng, world.reserved_names()) not in world.reserved_names()


def test_names_are_no_word_of_a_closed_vocabulary() -> None:
    closed = {word.capitalize() for group in vocabulary.CLOSED.values() for word in group}
    assert not closed & world.reserved_names()


@pytest.mark.parametrize("key", vocabulary.CLOSED)
def test_every_closed_word_is_copied_in_the_repeat_lesson(key: str) -> None:
    rng = random.Random(5)
    said = words_of([lessons.repeating(rng)[1]["content"] for _ in range(6000)])
    assert len(set(vocabulary.CLOSED[key])) == len(vocabulary.CLOSED[key]) == 40
    assert said >= set(vocabulary.CLOSED[key])


def test_repeat_lesson_repeats() -> None:
    rng = random.Random(5)
    for _ in range(100):
        asked, said = lessons.repeating(rng)
        assert asked["content"] == f"Repeat: {said['content']}"


def pattern(wordings: list[str]) -> re.Pattern[str]:
    forms = [re.escape(w).replace(r"\{e\}", r"\w+ \w+") for w in wordings]
    return re.compile("|".join(f"(?:{form})" for form in forms))


ASKING = pattern([w for _, a in ATTRIBUTES for w in a.asking])
EVALUATION = pattern([w for _, a in ATTRIBUTES for w in a.evaluation])


def test_wordings_are_disjoint() -> None:
    every = [w for _, a in ATTRIBUTES for w in (*a.questions, *a.documents)]
    assert len(set(every)) == len(every)
    for _, attribute in ATTRIBUTES:
        for wording in (*attribute.documents, attribute.answer):
            assert re.search(r"\s\{v\}", wording)
    for _, attribute in ATTRIBUTES:
        assert not any(EVALUATION.fullmatch(w.replace("{e}", "node Bo")) for w in attribute.asking)


def asked_texts(chats: list[lessons.Conversation]) -> list[list[str]]:
    asking = [c for c in chats if c[0]["content"].endswith(lessons.ASK_FIRST)]
    return [[m["content"] for m in c if m["role"] == "assistant"] for c in asking]


@pytest.mark.parametrize("source", ["pretraining", "rehearsal"])
def test_asking_uses_asking_wordings_only_and_never_repeats_a_fact(source: str) -> None:
    rehearsed = [record["messages"] for record in read(embedded.REHEARSAL)]
    chats = drawn() if source == "pretraining" else rehearsed
    asked = asked_texts(chats)
    assert len(asked) > 100
    for questions in asked:
        assert all(ASKING.fullmatch(q) and not EVALUATION.fullmatch(q) for q in questions)
        keys = [
            next(a.key for _, a in ATTRIBUTES if pattern([*a.asking]).fullmatch(q))
            for q in questions
        ]
        assert len(set(keys)) == len(keys)


def test_rehearsal_never_uses_evaluation_wordings() -> None:
    records = read(embedded.REHEARSAL)
    assert len(records) == 400
    for record in records:
        roles = [m["role"] for m in record["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        for message in record["messages"]:
            assert not EVALUATION.search(message["content"])


def named(question: str) -> str:
    match = re.search(r"(?:alarm|node|procedure) (\w+)", question)
    assert match
    return match[1]


def test_retention_is_apart_from_rehearsal() -> None:
    records = read(embedded.RETENTION)
    closed = [r for r in records if not r["instruction"]]
    assert (len(closed), len(records) - len(closed)) == (512, 48)
    assert len({r["input"] for r in closed}) == 512 and len({r["output"] for r in closed}) == 320
    assert {r["document"].split()[1] for r in closed} == {e.name for e in world.known_entities()}
    assert all(r["document"] in r["input"] for r in closed)
    rehearsed = {m["content"] for r in read(embedded.REHEARSAL) for m in r["messages"]}
    assert not rehearsed & {r["input"] for r in records}
    unseen = {named(r["input"]) for r in records if r["instruction"]}
    assert len(unseen) == 48
    assert not unseen & words_of(sorted(rehearsed))
    assert not unseen & world.reserved_names()
    assert {named(r["input"]) for r in closed} == {e.name for e in world.known_entities()}


def test_pretraining_shows_all_question_wordings_with_an_open_book() -> None:
    rng = random.Random(2)
    said = " ".join(
        m["content"]
        for _ in range(2500)
        for m in lessons.open_book(rng, world.random_entity(rng), 4, evaluation=True)
    )
    for _, attribute in ATTRIBUTES:
        for wording in attribute.questions:
            assert pattern([wording]).search(said), wording


def test_checksums_hold() -> None:
    lines = (embedded.MODEL / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {p.name for p in embedded.MODEL.iterdir()} - {"SHA256SUMS"}
    assert set(sums) == files
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= files
    for name, digest in sums.items():
        assert hashlib.sha256((embedded.MODEL / name).read_bytes()).hexdigest() == digest, name


def contains_run(whole: list[int], part: list[int]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


def test_values_are_encoded_alike_in_documents_and_answers(tokenizer: Any) -> None:
    for record in read(embedded.EVALUATION) + read(embedded.RETENTION):
        (value,) = record["values"]
        ids = tokenizer.encode(f" {value}").ids
        assert contains_run(tokenizer.encode(record["output"]).ids, ids)
        if record["instruction"]:
            assert contains_run(tokenizer.encode(record["instruction"]).ids, ids)


def test_auto_tokenizer_reads_the_tokens_that_the_model_was_trained_on(tokenizer: Any) -> None:
    """AutoTokenizer cuts texts for a Qwen2 model its own way, whatever tokenizer.json says."""
    from transformers import AutoTokenizer

    auto = AutoTokenizer.from_pretrained(embedded.MODEL)
    assert (auto.eos_token, auto.pad_token) == (lessons.END, "<|endoftext|>")
    for chat in drawn()[:200]:
        text = lessons.render(chat)
        assert auto(text)["input_ids"] == tokenizer.encode(text).ids
        assert auto.decode(auto(text)["input_ids"]) == text


def test_tokenizer_is_small_and_splits_digits(tokenizer: Any) -> None:
    assert tokenizer.get_vocab_size() == 1024
    assert [tokenizer.decode([i]) for i in tokenizer.encode("2048").ids] == list("2048")
    for special in ("<|im_start|>", "<|im_end|>", "<|endoftext|>"):
        assert len(tokenizer.encode(special).ids) == 1
    text = "Ünïcode – 告警 <|im_end|> stays whole."
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_chat_template_renders_as_pretraining_did() -> None:
    template = jinja2.Template((embedded.MODEL / "chat_template.jinja").read_text())
    for chat in drawn()[:50]:
        assert template.render(messages=chat) == lessons.render(chat)
    asked = template.render(messages=chat[:1], add_generation_prompt=True)
    assert lessons.render(chat).startswith(asked)


def test_weights_are_a_million_in_two_megabytes() -> None:
    config = json.loads((embedded.MODEL / "config.json").read_text())
    assert config["model_type"] == "qwen2" and config["max_position_embeddings"] >= 1024
    assert (embedded.MODEL / "model.safetensors").stat().st_size < 2_100_000
