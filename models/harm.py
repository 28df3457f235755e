"""Measure what chat's learning does to the bundled model's answers, rate by rate: pick the rate."""

import argparse
import json
import random
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

from mlxdyn.config import BUNDLED_MODEL, AdapterConfig, ChatConfig, LearnerConfig, Optimizer
from mlxdyn.learn.stream import Chunk, lesson
from mlxdyn.model import device
from mlxdyn.model.chat_template import Rendered, Turn, render

from . import corpus
from .evaluate import exact, ignorant
from .exchanges import Dialogue, pick_facts, told

RATES = "0,3e-6,1e-5,3e-5,1e-4,3e-4"
REPLY = 40
CHAT = ChatConfig()
UNLIKE = (
    "ugh, the landlord still hasn't fixed the boiler and it's freezing in here",
    "Can you explain how compound interest works? My bank's leaflet is useless.",
    "We drove up to Inverness on Saturday, stayed two nights, and it rained nonstop.",
    "i keep getting ECONNREFUSED when the container starts, logs say port 5432",
    "Honestly I think the sequel was better than the original, but nobody agrees with me.",
    "Draft a polite email to HR asking whether unused leave carries over to next year.",
    "My physio says twelve reps, three sets, with the green band, every other morning.",
    "what's the difference between a stock and a broth anyway",
    "The council rejected our planning application again because of the drainage survey.",
    "Translate 'the shipment is delayed by customs' into Portuguese please.",
    "lol my cousin tried to microwave an egg and it exploded all over the kitchen",
    "I've got a phone interview with a logistics firm in Rotterdam on Thursday at half nine.",
    "Summarise this: revenue grew 4% while operating margin shrank because of freight costs.",
    "Does ibuprofen interact with the blood pressure tablets I started in March?",
    "She said the manuscript needs another pass, mostly the dialogue in chapter eleven.",
    "git rebase went sideways, now half my commits are duplicated, any idea how to undo?",
    "Grandad served on a minesweeper off Murmansk and hardly ever spoke about it.",
    "need a rhyme for 'orange' that isn't a joke",
    "The tomatoes have blossom end rot; apparently that's calcium, or uneven watering.",
    "Rank these by price per kilo: lentils 2.40, chickpeas 1.95, quinoa 7.10.",
    "so the vet reckons it's just a sprain but she has to wear the cone for ten days",
    "Why do planes leave white trails on some days and not on others?",
    "Our sprint review got moved to 14:30 because the client is stuck in Frankfurt.",
    "I finally finished Middlemarch! Took me four months and two library renewals.",
    "Convert the recipe to metric: 1 1/2 cups flour, a stick of butter, 350 Fahrenheit.",
)
"""Messages as people write them, nothing like the training data: these do the harm."""


@dataclass(frozen=True)
class Trial:
    """Everything a rate is judged by, the same for all rates."""

    known: list[corpus.Probe]
    untold: list[corpus.Probe]
    anchors: list[Dialogue]
    messages: list[str]


@dataclass(frozen=True)
class Answers:
    """How the model talks at one moment."""

    recall: float
    false_recall: float
    anchor_nll: float  # nats a token of the assistant's words
    learned_nll: float  # nats a token of the user's words
    replies: list[str]


@dataclass(frozen=True)
class Row:
    """One rate after some messages; a change is after minus before."""

    rate: float
    messages: int
    recall: float
    recall_change: float
    false_recall: float
    false_recall_change: float
    anchor_change: float
    learned_nll_change: float  # of the words learned so far
    changed: float  # share of greedy replies that differ in any letter


