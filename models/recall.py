"""Recall from weights, by the path that chat takes: tell facts, restart, ask in an empty context.

    python -m mlxdyn_models.recall --seeds 0,1,2                       # learned after each message
    python -m mlxdyn_models.recall --seeds 0,1,2 --study               # and one idle study
    python -m mlxdyn_models.recall --study --after 200                 # and 200 unrelated messages
    python -m mlxdyn_models.recall --together 3                        # three facts in a message
    python -m mlxdyn_models.recall --set steps=24 --set learning_rate=1e-3

Values are held out of the model's training. Each fact is asked for in up to ten of the recipe's
ways, up to four of them held out of training; every fact counts the same. "In new words" leaves out
those that a study item was studied in. False recall: an answer to a question about what was never
told; half of it counts near misses of what was told. "After other talk" asks everything again after
two exchanges of small talk, or about two of the other facts, rightly answered. Rules read most of
these ways of telling, and were checked on them; `users20` has messages that nobody here wrote.
"""

import argparse
import json
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlxdyn import secret
from mlxdyn.config import BUNDLED_MODEL, ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.model import device
from mlxdyn.study.item import CONTRAST

from . import corpus, exchanges
from .exchanges import Fact
from .facts import Kind

if TYPE_CHECKING:
    from mlxdyn.memory.memory import Memory
    from mlxdyn.model.chat_template import Turn
    from mlxdyn.model.load import Model

QUESTIONS = 80  # about what was never told; at most as many near misses
WAYS, HELD_WAYS = 6, 4  # in which a fact is asked for at most
HELD_TELLS = 0.3  # share of facts told in a held-out phrasing
DIALOGUES = 24  # on which drift is measured
Numbers = dict[str, float]


@dataclass(frozen=True)
class Trial:
    """What is told, and which kinds were never told: anything, and near misses."""

    facts: list[Fact]
    told: list[str]  # one or more facts in a message
    far: list[str]
    near: list[str]


def draw_trial(count: int, seed: int, together: int = 1) -> Trial:
    rng = random.Random(f"recall {seed}")
    facts = [f for f in exchanges.pick_facts(rng, 2 * count, unseen=True) if not private(f)][:count]
    told = [exchanges.tell(rng, fact, unseen=rng.random() < HELD_TELLS) for fact in facts]
    taken = {exchanges.clash(fact.kind) for fact in facts}
    free = [kind for kind in exchanges.kinds() if exchanges.clash(kind) not in taken]
    near_each = [
        [kind for kind in exchanges.near_kinds(fact.kind.name) if kind in free] for fact in facts
    ]
    alike = {kind.name: kind for near in near_each for kind in shuffled(rng, near)[:3]}
    near = list(alike.values())[:QUESTIONS]
    far = rng.sample([kind for kind in free if kind.name not in alike], QUESTIONS)
    messages = [" ".join(told[i : i + together]) for i in range(0, count, together)]
    return Trial(facts, messages, _asked(rng, far), _asked(rng, near))


def private(fact: Fact) -> bool:
    """Tell whether a fact is a secret, which is never learned."""
    return any(find(fact.fill(tell)) for tell in fact.kind.tells)


def shuffled(rng: random.Random, kinds: Sequence[Kind]) -> list[Kind]:
    return rng.sample(kinds, len(kinds))


def _asked(rng: random.Random, kinds: Sequence[Kind]) -> list[str]:
    return [exchanges.ask(rng, kind, unseen=rng.random() < 0.4) for kind in kinds]


@dataclass(frozen=True)
class Question:
    """One way to ask for a fact."""

    fact: Fact
    text: str
    studied: bool  # in these very words

    @property
    def held_out(self) -> bool:
        return self.text in self.fact.kind.unseen_asks


def questions(memory: "Memory", fact: Fact, message: int, rng: random.Random) -> list[Question]:
    """Choose ways to ask for a fact, some of them held out of training."""
    from mlxdyn.study.lessons import wordings

    items = memory.ledger.items_of(message)
    studied = {words for item in items if item.source != CONTRAST for words in wordings(item)}
    kind = fact.kind
    ways = [(sorted(set(kind.asks)), WAYS), (sorted(set(kind.unseen_asks)), HELD_WAYS)]
    chosen = [text for asks, most in ways for text in rng.sample(asks, min(most, len(asks)))]
    return [Question(fact, text, text in studied) for text in chosen]


