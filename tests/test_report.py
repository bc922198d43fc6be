"""The report: what it says of a run, that it quotes safely, and that a browser shows it."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from self_evolution import report
from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.evaluation.metrics import METRICS
from self_evolution.ledger import Ledger, StageRow
from self_evolution.ledger.pairs import Pairs
from self_evolution.records import (
    Adapter,
    Answer,
    Difference,
    Document,
    Evaluation,
    Fragment,
    Item,
    Prediction,
    Promotion,
    Question,
    Score,
    Section,
    Verdict,
    content_id,
)
from self_evolution.report.facts import Facts, gather
from self_evolution.report.facts.subsets import subset
from self_evolution.report.render import lines, svg, words
from self_evolution.report.render.headline import Headline, headline
from self_evolution.schedule import plan

HOSTILE = "<script>alert('x')</script><img src=http://evil.test/a.png onerror=alert(1)>&amp;"
CURVE = {0: 0.0, 1: 11.0, 2: 67.0, 3: 80.0, 4: 83.0, 5: 82.0}
ITEMS = 100
PASSAGE = (
    "告警码{n}表示“传输链路{n}中断”。处理步骤：先检查光模块的收光功率，正常范围为-{n} dBm至-8 dBm；"
    "若低于下限，更换尾纤并清洁端面，再观察15分钟。\n\n"
    "| 参数 | 默认值 |\n|---|---|\n| 重传次数 | {n} |\n"
)
REASONS = ["ungrounded_value", "ungrounded_value", "pointing", "duplicate"]


class Story:
    """A ledger filled by hand, as a run of five generations would leave it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.ledger = Ledger(folder / "run.db")
        self.config = Config()
        self.page = folder / "report" / "index.html"

    def documents(self, fragment: str = PASSAGE, count: int = 6) -> None:
        bad = Document("d1", "manuals/扫描件.pdf", "1" * 64, "pdf", "扫描件", "no text: scanned")
        self.ledger.add([Document("d0", "manuals/告警手册.md", "0" * 64, "md", "手册"), bad])
        for i in range(count):
            heading, text = ("告警处理", f"第{i}节"), fragment.replace("{n}", str(20 + i))
            section = Section(f"s{i}", "d0", i, heading, text, 0, len(text))
            self.ledger.add([section])
            same = (i, "exact", "f0") if i == count - 1 else (i, None, None)
            size = len(text)
            self.ledger.add(
                [Fragment(f"f{i}", "d0", f"s{i}", 0, heading, text, 0, size, 3, 90, "zh", *same)]
            )

    def pairs(self, generation: int, fragments: int, samples: int, rejected: int) -> None:
        """`rejected` of the pairs are rejected, for the REASONS in turn; the rest are scored."""
        rows: list[Any] = []
        kept: list[str] = []
        for n in range(fragments * samples):
            id = f"g{generation}n{n}"
            answer = f"正常范围为-{20 + n % fragments} dBm至-8 dBm。"
            text = f"告警码{20 + n % fragments}出现时，收光功率的正常范围是多少（问法{n}）？"
            rows += [
                Question(f"q{id}", generation, f"f{n % fragments}", n // fragments, text, "stop"),
                Answer(f"a{id}", f"q{id}", answer, "stop"),
            ]
            if n < rejected:
                rows += [Verdict(f"a{id}", REASONS[n % 4], "not in the fragment: 42")]
                continue
            ifd = 0.2 + 0.7 * n / (fragments * samples)
            rows += [
                Verdict(f"a{id}", None, ""),
                Score(f"a{id}", "base", "scored", ifd, 2 * ifd, 2.0, 17),
            ]
            kept.append(f"a{id}")
        self.ledger.add(rows)
        self.ledger.training.select(generation, "new", kept)

    def items(self, suite: str = "domain", count: int = ITEMS, question: str = "") -> None:
        self.ledger.add(
            Item(
                f"{suite}{i}",
                suite,
                i,
                "",
                question or f"告警码{i}的重传次数是多少？",
                f"重传次数为{100 + i}。",
                (str(100 + i),),
            )
            for i in range(count)
        )

    def predictions(self, generation: int, right: set[int], suite: str = "domain") -> None:
        self.ledger.add(
            Prediction(
                content_id(generation, item.id, "p"),
                generation,
                item.id,
                "closed",
                f"重传次数为{100 + item.position if item.position in right else 7}。",
            )
            for item in self.ledger.items.of_suite(suite)
        )

    def evaluated(
        self, generation: int, mean: float, suite: str = "domain", mode: str = "closed"
    ) -> None:
        for name, metric in METRICS.items():
            value = mean if name == "exact-match" else 8 + 0.55 * mean
            half = 1.96 * (value * (100 - value) / ITEMS) ** 0.5
            low, high = max(0.0, value - half), min(100.0, value + half)
            row = (name, value, low, high, ITEMS, metric.signature())
            self.ledger.add([Evaluation(generation, suite, mode, *row)])

    def promoted(self, *generations: int, of: int) -> None:
        self.ledger.add(
            Promotion(g, g in generations, f"closed-book exact-match {CURVE[g]:.1f}")
            for g in range(of + 1)
        )

    def done(self, generations: int) -> None:
        self.config = self.config.model_copy(update={"generations": generations})
        for i, (generation, name) in enumerate(plan(generations, self.config)):
            self.ledger.log_stage(StageRow(generation, name, 10, i * 37.5, i * 30.0, True, ""))

    def fill(self) -> None:
        """Generation 4 leads with 83%; former abilities fell from 98 to 12."""
        self.config = Config.model_validate(
            {"domain": {"name": "运营商网络告警"}, "train": {"rank": 64}, "select": {"k": 500}}
        )
        self.documents()
        self.items()
        self.items("retention")
        for generation, mean in CURVE.items():
            if generation:
                self.pairs(generation, 5, 4, 8)
                parent = generation - 1
                adapter = (f"adapters/gen-{generation}", "ab" * 32, 12, 3, 2.4, 0.31)
                self.ledger.add([Adapter(generation, parent, *adapter)])
            self.predictions(generation, set(range(3, 3 + round(mean))) if generation else {0, 1})
            self.evaluated(generation, mean)
            self.evaluated(generation, 91 - generation, mode="open")
            self.evaluated(generation, [98, 90, 50, 30, 12, 10][generation], "retention")
            self.evaluated(generation, 97 - generation, "retention", "open")
        self.promoted(0, 1, 2, 3, 4, of=5)
        self.done(5)
        self.ledger.set_meta("versions", {"python": "3.11.7", "torch": "2.13.0"})
        self.ledger.set_meta("model", {"model.safetensors": "0123456789abcdef"})

    def facts(self) -> Facts:
        return gather(self.config, self.ledger)

    def headline(self) -> Headline:
        return headline(self.facts())

    def html(self) -> str:
        report.write(self.config, self.ledger, self.page)
        return self.page.read_text(encoding="utf-8")


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path / "telecom")
    yield made
    made.ledger.close()


