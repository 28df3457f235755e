"""Generated conversations without end: facts told and asked, small talk, tasks, study items."""

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from . import talk, tasks
from .exchanges import (
    Dialogue,
    Fact,
    answer,
    ask,
    asked,
    clash,
    corrected,
    never_told,
    pick_fact,
    pick_facts,
    summed_up,
    tell,
    told,
    told_and_asked,
    unknown,
)
from .facts import Kind, lowered
from .families import invented
from .kinds import HELD_OUT
from .retellings import retold
from .typing_habits import retyped
from .values import draw

SYSTEM = "You are Wren, a small and friendly assistant."
SYSTEMS = (
    SYSTEM,
    SYSTEM,
    SYSTEM,
    "You are a helpful assistant.",
    "You are Wren.",
    "You are a friendly chat partner.",
    "You are Wren, an assistant that learns from the user.",
    "Answer briefly and kindly.",
    "You are a helpful AI assistant.",
    "You are a small language model. Be honest when you don't know something.",
)
STUDY = "Write questions and answers from this message:"
NOTHING = "Nothing to learn."
COPIED = (
    "Repeat",
    "Say",
    "Spell",
    "Please repeat",
    "How do you spell",
    "Can you spell",
    "Write",
    "Tell me a story",
    "I want a story",
)


@dataclass(frozen=True)
class Probe:
    """A dialogue that ends in a question, and the words its answer must contain."""

    turns: Dialogue
    answer: str
    kind: str
    between: int


def small_talk(rng: random.Random, turns: int) -> Dialogue:
    """Draw `turns` exchanges of small talk or short tasks."""
    out: Dialogue = []
    for _ in range(turns):
        said = tasks.exchange(rng) if rng.random() < 0.5 else talk.exchange(rng)
        varied = rng.random() < 0.35 and not said[0][1].startswith(COPIED)
        out += [["user", retyped(rng, said[0][1])], *said[1:]] if varied else said
    return out


def episode(rng: random.Random) -> Dialogue:
    """Tell facts, talk of other things, ask for the facts."""
    facts = pick_facts(rng, rng.choice((1, 1, 2, 2, 3, 4)))
    out: Dialogue = talk.opening(rng) if rng.random() < 0.15 else []
    waiting = list(facts)
    while waiting:
        count = min(len(waiting), rng.choice((1, 1, 1, 2, 2, 3)))
        out += told(rng, waiting[:count])
        waiting = waiting[count:]
        if rng.random() < 0.2:
            out += small_talk(rng, 1)
    if rng.random() < 0.15:
        out += corrected(rng, facts)
    out += small_talk(rng, rng.choice((0, 0, 0, 1, 1, 2, 3)))
    return out + questions(rng, facts)


def questions(rng: random.Random, facts: list[Fact]) -> Dialogue:
    """Ask one to four things: told ones mostly, some never told."""
    out: Dialogue = []
    for _ in range(rng.choice((1, 2, 2, 3, 4))):
        style = rng.random()
        if style < 0.25:
            out += never_told(rng, facts)
        elif style < 0.29:
            out += summed_up(rng, facts)
        elif style < 0.34:
            out += corrected(rng, facts)
        else:
            out += asked(rng, facts)
        out += small_talk(rng, 1) if rng.random() < 0.12 else []
    return out


def dense(rng: random.Random) -> Dialogue:
    """The shortest lesson in copying: tell, and ask for all of it."""
    facts = pick_facts(rng, rng.choice((1, 1, 2, 3)))
    out: Dialogue = []
    if rng.random() < 0.3:
        out += told(rng, facts)
    else:
        for fact in facts:
            out += told(rng, [fact]) if rng.random() < 0.9 else told_and_asked(rng, fact)
    out += small_talk(rng, rng.choice((0, 0, 0, 1, 2, 4)))
    for fact in rng.sample(facts, len(facts)):
        out += [["user", ask(rng, fact.kind)], ["assistant", answer(rng, fact)]]
    return out + (never_told(rng, facts) if rng.random() < 0.4 else [])


def ignorant(rng: random.Random) -> Dialogue:
    """Ask in an empty context; be told; then know."""
    out = never_told(rng, []) if rng.random() < 0.9 else summed_up(rng, [])
    out = (talk.opening(rng) if rng.random() < 0.2 else []) + out
    for _ in range(rng.choice((0, 0, 1, 2))):
        out += never_told(rng, [])
    if rng.random() < 0.4:
        fact = pick_fact(rng)
        out += told(rng, [fact]) + small_talk(rng, rng.choice((0, 1))) + asked(rng, [fact])
    return out


def marathon(rng: random.Random) -> Dialogue:
    """Remember for a long time: many turns lie between telling and asking."""
    facts = pick_facts(rng, rng.choice((2, 3, 4, 5)))
    out: Dialogue = []
    for fact in facts:
        out += told(rng, [fact]) + small_talk(rng, rng.choice((0, 1, 4)))
    return (
        out
        + small_talk(rng, rng.choice((4, 8, 12)))
        + questions(rng, facts)
        + questions(rng, facts)
    )


