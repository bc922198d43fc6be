"""The metrics: published values, exact match of values, intervals, and the filter on files."""

import json
import logging
import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from self_evolution.evaluation.metrics import METRICS, Metric, extract_values, stands_in
from self_evolution.evaluation.metrics.aggregate import summarise
from self_evolution.evaluation.metrics.rouge import lcs_length
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.text.lexer import keys, plain

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT.parent / "shared" / "vectors" / "metrics.json"
PUBLISHED = ("bleu-4", "rouge-1", "rouge-2", "rouge-l")

texts = st.text(
    st.sampled_from("在系统中配置参数端口的值为。，？”…. \n\t48KXms-_%License“"), max_size=60
)


def score(name: str, prediction: str, reference: str, **further: object) -> float | None:
    return METRICS[name].score(prediction, reference, **further)  # type: ignore[arg-type]


# --- every metric -------------------------------------------------------------------------


@pytest.mark.parametrize("name", METRICS)
def test_an_entry_keeps_the_contract(name: str) -> None:
    metric = METRICS[name]
    assert isinstance(metric, Metric)
    assert metric.name == name
    assert metric.signature() == metric.signature()
    assert metric.signature().startswith(f"{name}|")
    assert metric.signature().endswith(f"|v{metric.revision}")
    assert " " not in metric.signature()


@pytest.mark.parametrize("name", METRICS)
@settings(deadline=None, max_examples=60)
@given(prediction=texts, reference=texts, question=texts)
def test_a_score_is_a_percentage_or_none(
    name: str, prediction: str, reference: str, question: str
) -> None:
    first = score(name, prediction, reference, question=question)
    assert first is None or 0.0 <= first <= 100.0 + 1e-9 or METRICS[name].aim == "even"
    assert first == score(name, prediction, reference, question=question)


@pytest.mark.parametrize("name", [*PUBLISHED, "token-f1", "sacrebleu", "chrf"])
@pytest.mark.parametrize(
    ("prediction", "reference"), [("", "有值"), ("有值", ""), ("", ""), (" \n", "值")]
)
def test_a_blank_text_scores_zero(name: str, prediction: str, reference: str) -> None:
    assert score(name, prediction, reference) == 0.0


@pytest.mark.parametrize("name", METRICS)
@settings(deadline=None, max_examples=60)
@given(text=texts)
def test_a_text_matches_itself(name: str, text: str) -> None:
    text = f"打开配置窗口{text}"
    best = 0.0 if METRICS[name].aim == "low" else 100.0
    assert score(name, text, text) in (None, pytest.approx(best, abs=1e-5))


def test_signatures_name_settings_and_library_versions() -> None:
    import importlib.metadata

    jieba = importlib.metadata.version("jieba")
    assert METRICS["bleu-4"].signature() == "bleu-4|chars|smooth:method3|as:nltk-3.10|v1"
    assert METRICS["rouge-l"].signature() == (
        f"rouge-l|f1|words|as:rouge-chinese-1.0.3|jieba:{jieba}|v1"
    )


# --- the published four -------------------------------------------------------------------


@pytest.mark.skipif(not VECTORS.exists(), reason="shared/vectors/metrics.json is not here")
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_values(name: str) -> None:
    pairs = json.loads(VECTORS.read_text(encoding="utf-8"))["pairs"]
    assert len(pairs) == 100
    for pair in pairs:
        value = score(name, pair["prediction"], pair["reference"])
        assert value == pytest.approx(pair[name], abs=1e-4), pair["prediction"]


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("abcd", "abcd", 100.0),
        # 1-gram 1/1; the three orders without a match give 1/2, 1/4, 1/8 over one each.
        ("a", "a", 100 * (1 / 64) ** 0.25),
        # 3/4, 2/3, 1/2, then 1/2 of one; no brevity penalty.
        ("abcx", "abcd", 100 * (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** 0.25),
        ("abcd", "abcdabcd", 100 * math.exp(1 - 8 / 4)),
        ("wxyz", "abcd", 0.0),
    ],
)
def test_bleu_by_hand(prediction: str, reference: str, expected: float) -> None:
    assert score("bleu-4", prediction, reference) == pytest.approx(expected, abs=1e-8)


@settings(deadline=None, max_examples=200)
@given(prediction=texts | st.text("ab", max_size=9), reference=texts | st.text("ab", max_size=9))
def test_bleu_is_that_of_nltk(prediction: str, reference: str) -> None:
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    smoothing = SmoothingFunction().method3
    witness = 0.0
    if prediction:
        witness = sentence_bleu([list(reference)], list(prediction), smoothing_function=smoothing)
    assert score("bleu-4", prediction, reference) == pytest.approx(100 * witness, abs=1e-9)