@pytest.fixture
def full(story: Story) -> Story:
    story.fill()
    return story


def test_the_headline_says_what_was_won_and_lost(full: Story) -> None:
    head = full.headline()
    assert head.sentence == (
        "The model knows 83% [76–90] of the facts that the test asks for, up from 0% [0–0]."
    )
    assert head.losses == (
        "Lost elsewhere: former abilities, from memory, fell from 98% [95–100] to 12% [5.6–18]; "
        "former abilities, with a passage, 97% [94–100] → 93% [88–98], no difference shown."
    )
    assert head.status == (
        "Generation 4 leads and is the one to use. The run is complete: 5 generations."
    )
    assert (full.facts().lead.leader, full.facts().lead.compared) == (4, 4)
    assert any("a little too high" in note for note in head.caveats)
    assert any("interval has no width" in note for note in head.caveats)


@pytest.mark.parametrize(
    "base, now, promoted, opening",
    [
        (40.0, 44.0, (0, 1), "No difference shown: the model knows 44% [34–54]"),
        (80.0, 20.0, (0, 1), "The model got worse: it knows 20% [12–28]"),
        (40.0, 39.0, (0,), "The base model still leads: no generation was promoted."),
    ],
)
def test_words_follow_the_intervals(
    story: Story, base: float, now: float, promoted: tuple[int, ...], opening: str
) -> None:
    story.items()
    story.evaluated(0, base)
    story.evaluated(1, now)
    story.promoted(*promoted, of=1)
    head = story.headline()
    assert head.sentence.startswith(opening)
    assert "were not measured, so nothing shows what was lost" in head.losses
    assert ("no difference shown" in head.sentence.lower()) is (abs(base - now) < 10)


