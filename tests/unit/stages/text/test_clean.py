# ruff: noqa: RUF001 - these characters are what is tested
"""Cleaning texts: markup, Unicode, blanks, the gate, quality."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpipe.records import Item, Rejected
from mmpipe.spec.text import TextClean, TextGates
from mmpipe.stages.text.clean import build, quality
from mmpipe.stages.text.markup import visible_text
from mmpipe.stages.text.whitespace import folded


def outcome_of(text: str, format_: str = "txt", **options: object) -> Item[str] | Rejected:
    (outcome,) = build(TextClean.model_validate(options))([Item("a", text, 1.0, {"format": format_})])
    return outcome


def cleaned(text: str, format_: str = "txt", **options: object) -> str:
    outcome = outcome_of(text, format_, **options)
    assert isinstance(outcome, Item), outcome
    return outcome.payload


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>A <b>red</b> bell", "A red bell"),
        ("<p>A\n   red\t bell</p>", "A red bell"),
        ("one<br>two", "one\ntwo"),
        ("<h1>Bells</h1><p>Red.</p><p>Blue.</p>", "Bells\n\nRed.\n\nBlue."),
        ("<ul><li>red<li>blue</ul>", "red\n\nblue"),
        ("<div>red</div>blue<div>green</div>", "red\nblue\ngreen"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("Bell &amp; horn &lt;1&gt; &#x1F514;&nbsp;!", "Bell & horn <1> 🔔 !"),
        ("<head><title>t</title><style>p{}</style></head><body>x<script>y()</script><!-- z --></body>", "x"),
        ("a<noscript>b</noscript><template>c</template><svg><text>d</text></svg>", "a"),
        ("a<p hidden>b</p><p style='color:red; display: none'>c</p><i aria-hidden=true>d</i>e", "ae"),
        ("<p hidden>a<b>b</b></p>", None),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("unclosed <b>bold <i>both", "unclosed bold both"),
        ("<html><body></body></html>", None),
    ],
)
def test_html_becomes_what_a_reader_sees(html: str, expected: str | None) -> None:
    outcome = outcome_of(html, "html")

    assert (outcome.payload if isinstance(outcome, Item) else None) == expected


def test_html_is_kept_where_the_spec_says_so_and_other_formats_always() -> None:
    assert cleaned("<b>bell</b>", "html", html="Keep") == "<b>bell</b>"
    assert cleaned("<b>bell</b>", "md") == "<b>bell</b>"


def test_a_page_nested_deeper_than_python_recurses_is_read() -> None:
    assert visible_text("<div>" * 5000 + "bell" + "</div>" * 5000) == "bell"


def test_time_grows_with_the_page_and_not_with_its_square() -> None:
    def seconds(paragraphs: int) -> float:
        page = "<p>a <b>red</b> bell</p>" * paragraphs
        start = time.perf_counter()
        visible_text(page)
        return time.perf_counter() - start

    seconds(10)

    # A hundred times the page: a linear walk takes a hundred times as long, a quadratic one ten thousand times.
    assert seconds(5000) < 1000 * max(seconds(50), 1e-4)


@pytest.mark.parametrize(
    ("form", "expected"), [("NFC", "\u00e9 \ufb01"), ("NFKC", "\u00e9 fi"), ("None", "e\u0301 \ufb01")]
)
def test_unicode_is_normalised_to_the_form_of_the_spec(form: str, expected: str) -> None:
    assert cleaned("e\u0301 \ufb01", unicode=form) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \t red\u00a0\u3000bell  ", "a red bell"),
        ("a\r\nb\rc\vd\fe\u0085f\u2028g", "a\nb\nc\nd\ne\nf\ng"),
        ("a \n b", "a\nb"),
        ("a\n\n \n\t\n b\u2029c", "a\n\nb\n\nc"),
        ("a\x00b\x1bc\u200bd\u202ee\ufefff\u00adg", "abcdefg"),
        ("👨\u200d👩\u200d👧 می\u200cخواهم", "👨\u200d👩\u200d👧 می\u200cخواهم"),
    ],
)
def test_blanks_are_folded_and_control_characters_dropped(text: str, expected: str) -> None:
    assert cleaned(text) == expected


def test_blanks_are_kept_where_the_spec_says_so() -> None:
    assert cleaned(" a \n\n\n b ", whitespace="Keep") == " a \n\n\n b "


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text())
def test_folding_drops_only_blanks_and_invisible_characters(text: str) -> None:
    def seen(characters: str) -> list[str]:
        return [c for c in characters if unicodedata.category(c)[0] not in "CZ"]

    assert seen(folded(text)) == seen(text)


@pytest.mark.parametrize("text", ["", " \n\t ", "\u200b\x00"])
def test_an_empty_text_is_rejected(text: str) -> None:
    outcome = outcome_of(text)

    assert isinstance(outcome, Rejected)
    assert (outcome.gate, outcome.score, outcome.threshold) == ("text.clean.minCharacters", 0, 1)


def test_blanks_that_are_kept_do_not_count_for_the_gate() -> None:
    assert isinstance(outcome_of("  \n ", whitespace="Keep"), Rejected)


def test_the_gate_is_off_at_zero() -> None:
    item = outcome_of("", gates=TextGates(min_characters=0))

    assert isinstance(item, Item)
    assert (item.payload, item.quality) == ("", 0.0)


def test_quality_rises_with_length_and_saturates() -> None:
    assert 0 == quality("") < quality("bell") < quality("a red bell") < quality("a red bell " * 100) <= 1
    assert quality("a red bell is ringing in the tower") > 0.95


def test_quality_falls_with_the_share_of_what_is_no_word() -> None:
    assert quality("a red bell rings") > quality("a r## b### r%%#s") > quality("################")
    assert quality("################") == 0


def test_words_of_every_script_count() -> None:
    assert quality("今天天气很好我们去公园散步看见了很多花") > 0.85
    assert quality("नमस्ते दुनिया कैसे हो") > 0.8


def test_the_facts_say_what_is_left() -> None:
    item = outcome_of("  a bell  ")

    assert isinstance(item, Item)
    assert item.facts == {"format": "txt", "clean_characters": 6}