@settings(deadline=None, max_examples=100)
@given(
    prediction=st.text("abc", min_size=6, max_size=30),
    reference=st.text("abc", min_size=6, max_size=30),
)
def test_bleu_is_that_of_sacrebleu(prediction: str, reference: str) -> None:
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu, the witness, is not installed")
    witness = sacrebleu.metrics.BLEU(tokenize="none", smooth_method="exp", effective_order=False)
    given_score = witness.sentence_score(" ".join(prediction), [" ".join(reference)])
    if given_score.counts[0]:  # without any match NLTK gives 0, sacrebleu a smoothed value
        assert score("bleu-4", prediction, reference) == pytest.approx(given_score.score, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "prediction", "reference", "expected"),
    [
        # Sets: the second 配置 counts in no ROUGE-N, but in ROUGE-L's lengths.
        ("rouge-1", "配置 配置", "配置", 100.0),
        ("rouge-l", "配置配置", "配置", 200 / 3),
        # Words 打开 / 窗口 / 关闭: one of two and two bigrams shared by none.
        ("rouge-1", "打开窗口", "关闭窗口", 50.0),
        ("rouge-2", "打开窗口", "关闭窗口", 0.0),
        ("rouge-l", "打开窗口", "关闭窗口", 50.0),
        # The line of spaces inside is one empty word: 2 of 3 against 2 of 2.
        ("rouge-l", "窗口\n \n窗口", "窗口\n窗口", 80.0),
    ],
)
def test_rouge_by_hand(name: str, prediction: str, reference: str, expected: float) -> None:
    assert score(name, prediction, reference) == pytest.approx(expected, abs=1e-5)


def table_lcs(left: str, right: str) -> int:
    """The textbook recursion, as a witness."""
    row = [0] * (len(right) + 1)
    for one in left:
        above = row[:]
        for place, other in enumerate(right, start=1):
            row[place] = above[place - 1] + 1 if one == other else max(above[place], row[place - 1])
    return row[-1]


@given(left=st.text("abcd", max_size=90), right=st.text("abcd", max_size=90))
def test_lcs_length_is_that_of_the_table(left: str, right: str) -> None:
    assert lcs_length(left, right) == table_lcs(left, right)


@pytest.mark.timeout(60)  # a table of all pairs of characters would take minutes
def test_long_texts_do_not_stall_rouge() -> None:
    assert lcs_length("ab" * 10_000, "abb" * 7_000) > 10_000