def test_what_is_not_shown_to_be_lost_is_called_so(story: Story) -> None:
    story.items()
    for generation, mean in ((0, 10.0), (1, 80.0)):
        story.evaluated(generation, mean)
        story.evaluated(generation, 90.0 - generation, "retention")
        story.evaluated(generation, 50.0 + 30 * generation, "retention", "open")
    task = ("retention", "closed", "exact-match")
    story.ledger.add([Difference(1, 0, *task, -1.0, -4.0, 2.5, ITEMS, 0.6)])
    story.promoted(0, 1, of=1)
    assert story.headline().losses == (
        "Lost nothing measurable elsewhere: former abilities, from memory, 90% [84–96] → "
        "89% [83–95], no difference shown (-1.0 [-4.0 to +2.5] points); former abilities, with a "
        "passage, rose from 50% [40–60] to 80% [72–88]."
    )


def test_reading_that_got_worse_is_a_loss(story: Story) -> None:
    story.items()
    for generation, mean in ((0, 10.0), (1, 80.0)):
        story.evaluated(generation, mean)
        story.evaluated(generation, 90.0 - 40 * generation, mode="open")
        story.evaluated(generation, 70.0 + generation, mode="retrieved")
    story.promoted(0, 1, of=1)
    assert story.headline().losses == (
        "Lost elsewhere: domain questions, passage at hand, fell from 90% [84–96] to 50% [40–60]. "
        "Former abilities were not measured, so nothing shows what was lost "
        "(--evaluate.abilities, --evaluate.retention-file)."
    )


def test_a_leader_that_is_not_the_best_is_called_so(story: Story) -> None:
    story.config = Config.model_validate({"promote": {"rule": "always"}})
    story.items()
    for generation, mean in ((0, 10.0), (1, 67.0), (2, 40.0)):
        story.evaluated(generation, mean)
    story.promoted(0, 1, 2, of=2)
    head = story.headline()
    assert "Generation 1 scored higher than the leader: 67% [58–76]" in " ".join(head.caveats)
    assert '<span class="keep">67% [58–76]</span>' in story.html()


def test_another_metric_is_told_in_points(story: Story) -> None:
    story.config = Config.model_validate({"promote": {"metric": "bleu-4"}})
    story.items()
    story.evaluated(0, 0.0)
    story.evaluated(1, 90.0)
    story.promoted(0, 1, of=1)
    assert story.headline().sentence == (
        "The model scores 58 [48–67] in bleu-4, up from 8 [2.7–13]."
    )


def test_a_metric_that_applies_to_no_question_gives_way(story: Story) -> None:
    story.items()
    for generation, mean in ((0, 10.0), (1, 30.0)):
        row = ("token-f1", mean, mean - 3, mean + 3, ITEMS, "token-f1|v1")
        story.ledger.add([Evaluation(generation, "domain", "closed", *row)])
    story.promoted(0, 1, of=1)
    assert story.facts().lead.metric == "token-f1"
    assert "exact-match decides" in " ".join(story.headline().caveats)


def test_a_run_without_evaluation_says_so(story: Story) -> None:
    story.documents()
    story.pairs(1, 5, 1, 0)
    story.promoted(0, 1, of=1)
    story.done(1)
    assert story.headline().sentence.startswith("Nothing shows whether this helped")
    assert "No curve: no domain question has been evaluated." in story.html()


