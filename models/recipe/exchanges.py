"""Exchanges about facts: telling, acknowledging, asking, correcting, and not knowing."""

import random
from dataclasses import dataclass
from functools import cache

from . import talk
from .facts import Kind, lowered
from .families import every_kind
from .kinds import OWN
from .values import draw

Turn = list[str]
Dialogue = list[Turn]


@dataclass(frozen=True)
class Fact:
    """A kind of fact with the value this user has."""

    kind: Kind
    value: str

    def fill(self, phrasing: str) -> str:
        article = "an" if self.value[:1].lower() in "aeiou" else "a"
        text = phrasing.replace("{a}", f"{article} {self.value}").replace("{v}", self.value)
        return text[:1].upper() + text[1:]


@cache
def kinds() -> tuple[Kind, ...]:
    return every_kind()


def pick_kind(rng: random.Random) -> Kind:
    """Prefer the written kinds: there are few of them, and they are what people say most."""
    return rng.choice(OWN if rng.random() < 0.4 else kinds())


def pick_fact(rng: random.Random, *, unseen: bool = False) -> Fact:
    kind = pick_kind(rng)
    return Fact(kind, draw(kind.value, rng, unseen=unseen))


def pick_facts(rng: random.Random, count: int, *, unseen: bool = False) -> list[Fact]:
    """Draw facts of different kinds, often near misses of each other."""
    facts = [pick_fact(rng, unseen=unseen)]
    while len(facts) < count:
        near = near_kinds(facts[-1].kind.name)
        kind = rng.choice(near) if near and rng.random() < 0.4 else pick_kind(rng)
        if all(clash(kind) != clash(fact.kind) for fact in facts):
            facts.append(Fact(kind, draw(kind.value, rng, unseen=unseen)))
    return facts


def clash(kind: Kind) -> str:
    """Name what two kinds must not share within one dialogue."""
    return SAME.get(kind.topic, kind.topic)


SAME = {
    "husband's name": "wife's name",
    "partner's name": "wife's name",
    "address": "home town",
    "holiday": "dream",
    "dream destination": "dream",
    "birthplace": "home country",
    "birth year": "birthday",
    "age": "birthday",
    "mother tongue": "new language",
    "old school": "school",
    "favourite treat": "favourite food",
    "favourite meal": "favourite food",
    "favourite snack": "favourite food",
    "allergy": "least favourite food",
    "favourite instrument": "instrument",
    "hobby": "favourite hobby",
}


@cache
def near_kinds(name: str) -> tuple[Kind, ...]:
    """List the kinds that share a word with `name`."""
    parts = set(name.split()) - {"of", "favourite"}
    return tuple(kind for kind in kinds() if parts & set(kind.name.split()) and kind.name != name)


def tell(rng: random.Random, fact: Fact, *, unseen: bool = False) -> str:
    return fact.fill(
        rng.choice(fact.kind.unseen_tells if unseen and fact.kind.unseen_tells else fact.kind.tells)
    )


def ask(rng: random.Random, kind: Kind, *, unseen: bool = False) -> str:
    return rng.choice(kind.unseen_asks if unseen and kind.unseen_asks else kind.asks)


def answer(rng: random.Random, fact: Fact) -> str:
    said = fact.kind.answers
    return fact.fill(said[0] if rng.random() < 0.8 else rng.choice(said))


REPLIES = (
    "Got it. {A}",
    "Thanks for telling me. {A}",
    "Okay, {a}",
    "Noted. {A}",
    "I'll remember that {a}",
    "Good to know. {A}",
    "Great, I'll remember that {a}",
    "Thank you. I will remember that {a}",
    "All right. {A}",
    "Nice! {A}",
    "Thanks! I'll keep in mind that {a}",
)
PRAISE = {
    "person": ("{v} is a lovely name.", "{v}, what a nice name.", "I like the name {v}."),
    "pet": ("{v} is a great name.", "{v} is such a cute name.", "{v} sounds adorable."),
    "city": ("{v} sounds like a wonderful place.", "I hear {v} is beautiful.", "{v} must be nice."),
    "country": ("{v} sounds wonderful.", "{v} must be beautiful."),
    "job": (
        "That sounds like interesting work.",
        "That must be a rewarding job.",
        "What a useful job.",
    ),
    "food": ("{v} sounds delicious.", "Yum, {v}.", "{v} is a tasty choice."),
    "dessert": ("{v} sounds delicious.", "Yum, {v}."),
    "drink": ("A good {v} is hard to beat.", "Good choice."),
    "hobby": ("{v} sounds like fun.", "{v} is a great way to spend time."),
    "instrument": ("The {v} has a beautiful sound.", "How lovely, the {v}."),
    "title": ("I like that title.",),
    "colour": ("{v} is a beautiful colour.", "{v} is a nice choice."),
    "animal": ("{v} are fascinating.",),
    "allergen": ("That must be difficult.", "I'm sorry to hear that.", "Please take care."),
    "project": ("{v} is a good name.", "{v} sounds interesting."),
    "language": ("{v} is a beautiful language.",),
    "subject": ("{v} is fascinating.", "{v} sounds interesting."),
    "coined": ("{v} is an unusual word.", "I like the sound of {v}."),
}


