"""A secret is found however its spaces, hyphens, digits and accents are written."""

import re
import time
import unicodedata
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_redact import INNOCENT, PERSONAL, SECRETS, TYPED

from mlxdyn.withheld.redact import PLACEHOLDER, find, mask, values

TEXTS = [re.sub("[«»]", "", marked) for marked, _ in SECRETS + TYPED + PERSONAL]
SPACES = "\u00a0\u1680\u2002\u2003\u2007\u2009\u200a\u202f\u205f\u3000\t"
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\ufe0f"


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my credit card is 4111\u00a01111\u00a01111\u00a01111", "my credit card is [secret]"),
        ("my credit card is 4111\u202f1111\u20091111  1111", "my credit card is [secret]"),
        ("my credit card is 4111\u20111111\u20111111\u20111111", "my credit card is [secret]"),
        ("my credit card is 4111\u20131111\u20131111\u20131111", "my credit card is [secret]"),
        ("my credit card is 4111\u200b1111\u00ad1111\ufeff1111", "my credit card is [secret]"),
        ("my credit card is ４１１１ １１１１ １１１１ １１１１", "my credit card is [secret]"),
        ("IBAN DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000", "IBAN [secret]"),
        ("+49\u00a0170\u00a01234567", "[secret]"),
        ("＋４９　１７０　１２３４５６７", "[secret]"),
        (decomposed("Mi contraseña es Falkensee77"), decomposed("Mi contraseña es [secret]")),
        (decomposed("Mein Türcode ist 4821."), decomposed("Mein Türcode ist [secret].")),
        (decomposed("clé wifi : soleil"), decomposed("clé wifi : [secret]")),
        (decomposed("비밀번호는 gomdori12"), decomposed("비밀번호는 [secret]")),
        (decomposed("My password is Jürgenß77é!"), "My password is [secret]"),
        ("My door code is ٤٨٢١.", "My door code is [secret]."),
        ("My pass\u00adword is sun\u200bflower77!", "My pass\u00adword is [secret]"),
    ],
)
def test_a_secret_is_found_however_it_is_written(text: str, masked: str) -> None:
    assert mask(text, find(text)) == masked


def test_what_is_known_is_found_again_however_it_is_written() -> None:
    known = values(told := decomposed("My password is Jürgen\u00a077x."), find(told))
    assert mask("jürgen 77x", find("jürgen 77x", known=known)) == PLACEHOLDER
    said = "Is ５５\u202f１９ good?"
    assert mask(said, find(said, known=("5519",))) == "Is [secret] good?"


def test_a_label_of_the_message_before_may_be_written_in_any_way() -> None:
    assert find("otterpond", before=decomposed("my\u00a0password\u00a0is"))
    assert find("soleil", before=decomposed("ma clé wifi est"))


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(TEXTS), st.data())
def test_the_same_text_written_otherwise_is_masked_at_the_same_places(
    text: str, data: st.DataObject
) -> None:
    """Each space is another one; letters stand apart from their accents."""
    assume("  " not in text)
    spaces = data.draw(st.text(SPACES, min_size=text.count(" "), max_size=text.count(" ")))
    each = iter(spaces)
    other = re.sub(" ", lambda _: next(each), text)
    plain = mask(text, find(text))
    assert re.sub(f"[{SPACES}]", " ", mask(other, find(other))) == re.sub("\t", " ", plain)
    apart = decomposed(other)
    assert unicodedata.normalize("NFC", mask(apart, find(apart))) == unicodedata.normalize(
        "NFC", mask(other, find(other))
    )


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(TEXTS), st.data())
def test_what_is_not_seen_hides_nothing(text: str, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=6, unique=True))
    other, signs = text, data.draw(st.text(UNSEEN, min_size=len(places), max_size=len(places)))
    for place, sign in zip(sorted(places, reverse=True), signs, strict=True):
        other = other[:place] + sign + other[place:]
    shown = re.sub(f"[{UNSEEN}]", "", mask(other, find(other)))
    assert shown == re.sub(f"[{UNSEEN}]", "", mask(text, find(text)))


@pytest.mark.parametrize("text", INNOCENT)
@pytest.mark.parametrize("write", [decomposed, lambda text: text.replace(" ", "\u00a0")])
def test_other_words_are_left_alone_however_they_are_written(
    text: str, write: Callable[[str], str]
) -> None:
    assert find(write(text)) == ()


@settings(deadline=None)
@given(
    st.text(
        st.sampled_from("aé\u0301\u0344\u0958 \u00a0\u200b１4pin-–\n\u1112\u1161\u11ab"),
        max_size=60,
    )
)
def test_the_places_are_those_of_the_text(text: str) -> None:
    spans = find(f"my pin is 4821{text}")
    assert all(0 <= span.start < span.end <= len(text) + 14 for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))


@pytest.mark.parametrize(
    "part", ["é\u0301\u0316", "\u0316\u0301", "\u200b", "\u00a0", "１–", "\u1161", "a\n "]
)
def test_long_text_is_read_in_time_that_grows_with_its_length(part: str) -> None:
    def seconds(length: int) -> float:
        begun = time.process_time()
        find((part * length)[:length])
        return time.process_time() - begun

    short = max(min(seconds(10_000) for _ in range(3)), 0.005)
    assert min(seconds(80_000) for _ in range(2)) < 24 * short