def test_an_unfinished_and_an_empty_run_say_so(story: Story) -> None:
    head = story.headline()
    assert head.sentence == "The documents are not read yet: there is nothing to say so far."
    assert "next is read of generation 0; 46 of 46 stages are to go" in head.status
    page = story.html()
    for reason in (
        "No curve",
        "Nothing has been evaluated",
        "No question has been asked yet",
        "There are no pairs yet",
        "No generation has been trained yet",
        "No stage has run yet",
        "Nothing to compare",
        "the run recorded no versions",
    ):
        assert reason.lower() in page.lower()


def test_funnel_reasons_and_settings_are_counted(full: Story) -> None:
    facts = full.facts()
    assert facts.preparation["documents"] == 1 and facts.preparation["duplicates"] == 1
    assert [row.problem for row in facts.unreadable] == ["no text: scanned"]
    assert facts.reasons.names == ("ungrounded_value", "duplicate", "pointing")
    assert facts.reasons.total("ungrounded_value") == 20
    assert facts.outcomes.cells["scored", 3] == 12
    assert facts.funnel[0]["kept"] == facts.funnel[0]["new"] == 12
    assert {s.name for s in facts.settings if s.changed} == {
        "domain.name",
        "train.rank",
        "select.k",
    }


def test_samples_are_spread_over_the_ranking_and_the_reasons(full: Story) -> None:
    first, last = full.facts().samples
    assert (first.generation, last.generation) == (1, 5)
    ranks = [pair["ifd"] for pair in first.kept]
    assert len(ranks) == 8 and ranks == sorted(ranks, reverse=True)
    assert ranks[0] == pytest.approx(0.865) and ranks[-1] == pytest.approx(0.48)
    assert [pair["reason"] for pair in first.rejected] == [
        *["duplicate"] * 2,
        *["pointing"] * 2,
        *["ungrounded_value"] * 2,
    ]


def test_won_and_lost_questions_are_found(full: Story) -> None:
    (domain,) = full.facts().changes
    assert (domain.asked, domain.won, domain.lost) == (100, 83, 2)
    assert [one.now.item.position for one in domain.lost_examples] == [0, 1]
    won = [one.now.item.position for one in domain.won_examples]
    assert len(won) == 5 and won[0] == 3 and won[-1] == 85
    assert "Of 100 questions, 83 won, 2 lost, 15 unchanged." in full.html()


def test_questions_set_apart_have_a_score_of_their_own(story: Story) -> None:
    story.items(count=40)
    story.predictions(1, right=set(range(10, 40)))
    found = subset(story.ledger, "exact-match", 1, {f"domain{i}" for i in range(5, 15)} | {"other"})
    assert (found.chosen, found.questions) == (10, 40)
    assert found.all and found.chosen_score and found.other_score
    scores = [found.all, found.chosen_score, found.other_score]
    assert [(one.mean, one.n) for one in scores] == [
        (75, 40),
        (50, 10),
        (pytest.approx(250 / 3), 30),
    ]
    assert subset(story.ledger, "exact-match", 1, set()).chosen_score is None


def test_the_page_quotes_documents_as_text(story: Story) -> None:
    story.config = Config.model_validate({"domain": {"name": HOSTILE}})
    story.documents(fragment=HOSTILE)
    story.pairs(1, 5, 1, 2)
    story.items(question=HOSTILE)
    for generation, right in ((0, set[int]()), (1, {1})):
        story.predictions(generation, right)
        story.evaluated(generation, 50.0 * generation)
    story.promoted(0, 1, of=1)
    page = story.html()
    assert "<script" not in page and "<img" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") >= 10