def acknowledge(rng: random.Random, facts: list[Fact]) -> str:
    """Thank for facts and repeat them."""
    first, rest = facts[0], facts[1:]
    if first.kind.name == "name" and rng.random() < 0.7:
        return first.fill(
            rng.choice(
                (
                    "Nice to meet you, {v}!",
                    "Hello, {v}! It's nice to meet you.",
                    "Hi {v}! How can I help you?",
                )
            )
        ) + join_also(rng, rest)
    if not rest and rng.random() < 0.25 and first.kind.value in PRAISE:
        return first.fill(rng.choice(PRAISE[first.kind.value])) + " " + answer(rng, first)
    said = answer(rng, first)
    replies = [
        reply
        for reply in REPLIES
        if first.kind.value != "allergen" or reply[:2] not in ("Ni", "Gr", "Go")
    ]
    return rng.choice(replies).format(A=said, a=lowered(said)) + join_also(rng, rest)


def join_also(rng: random.Random, rest: list[Fact]) -> str:
    return "".join(
        " " + rng.choice(("And {a}", "{A}", "Also, {a}")).format(A=said, a=lowered(said))
        for said in (answer(rng, fact) for fact in rest)
    )


UNKNOWN = (
    "I don't know {u} yet.",
    "I don't know {u} yet.",
    "I don't know {u} yet. You haven't told me.",
    "You haven't told me {u} yet.",
    "I don't know that yet. You haven't told me {u}.",
    "I don't know {u} yet. Would you like to tell me?",
)


def unknown(rng: random.Random, kind: Kind) -> str:
    return rng.choice(UNKNOWN).format(u=kind.unknown)


ASIDES = talk.ASIDES
GREETINGS = (
    "Hello!",
    "Hi!",
    "Hi Wren!",
    "Hey,",
    "Hello Wren,",
    "Good morning!",
    "Good evening.",
    "Okay.",
    "Well,",
    "Listen:",
    "Guess what:",
    "Hi, how are you?",
    "Thanks!",
    "Yes.",
    "No.",
    "You know what?",
    "Oh,",
    "So,",
)


def greeted(greeting: str, message: str) -> str:
    return f"{greeting} {lowered(message) if greeting.endswith((',', ':')) else message}"


def passing(rng: random.Random, message: str) -> str:
    """Hide a message between sentences about nothing."""
    before, after, greeting = rng.choice(ASIDES), rng.choice(ASIDES), rng.choice(GREETINGS)
    return rng.choice(
        (
            greeted(greeting, message),
            f"{before} {message}",
            f"{message} {after}",
            f"{before} {message} {after}",
        )
    )


def told(rng: random.Random, facts: list[Fact], *, unseen: bool = False) -> Dialogue:
    """Tell facts in one message and acknowledge them."""
    parts = [tell(rng, fact, unseen=unseen) for fact in facts]
    message = " ".join(parts)
    if len(parts) > 1 and rng.random() < 0.4:
        message = (
            parts[0].rstrip(".?!")
            + rng.choice((" and ", ", and ", ", also "))
            + lowered(" ".join(parts[1:]))
        )
    if rng.random() < 0.2:
        message = passing(rng, message)
    return [["user", message], ["assistant", acknowledge(rng, facts)]]


def told_and_asked(rng: random.Random, fact: Fact) -> Dialogue:
    """Tell and ask in one message."""
    return [["user", f"{tell(rng, fact)} {ask(rng, fact.kind)}"], ["assistant", answer(rng, fact)]]