def ask(
    model: "Model", asked: Sequence[str], before: "Sequence[Sequence[Turn]] | None" = None
) -> list[str]:
    """Answer each question greedily, in an empty context or after other talk."""
    from mlxdyn.model.chat_template import Turn

    from .anchors import replies

    talk = before or [()] * len(asked)
    turns = [[*said, Turn("user", q)] for said, q in zip(talk, asked, strict=True)]
    return replies(model, turns, 32, temperature=0.0)


def other_talk(trial: Trial, asked: Sequence[Question], seed: int) -> "list[list[Turn]]":
    """Draw two exchanges before each question: small talk, or other facts asked for."""
    from mlxdyn.model.chat_template import Turn

    rng, talk = random.Random(f"other talk {seed}"), []
    for question in asked:
        if rng.random() < 0.5:
            said = [turn for _ in range(2) for turn in corpus.small_talk(rng, 1)[:2]]
        else:
            known = [fact for fact in trial.facts if fact is not question.fact]
            others = rng.sample(known, min(2, len(known)))
            said = [
                turn
                for fact in others
                for turn in (
                    ["user", exchanges.ask(rng, fact.kind)],
                    ["assistant", fact.fill(fact.kind.answers[0])],
                )
            ]
        talk.append([Turn(role, text) for role, text in said])
    return talk


def learn(memory: "Memory", messages: Sequence[str]) -> tuple[list[int], list[float]]:
    """Say each message, alone in a conversation, and learn it as chat does; return ids, seconds."""
    from mlxdyn.chat.conversation import Session

    session = Session(memory.model, memory, memory.ledger, ChatConfig(), temporary=False)
    ids, seconds = [], []
    for text in messages:
        chat = memory.ledger.add_conversation(memory.row.id)
        ids.append(memory.ledger.add_message(chat, "user", text, "pending").id)
        began = time.process_time()
        while session.learn_step():
            pass
        seconds.append(time.process_time() - began)
    return ids, seconds


def examine(model: "Model", trial: Trial, asked: list[Question]) -> Numbers:
    """Ask everything; measure held-out dialogue and in-context recall beside it."""
    from .evaluate import ignorant

    texts = [question.text for question in asked]
    hits = _hits(asked, ask(model, texts))
    amid = _hits(asked, ask(model, texts, other_talk(trial, asked, len(asked))))
    far = [not ignorant(reply) for reply in ask(model, trial.far)]
    near = [not ignorant(reply) for reply in ask(model, trial.near)]
    return {
        "recall": by_fact(hits),
        "after other talk": by_fact(amid),
        "in new words": by_fact([(q, hit) for q, hit in hits if not q.studied]),
        "facts asked for in new words": len({q.fact.kind.name for q in asked if not q.studied}),
        "in held-out words": by_fact([(q, hit) for q, hit in hits if q.held_out and not q.studied]),
        "false recall": (statistics.mean(far) + statistics.mean(near)) / 2,
        "of near misses": statistics.mean(near),
        "in-context recall": in_context(model),
        "dialogue, nats/token": dialogue_nll(model),
    }


def _hits(asked: Sequence[Question], said: Sequence[str]) -> list[tuple[Question, bool]]:
    from .evaluate import exact

    return [(q, exact(reply, q.fact.value)) for q, reply in zip(asked, said, strict=True)]


def by_fact(hits: Sequence[tuple[Question, bool]]) -> float:
    """Average within each fact, then over facts."""
    shares: dict[str, list[bool]] = {}
    for question, hit in hits:
        shares.setdefault(question.fact.kind.name, []).append(hit)
    return (
        statistics.mean(statistics.mean(share) for share in shares.values()) if shares else math.nan
    )


