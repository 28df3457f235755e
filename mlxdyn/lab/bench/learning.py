"""A message learned, beside jit-lora's recipe on the same facts (written anew).

The recipe: rank 32 on q, v, o and down, Adam at 5e-4, gradients clipped to norm 1, one example a
step, 15 epochs over questions and answers, of which a third keep what the base knew. It is given
them written by hand; the product has to find them in the message.
"""

import random
import time
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn
from mlx.optimizers import Adam, clip_grad_norm
from mlx_lm.tuner.trainer import default_loss

from mlxdyn.chat.conversation import Session
from mlxdyn.config import AdapterConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab.bench.rows import Row, timed
from mlxdyn.lab.bench.talking import session_of
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.parts import Parts, lay_out
from mlxdyn.learn.steps import run
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

EPOCHS, RATE = 15, 5e-4
RECIPE = AdapterConfig(rank=32, targets="q_proj,v_proj,o_proj,down_proj")
FACTS = (
    ("My dog is called Rex.", "Rex", "Your dog is called Rex.",
     ("What is my dog called?", "What is my dog's name?", "Do I have a dog?"),
     "What's the name of my dog?", "What is my cat called?"),
    ("I live in Oslo.", "Oslo", "You live in Oslo.",
     ("Where do I live?", "Which city do I live in?", "What is my home town?"),
     "In which city do I live?", "Where was I born?"),
    ("My sister is called Ana.", "Ana", "Your sister is called Ana.",
     ("What is my sister called?", "Who is my sister?", "Do I have a sister?"),
     "What's my sister's name?", "What is my brother called?"),
    ("I work as a nurse.", "nurse", "You work as a nurse.",
     ("What is my job?", "What do I do for a living?", "Do I have a job?"),
     "What do I work as?", "What does my father do for a living?"),
)  # fmt: skip
"""A message, the word that shows it is known, the answer, three questions to learn, one for the
test, and one that nobody told the answer to."""
KEPT = (
    ("What is the capital of France?", "The capital of France is Paris."),
    ("How many days are in a week?", "There are seven days in a week."),
    ("What do bees make?", "Bees make honey."),
    ("What colour is grass?", "Grass is green."),
    ("What is two plus two?", "Two plus two is four."),
    ("Where do fish live?", "Fish live in water."),
)  # fmt: skip
Facts = tuple[tuple[str, str, str, tuple[str, ...], str, str], ...]
Examples = list[tuple[tuple[int, ...], int]]
"""Tokens, and where the answer begins."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What learning took and what came of it, over all facts."""

    seconds: float
    operations: float  # of products with weights, forward and back
    recalled: int = 0
    claimed: int = 0  # questions nobody told the answer to, answered with the word of a fact


def row(model: Model, facts: Facts = FACTS) -> Row:
    """Learn the facts as a chat does, then by the recipe; the model stays as it was."""
    detach(model)
    with session_of(model) as session:
        run(session.memory.prepare())  # the base is measured once, whatever is learned
        reading, steps = _learn(session, facts)
        found = _found(session)
    theirs = _recipe(model, facts, _written(model, facts))
    again = _recipe(model, facts, found)
    ours, count = reading.seconds + steps.seconds, len(facts)
    return Row(
        f"a message learned, end to end ({model.name})", "jit-lora's recipe, same facts", "seconds",
        (ours / count,), (theirs.seconds / count,), "faster", low=3.0,
        note=f"{_said(steps, count)}; the peer, whose questions and answers were written by hand, "
        f"{_said(theirs, count)}; asked in words that nobody taught",
        bound=f"a message takes {_each(reading, count)} to find what it teaches, which the peer is "
        f"given, and {_each(steps, count)} for steps of up to 13 examples and the guard; the peer "
        f"{_each(theirs, count)} for steps of one. Given all {len(found)} examples that were found "
        f"here, near misses too, the recipe takes {_each(again, count)}: {_said(again, count)}",
    )  # fmt: skip


def _each(spent: Spent, count: int) -> str:
    return f"{spent.seconds / count:.2f} s and {spent.operations / count / 1e9:.0f} GFLOP"


def _said(spent: Spent, count: int) -> str:
    return f"recall {spent.recalled} of {count}, false {spent.claimed} of {count}"


