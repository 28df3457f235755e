"""The model writes study items: questions that a message answers, with the answers.

The bare base writes them, never the memory, so that items do not depend on what was learned before.
Near misses of the questions are written down too, with what the base says to those.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx_lm.generate import BatchGenerator
from mlx_lm.sample_utils import make_sampler

from mlxdyn.learn.learner import Learner
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import bare
from mlxdyn.study import contrast, items, statement
from mlxdyn.study.anchors import answer
from mlxdyn.study.item import CONTRAST, RETRACTION, Item
from mlxdyn.study.items import ASPECT
from mlxdyn.study.topic import content, key

SAMPLES = 8  # answers to the study request; each words its questions in its own way
TEMPERATURE = 1.0
MOST_TOKENS = 96  # of one of them
MOST_ITEMS, MOST_ALIKE = 8, 5  # of a message, and of one topic
CERTAIN, SURE, UNSURE = 0.05, 0.35, 0.9
"""Nats per token that an answer may cost the base with the message before it: an item that words
alone do not support must be certain; of those that they do the sure ones are kept, or two at best.
"""
HEARD = 40  # tokens of what the base says to the message
LONGEST = 1200  # characters of a message that are read for items
BEGINNING = 8  # tokens of what the base says to a near miss

Writing = Generator[None, None, "Written"]
Sampler = Callable[[mx.array], mx.array]


@dataclass(frozen=True, slots=True)
class Written:
    """Items by source: model, template, retraction, and near misses with what the base says."""

    items: dict[str, list[Item]]
    leans: bool  # they cannot be understood without the message before


def write(model: Model, learner: Learner, message: str, earlier: str = "") -> Writing:
    """Write the items of `message`, a few tokens at a time; between, the adapter is in its place.

    Common sentences are read by rule; of everything else the base writes items itself. Sentences
    that name something and gave no item are told back. `earlier` is what the user said before:
    "No, it is Max" corrects it.
    """
    read = message[:LONGEST]
    yield  # rules are compiled when they are first needed
    ruled, written = items.from_template(read, earlier), list[Item]()
    yield
    leans, withdrawn = ruled != items.from_template(read), items.retractions(read)
    if statement.unread(read):
        told = {key(item.question) for item in (*ruled, *withdrawn)}
        written = yield from _written(model, learner, read, told)
    ruled = [*ruled, *items.told_back(read, [*ruled, *written, *withdrawn])]
    kept = [*ruled, *written, *withdrawn]
    asked = contrast.near_misses(kept, seed=len(read))
    heard = yield from _replies(model, [[Turn("user", q)] for q in asked], BEGINNING)
    near = [Item(q, text) for q, text in zip(asked, heard, strict=True) if text]
    by_source = {"template": ruled, "model": written, RETRACTION: withdrawn, CONTRAST: near}
    return Written(by_source, leans)


def _written(
    model: Model, learner: Learner, message: str, told: set[str]
) -> Generator[None, None, list[Item]]:
    """Ask the base for items several times; keep what the message supports and the base is sure of.

    Topics in `told` are left out. A question about a thing that the message does not name must come
    up more than once.
    """
    requests = [[Turn("user", items.prompt(message))]] * SAMPLES
    mx.random.seed(len(message))
    said = yield from _replies(model, requests, MOST_TOKENS, make_sampler(temp=TEMPERATURE))
    found = [{key(item.question): item for item in items.parse(text)} for text in said]
    votes = Counter(topic for sample in found for topic in sample)
    heard = set(content(message))
    likely: dict[str, Item] = {}
    supported = set[str]()
    for item in (item for text in said for item in items.parse(text)):
        if key(item.question) in told:
            continue
        named = set(content(item.question)) <= heard | ASPECT or votes[key(item.question)] > 1
        if named and items.about(item, message):
            supported.add(item.question)
            likely[item.question] = item
        elif items.in_own_words(item, message):
            likely.setdefault(item.question, item)
    doubts = yield from _doubts(model, learner, message, list(likely.values()))
    ranked = sorted(zip(doubts, range(len(likely)), likely.values(), strict=True))
    sure = [
        item
        for doubt, _, item in ranked
        if doubt <= (SURE if item.question in supported else CERTAIN)
    ]
    best = [item for doubt, _, item in ranked if doubt <= UNSURE and item.question in supported]
    return list(_spread(sure or best[:2]))[:MOST_ITEMS]


def _spread(found: Sequence[Item]) -> Iterator[Item]:
    """Let no topic take the places of all others."""
    seen: Counter[str] = Counter()
    for item in found:
        seen[key(item.question)] += 1
        if seen[key(item.question)] <= MOST_ALIKE:
            yield item


def _doubts(
    model: Model, learner: Learner, message: str, found: Sequence[Item]
) -> Generator[None, None, list[float]]:
    """How strange each answer is to the base when it has just read the message, nats per token.

    Between lies what it says to the message: the bundled model repeats there what it understood.
    """
    if not found:
        return []
    said = yield from _replies(model, [[Turn("user", message)]], HEARD)
    told = [Turn("user", message), Turn("assistant", said[0] or "Okay.")]
    chunks = [
        answer(model.tokenizer, [*told, Turn("user", i.question), Turn("assistant", i.answer)])
        for i in found
    ]
    with bare(model):
        doubts = [known.nll / max(known.tokens, 1) for known in learner.probe(chunks)]
    yield
    return doubts


def _replies(
    model: Model,
    dialogues: Sequence[list[Turn]],
    most: int,
    sampler: Sampler | None = None,
) -> Generator[None, None, list[str]]:
    """Let the bare base answer all `dialogues` side by side, one token of each at a step."""
    prompts = [list(render(model.tokenizer, turns, reply=True).tokens) for turns in dialogues]
    if not prompts or max(map(len, prompts)) + most > model.context_size:
        return [""] * len(prompts)
    ends = [[token] for token in model.tokenizer.eos_token_ids]
    model.network.eval()
    batch = BatchGenerator(model.network, stop_tokens=ends, sampler=sampler)
    said: dict[int, list[int]] = {uid: [] for uid in batch.insert(prompts, [most] * len(prompts))}
    try:
        while responses := _next(model, batch):
            for response in responses:
                if response.finish_reason != "stop":
                    said[response.uid].append(response.token)
            yield
    finally:
        batch.close()
    return [model.decode(tokens).strip() for tokens in said.values()]


def _next(model: Model, batch: Any) -> Any:
    with bare(model):
        return batch.next_generated()
