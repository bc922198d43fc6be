"""The language of a text, and the questions that are clearly in the wrong one."""

from __future__ import annotations

import sys

import pytest

from self_evolution.text.language import detect, differs, name

PARAGRAPHS = {
    "en": (
        "The valve of the cooling circuit closes as soon as the pressure falls below the "
        "limit that was set during the last inspection. The operator then checks the pump"
        " and writes the value down."
    ),
    "de": (
        "Das Ventil des Kühlkreislaufs schließt, sobald der Druck unter den Grenzwert "
        "fällt, der bei der letzten Prüfung eingestellt wurde. Danach prüft der Bediener "
        "die Pumpe und notiert den Wert."
    ),
    "fr": (
        "La vanne du circuit de refroidissement se ferme dès que la pression passe sous "
        "la limite fixée lors de la dernière inspection. L'opérateur contrôle ensuite la "
        "pompe et note la valeur."
    ),
    "es": (
        "La válvula del circuito de refrigeración se cierra en cuanto la presión baja del"
        " límite fijado en la última inspección. Después el operador revisa la bomba y "
        "anota el valor medido."
    ),
    "it": (
        "La valvola del circuito di raffreddamento si chiude non appena la pressione "
        "scende sotto il limite fissato nell'ultima ispezione. L'operatore controlla poi "
        "la pompa e annota il valore."
    ),
    "pt": (
        "A válvula do circuito de refrigeração fecha assim que a pressão cai abaixo do "
        "limite que foi definido na última inspeção. Depois o operador verifica a bomba e"
        " anota o valor medido."
    ),
    "nl": (
        "De klep van het koelcircuit sluit zodra de druk onder de grens zakt die bij de "
        "laatste inspectie is ingesteld. Daarna controleert de bediener de pomp en "
        "schrijft hij de waarde op."
    ),
    "sv": (
        "Ventilen i kylkretsen stängs så snart trycket sjunker under gränsen som ställdes"
        " in vid den senaste kontrollen. Därefter kontrollerar operatören pumpen och "
        "skriver ner värdet."
    ),
    "da": (
        "Ventilen i kølekredsløbet lukker, så snart trykket falder under den grænse, der "
        "blev indstillet ved det seneste eftersyn. Derefter kontrollerer operatøren "
        "pumpen og noterer værdien."
    ),
    "pl": (
        "Zawór obiegu chłodzenia zamyka się, gdy tylko ciśnienie spadnie poniżej granicy "
        "ustawionej podczas ostatniego przeglądu. Następnie operator sprawdza pompę i "
        "zapisuje wartość."
    ),
    "cs": (
        "Ventil chladicího okruhu se zavře, jakmile tlak klesne pod mez nastavenou při "
        "poslední kontrole. Obsluha potom zkontroluje čerpadlo a zapíše naměřenou hodnotu"
        " do deníku."
    ),
    "tr": (
        "Soğutma devresinin vanası, basınç son denetimde ayarlanan sınırın altına düşer "
        "düşmez kapanır. Ardından görevli pompayı denetler ve ölçülen değeri deftere "
        "yazar."
    ),
    "hu": (
        "A hűtőkör szelepe azonnal bezár, amint a nyomás az utolsó ellenőrzéskor "
        "beállított határ alá esik. Ezután a kezelő megvizsgálja a szivattyút, és "
        "feljegyzi az értéket."
    ),
    "fi": (
        "Jäähdytyspiirin venttiili sulkeutuu heti, kun paine laskee viimeisessä "
        "tarkastuksessa asetetun rajan alle. Sen jälkeen käyttäjä tarkastaa pumpun ja "
        "kirjaa arvon muistiin."
    ),
    "vi": (
        "Van của mạch làm mát đóng lại ngay khi áp suất giảm xuống dưới giới hạn đã đặt "
        "trong lần kiểm tra trước. Sau đó người vận hành kiểm tra bơm và ghi lại giá trị."
    ),
    "id": (
        "Katup sirkuit pendingin menutup segera setelah tekanan turun di bawah batas yang"
        " ditetapkan pada pemeriksaan terakhir. Kemudian operator memeriksa pompa dan "
        "mencatat nilainya."
    ),
    "ru": (
        "Клапан контура охлаждения закрывается, как только давление падает ниже предела, "
        "заданного при последней проверке. Затем оператор проверяет насос и записывает "
        "значение."
    ),
    "uk": (
        "Клапан контуру охолодження закривається, щойно тиск падає нижче межі, "
        "встановленої під час останньої перевірки. Потім оператор перевіряє насос і "
        "записує значення."
    ),
    "el": "Η βαλβίδα του κυκλώματος ψύξης κλείνει μόλις η πίεση πέσει κάτω από το όριο.",
    "he": "השסתום של מעגל הקירור נסגר ברגע שהלחץ יורד מתחת לגבול שנקבע בבדיקה האחרונה.",
    "ar": "يغلق صمام دائرة التبريد بمجرد أن ينخفض الضغط عن الحد الذي ضبط في الفحص الأخير.",
    "fa": ("شیر مدار خنک‌کننده به محض این که فشار از حد تعیین‌شده پایین‌تر بیاید بسته می‌شود."),
    "hi": ("जैसे ही दबाव पिछली जाँच में तय सीमा से नीचे जाता है, शीतलन परिपथ का वाल्व बंद हो जाता है।"),
    "th": ("วาล์วของวงจรระบายความร้อนจะปิดทันทีที่ความดันลดลงต่ำกว่าค่าที่ตั้งไว้ในการตรวจสอบครั้งล่าสุด"),
    "zh": (
        "当压力低于上次检查时设定的限值时，冷却回路的阀门立即关闭。随后操作员检查水泵并记录数值。"
    ),
    "ja": "前回の点検で設定した限界値を圧力が下回ると、冷却回路のバルブはすぐに閉じます。",
    "ko": ("압력이 지난 점검에서 설정한 한계 아래로 떨어지면 냉각 회로의 밸브가 곧바로 닫힙니다."),
}
CODE = "```sh\nfor file in the list of all files; do this and that and then go on; done\n```"