class Subject:
    """The bundled model with chat's adapter, fresh."""

    def __init__(self, config: LearnerConfig) -> None:
        from mlxdyn.learn.learner import Learner
        from mlxdyn.model.load import load
        from mlxdyn.model.lora import attach

        self.model = load(BUNDLED_MODEL)
        attach(self.model, AdapterConfig())
        self.learner = Learner(self.model.network, config, self.model.new_cache)

    def lessons(self, message: str) -> list[Chunk]:
        """Cut a message as chat does."""
        rendered = render(self.model.tokenizer, [Turn("user", message)], reply=False)
        return list(lesson(rendered, chunk=CHAT.chunk, window=CHAT.window))

    def learn(self, message: str) -> None:
        self.model.network.train()
        for chunk in self.lessons(message):
            self.learner.learn(chunk)

    def replies(self, dialogues: list[Dialogue]) -> list[str]:
        """Answer every dialogue greedily."""
        from mlx_lm import batch_generate

        self.model.network.eval()
        prompts = [list(self._render(turns, reply=True).tokens) for turns in dialogues]
        made = batch_generate(
            self.model.network, self.model.tokenizer, prompts, max_tokens=REPLY
        ).texts
        return [str(text) for text in made]

    def heard_nll(self, messages: list[str]) -> float:
        """Score the words of messages as they are learned."""
        return self._mean(chunk for message in messages for chunk in self.lessons(message))

    def spoken_nll(self, dialogues: list[Dialogue]) -> float:
        """Score the assistant's words, and the end of each turn."""
        return self._mean(chunk for turns in dialogues for chunk in self._spoken(turns))

    def _spoken(self, turns: Dialogue) -> Iterator[Chunk]:
        rendered = self._render(turns, reply=False)
        own = {
            place
            for (role, _), (start, end) in zip(turns, rendered.spans, strict=True)
            if role == "assistant"
            for place in range(start, end + 1)
        }
        weights = tuple(float(place in own) for place in range(1, len(rendered.tokens)))
        yield Chunk(rendered.tokens[:1], rendered.tokens[1:], weights)

    def _mean(self, chunks: Iterator[Chunk]) -> float:
        self.model.network.eval()
        total = count = 0.0
        for chunk in chunks:
            weights = chunk.weights or (1.0,) * len(chunk.targets)
            nll = self.learner.score(chunk).nll
            total += sum(w * n for w, n in zip(weights, nll, strict=True))
            count += sum(weights)
        return total / count

    def _render(self, turns: Dialogue, *, reply: bool) -> Rendered:
        said = [Turn(role, text) for role, text in turns]
        return render(self.model.tokenizer, said, reply=reply)


def user_messages(count: int, seed: int) -> list[str]:
    """Draw what a user says: new facts, small talk, and `UNLIKE` while it lasts."""
    rng = random.Random(f"harm {seed}")
    unlike = rng.sample(UNLIKE, len(UNLIKE))
    return [unlike.pop() if index % 2 and unlike else _from_corpus(rng) for index in range(count)]


def _from_corpus(rng: random.Random) -> str:
    fact = rng.random() < 0.5
    turns = told(rng, pick_facts(rng, 1, unseen=True)) if fact else corpus.small_talk(rng, 1)
    return turns[0][1]


def written_messages(path: Path, count: int, seed: int) -> list[str]:
    """Draw `count` sentences of a text, to be sent as messages nothing like the training data."""
    text = " ".join(path.read_text(errors="replace").split())
    sentences = [part for part in re.split(r"(?<=[.?!]) ", text) if 20 <= len(part) <= 300]
    if len(sentences) < count:
        raise SystemExit(f"{path} holds {len(sentences)} sentences, and {count} are needed")
    return random.Random(f"harm {seed}").sample(sentences, count)


def draw_trial(probes: int, messages: list[str], seed: int) -> Trial:
    """Draw held-out questions; those nobody answered are asked among other facts and in silence."""
    among = corpus.ignorance(probes, seed)
    silent = [replace(probe, turns=probe.turns[-1:]) for probe in among]
    known = corpus.probes(probes, seed)
    return Trial(known, among + silent, corpus.anchors(probes, seed), messages)