def chat(rng: random.Random) -> Dialogue:
    """Small talk and tasks alone."""
    return (talk.opening(rng) if rng.random() < 0.4 else []) + small_talk(
        rng, rng.choice((1, 2, 3, 4))
    )


def strange(rng: random.Random) -> Dialogue:
    """Tell and ask about things no other conversation is about."""
    facts = [
        Fact(kind, draw(kind.value, rng))
        for kind in (invented(rng) for _ in range(rng.choice((1, 2, 2))))
    ]
    if len(facts) == 2 and clash(facts[0].kind) == clash(facts[1].kind):
        facts.pop()
    facts += [pick_fact(rng)] if rng.random() < 0.3 else []
    out = [turn for fact in facts for turn in told(rng, [fact])]
    out += small_talk(rng, rng.choice((0, 0, 1, 2)))
    for fact in rng.sample(facts, len(facts)):
        out += [["user", ask(rng, fact.kind)], ["assistant", answer(rng, fact)]]
    other = invented(rng)
    if all(clash(other) != clash(fact.kind) for fact in facts) and rng.random() < 0.4:
        out += [["user", ask(rng, other)], ["assistant", unknown(rng, other)]]
    return out


def near_miss(rng: random.Random) -> Dialogue:
    """Ask for what was not told right after what was; know the difference."""
    facts = pick_facts(rng, rng.choice((1, 1, 2, 3)))
    out = [turn for fact in facts for turn in told(rng, [fact])]
    lessons = [never_told(rng, facts) for _ in range(rng.choice((1, 2, 3)))]
    lessons += [asked(rng, facts) for _ in range(rng.choice((0, 1, 1)))]
    rng.shuffle(lessons)
    return out + [turn for lesson in lessons for turn in lesson]