def asked(rng: random.Random, facts: list[Fact]) -> Dialogue:
    """Ask for one fact, or two at once, or whether it is so."""
    fact = rng.choice(facts)
    style = rng.random()
    if style < 0.1 and len(facts) > 1:
        return asked_twice(rng, *rng.sample(facts, 2))
    if style < 0.18 and fact.kind.check:
        return checked(rng, fact)
    if style < 0.26 and fact.kind.topic.endswith("'s name"):
        return who_is(rng, fact)
    question = ask(rng, fact.kind)
    if rng.random() < 0.1:
        question = greeted(rng.choice(ASIDES + GREETINGS), question)
    return [["user", question], ["assistant", answer(rng, fact)]]


def who_is(rng: random.Random, fact: Fact) -> Dialogue:
    """Ask for the bearer of a name."""
    bearer = fact.kind.topic.removesuffix("'s name")
    question = rng.choice(
        (
            "Who is {v}?",
            "Do you know who {v} is?",
            "Who was {v} again?",
            "What do you know about {v}?",
        )
    )
    return [["user", fact.fill(question)], ["assistant", fact.fill(f"{{v}} is your {bearer}.")]]


def asked_twice(rng: random.Random, one: Fact, two: Fact) -> Dialogue:
    question = (
        ask(rng, one.kind).rstrip("?.")
        + rng.choice((", and ", " and "))
        + lowered(ask(rng, two.kind))
    )
    return [
        ["user", question],
        ["assistant", answer(rng, one).rstrip(".") + ", and " + lowered(answer(rng, two))],
    ]


def checked(rng: random.Random, fact: Fact) -> Dialogue:
    """Ask whether a fact has a value, half of the time a wrong one."""
    other = draw(fact.kind.value, rng)
    right = rng.random() < 0.5 or other == fact.value
    question = Fact(fact.kind, fact.value if right else other).fill(fact.kind.check)
    return [
        ["user", question],
        ["assistant", ("Yes, " if right else "No, ") + lowered(answer(rng, fact))],
    ]


def never_told(rng: random.Random, facts: list[Fact]) -> Dialogue:
    """Ask for something that was not told, often close to something that was."""
    taken = {clash(fact.kind) for fact in facts}
    near = near_kinds(rng.choice(facts).kind.name) if facts else ()
    pool = [kind for kind in rng.sample(near, min(len(near), 8)) if clash(kind) not in taken]
    kind = pool[0] if pool and rng.random() < 0.5 else pick_kind(rng)
    while clash(kind) in taken:
        kind = pick_kind(rng)
    return [["user", ask(rng, kind)], ["assistant", unknown(rng, kind)]]


CORRECTIONS = (
    "Actually, {m}",
    "Sorry, I made a mistake. {M}",
    "Wait, that was wrong. {M}",
    "No, {m}",
    "I meant to say: {m}",
    "Correction: {m}",
    "Things have changed. {M}",
    "Oh no, I said it wrong. {M}",
    "That is not true any more. {M}",
)
CORRECTED = (
    "Thanks for the correction. {A}",
    "Okay, I'll update that. {A}",
    "Got it, {a}",
    "No problem. {A}",
    "Thank you for correcting me. {A}",
    "All right, {a}",
)


def corrected(rng: random.Random, facts: list[Fact]) -> Dialogue:
    """Change one fact in place; later answers use the new value."""
    place = rng.randrange(len(facts))
    facts[place] = fact = Fact(facts[place].kind, draw(facts[place].kind.value, rng))
    message, said = tell(rng, fact), answer(rng, fact)
    return [
        ["user", rng.choice(CORRECTIONS).format(m=lowered(message), M=message)],
        ["assistant", rng.choice(CORRECTED).format(A=said, a=lowered(said))],
    ]


ABOUT_ME = (
    "What do you know about me?",
    "What have I told you so far?",
    "Tell me what you know about me.",
    "What do you remember about me?",
    "List everything you know about me.",
    "What did you learn about me?",
)


def summed_up(rng: random.Random, facts: list[Fact]) -> Dialogue:
    if not facts:
        return [
            ["user", rng.choice(ABOUT_ME)],
            ["assistant", "Nothing yet. Tell me something about yourself!"],
        ]
    return [
        ["user", rng.choice(ABOUT_ME)],
        ["assistant", " ".join(fact.fill(fact.kind.answers[0]) for fact in facts)],
    ]
