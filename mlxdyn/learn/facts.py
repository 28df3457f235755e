"""A fact: an answer that comes from what was said, and what becomes of it as an example."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlxdyn.learn.base import Base
from mlxdyn.learn.decode import Decoded, Support
from mlxdyn.learn.example import Draft, Example, Kind, with_floor
from mlxdyn.learn.names import made_up, tells

SUPPORT = 3.0
"""Nats by which messages must raise the odds of an answer: e^3 is twenty times.

Its odds, or else what a base would have guessed is never learned: SmolLM2 guesses that one lives in
London with 0.06, and says so with 0.7, as the teacher leans, once it was told.
"""
MOST_SURE = -0.1  # log-probability that counts at most: what is as sure without is not learned
SURE = 0.5
"""Least probability of a token in a taught answer that nothing accounts for. SmolLM2 makes up a dog
of "12" years (0.36) and a "common" (0.20) allergy; that the boiler "broke" has 0.55.
"""
SAID = 0.75
"""Least share of each token of a fact in what is learned. In "Your dog Rex is called Rex." SmolLM2
gives "Rex" 0.55 and "is" 0.43: learned to 0.06 nats a token, that said "Your dog is a Greyhound."
All of it for the token doubled the drift, and the cat was Rex too.
"""


@dataclass(frozen=True, slots=True)
class Told:
    """An earlier message with the facts it taught, as (key, question, answer)."""

    message: int
    text: str
    facts: tuple[tuple[int, str, str], ...]


def is_told(
    base: Base, context: Sequence[str], question: str, answer: Decoded, found: Support
) -> bool:
    """Tell whether an answer comes from its messages, neither from the prompt nor from nowhere."""
    return is_taught(answer, found) and is_said(context, question, base.text(answer))


def is_taught(answer: Decoded, support: Support) -> bool:
    """Tell whether an answer comes from the messages, and nothing in it is made up."""
    tokens = zip(answer.logprobs, support.nats, support.known, support.plain, strict=True)
    return (
        answer.ended
        and _evidence(answer, support) >= SUPPORT
        and all(
            known or plain or nats >= SUPPORT or logprob >= math.log(SURE)
            for logprob, nats, known, plain in tokens
        )
    )


def _evidence(answer: Decoded, support: Support) -> float:
    """Weigh the messages for an answer: the nats by which they raise its odds (I. J. Good).

    Only tokens that its question does not hold count.
    """
    after = sum(p for p, known in zip(answer.logprobs, support.known, strict=True) if not known)
    return _log_odds(after) - _log_odds(after - support.total)


def _log_odds(logprob: float) -> float:
    logprob = min(logprob, MOST_SURE)
    return logprob - math.log(-math.expm1(logprob))


def is_said(context: Sequence[str], question: str, answer: str) -> bool:
    """Tell whether messages say what an answer says, by its words.

    One that repeats no word of them is a guess, or says that it does not know; names and numbers
    that nobody said are made up.
    """
    held = tells(" ".join(context), question, answer)
    return bool(held) and not made_up(answer, context)


def fact(base: Base, question: str, answer: Decoded) -> Draft:
    prompt = base.student_prompt(question)
    likely = with_floor(answer.likely, answer.tokens, SAID)
    example = Example(Kind.FACT, prompt, answer.tokens, likely)
    return Draft(question, base.text(answer), example)
