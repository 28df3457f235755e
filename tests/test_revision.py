"""Laws of corrections: the newest word counts, and what it says nothing of stays true."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from school import as_decoded

from mlxdyn.learn import examples, revision
from mlxdyn.learn.base import Asked, Base
from mlxdyn.learn.decode import Decoded, Support
from mlxdyn.learn.facts import Told
from mlxdyn.learn.names import akin, first_word, opening
from mlxdyn.learn.steps import run
from mlxdyn.learn.wording import Wording
from mlxdyn.memory.calibrated import prepared


@pytest.mark.parametrize(
    ("steady", "gain", "about", "again"),
    [
        (False, 3.0, -5.0, False),  # about something else
        (False, 3.0, 9.0, True),  # about it
        (False, 0.5, -5.0, True),  # about nothing: it leans on what was said
        (True, 3.0, -5.0, True),  # nothing can be lost by asking
    ],
)
def test_a_base_that_is_not_steady_is_asked_again_only_what_a_message_is_about(
    asking: Base, *, steady: bool, gain: float, about: float, again: bool
):
    asking.prompts = replace(asking.prompts, steady=steady, answered=1.0)
    told = Told(1, "I am a nurse.", ((7, "What is my job?", "You are a nurse."),))
    common, others = [Asked("What is my dog called?", gain)], [Asked("What is my job?", 0.0, about)]
    found = revision._doubtful(told, examples._about(asking, common, others))
    assert found == (["What is my job?"] if again else [])


PRIYA = Told(
    1,
    "My manager is Priya, and my dog is Rex.",
    (
        (1, "Who is my manager?", "Your manager is Priya."),
        (2, "Who do I report to?", "You report to Priya."),
        (3, "What is Priya's job?", "Priya is your manager."),
        (4, "What is my dog called?", "Your dog is called Rex."),
    ),
)


def test_what_a_message_is_about_is_asked_again_in_all_wordings():
    found = revision._doubtful(PRIYA, {PRIYA.facts[0][1]})
    assert found == [question for _, question, _ in PRIYA.facts[:3]]


def as_if_taught(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], told: Sequence[str]
) -> None:
    """Let a base with two messages give `answers`, and surely those that hold one of `told`."""

    def teach(base: Base, context: Sequence[str], questions: Sequence[str], *_: object):
        yield
        both = len(context) > 1
        return [as_decoded(base, answers.get(q, "") if both else "") for q in questions]

    def is_told(base: Base, _context: object, _question: str, answer: Decoded, _found: object):
        return any(word in base.text(answer) for word in told)

    monkeypatch.setattr(Base, "teach", teach)
    monkeypatch.setattr(revision, "is_told", is_told)


def test_what_a_correction_makes_untrue_is_gone_in_all_wordings(
    asking: Base, monkeypatch: pytest.MonkeyPatch
):
    """Asked in other words, a small base says the old name: that is not trained on any more."""
    answers = {q: said for _, q, said in PRIYA.facts} | {
        "Who is my manager?": "Your manager is Tomasz."
    }
    as_if_taught(monkeypatch, answers, ["Tomasz"])
    revised = run(revision.revise(asking, "I report to Tomasz now.", [PRIYA]))
    assert [(draft.question, draft.answer) for draft in revised.drafts] == [
        ("Who is my manager?", "Your manager is Tomasz.")
    ]
    assert revised.superseded == (1, 2, 3) and revised.related == (PRIYA,)
    assert revised.denies("Your boss is Priya.") and not revised.denies("Your boss is Tomasz.")


@pytest.mark.parametrize(
    ("text", "facts", "message", "now"),
    [
        (
            "My sister Ana and my brother Tom live in Leeds.",
            {
                "Where does my brother live?": "Your brother lives in Leeds.",
                "Where does my sister live?": "Your sister lives in Leeds.",
            },
            "My brother moved to York.",
            "Your brother lives in York.",
        ),
        (
            "I have two cats and two dogs.",
            {
                "How many cats do I have?": "You have two cats.",
                "How many dogs do I have?": "You have two dogs.",
            },
            "I have three cats now.",
            "You have three cats.",
        ),
        (
            "我的狗叫小白，我的猫叫大白。",
            {"我的狗叫什么名字？": "你的狗叫小白。", "我的猫叫什么名字？": "你的猫叫大白。"},
            "不对，我的狗叫阿黑。",
            "你的狗叫阿黑。",
        ),
    ],
)
def test_what_a_correction_says_nothing_of_stays_true(
    asking: Base,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    facts: dict[str, str],
    message: str,
    now: str,
):
    told = Told(1, text, tuple((i, q, a) for i, (q, a) in enumerate(facts.items())))
    as_if_taught(monkeypatch, {**facts, next(iter(facts)): now}, [now])
    revised = run(revision.revise(asking, message, [told]))
    assert revised.superseded == (0,)


MOVED = "I live in the Porto house now, not in Lisbon."
LISBON = Told(
    1,
    "I live in Lisbon.",
    (
        (1, "Where do I live?", "You live in Lisbon."),
        (2, "Which city do I live in?", "You live in Lisbon."),
        (3, "Who lives in Lisbon?", "You live in Lisbon."),
    ),
)


def as_if_filled(
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
    *,
    sure: float = 0.6,
    lost: float = 2.9,
    ended: bool = True,
    both: str = "Lisbon.",
) -> None:
    """Let a base go on from "You live in" with `ending`, alone, and be as sure of its first word.

    With both messages before it that is less likely by `lost` nats, and it goes on with `both`.
    """

    def teach(base: Base, context: Sequence[str], questions: Sequence[str], *more: Sequence[str]):
        yield
        if len(context) > 1:
            return [as_decoded(base, f"You live in {both}") for _ in questions]
        (opening,) = {*more[1]}
        whole = as_decoded(base, f"{opening} {ending}")
        start, end = len(base.words(opening)), len(base.words(f"{opening} {ending.split()[0]}"))
        likely = [math.log(1e-9)] * start + [math.log(sure)] + [0.0] * (end - start - 1)
        unsure = [math.log(0.1)] * (len(whole.tokens) - end)  # of what comes after
        return [replace(whole, logprobs=(*likely, *unsure), ended=ended) for _ in questions]

    def support(
        base: Base,
        context: object,
        _: object,
        __: object,
        answers: Sequence[Decoded],
        *__more: object,
    ):
        yield
        start = len(base.words("You live in"))
        return [
            Support(
                (9.0,) * start + (lost,) + (0.0,) * (len(answer.tokens) - start - 1),
                (False,) * len(answer.tokens),
                (True,) * len(answer.tokens),
            )
            for answer in answers
        ]

    monkeypatch.setattr(Base, "teach", teach)
    monkeypatch.setattr(Base, "support", support)
    monkeypatch.setattr(Wording, "shares", lambda *_: False)


@pytest.mark.parametrize(
    ("how", "ending", "changed"),
    [
        ({}, "Porto now.", True),
        ({"sure": 0.4}, "Porto now.", False),  # it is not sure
        ({"lost": 3.1}, "Porto now.", False),  # with both before it, it hardly thinks of it
        ({"ended": False}, "Porto now.", False),  # it comes to no end
        ({}, "the Porto house.", False),  # it goes on with no telling word
        ({}, "Lisbon now.", False),  # it is as before
        ({}, "Porto again.", False),  # nobody said again
    ],
)
def test_what_a_message_alone_surely_says_otherwise_replaces_what_was_said(
    asking: Base, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], ending: str, *,
    changed: bool,
):  # fmt: skip
    as_if_filled(monkeypatch, ending, **how)
    monkeypatch.setattr(revision, "_doubtful", lambda *_: [])
    revised = run(revision.revise(asking, MOVED, [LISBON], {"Where do I live?"}))
    assert [(draft.question, draft.answer) for draft in revised.drafts] == (
        [("Where do I live?", f"You live in {ending}")] if changed else []
    )
    assert revised.superseded == ((1, 2, 3) if changed else ())
    assert revised.related == () and revised.untrue == (({"lisbon"},) if changed else ())


def test_what_a_message_says_alone_counts_before_what_both_say(
    asking: Base, monkeypatch: pytest.MonkeyPatch
):
    """With both, small bases repeat what was before."""
    as_if_filled(monkeypatch, "Porto now.", both="Lisbon, not in the house.")
    monkeypatch.setattr(revision, "is_told", lambda *_: True)
    revised = run(revision.revise(asking, MOVED, [LISBON], {"Where do I live?"}))
    assert revised.drafts[0].answer == "You live in Porto now."


@pytest.mark.parametrize(
    ("both", "changed"),
    [("Porto.", True), ("Lisbon.", False), ("the house.", False), ("Porto again.", False)],
)
def test_a_base_that_is_not_steady_changes_only_what_an_answer_told(
    asking: Base, monkeypatch: pytest.MonkeyPatch, both: str, *, changed: bool
):
    """Asked freely, it tells of a message whatever was asked: of a day, the room."""
    asking.prompts = replace(asking.prompts, steady=False)
    as_if_filled(monkeypatch, "Porto.", sure=0.4, both=both)
    monkeypatch.setattr(revision, "is_told", lambda *_: True)
    revised = run(revision.revise(asking, MOVED, [LISBON], {"Where do I live?"}))
    assert [draft.answer for draft in revised.drafts] == (
        ["You live in Porto."] * 2 if changed else []
    )
    assert revised.related == ((LISBON,) if changed else ())


def test_what_two_messages_said_is_corrected_once(asking: Base, monkeypatch: pytest.MonkeyPatch):
    as_if_filled(monkeypatch, "Porto now.")
    monkeypatch.setattr(revision, "_doubtful", lambda *_: [])
    rome = Told(2, "I live in Rome now.", ((9, "Where do I live?", "You live in Rome."),))
    revised = run(revision.revise(asking, MOVED, [LISBON, rome], {"Where do I live?"}))
    assert len(revised.drafts) == 1 and revised.superseded == (1, 2, 3, 9)


@pytest.mark.parametrize(
    ("said", "question", "answer", "message", "now"),
    [
        ("I live in Lisbon.", "Where do I live?", "You live in Lisbon.", "I live in Porto now.",
         "You live in Porto."),
        ("My favourite colour is green.", "What is my favourite colour?",
         "Your favourite colour is green.", "My favourite colour is blue now.",
         "Your favourite colour is blue."),
        ("My dog is called Rex.", "What is my dog called?", "Your dog's name is Rex.",
         "My dog is 5 years old.", None),
        ("My exam is on Monday.", "When is my exam?", "Your exam is on Monday.",
         "My exam is in room 12.", None),
        ("I drive a Volvo.", "Which car do I drive?", "You drive a Volvo.",
         "I drive to work at 7.", None),
        ("I play the piano.", "Which instrument do I play?", "You play the piano.",
         "I play tennis on Sundays.", None),
        ("My dog is called Rex.", "What is my dog called?", "Your dog's name is Rex.",
         "My cat is called Mia.", None),
        ("I work at Siemens.", "Where do I work?", "You work at Siemens.",
         "I work at Bosch now.", "You work at Bosch."),
    ],
)  # fmt: skip
def test_the_bundled_base_knows_a_correction_from_more_of_the_same(
    asking: Base, said: str, question: str, answer: str, message: str, now: str | None
):
    """Those that change nothing did, while less was asked of a change."""
    run(prepared(asking))
    told = Told(1, said, ((7, question, answer),))
    revised = run(revision.revise(asking, message, [told]))
    assert [draft.answer for draft in revised.drafts] == ([now] if now else [])
    assert revised.superseded == ((7,) if now else ())


@pytest.mark.parametrize(
    ("answer", "told", "begun"),
    [
        ("You live in Lisbon.", {"lisbon"}, "You live in"),
        ("Your dog Rex is called Rex.", {"rex"}, "Your dog"),  # nothing of it stays
        ("Your exam is Tuesday at 10:40.", {"10", "40", "tuesday"}, "Your exam is"),
        ("Lisbon.", {"lisbon"}, ""),
        ("You live there.", {"lisbon"}, ""),
        ("Du wohnst in Köln.", {"köln"}, "Du wohnst in"),
        ("Du wohnst in Ko\u0308ln.", {"köln"}, "Du wohnst in"),
        ("你住在罗马。", {"在罗", "罗马"}, "你住"),
    ],
)
def test_an_answer_begins_before_what_it_tells(answer: str, told: set[str], begun: str):
    assert opening(answer, told) == begun


@pytest.mark.parametrize(
    ("message", "answer", "begun"),
    [
        ("I fly to Rome.", "Your flight leaves at 6:40.", "Your flight leaves"),
        ("It leaves at 9:15.", "Your flight leaves at 6:40.", "Your flight leaves at"),
        ("It leaves at 6:40.", "Your flight leaves at 6:40.", "Your flight leaves"),
    ],
)
def test_what_is_asked_for_and_what_both_say_is_no_value(message: str, answer: str, begun: str):
    facts = ((1, "When is my flight?", answer), (2, "When does my flight leave?", answer))
    found = revision._frames(message, Told(1, "My flight leaves at 6:40.", facts))
    assert {frame.opening for frame in found} == {begun}


def test_an_answer_that_tells_only_what_was_asked_is_no_frame():
    """Else "Your sister" would be filled in with whatever is told of her."""
    facts = (
        (1, "How many people live in York?", "Your sister lives in York."),
        (2, "What is my sister's name?", "Ana is her name."),
    )
    found = revision._frames("She has two boys.", Told(1, "My sister Ana lives in York.", facts))
    assert [(frame.question, frame.opening) for frame in found] == [(facts[1][1], "")]


@pytest.mark.parametrize(
    ("word", "other", "same"),
    [
        ("lives", "live", True),
        ("live", "lives", True),
        ("wohnst", "wohne", True),
        ("leaves", "leave", True),
        ("at", "at", False),  # too short to tell
        ("june", "july", False),
        ("arbeitest", "arbeite", True),
        ("liverpool", "live", False),
        ("cathy", "cat", False),
        ("bosch", "boss", False),
        ("manfred", "mann", False),
    ],
)
def test_forms_of_a_word_are_known_by_how_they_begin(word: str, other: str, *, same: bool):
    assert akin(word, [other]) == same


@pytest.mark.parametrize(
    ("text", "word"),
    [("Porto now.", "porto"), (" 9:15.", "9"), ("", ""), ("...", ""), ("罗马。", "罗马")],
)
def test_a_text_opens_with_a_word(text: str, word: str):
    assert first_word(text) == word