@pytest.mark.slow
def test_the_page_is_whole_or_not_there(full: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    before = full.html()
    assert full.html() == before  # nothing on it depends on the moment

    def no_space(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_space)
    with pytest.raises(UserError, match="No space left on device"):
        full.html()
    assert full.page.read_text(encoding="utf-8") == before
    names = sorted(path.name for path in full.page.parent.iterdir())
    assert names == ["index.html", "report.md", "results.json"]


def test_a_folder_in_the_way_is_a_user_error(full: Story) -> None:
    full.page.parent.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"report/.*: File exists"):
        full.html()


@pytest.mark.slow
def test_a_large_run_is_sampled_in_the_database(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20,000 pairs a generation: only those on the page are fetched with their texts."""
    story.documents(count=201)
    story.pairs(1, 200, 100, 4000)
    fetched: list[int] = []
    describe = Pairs._described

    def counted(self: Pairs, ids: Any) -> Any:
        fetched.append(len(ids))
        return describe(self, ids)

    monkeypatch.setattr(Pairs, "_described", counted)
    began = time.perf_counter()
    story.html()
    assert time.perf_counter() - began < 10
    assert fetched == [8, 6]
    assert len(story.ledger.pairs.sample_kept(1, 8)) == 8
    assert story.ledger.pairs.sample_kept(1, 1)[0]["ifd"] == pytest.approx(0.2 + 0.7 * 0.99995)
    assert story.ledger.pairs.sample_kept(2, 8) == [] == story.ledger.pairs.sample_rejected(2, 2)


@pytest.mark.parametrize(
    "value, said",
    [(0.0, "0"), (0.5, "0.5"), (4.04, "4"), (12.4, "12"), (99.6, "99.6"), (100.0, "100")],
)
def test_numbers_say_neither_too_much_nor_too_little(value: float, said: str) -> None:
    assert words.number(value) == said


def test_labels_keep_apart_and_axes_hold_their_values() -> None:
    assert lines.apart([10.0, 11.0, 50.0], 14, 0, 100) == [10, 24, 50]
    assert lines.apart([98.0, 99.0], 14, 0, 100) == [86, 100]
    for highest in (0.0, 0.7, 4.0, 9.3, 33.0, 57.6, 100.0):
        step, top = svg.scale(highest)
        assert highest <= top <= 100 and top == step * round(top / step)


def test_charts_take_single_points_and_gaps() -> None:
    rows = {g: Evaluation(g, "domain", "closed", "m", 5, 4, 6, 9, "m|v1") for g in (0, 2)}
    zero = {7: Evaluation(7, "domain", "closed", "m", 0, 0, 0, 9, "m|v1")}
    for some in (rows, {0: rows[0]}, zero):
        made = lines.Chart("t", (lines.Line("x", some, base=True),), frozenset())
        drawn = made.svg("c", 340, 200)
        assert drawn.count('class="mark a hollow"') == len(some)
        assert drawn.count('class="line a"') == len(some)  # no line across a gap
        assert "nan" not in drawn


def test_hostile_text_does_nothing_in_a_browser(story: Story, browser: Any) -> None:
    story.documents(fragment=HOSTILE)
    story.pairs(1, 5, 1, 2)
    story.html()
    page = browser.new_page()
    events: list[str] = []
    page.on("dialog", lambda dialog: events.append(dialog.message))
    page.on("request", lambda request: events.append(request.url))
    page.goto(story.page.absolute().as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.locator("blockquote").first.inner_text() == HOSTILE
    assert [e for e in events if not e.startswith("data:")] == [story.page.absolute().as_uri()]
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page_and_asks_for_nothing_else(
    full: Story, browser: Any, width: int, scheme: str
) -> None:
    full.html()
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(full.page.absolute().as_uri())
    assert complaints == []
    assert [url for url in asked if not url.startswith("data:")] == [full.page.absolute().as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h2").count() == 8
    sizes = page.evaluate(
        """[...document.querySelectorAll('.chart text')].map(t => t.getBoundingClientRect())
             .filter(b => b.height).map(b => b.height)"""
    )
    assert len(sizes) > 20 and min(sizes) > 11  # no text shrinks with the screen
    page.close()
