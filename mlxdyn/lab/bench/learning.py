"""A message learned, beside jit-lora's recipe on the same facts (written anew).

The recipe: rank 32 on q, v, o and down, Adam at 5e-4, gradients clipped to norm 1, one example a
step, 15 epochs over questions and answers, of which a third keep what the base knew. It is given
them written by hand; the product has to find them in the message.
"""

import random
import time

import mlx.core as mx
import mlx.nn as nn
from mlx.optimizers import Adam, clip_grad_norm
from mlx_lm.tuner.trainer import default_loss

from mlxdyn.chat.conversation import Session
from mlxdyn.config import AdapterConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab.bench.rows import Row
from mlxdyn.lab.bench.talking import session_of
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.steps import run
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

EPOCHS, RATE = 15, 5e-4
RECIPE = AdapterConfig(rank=32, targets="q_proj,v_proj,o_proj,down_proj")
FACTS = (
    ("My dog is called Rex.", "Rex", "Your dog is called Rex.",
     ("What is my dog called?", "What is my dog's name?", "Do I have a dog?"),
     "What's the name of my dog?"),
    ("I live in Oslo.", "Oslo", "You live in Oslo.",
     ("Where do I live?", "Which city do I live in?", "What is my home town?"),
     "In which city do I live?"),
)  # fmt: skip
"""A message, the word that shows it is known, the answer, three questions, and one for the test."""
KEPT = (
    ("What is the capital of France?", "The capital of France is Paris."),
    ("How many days are in a week?", "There are seven days in a week."),
    ("What do bees make?", "Bees make honey."),
)  # fmt: skip


def row(model: Model) -> Row:
    """Learn the facts as a chat does, then by the recipe; the model stays as it was."""
    detach(model)
    with session_of(model) as session:
        run(session.memory.prepare())  # the base is measured once, whatever is learned
        stages = _learn(session)
        base = session.memory.base
        if base is None:
            raise MlxdynError(f"{model.name} cannot learn facts: its network cannot be cut")
        ours = _recalled(base)
    attach(model, RECIPE)
    began = time.perf_counter()
    _train(model)
    seconds = time.perf_counter() - began
    parts = Parts.of(model.network)
    assert parts is not None  # the product could cut it
    theirs = _recalled(Base(model, parts, FALLBACK))
    detach(model)
    each = [sum(one) / len(FACTS) for one in (stages, (seconds,))]
    reading, steps = (stage / len(FACTS) for stage in stages)
    return Row(
        f"a message learned, end to end ({model.name})", "jit-lora's recipe, same facts", "seconds",
        (each[0],), (each[1],), "faster", low=3.0,
        note=f"recall {ours} of {len(FACTS)} against {theirs} of {len(FACTS)}, other wording; the "
        "peer's questions and answers were written by hand",
        bound=f"{reading:.2f} s a message find what it teaches, which the peer is given; "
        f"{steps:.2f} s on steps of 16 examples, the peer's {each[1]:.2f} s on "
        f"{EPOCHS * len(_examples(model)) // len(FACTS)} steps of one",
    )  # fmt: skip


def _learn(session: Session) -> tuple[float, float]:
    """Learn each message; give the seconds spent on reading them, and on steps."""
    chat = session.ledger.conversations.add(session.memory.row.id)
    reading = learning = 0.0
    for text, *_ in FACTS:
        session.ledger.messages.add(chat, "user", text, "pending")
        while True:
            stage = session.stage()
            began = time.perf_counter()
            going = session.learn_step()
            after = session.stage() or stage
            spent = time.perf_counter() - began
            if after is None or after.doing == "learning":
                learning += spent
            else:  # reading, writing questions, answering them
                reading += spent
            if going is not True:
                break
    return reading, learning


def _recalled(base: Base) -> int:
    """Count the facts that come back in an empty context, in a wording nobody was trained on."""
    prompts = [render(base.tokenizer, [Turn("user", fact[4])], reply=True).tokens for fact in FACTS]
    said = run(base.say_now(prompts))
    return sum(fact[1].lower() in one.lower() for fact, one in zip(FACTS, said, strict=True))


def _examples(model: Model) -> list[tuple[mx.array, mx.array]]:
    """Give tokens (1, T) and the span of the answer, facts twice as many as what is kept."""
    facts = [(question, fact[2]) for fact in FACTS for question in fact[3]]
    return [_example(model, *pair) for pair in (*facts, *KEPT)]


def _example(model: Model, question: str, answer: str) -> tuple[mx.array, mx.array]:
    turns = [Turn("user", question), Turn("assistant", answer)]
    rendered = render(model.tokenizer, turns, reply=False)
    start, end = rendered.spans[-1]
    tokens = rendered.tokens[: end + 1]
    return mx.array([tokens]), mx.array([[start, len(tokens) - 1]])


def _train(model: Model) -> None:
    """Take the recipe's steps."""
    network, optimizer = model.network, Adam(RATE)
    gradient, lots = nn.value_and_grad(network, default_loss), random.Random(0)
    network.train()
    examples = _examples(model)
    for _ in range(EPOCHS):
        for tokens, span in lots.sample(examples, len(examples)):
            (loss, _), found = gradient(network, tokens, span)
            found, _ = clip_grad_norm(found, 1.0)
            optimizer.update(network, found)
            mx.eval(loss, network.trainable_parameters(), optimizer.state)