def in_context(model: "Model") -> float:
    from mlxdyn.model.chat_template import Turn

    from .anchors import replies
    from .evaluate import exact

    probes = corpus.probes(DIALOGUES, 4242)
    turns = [[Turn(role, text) for role, text in probe.turns] for probe in probes]
    said = replies(model, turns, 32, temperature=0.0)
    return statistics.mean(exact(s, p.answer) for s, p in zip(said, probes, strict=True))


def dialogue_nll(model: "Model") -> float:
    """Measure held-out dialogue, the assistant's words, in nats per token."""
    from mlxdyn.learn.learner import Learner
    from mlxdyn.model.chat_template import Turn
    from mlxdyn.study.anchors import talk

    learner = Learner(model.network, LearnerConfig(), model.new_cache)
    turns = [[Turn(r, t) for r, t in d] for d in corpus.anchors(DIALOGUES, 977)]
    known = [learner.probe([talk(model.tokenizer, dialogue)])[0] for dialogue in turns]
    return sum(k.nll for k in known) / sum(k.tokens for k in known)


def unrelated(count: int, seed: int) -> list[str]:
    """Draw user messages that tell nothing."""
    rng = random.Random(f"unrelated {seed}")
    return [corpus.small_talk(rng, 1)[0][1] for _ in range(count)]


def run(options: argparse.Namespace, seed: int) -> Iterator[tuple[str, Numbers]]:
    """Tell, restart, ask; yield what was found at each stage."""
    from mlxdyn.files import home
    from mlxdyn.memory.memory import Memory
    from mlxdyn.memory.store.ledger import Ledger
    from mlxdyn.model.load import load

    trial = draw_trial(options.facts, seed, options.together)
    subject = load(options.model)
    study = StudyConfig(**dict(map(knob, options.set)))

    def opened() -> Memory:
        learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
        return Memory("m", subject, Ledger(home() / "mlxdyn.db"), learner=learner, study=study)

    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLXDYN_HOME"] = folder
        with opened() as memory:
            before = dialogue_nll(subject)
            rng = random.Random(seed)
            asked = [q for fact in trial.facts for q in questions(memory, fact, 0, rng)]
            yield "before", examine(subject, trial, asked) | {"drift, nats/token": 0.0}
            ids, seconds = learn(memory, trial.told)
        rng = random.Random(seed)
        with opened() as memory:
            asked = [
                question
                for number, fact in enumerate(trial.facts)
                for question in questions(memory, fact, ids[number // options.together], rng)
            ]

            def stage(name: str, **more: float) -> tuple[str, Numbers]:
                found = examine(subject, trial, asked)
                drift = {"drift, nats/token": found["dialogue, nats/token"] - before}
                return name, found | drift | more

            refused = sum(not row.accepted for row in memory.ledger.log(memory.row.id))
            spent = {"seconds a fact": sum(seconds) / len(trial.facts), "updates refused": refused}
            yield stage("told", **spent)
            if options.study:
                began = time.process_time()
                kept = memory.consolidate().accepted
                yield stage("studied", **{"seconds": time.process_time() - began, "kept": kept})
            if options.after:
                learn(memory, unrelated(options.after, seed))
                yield stage(f"{options.after} later")


def knob(text: str) -> tuple[str, Any]:
    name, value = text.split("=", 1)
    return name, json.loads(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=BUNDLED_MODEL)
    parser.add_argument("--facts", type=int, default=20)
    parser.add_argument("--together", type=int, default=1, help="facts told in one message")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--study", action="store_true", help="one idle study after all messages")
    parser.add_argument("--after", type=int, default=0, help="unrelated messages after that")
    parser.add_argument("--set", action="append", default=[], metavar="KNOB=VALUE")
    options = parser.parse_args()
    device.prepare()
    found: dict[str, list[Numbers]] = {}
    for seed in map(int, options.seeds.split(",")):
        for stage, numbers in run(options, seed):
            found.setdefault(stage, []).append(numbers)
            print(f"seed {seed}, {stage}:", _line(numbers), flush=True)
    for stage, rows in found.items():
        means = {name: statistics.mean(row[name] for row in rows) for name in rows[0]}
        print(f"mean of {len(rows)}, {stage}:", _line(means))


def _line(numbers: Numbers) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())


if __name__ == "__main__":
    main()