def _recipe(model: Model, facts: Facts, examples: Examples) -> Spent:
    """Learn examples by the recipe, on an adapter of its own that is gone afterwards."""
    attach(model, RECIPE)
    seconds = timed(lambda: _train(model, examples))
    parts = Parts.of(model.network)
    assert parts is not None  # the product could cut it
    parts.flops = 0
    for tokens, _ in examples:
        mx.eval(parts.head(parts.hidden(lay_out([tokens], 0), [])))
    operations = 2 * EPOCHS * parts.flops  # back through frozen weights: the same again
    spent = Spent(seconds, operations, *_asked(Base(model, parts, FALLBACK), facts))
    detach(model)
    return spent


def _found(session: Session) -> Examples:
    """Give the examples that the product found: facts, near misses, and half as many kept."""
    rows = session.ledger.examples.active(session.memory.row.id)
    kept = session.ledger.examples.regularization(session.memory.row.id)[: len(rows) // 2]
    pairs = [(row.example.prompt, row.example.target) for row in (*rows, *kept)]
    return [((*prompt, *target), len(prompt)) for prompt, target in pairs]


def _learn(session: Session, facts: Facts) -> tuple[Spent, Spent]:
    """Learn each message; give what went into finding what it teaches, and into steps."""
    chat, base = session.ledger.conversations.add(session.memory.row.id), session.memory.base
    if base is None:
        raise MlxdynError(f"{session.model.name} cannot learn facts: its network cannot be cut")
    reading, steps = Spent(0.0, 0.0), Spent(0.0, 0.0)
    for text, *_ in facts:
        session.ledger.messages.add(chat, "user", text, "pending")
        going = True
        while going:
            stage, before = session.stage(), base.parts.flops
            began = time.perf_counter()
            going = session.learn_step() is True
            seconds = time.perf_counter() - began
            after = session.stage() or stage
            operations = base.parts.flops - before
            if after is None or after.doing == "learning":
                steps = Spent(steps.seconds + seconds, steps.operations + operations)
            else:
                reading = Spent(reading.seconds + seconds, reading.operations + operations)
    return reading, Spent(steps.seconds, steps.operations, *_asked(base, facts))


def _asked(base: Base, facts: Facts) -> tuple[int, int]:
    """Count the facts that come back in an empty context, and what was never told that does."""
    asked, unknown = [fact[4] for fact in facts], [fact[5] for fact in facts]
    words = [fact[1].lower() for fact in facts]
    recalled = sum(w in said for w, said in zip(words, _answers(base, asked), strict=True))
    return recalled, sum(any(w in said for w in words) for said in _answers(base, unknown))


def _answers(base: Base, questions: list[str]) -> list[str]:
    prompts = [render(base.tokenizer, [Turn("user", q)], reply=True).tokens for q in questions]
    return [said.lower() for said in run(base.say_now(prompts))]


def _written(model: Model, facts: Facts) -> Examples:
    """Give what was written by hand, facts twice as many as what is kept."""
    pairs = [(question, fact[2]) for fact in facts for question in fact[3]]
    return [_example(model, *pair) for pair in (*pairs, *KEPT[: len(pairs) // 2])]


def _example(model: Model, question: str, answer: str) -> tuple[tuple[int, ...], int]:
    turns = [Turn("user", question), Turn("assistant", answer)]
    rendered = render(model.tokenizer, turns, reply=False)
    start, end = rendered.spans[-1]
    return rendered.tokens[: end + 1], start


def _train(model: Model, examples: Examples) -> None:
    """Take the recipe's steps."""
    network, optimizer = model.network, Adam(RATE)
    gradient, lots = nn.value_and_grad(network, default_loss), random.Random(0)
    network.train()
    ready = [(mx.array([t]), mx.array([[start, len(t) - 1]])) for t, start in examples]
    for _ in range(EPOCHS):
        for tokens, span in lots.sample(ready, len(ready)):
            (loss, _), found = gradient(network, tokens, span)
            found, _ = clip_grad_norm(found, 1.0)
            optimizer.update(network, found)
            mx.eval(loss, network.trainable_parameters(), optimizer.state)