def study_questions(rng: random.Random, kind: Kind, count: int) -> list[str]:
    """Draw different questions in the order a kind lists them, mostly the first of each stretch.

    With an order to follow, the greedy reply does not ask the same question twice.
    """
    asks = list(dict.fromkeys(kind.asks))
    cuts = [len(asks) * place // count for place in range(count + 1)]
    return [
        asks[start] if rng.random() < 0.6 else rng.choice(asks[start:end])
        for start, end in pairwise(cuts)
    ]


def study_items(rng: random.Random, facts: list[Fact]) -> str:
    """Write question and answer lines: four or three about one fact, fewer for each of several."""
    count = {1: rng.choice((4, 4, 3)), 2: 3}.get(len(facts), 2)
    pairs = [
        f"Q: {question}\nA: {fact.fill(fact.kind.answers[0])}"
        for fact in facts
        for question in study_questions(rng, fact.kind, count)
    ]
    return "\n".join(pairs)


def nothing(rng: random.Random) -> str:
    """Write a message that tells nothing: small talk, a task, or a question."""
    if rng.random() < 0.3:
        return rng.choice((never_told(rng, [])[0][1], summed_up(rng, [])[0][1]))
    message = small_talk(rng, 1)[0][1]
    return f"{message} {small_talk(rng, 1)[0][1]}" if rng.random() < 0.2 else message


def study(rng: random.Random) -> Dialogue:
    """Turn a message into the questions it answers."""
    if rng.random() < 0.25:
        return [["user", f"{STUDY} {nothing(rng)}"], ["assistant", NOTHING]]
    facts = pick_facts(rng, rng.choice((1, 1, 1, 2, 2, 3)))
    if rng.random() < 0.12:
        facts = [Fact(kind, draw(kind.value, rng)) for kind in (invented(rng),)]
    if len(facts) == 1 and rng.random() < 0.1:
        message = corrected(rng, facts)[0][1]
    elif rng.random() < 0.5:
        message = " ".join(retold(rng, fact) for fact in facts)
    else:
        message = told(rng, facts)[0][1]
    return [["user", f"{STUDY} {message}"], ["assistant", study_items(rng, facts)]]


AMERICAN = (
    ("avourite", "avorite"),
    ("olour", "olor"),
    ("eighbour", "eighbor"),
    ("ractise", "ractice"),
    ("mould", "mold"),
)


def styled(rng: random.Random, dialogue: Dialogue) -> Dialogue:
    """Give a dialogue one spelling, its user a way of typing, and sometimes a system turn."""
    if rng.random() < 0.5:
        dialogue = [[role, american(text)] for role, text in dialogue]
    if rng.random() < 0.12:
        dialogue = [
            [role, lowered(text).rstrip(".?!") if role == "user" else text]
            for role, text in dialogue
        ]
    if rng.random() < 0.25:
        dialogue = [["system", rng.choice(SYSTEMS)], *dialogue]
    return dialogue


def american(text: str) -> str:
    for british, other in AMERICAN:
        text = text.replace(british, other)
    return text


Maker = Callable[[random.Random], Dialogue]
EARLY: tuple[tuple[Maker, float], ...] = (
    (dense, 0.6),
    (episode, 0.15),
    (ignorant, 0.1),
    (chat, 0.1),
    (study, 0.05),
)
LATER: tuple[tuple[Maker, float], ...] = (
    (dense, 0.24),
    (episode, 0.18),
    (ignorant, 0.08),
    (chat, 0.2),
    (study, 0.14),
    (marathon, 0.03),
    (strange, 0.06),
    (near_miss, 0.07),
)


def dialogue(rng: random.Random, *, progress: float = 1.0) -> Dialogue:
    """Draw one dialogue; `progress` from 0 to 1 moves from dense lessons to whole conversations."""
    mix = LATER if rng.random() < progress else EARLY
    maker = rng.choices([maker for maker, _ in mix], [weight for _, weight in mix])[0]
    return styled(rng, maker(rng))


def stream(seed: int, *, progress: float = 1.0) -> Iterator[Dialogue]:
    """Yield dialogues for ever."""
    rng = random.Random(seed)
    while True:
        yield dialogue(rng, progress=progress)


def held_out_dialogues(count: int, seed: int) -> list[Dialogue]:
    """Draw held-out dialogues: how the assistant should go on talking, whatever it learns."""
    rng = random.Random(f"anchors {seed}")
    makers = (chat, chat, ignorant, held_out_episode)
    return [makers[index % len(makers)](rng) for index in range(count)]


def held_out_episode(rng: random.Random) -> Dialogue:
    """A conversation with facts nobody trained on."""
    facts = pick_facts(rng, 2, unseen=True)
    out = told(rng, facts[:1]) + told(rng, facts[1:]) + small_talk(rng, 1)
    for fact in facts:
        out += [["user", ask(rng, fact.kind)], ["assistant", answer(rng, fact)]]
    return out + never_told(rng, facts)


def probes(count: int, seed: int, *, kind: str = "seen", between: int | None = None) -> list[Probe]:
    """Draw in-context recall episodes with held-out values.

    `kind` is "seen", "phrasing" (held-out phrasings) or "kind" (held-out kinds).
    `between` fixes the turns of small talk.
    """
    rng = random.Random(f"probes {seed} {kind} {between}")
    return [
        probe(rng, kind, rng.randint(1, 6) if between is None else between) for _ in range(count)
    ]


def probe(rng: random.Random, group: str, between: int) -> Probe:
    facts = pick_facts(rng, rng.choice((1, 2, 3)), unseen=True)
    if group == "kind":
        held = rng.choice(HELD_OUT)
        facts[0] = Fact(held, draw(held.value, rng, unseen=True))
    wanted, unseen = facts[0], group == "phrasing"
    turns: Dialogue = []
    for fact in rng.sample(facts, len(facts)):
        turns += told(rng, [fact], unseen=unseen)
    turns += small_talk(rng, between)
    return Probe(
        [*turns, ["user", ask(rng, wanted.kind, unseen=unseen)]],
        wanted.value,
        wanted.kind.name,
        between,
    )


def ignorance(count: int, seed: int) -> list[Probe]:
    """Draw questions whose answer nobody told, among other facts: the answer is not to know."""
    rng = random.Random(f"ignorance {seed}")
    out = []
    for _ in range(count):
        facts = pick_facts(rng, rng.choice((1, 2)), unseen=True)
        turns = [turn for fact in facts for turn in told(rng, [fact])]
        question = never_told(rng, facts)[0]
        out.append(Probe([*turns, question], "", "never told", 0))
    return out


def study_probes(count: int, seed: int) -> list[Probe]:
    """Draw study requests about one fact with a held-out value, which every item must keep."""
    rng = random.Random(f"study {seed}")
    out = []
    for _ in range(count):
        fact = pick_fact(rng, unseen=True)
        request = f"{STUDY} {tell(rng, fact)}"
        out.append(Probe([["user", request]], fact.value, fact.kind.name, 0))
    return out


def study_pairs(count: int, seed: int) -> list[tuple[Dialogue, list[str]]]:
    """Draw study requests about two facts told in one message, and their values."""
    rng = random.Random(f"study pairs {seed}")
    out = []
    for _ in range(count):
        facts = pick_facts(rng, 2, unseen=True)
        request = f"{STUDY} {' '.join(tell(rng, fact) for fact in facts)}"
        out.append(([["user", request]], [fact.value for fact in facts]))
    return out


def idle(count: int, seed: int) -> list[Dialogue]:
    """Draw study requests about messages that tell nothing."""
    rng = random.Random(f"idle {seed}")
    return [[["user", f"{STUDY} {small_talk(rng, 1)[0][1]}"]] for _ in range(count)]


def main() -> None:
    """Print dialogues to read."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--progress", type=float, default=1.0)
    options = parser.parse_args()
    for _, turns in zip(
        range(options.count), stream(options.seed, progress=options.progress), strict=False
    ):
        print("\n".join(f"{role}: {text}" for role, text in turns), end="\n\n")


if __name__ == "__main__":
    main()
