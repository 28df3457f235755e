"""Laws of the other reading: a message as what is told to who asks."""

from collections.abc import Generator, Sequence
from dataclasses import replace

import pytest

from mlxdyn.learn import base
from mlxdyn.learn.base import DOUBT, MOST_HEARD, OTHERS, Asked, Base
from mlxdyn.learn.prompts import INTERVIEWS, OPEN_QUESTIONS
from mlxdyn.learn.steps import run

COMMONLY = [Asked(q, 0.0, 0.1 * n) for n, q in enumerate(OPEN_QUESTIONS[: 2 * OTHERS])]
SHORT = "My dog is called Pixel."


def test_how_well_a_message_answers_a_question_depends_on_no_other(
    asking: Base, monkeypatch: pytest.MonkeyPatch
):
    """And one token counts so much and no more."""
    asking.prompts = replace(asking.prompts, interview=INTERVIEWS[0])
    others = OPEN_QUESTIONS[20:30]
    asked = ["What is my dog called?", "Where do I live?", others[3]]
    message = "My dog is called Pixel."

    def heard(asked: Sequence[str]) -> list[float]:
        return run(asking.told_when_asked(message, asked, others))

    found = heard(asked)
    assert len(set(found)) == 3 and heard([]) == []
    assert heard(asked[::-1])[::-1] == pytest.approx(found, abs=1e-3)
    assert heard(asked[:1]) == pytest.approx(found[:1], abs=1e-3)
    spread = run(asking.told_when_asked("\n  My dog is\n\tcalled   Pixel.", asked, others))
    assert spread == pytest.approx(found, abs=1e-3)
    assert run(asking.told_when_asked(message, others[:1], others[:1])) == pytest.approx([0.0])
    monkeypatch.setattr(base, "MOST_GAIN", 0.01)
    assert 0 < max(map(abs, heard(asked))) <= 0.01 * len(asking.words(f" {message}"))


@pytest.fixture
def heard(asking: Base, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """How well a message answers questions, by hand; 0 where nothing is set."""
    nats: dict[str, float] = {}

    def told(
        message: str, questions: Sequence[str], others: Sequence[str]
    ) -> Generator[None, None, list[float]]:
        yield
        assert list(others) == [one.question for one in COMMONLY[:OTHERS]]  # the least
        return [nats.get(question, 0.0) for question in questions]

    monkeypatch.setattr(Base, "told_when_asked", lambda self, *given: told(*given))
    asking.prompts = replace(
        asking.prompts, answered=10.0, interview=INTERVIEWS[0], heard=2.0, agreed=12.0
    )
    return nats


@pytest.mark.parametrize(
    ("about", "nats", "found"),
    [
        (10.5, 1.0, True),
        (10.5, 0.5, False),  # what is told when it is asked is another thing
        (10.0 - DOUBT, 2.0, True),  # in doubt, and found by the other reading
        (10.0 - DOUBT, 1.5, False),
        (9.9 - DOUBT, 9.0, False),  # by the other reading alone
    ],
)
def test_both_readings_have_to_find_a_question(
    asking: Base, heard: dict[str, float], about: float, nats: float, found: bool
):
    heard["Who is Pixel?"] = nats
    others = [Asked("Who is Pixel?", 0.0, about)]
    assert run(asking.answered(SHORT, COMMONLY, others)) == ({"Who is Pixel?"} if found else set())


@pytest.mark.parametrize("tokens", [(5,) * (MOST_HEARD + 1), ()], ids=["long", "none"])
def test_a_message_that_cannot_be_read_as_an_answer_goes_by_the_first_reading(
    asking: Base, heard: dict[str, float], monkeypatch: pytest.MonkeyPatch, tokens: tuple[int, ...]
):
    """It is longer than any that was measured, or has no word."""
    others = [Asked("near", 0.0, 9.9), Asked("found", 0.0, 10.0)]
    assert run(asking.answered(SHORT, COMMONLY, others)) == set()
    monkeypatch.setattr(Base, "_heard_tokens", lambda *_: tokens)
    assert run(asking.answered(SHORT, COMMONLY, others)) == {"found"}


def test_a_base_that_the_other_reading_does_not_serve_goes_by_the_first(
    asking: Base, heard: dict[str, float]
):
    asking.prompts = replace(asking.prompts, interview=None)
    others = [Asked("near", 0.0, 9.9), Asked("found", 0.0, 10.0)]
    assert run(asking.answered(SHORT, COMMONLY, others)) == {"found"}


def test_a_message_is_read_as_an_answer_only_where_prompt_and_message_fit(
    asking: Base, heard: dict[str, float], monkeypatch: pytest.MonkeyPatch
):
    others = [Asked("found", 0.0, 10.0)]
    assert run(asking.answered(SHORT, COMMONLY, others)) == set()
    monkeypatch.setattr(type(asking.model), "context_size", 40)
    assert run(asking.answered(SHORT, COMMONLY, others)) == {"found"}
