# ruff: noqa: RUF001 - these characters are what is tested
"""Encodings found out: from a word to a paragraph, in the encodings that documents still come in."""

import pytest

from mmpipe.stages.text.charsets import detect

CHINESE = (
    "红",
    "你好",
    "你好，世界。",
    "一只红色的铃铛",
    "今天天气很好，我们去公园散步，看见了很多花。",
    "a red bell 红铃",
)
TRADITIONAL = ("紅色的鈴鐺", "你好，世界。", "今天天氣很好，我們去公園散步，看見了很多花。")
JAPANESE = ("赤いベル", "こんにちは世界", "今日は天気がいいので、公園を散歩しました。")
KOREAN = ("빨간 종이 울린다", "안녕하세요 세계", "오늘은 날씨가 좋아서 공원을 산책했습니다.")
RUSSIAN = ("Привет, мир", "красный колокол", "Сегодня хорошая погода, и мы гуляли в парке.")
WESTERN = ("naïve café", "Grüße", "¿Dónde está el niño?", "São Paulo não é a capital", "Le café est fermé à midi.")
CENTRAL = ("Zażółć gęślą jaźń", "Příliš žluťoučký kůň úpěl ďábelské ódy.")

CASES = (
    [("gb18030", text) for text in CHINESE]
    + [("big5", text) for text in TRADITIONAL]
    + [(encoding, text) for encoding in ("shift_jis", "euc_jp") for text in JAPANESE]
    + [("euc_kr", text) for text in KOREAN]
    + [(encoding, text) for encoding in ("koi8_r", "cp1251") for text in RUSSIAN]
    + [("latin_1", text) for text in WESTERN]
    + [("cp1250", text) for text in CENTRAL]
    + [("cp1252", "It\u2019s a \u201cquoted\u201d café \u2013 really…")]
    + [("cp1253", "Καλημέρα κόσμε, τι κάνετε σήμερα;")]
    + [("cp1255", "שלום עולם, מה שלומך היום?")]
    + [("cp1256", "مرحبا بالعالم كيف حالك اليوم")]
    + [("utf_8", text) for text in CHINESE + WESTERN + RUSSIAN]
    + [
        ("utf_16", "红铃"),
        ("utf_8_sig", "bell"),
        ("utf_32", "红铃"),
        ("utf_16_le", "a red bell"),
        ("utf_16_be", "Glöckchen"),
    ]
)


@pytest.mark.parametrize(("encoding", "text"), CASES)
def test_the_encoding_found_reads_the_text_as_it_was(encoding: str, text: str) -> None:
    content = text.encode(encoding)

    assert content.decode(detect(content)) == text


def test_long_documents_are_judged_by_a_head_that_may_cut_a_character() -> None:
    content = ("x" + "今天天气很好，" * 3000).encode("gb18030")

    assert detect(content) == "gb18030"


def test_a_few_broken_bytes_do_not_turn_utf8_into_something_else() -> None:
    content = "今天天气很好，我们去公园散步。".encode() * 3
    broken = content[:50] + b"\xff" + content[51:]

    assert detect(broken) == "utf-8"


def test_bytes_of_no_alphabet_have_an_answer() -> None:
    assert bytes(range(128, 256)).decode(detect(bytes(range(128, 256))), "replace")
