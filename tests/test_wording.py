"""Laws of what a person is told of learning."""

from dataclasses import replace

import pytest

from mlxdyn.engine.events import Learned, Studied, Weighed
from mlxdyn.engine.messages import harmless, learned, marked, reason, studied
from mlxdyn.memory.store.records import Reason, legible

PLAIN = Learned(1, 12, 5.214, 4.871, True, "", 1)
WORSE = Reason.ROLLED_BACK.with_("0.130", "0.1")
MOVED = "other answers moved 0.130 nats/token from the base's (bound 0.1)"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (PLAIN, "learned 12 tokens · nll 5.21 → 4.87"),
        (replace(PLAIN, tokens=1, nll_before=None), "learned 1 token"),
        (
            replace(PLAIN, facts=("You live in Lisbon.", "You are a nurse.")),
            "learned 12 tokens · nll 5.21 → 4.87 · remembers: You live in Lisbon. You are a nurse.",
        ),
        (
            replace(PLAIN, rate=0.25, reason=WORSE),
            "learned 12 tokens · nll 5.21 → 4.87\n"
            f"at a quarter of the rate: {MOVED}",
        ),
        (
            replace(PLAIN, nll_after=None, secrets=2),
            "learned 12 tokens\n2 secrets kept out of learning",
        ),
        (replace(PLAIN, nll_after=None, reason="nll is nan"),
         "learned 12 tokens\nnot all of it: nll is nan"),
        (replace(PLAIN, accepted=False, reason=WORSE, secrets=1),
         f"not learned: rolled back: {MOVED}"),
        (replace(PLAIN, accepted=False, reason="undone"), "unlearned: undone"),
    ],
)  # fmt: skip
def test_a_message_is_told_with_all_that_matters(event, said):
    assert learned(event) == said


def test_a_study_that_was_refused_says_why():
    assert studied(Studied(24, True, "", 2.5, 0.4)) == "Studied 24 items: nll 2.50 → 0.40."
    refused = studied(Studied(24, False, Reason.RECALL.with_("0.41", "0.42"), 0.41, 0.42))
    assert refused == (
        "Studied; the memory stays as it was: recall did not rise (gap 0.41 before, 0.42 after)."
    )


def test_every_reason_has_a_sentence_and_what_is_none_stays_as_it_is():
    assert all(reason(one.with_("0.1", "0.2")) != one for one in Reason if one != Reason.UNDONE)
    for said in ("", "moved", "moved x y", "nll is nan", "moved  0.1", "rolled back: it moved"):
        assert reason(said) == said


def test_what_memory_made_likelier_is_marked_in_runs():
    pieces = [Weighed(" Your", 0.1), Weighed(" cat", 0.2), Weighed(" Tin", 0.5), Weighed("ta", 3.0)]
    assert "".join(text for text, _ in marked(pieces)) == "Your cat Tinta"
    assert marked(pieces) == [("Your cat ", False), ("Tinta", True)]
    assert marked([]) == []


def test_what_is_no_character_is_replaced_and_all_else_stays():
    said = "a\udcff\0 \U0001f469\u200d\U0001f467 \u05e9\u05dc\u05d5\u05dd \x1b[31m\n\t"
    assert legible(said) == said.replace("\udcff", "\ufffd").replace("\0", "\ufffd")
    assert legible(said).encode()
    assert harmless("a\x1b[2J\x07\x9b\r\n\tb \u05e9") == "a\ufffd[2J\ufffd\ufffd\ufffd\n\tb \u05e9"