@pytest.mark.parametrize("code", PARAGRAPHS)
def test_a_paragraph_is_in_its_language_also_among_code_and_names(code: str) -> None:
    text = PARAGRAPHS[code]
    assert detect(text) == code
    assert detect(text, prior="en") == code
    assert (
        detect(f"| SERVER_01 | 4711 |\n\n{CODE}\n\n{text} `set the value of it` ADDRULE-7") == code
    )
    assert detect(f"https://example.org/the/page/of/it\n- {text[:110]}") == code
    assert name(code) not in ("", code)


def test_traditional_characters_are_chinese_too() -> None:
    assert detect("當壓力低於上次檢查時設定的限值時，冷卻迴路的閥門立即關閉。") == "zh"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("在申请License时，合同号如何填写？", "zh"),
        ("ADD NGSECURITYPOLICYRULE的作用？", "zh"),
        ("大众的选择是什么样的产品系列型号", "zh"),
        ("ADD RULE NAME PORT TYPE TEXT 规则", "zh"),
        ("The port of server Alpha", "en"),
        ("What does 告警 mean for an operator?", "en"),
        ("The α value of the β factor", "en"),
        ("サーバAlphaのポート番号は4711です。", "ja"),
        ("設定変更手順の確認", "ja"),
        ("서버 Alpha의 포트는 4711입니다.", "ko"),
        ("서버(伺服器)의 설정(設定)을 변경합니다.", "ko"),
        ("Wie lautet der Port von Server Alpha?", "de"),
        ("Quel est le port du serveur Alpha ?", "fr"),
        ("ระบบ Windows Server ทำงานได้ดี", "th"),
        ("Порт сервера Alpha", "ru"),
        ("", "en"),
        ("PORT 4711", "en"),
    ],
)
def test_short_texts(text: str, expected: str) -> None:
    assert detect(text) == expected


@pytest.mark.parametrize(
    "text", ["", "4711", "NG-SECURITY_RULE", "Server", "```\nthe code\n```", "…"]
)
def test_what_tells_nothing_is_in_the_language_of_its_document(text: str) -> None:
    assert detect(text, prior="de") == "de"
    assert detect(text, prior="zh") == "zh"


def test_clear_sentences_are_in_their_own_language_in_any_document() -> None:
    assert detect("Open the menu and check the port of the server.", prior="de") == "en"
    assert detect("Öffnen Sie das Menü und prüfen Sie die Einstellung.", prior="en") == "de"
    assert detect("打开菜单。", prior="en") == "zh"


@pytest.mark.parametrize(
    ("question", "expected", "clear"),
    [
        ("What is the port of the server?", "zh", True),
        ("What is the port of the server?", "de", True),
        ("What is the port of the server?", "ru", True),
        ("What is the port of the server?", "en", False),
        ("端口是多少？请说明。", "en", True),
        ("端口是多少？请说明。", "de", True),
        ("端口是多少？请说明。", "zh", False),
        ("設定変更手順確認方法？", "ja", False),
        ("設定変更手順確認方法？", "en", True),
        ("PORT NO?", "zh", False),
        ("SHOW NGSECURITYPOLICYRULE ID 4711?", "zh", False),
        ("Welchen Port hat der Server?", "de", False),
        ("Welchen Port hat der Server in der Anlage?", "en", False),
        ("Wie lautet der Port von Server Alpha?", "de", False),
        ("Hvad er porten på serveren i anlægget?", "no", False),
        ("ADDRULE 的 port 是什么？", "zh", False),
        ("What does 告警 mean for an operator?", "de", False),
        ("", "zh", False),
    ],
)
def test_only_clear_cases_differ(question: str, expected: str, clear: bool) -> None:
    assert differs(question, expected) == clear


def test_every_paragraph_is_a_question_in_its_language_and_differs_from_others() -> None:
    for code, text in PARAGRAPHS.items():
        assert not differs(text, code)
        assert differs(PARAGRAPHS["zh"], code) == (code not in ("zh", "ja"))
        assert differs(PARAGRAPHS["en"], code) == (code != "en")


def test_names_are_english_and_unknown_codes_stand_for_themselves() -> None:
    assert (name("de"), name("zh"), name("xx")) == ("German", "Chinese", "xx")


def test_a_long_text_is_not_kept_in_memory() -> None:
    text = PARAGRAPHS["de"] * 100
    before = sys.getrefcount(text)
    assert detect(text) == "de"
    assert sys.getrefcount(text) == before