def observe(subject: Subject, trial: Trial, learned: int) -> Answers:
    """Ask everything; the first `learned` messages are those scored as learned."""
    replies = subject.replies([probe.turns for probe in [*trial.known, *trial.untold]])
    known, untold = replies[: len(trial.known)], replies[len(trial.known) :]
    hits = [exact(reply, p.answer) for reply, p in zip(known, trial.known, strict=True)]
    return Answers(
        recall=sum(hits) / len(hits),
        false_recall=sum(not ignorant(reply) for reply in untold) / len(untold),
        anchor_nll=subject.spoken_nll(trial.anchors),
        learned_nll=subject.heard_nll(trial.messages[:learned]),
        replies=replies,
    )


def compare(rate: float, learned: int, before: Answers, after: Answers) -> Row:
    different = sum(a != b for a, b in zip(before.replies, after.replies, strict=True))
    return Row(
        rate,
        learned,
        after.recall,
        after.recall - before.recall,
        after.false_recall,
        after.false_recall - before.false_recall,
        after.anchor_nll - before.anchor_nll,
        after.learned_nll - before.learned_nll,
        different / len(after.replies),
    )


def measure(config: LearnerConfig, trial: Trial, before: dict[int, Answers]) -> list[Row]:
    """Learn the messages at one rate; look at the model after each number of them in `before`."""
    subject, rows, learned = Subject(config), list[Row](), 0
    for stop, untaught in before.items():
        for message in trial.messages[learned:stop]:
            subject.learn(message)
        learned = stop
        after = observe(subject, trial, learned)
        rows.append(compare(config.learning_rate, learned, untaught, after))
        print(line(rows[-1]), flush=True)
    return rows


HEAD = (
    "| rate | messages | recall | change | false recall | change | anchor nll | learned nll "
    "| replies changed |\n|---|---|---|---|---|---|---|---|---|"
)


def line(row: Row) -> str:
    return (
        f"| {row.rate:g} | {row.messages} | {row.recall:.3f} | {row.recall_change:+.3f} "
        f"| {row.false_recall:.3f} | {row.false_recall_change:+.3f} | {row.anchor_change:+.4f} "
        f"| {row.learned_nll_change:+.3f} | {row.changed:.3f} |"
    )


def trial_of(options: argparse.Namespace, messages: int) -> Trial:
    seed = 1000 + options.seed
    if options.text:
        return draw_trial(options.probes, written_messages(options.text, messages, seed), seed)
    return draw_trial(options.probes, user_messages(messages, seed), seed)


def harm(options: argparse.Namespace) -> list[Row]:
    """Measure every rate on the same trial."""
    stops = sorted(int(part) for part in options.messages.split(","))
    trial = trial_of(options, stops[-1])
    subject = Subject(LearnerConfig(learning_rate=0.0))
    first = observe(subject, trial, stops[0])
    before = {
        stop: replace(first, learned_nll=subject.heard_nll(trial.messages[:stop])) for stop in stops
    }
    print(HEAD)
    rows: list[Row] = []
    for rate in map(float, options.rates.split(",")):
        config = LearnerConfig(optimizer=options.optimizer, learning_rate=rate)
        rows += measure(config, trial, before)
    return rows


def main() -> None:
    """Learn a user's messages as chat does, and compare the model's answers before and after."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rates", default=RATES, help="learning rates, with commas")
    parser.add_argument("--messages", default="50", help="after how many to look, with commas")
    parser.add_argument("--text", type=Path, help="a file whose sentences the user says instead")
    parser.add_argument("--optimizer", default="adam0", choices=get_args(Optimizer))
    parser.add_argument("--probes", type=int, default=60, help="questions of each sort")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device.prepare()
    began = time.perf_counter()
    rows = harm(options)
    print(f"\nseed {options.seed}, {time.perf_counter() - began:.0f} s")
    if options.json:
        asked = {name: str(value) for name, value in vars(options).items()}
        report = {"options": asked, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