@pytest.mark.slow
def test_jieba_neither_warns_nor_logs_nor_leaves_a_file(tmp_path: Path) -> None:
    code = (
        "from self_evolution.evaluation.metrics import METRICS\n"
        "assert METRICS['rouge-1'].score('打开窗口', '打开窗口') > 99\n"
    )
    environment = {"TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""}
    # Without byte code to load, jieba is compiled, which is when its regular expressions warn.
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "none")
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_importing_the_table_loads_no_library() -> None:
    code = (
        "import sys, self_evolution.evaluation.metrics, self_evolution.strategies\n"
        "heavy = {'jieba', 'nltk', 'numpy', 'sacrebleu', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"


def test_scoring_leaves_the_jieba_of_others_alone(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
    before = score("rouge-1", "云原生平台", "云平台")
    jieba.dt.tmp_dir = str(tmp_path)  # where it caches its dictionary
    level = logging.getLogger("jieba").level
    jieba.setLogLevel(logging.CRITICAL)
    try:
        jieba.add_word("云原生平台")
        score("rouge-1", "云原生平台很好", "云平台")
        assert score("rouge-1", "云原生平台", "云平台") == before
    finally:
        jieba.setLogLevel(level)


# --- token F1 -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Port, 48!", ["the", "port", "48"]),
        ("打开VDC页面。", ["打", "开", "vdc", "页", "面"]),
        ("v2.3 is 4.5", ["v2", "3", "is", "4.5"]),
        ("ＶＤＣ４８", ["vdc48"]),
        ("한국어 단어 カナ", ["한국어", "단어", "カ", "ナ"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_token_f1_by_hand() -> None:
    assert score("token-f1", "the port is 48", "Port 48.") == pytest.approx(200 / 3)
    assert score("token-f1", "48 48", "48") == pytest.approx(200 / 3)


# --- sacrebleu, length, certainty, nuggets ------------------------------------------------


@pytest.mark.parametrize(
    ("prediction", "reference", "tokenizer"),
    [
        ("打开VDC页面，等待30秒。", "先打开VDC页面，然后等待30秒。", "zh"),
        ("Open the page and wait 30 s.", "First open the page, then wait 30 s.", "13a"),
        ("48", "It is 48.", "13a"),
    ],
)
def test_sacrebleu_and_chrf_are_those_of_the_command(
    prediction: str, reference: str, tokenizer: str
) -> None:
    import sacrebleu

    bleu = sacrebleu.sentence_bleu(prediction, [reference], tokenize=tokenizer)
    assert score("sacrebleu", prediction, reference) == pytest.approx(bleu.score, abs=1e-8)
    chrf = sacrebleu.sentence_chrf(prediction, [reference])
    assert score("chrf", prediction, reference) == pytest.approx(chrf.score, abs=1e-8)


@settings(deadline=None, max_examples=300)
@given(text=texts | st.text(max_size=40) | st.text(" .,-&'!~[0a一，“\n\t", max_size=30))
def test_chinese_tokens_are_those_of_sacrebleu(text: str) -> None:
    from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

    from self_evolution.evaluation.metrics.sacre import zh

    assert zh(text) == TokenizerZh()(text)


def test_length_ratio_counts_words_and_characters() -> None:
    assert score("length-ratio", "The port is 48, yes.", "It is 48.") == pytest.approx(500 / 3)
    assert score("length-ratio", "打开", "打开VDC页面") == pytest.approx(40.0)
    assert score("length-ratio", "", "48") == 0.0
    assert score("length-ratio", "48", "。") is None


@pytest.mark.parametrize(
    ("prediction", "declined", "wrong"),
    [
        ("", True, False),
        ("I don't know.", True, False),
        ("I do not have enough information to answer about Alpha.", True, False),
        ("The port is not mentioned.", True, False),
        ("抱歉，文档中没有提及该端口。", True, False),
        ("无法确定", True, False),
        ("I am not sure, but it is 48.", False, True),
        ("It is not mentioned, so it must be 47.", False, False),
        ("The port is 47.", False, False),
        ("The port is 48.", False, True),
        ("The port is 47 or 48.", False, True),
        ("It listens on some port.", False, True),
    ],
)
def test_declining_is_told_from_a_confident_error(
    prediction: str, declined: bool, wrong: bool
) -> None:
    for values in (None, ["47"]):
        further: dict[str, Any] = {"question": "Which port has Alpha?", "values": values}
        found = [
            score(name, prediction, "Port 47.", **further)
            for name in ("abstention", "confident-error")
        ]
        assert found == [100.0 * declined, 100.0 * wrong]


def test_a_wrong_name_is_a_confident_error() -> None:
    known: dict[str, Any] = {"question": "What colour is it?", "values": ["amber"]}
    assert score("confident-error", "It is crimson.", "It is amber.", **known) == 100.0
    assert score("confident-error", "Yes.", "Of course.") is None


REPAIR = "Clear the alarm after 4.5 s. Then restart node Bramo, and call team Fox."


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (REPAIR, 100.0),
        ("after 4.5 seconds", 100 / 3),
        ("Restart node Bramo and call Fox.", 100 / 3),
        ("Clear it after 4.5 s, restart Bramo, call team Fox", 100.0),
        ("What should be done about the alarm?", 0.0),
        ("", 0.0),
    ],
)
def test_nuggets_are_values_and_statements(prediction: str, expected: float) -> None:
    question = "What should be done about the alarm?"
    found = score("nugget-recall", prediction, REPAIR, question=question)
    assert found == pytest.approx(expected)


def test_nuggets_of_a_chinese_reference() -> None:
    reference = "1. 合同号需要手动填写。\n2. 在相应字段输入“无”，等待30秒。"
    question = "合同号应该如何填写？"
    found = [
        score("nugget-recall", text, reference, question=question)
        for text in (reference, "手动填写", "30秒", question)
    ]
    # "无", 30秒, 手动 (填写 is the question's), and 输入 with 相应 and 等待
    assert found == [100.0, 25.0, 25.0, 0.0]
    assert score("nugget-recall", "是", "是", question="是") is None


# --- values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The KX-48 has ifIndex_2.", ["KX-48", "ifIndex_2"]),
        ("Edit /etc/hosts on 10.0.0.1 (v2.3).", ["/etc/hosts", "10.0.0.1", "v2.3"]),
        ("In 48 ms, at 3%, with 4GB or 4.5 V.", ["48 ms", "3%", "4GB", "4.5 V"]),
        ("It has 48 ports and 2 and 3.", ["48", "2", "3"]),
        ("A well-known read/write word, e.g. end-to-end.", []),
        ("1. open 2 ports\n2、close\n3) wait\n(4) go\n- 5. stop\n① rest", ["2"]),
        ("第1步：打开\n步骤2：关闭\nStep 3: go", ["go"]),
        ("1.5 V is little", ["1.5 V"]),
        ("4 GB, again 4GB and 4 gb", ["4 GB"]),
        ("10,000 items but 400,429,503,3004", ["10,000", "400", "429", "503", "3004"]),
        ("范围为10-10000，1到60分钟", ["10", "10000", "1 分钟", "60分钟"]),
        ("between 1 and 60 seconds", ["1 seconds", "60 seconds"]),
        ("申请License时进入VDC页面", ["License", "VDC"]),
        ("点击“下一步”按钮，然后「确定」", ["下一步", "确定"]),
        ("电压-40℃，第48号，５０％", ["-40°C", "48", "50%"]),
        ("2024-05-01 10:30 http://a.b.cn/x?y=1.", ["2024-05-01", "10:30", "http://a.b.cn/x?y=1"]),
        ("5根天线和5天", ["5", "5天"]),
        ("一个普通的句子。", []),
        ("", []),
    ],
)
def test_extract_values(text: str, expected: list[str]) -> None:
    assert extract_values(text) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("48", "There are 48."),
        ("48", "**48** ports"),
        ("48", "48 ms"),
        ("ms", "48 ms"),
        ("seconds", "30 s"),
        ("4GB", "has 4 gb of memory"),
        ("10 min", "等待10分钟"),
        ("10,000", "10000个"),
        ("4.50", "4.5"),
        (".5", "0.5"),
        ("-0.0", "0"),
        ("+7", "7.00"),
        ("5-10", "5 to 10"),
        ("0-63", "0~63 s"),
        ("60 s", "1-60 s"),
        ("1 s", "1-60 s"),
        ("kx-48", "the KX-48, then"),
        ("License", "申请license时"),
        ("red light", "a Red  Light."),
        ("下一步", "点击 下一 步"),
        ("4个", "有4个"),
        ("48.", "48 ports"),
        ("#", "a # b"),
    ],
)
def test_a_value_stands_in_a_text(value: str, text: str) -> None:
    assert stands_in(value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("4", "48"),
        ("4", "4.5"),
        ("5", "4.5"),
        ("48", "KX-48"),
        ("48", "-48 V"),
        ("10.0.0.1", "10.0.0.10"),
        ("v2.3", "v2.3.1"),
        ("4 GB", "4 MB"),
        ("5 MW", "5 mW"),
        ("48 ms", "48"),
        ("4个", "14个"),
        ("4个", "1.4个"),
        ("VDC", "VDCX"),
        ("red light", "is red. Light"),
        ("设置", "建设。置换"),
        ("1", "1. open\n2. close"),
        (".5", "5"),
        ("1" * 40, "1" * 39 + "2"),
        ("", "text"),
    ],
)
def test_a_value_does_not_stand_in_a_text(value: str, text: str) -> None:
    assert not stands_in(value, text)


