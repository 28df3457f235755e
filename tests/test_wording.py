"""Laws of what a person is told of learning."""

import time
from dataclasses import replace

import pytest

from mlxdyn.engine.events import Learned, Message, Replied, Stage, Studied, Weighed, Working
from mlxdyn.engine.messages import (
    WISHED,
    escape_control,
    learned,
    local,
    marked,
    outcome,
    reason,
    stage,
    studied,
    working,
)
from mlxdyn.memory.store.records import Reason, sanitize

PLAIN = Learned(1, 12, 5.214, 4.871, True, "", 1)
EMPTY = Reason.NOTHING
WORSE = Reason.ROLLED_BACK.with_("0.130", "0.1")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (PLAIN, "found no fact in it to be sure of"),
        (replace(PLAIN, asked=True), "a question: nothing to remember"),
        (replace(PLAIN, known=True), "nothing new: it knew that"),
        (replace(PLAIN, studied=False), "learned its words, without looking for facts"),
        (
            replace(PLAIN, studied=False, hurried=True),
            "learned its words only, to keep to the budget",
        ),
        (
            replace(PLAIN, facts=("You have a dog.",), left=("I live in Oslo",)),
            "remembers: You have a dog.\nnot kept: “I live in Oslo”; said by itself, it may be",
        ),
        (
            replace(PLAIN, facts=("You live in Lisbon.", "You are a nurse.")),
            "remembers: You live in Lisbon. · You are a nurse.",
        ),
        (
            replace(PLAIN, corrections=("Your cat is called Tinta.",)),
            "corrected: Your cat is called Tinta.",
        ),
        (
            replace(PLAIN, facts=("You have a dog.",), corrections=("You have no cat.",)),
            "remembers: You have a dog.\ncorrected: You have no cat.",
        ),
        (
            replace(PLAIN, rate=0.25, reason=WORSE, facts=("You are a nurse.",)),
            "remembers: You are a nurse.\n"
            "learned at a quarter of the rate, to leave other answers as they are",
        ),
        (
            replace(PLAIN, secrets=2),
            "found no fact in it to be sure of\n2 secrets kept out of learning",
        ),
        (
            replace(PLAIN, nll_after=None, reason="nll is nan"),
            "found no fact in it to be sure of\nnot all of it: nll is nan",
        ),
        (
            replace(PLAIN, accepted=False, reason=WORSE, secrets=1),
            "not learned: it would have changed other answers too much; /study makes room,"
            " then /forget it and tell it again",
        ),
        (
            replace(PLAIN, accepted=False, reason=EMPTY, secrets=1),
            "not learned: it holds a secret and nothing else",
        ),
        (
            replace(PLAIN, accepted=False, reason=EMPTY),
            "not learned: there was nothing to learn in it",
        ),
        (
            replace(PLAIN, accepted=False, reason=EMPTY, quoted=True),
            "not learned: it reads as quoted, supposed or a task, and may not be about you",
        ),
        (replace(PLAIN, accepted=False, reason=EMPTY, wish=True, quoted=True), WISHED),
        (replace(PLAIN, wish=True), WISHED),
        (
            replace(PLAIN, facts=("You have a dog.",), wish=True),
            f"remembers: You have a dog.\n{WISHED}",
        ),
        (
            replace(PLAIN, full=True, left=("I live in Oslo", "my cat is Mia")),
            "found no fact in it to be sure of\nit said a lot: “I live in Oslo”, “my cat is Mia”"
            " can be told again in a message of its own",
        ),
        (replace(PLAIN, accepted=False, reason="undone"), "unlearned: undone"),
    ],
)
def test_a_message_is_told_in_words_with_all_that_matters(event, said):
    assert learned(event) == said


def test_numbers_are_told_on_demand():
    assert "nll" not in learned(PLAIN)
    told = learned(replace(PLAIN, drift=0.0123), numbers=True)
    assert told.endswith("\n12 tokens · nll 5.21 → 4.87 · drift 0.012")
    refused = replace(PLAIN, accepted=False, reason=WORSE)
    assert learned(refused, numbers=True).endswith(
        "other answers moved 0.130 nats/token from the base's (bound 0.1)"
    )


