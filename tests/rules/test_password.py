"""Passwords by NIST SP 800-63B-4: long, any characters, not among those that are guessed first."""

import string
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chainwallet.accounts import load_blocklist
from chainwallet.errors import BadValue
from chainwallet.rules.password import MAX_CHARS, MIN_CHARS, NOT_SHOWN, Blocklist, new_password, normal_form, pieces

OWN = ("ana-maria", "chainwallet", "chain wallet")
LISTED = load_blocklist()
NOTHING = Blocklist(frozenset(), frozenset())

ANY_CHARS = st.characters(exclude_categories=["Cc", "Cs"])
RANDOM = st.lists(st.sampled_from(string.ascii_letters + string.digits), min_size=MIN_CHARS, max_size=64)


def refused(password: str) -> str:
    """What is expected instead."""
    with pytest.raises(BadValue) as refusal:
        new_password(password, OWN, LISTED)
    assert refusal.value.field == "password"
    assert refusal.value.value == NOT_SHOWN
    return refusal.value.expected


def test_the_limits_are_nists() -> None:
    """At least 15 characters, because a password is the only factor; at least 64 are allowed."""
    assert MIN_CHARS == 15
    assert MAX_CHARS >= 64


@given(st.text(ANY_CHARS, max_size=MIN_CHARS - 1))
def test_a_short_password_is_refused_whatever_is_in_it(password: str) -> None:
    """Below 15 characters no mixture of kinds makes a password good."""
    assume(len(unicodedata.normalize("NFKC", password)) < MIN_CHARS)
    assert refused(password).startswith("at least 15 characters")


@given(st.text(ANY_CHARS, min_size=MAX_CHARS + 1, max_size=400))
def test_a_password_above_the_limit_is_refused_not_cut(password: str) -> None:
    """A password that is too long is refused with the limit; no part of it is silently dropped."""
    assume(len(unicodedata.normalize("NFKC", password)) > MAX_CHARS)
    assert refused(password) == f"at most {MAX_CHARS} characters"


@given(st.text(ANY_CHARS, min_size=MIN_CHARS, max_size=64))
def test_no_kind_of_character_is_demanded_or_forbidden(password: str) -> None:
    """Any characters will do, in any script, in any mixture: nothing but length and easy pieces counts."""
    clean = unicodedata.normalize("NFKC", password)
    assume(MIN_CHARS <= len(clean) <= MAX_CHARS and pieces(clean, OWN, NOTHING) >= 6)
    assert new_password(password, OWN, NOTHING) == clean


@given(RANDOM)
def test_random_passwords_are_never_taken_for_easy_ones(characters: list[str]) -> None:
    """A password of many different characters is made of many pieces."""
    assume(len({char.casefold() for char in characters}) >= 12)
    password = "".join(characters)
    assert new_password(password, OWN, LISTED) == password


@given(st.text(ANY_CHARS, max_size=60))
def test_one_password_has_one_normal_form(password: str) -> None:
    """However its letters are composed, a password is the same; and its normal form is its own."""
    clean = normal_form(password)
    assert normal_form(unicodedata.normalize("NFD", password)) == clean
    assert normal_form(clean) == clean


@pytest.mark.parametrize("char", ["\x00", "\n", "\x1b", "\x7f", "\ud800"])
def test_control_characters_are_refused(char: str) -> None:
    """What no keyboard types and no hash takes is refused, the password unseen."""
    assert refused("seven geese walk" + char) == "no control characters"


@given(st.text(ANY_CHARS, min_size=1, max_size=5), st.integers(3, 40))
def test_a_few_characters_repeated_are_refused(part: str, times: int) -> None:
    """A short text written again and again is no longer than itself."""
    part = unicodedata.normalize("NFKC", part)
    assume(MIN_CHARS <= len(part * times) <= MAX_CHARS and pieces(part, (), NOTHING) < 6)
    refused(part * times)


@given(st.sampled_from(sorted(LISTED.words)), st.sampled_from(sorted(LISTED.words)), st.integers(1900, 2099))
def test_two_common_words_and_a_year_are_refused(one: str, other: str, year: int) -> None:
    """Common words with a year behind them, in any case of their letters, are guessed first."""
    for password in (f"{one}{other}{year}!", f"{one.title()} {other.title()}{year}"):
        if MIN_CHARS <= len(password) <= MAX_CHARS:
            refused(password)


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "PasswordPassword1",
        "P@ssw0rd123456789",
        "p4$$w0rd p4$$w0rd",
        "iloveyou2024!!!!",
        "administrator2024!",
        "letmeinplease2023",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "123456789012345",
        "abcdefghijklmnop",
        "ponmlkjihgfedcba",
        "qwertyuiopasdfgh",
        "1q2w3e4r5t6y7u8i9o",
        "zxcvbnm,./zxcvbnm",
        "1qaz2wsx3edc4rfv",
        "correct horse battery staple",
        "Correct-Horse-Battery-Staple",
        "to be or not to be",
        "ana-maria ana-maria",
        "ana-maria ana-maria 2024",
        "airam-anaairam-ana",
        "chainwalletchainwallet",
        "Chain Wallet 2026!!",
        "ana-maria chainwallet",
        "ana-maria-12345678",
        "2019202020212022",
        "               ",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44" * 2,
    ],
)
def test_what_everybody_guesses_first_is_refused(password: str) -> None:
    """Listed passwords, repetitions, sequences, walks on the keyboard, one's handle and the service's name."""
    assert refused(password) in (
        "one that is not on the list of common passwords",
        "more than repetitions, sequences, years, common words, your handle and the name of this service",
    )


@pytest.mark.parametrize(
    "password",
    [
        "seven geese walk to Porto",
        "my dog snores on tuesdays",
        "Zoë schläft im Garten",
        "пять гусей идут домой",
        "四匹の猫が庭で眠っている静かな夜",
        "vQ7#pLz92!mXwRt",
        "banana boats are slow in May",
        "👩‍👩‍👧 like 🐟 and 🍋 very much",
    ],
)
def test_sentences_and_random_characters_are_taken(password: str) -> None:
    """A sentence in any language, or random characters, is a good password."""
    assert new_password(password, OWN, LISTED) == unicodedata.normalize("NFKC", password)