@given(text=texts)
def test_every_extracted_value_stands_in_its_text(text: str) -> None:
    for value in extract_values(text):
        assert stands_in(value, text), value


@given(first=texts, second=texts)
def test_the_lexer_reads_every_text(first: str, second: str) -> None:
    full, written = keys(plain(first + second))
    assert len(written) <= len(full)
    assert "" not in full


@pytest.mark.parametrize(
    "text", ["a+", "1,111", "-", "5", "a.b/", "1-", "“", "12:34:", "\n1. ", "48 ms, ", "下一步"]
)
def test_long_and_odd_texts_do_not_stall_exact_match(text: str) -> None:
    text = text * (30_000 // len(text))
    expected = 100.0 if "48 ms" in text else 0.0
    assert score("exact-match", text, "48 ms", values=["48 ms"]) == expected
    assert score("exact-match", text, text) in (None, 100.0)


DOCUMENT = "The KX-48 has 48 ports and needs 230 V. It answers in 12 ms. Its fan turns at 900 rpm."


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ("It has 48 ports.", 100.0),
        ("48", 100.0),
        ("The KX-48 has 48 ports.", 100.0),  # the code stands in the question
        ("It has 24 ports.", 0.0),
        ("48 ports, or 24.", 0.0),
        (DOCUMENT, 0.0),  # every right value, and others
        ("", 0.0),
    ],
)
@pytest.mark.parametrize("values", [None, ["48"]])
def test_exact_match(prediction: str, expected: float, values: list[str] | None) -> None:
    given_score = score(
        "exact-match", prediction, "The device has 48 ports.",
        question="How many ports has the KX-48?", values=values,
    )  # fmt: skip
    assert given_score == expected