def test_a_lesson_under_way_says_where_it_is_and_how_long():
    assert stage(Stage(1, "reading", None)) == "reading it…"
    assert stage(Stage(1, "reading", None, 12.3)) == "reading it…, 12 s so far"
    assert stage(Stage(1, "learning", 12.3)) == "learning it…, about 12 s"
    assert stage(Stage(None, "studying", 600.0)) == "studying all…, about 10 min"
    assert stage(Stage(1, "preparing", None)) == "getting ready, once for this memory…"
    assert stage(Stage(1, "writing", None)) == "writing questions about it…"
    assert stage(Stage(1, "answering", None)) == "answering them…"
    assert stage(Stage(1, "learning", 9.0, 3.0, (3, 8))) == "learning it, 3 of 8 steps…, about 9 s"


def test_what_is_fetched_says_how_far_it_is():
    assert working(Working("fetching wren", 45, 1093, "MB")) == "fetching wren 45/1,093 MB…"
    assert working(Working("forgetting", 2, 7)) == "forgetting 2/7…"
    assert working(Working("fetching it", 45, 0, "MB")) == "fetching it 45 MB…"
    assert working(Working("forgetting", 7, 7)) == ""


def test_a_time_is_told_in_the_users_own_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    assert local("2026-05-01T20:30:00.000+00:00") == "02 May 05:30"
    for never in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "some day"):
        assert local(never) == never, "from elsewhere: no time that this zone has"
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_budget_that_was_kept_is_said():
    assert "fewer steps, to keep to the budget" in learned(replace(PLAIN, hurried=True))
    assert "without looking for facts" in learned(replace(PLAIN, studied=False))


def test_a_reply_that_did_not_end_by_itself_says_why():
    replied = Replied(Message(2, "assistant", "a"), 1, 1.0, 0.1, False, 0)
    assert outcome(replied) == []
    assert "token limit" in outcome(replace(replied, ended="length"))[0]
    assert "circles" in outcome(replace(replied, ended="loop"))[0]
    assert "stopped" in outcome(replace(replied, stopped=True))[0]


def test_a_study_says_what_came_of_it():
    kept = Studied(24, True, "", 2.5, 0.4)
    assert studied(kept).startswith("Studied 24 questions anew") and "2.50" not in studied(kept)
    assert studied(kept, numbers=True).endswith(": 2.50 → 0.40.")
    refused = Studied(24, False, "recall did not rise", 2.5, 0.4)
    assert studied(refused) == "Studied; the memory stays as it was, which was better."


def test_what_memory_made_likelier_is_marked_in_runs():
    pieces = [Weighed(" Your", 0.1), Weighed(" cat", 0.2), Weighed(" Tin", 0.5), Weighed("ta", 3.0)]
    assert "".join(text for text, _ in marked(pieces)) == "Your cat Tinta"
    assert marked(pieces) == [("Your cat ", False), ("Tinta", True)]
    assert marked([]) == []


def test_what_is_no_character_is_replaced_and_all_else_stays():
    said = "a\udcff\0 \U0001f469\u200d\U0001f467 \u05e9\u05dc\u05d5\u05dd \x1b[31m\n\t"
    assert sanitize(said) == said.replace("\udcff", "\ufffd").replace("\0", "\ufffd")
    assert sanitize(said).encode()
    assert (
        escape_control("a\x1b[2J\x07\x9b\r\n\tb \u05e9")
        == "a\ufffd[2J\ufffd\ufffd\ufffd\n\tb \u05e9"
    )


def test_every_reason_has_a_sentence_and_what_is_none_stays_as_it_is():
    assert all(reason(one.with_("0.1", "0.2")) != one for one in Reason if one != Reason.UNDONE)
    for said in ("", "moved", "moved x y", "nll is nan", "moved  0.1", "rolled back: it moved"):
        assert reason(said) == said