@pytest.mark.parametrize(
    ("prediction", "reference", "values", "expected"),
    [
        ("Yes.", "Yes, it does.", None, None),
        ("Yes.", "Yes, it does.", [], None),
        ("Yes.", "Yes, it does.", [" "], None),
        ("yes, sure", "It does.", ["Yes"], 100.0),
        ("点击下一步即可", "点击“下一步”按钮", None, 100.0),
        ("点击“上一步”，再下一步", "点击“下一步”按钮", None, 0.0),
        ("使用VDC的License", "申请License", None, 0.0),
        ("申请license即可", "申请License", None, 100.0),
        ("1. wait 30s\n2. go", "Wait 30 seconds.", None, 100.0),
        ("60秒", "60 s", ["60 s"], 100.0),
    ],
)
def test_exact_match_of_others(
    prediction: str, reference: str, values: list[str] | None, expected: float | None
) -> None:
    assert score("exact-match", prediction, reference, values=values) == expected


@settings(max_examples=300)
@given(
    reference=texts | st.text("0123456789.,-+/:@_ \n~to到和秒sm%KXaB“”'()\\#℃－１Ａ①", max_size=25)
)
def test_the_reference_itself_is_an_exact_match(reference: str) -> None:
    assert score("exact-match", reference, reference) in (None, 100.0)


# --- the filter on files ------------------------------------------------------------------


def test_summarise() -> None:
    rows: list[dict[str, Any]] = [
        {"prediction": "48 ports", "reference": "48 ports", "id": 1},
        {"prediction": "24 ports", "reference": "48 ports", "question": None, "values": ["48"]},
        {"prediction": "Yes.", "reference": "Yes.", "question": "Is it?", "values": None},
    ]
    summary = summarise(iter(rows), resamples=100)
    assert summary["n"] == 3
    assert list(summary["metrics"]) == list(METRICS)
    entry = summary["metrics"]["exact-match"]
    assert (entry["mean"], entry["n"]) == (50.0, 2)
    assert entry["signature"] == METRICS["exact-match"].signature()
    for entry in summary["metrics"].values():
        assert list(entry) == ["mean", "low", "high", "n", "signature"]
        assert entry["low"] <= entry["mean"] <= entry["high"]
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summarise(rows, resamples=100) == summary


def test_rows_of_one_document_are_resampled_together() -> None:
    rows = [
        {"prediction": "48" if i % 3 else "47", "reference": "48", "document": f"d{i % 15}"}
        for i in range(120)
    ]
    only = {"exact-match": METRICS["exact-match"]}
    together = summarise(rows, metrics=only)["metrics"]["exact-match"]
    alone = summarise([row | {"document": None} for row in rows], metrics=only)
    assert together["high"] - together["low"] > 2 * (
        alone["metrics"]["exact-match"]["high"] - alone["metrics"]["exact-match"]["low"]
    )


def test_a_metric_that_applies_to_no_row_has_no_mean() -> None:
    only = {"exact-match": METRICS["exact-match"]}
    entry = summarise([{"prediction": "Yes", "reference": "Yes"}], metrics=only)["metrics"]
    assert entry["exact-match"]["mean"] is None
    assert entry["exact-match"]["n"] == 0


GOOD = {"prediction": "a", "reference": "b"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["a", "b"], r'line 2: given \["a", "b"\], expected an object'),
        ({"prediction": "a"}, 'line 2: given the keys prediction, expected "reference" too'),
        ({}, 'line 2: given the keys none, expected "prediction" too'),
        (GOOD | {"reference": 48}, 'line 2: "reference": given 48, expected a string'),
        (GOOD | {"prediction": None}, 'line 2: "prediction": given null, expected a string'),
        (GOOD | {"question": 1}, 'line 2: "question": given 1, expected a string'),
        (GOOD | {"document": 1}, 'line 2: "document": given 1, expected a string'),
        (GOOD | {"values": "48"}, 'line 2: "values": given "48", expected a list of strings'),
        (GOOD | {"values": [48]}, r'line 2: "values": given \[48\], expected a list of strings'),
    ],
)
def test_summarise_names_the_bad_row(row: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarise([GOOD, row])


def test_summarise_refuses_no_rows() -> None:
    with pytest.raises(ValueError, match="given no rows"):
        summarise([])
