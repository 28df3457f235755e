"""Near misses: the same question about something else, to which the answer is still unknown."""

import random
import re
from collections.abc import Iterator, Sequence

from .item import Item
from .topic import key

MOST = 8  # made of one message's items

BEARERS = (
    "sister,brother,mother,father,mum,dad,aunt,uncle,cousin,neighbour,best friend,boss,"
    "colleague,teacher,roommate,grandmother,grandfather,son,daughter,dentist,doctor,landlord,"
    "trainer,niece,nephew,girlfriend,boyfriend,wife,husband,partner,friend,coach,lawyer,tutor"
)
CREATURES = "dog,cat,hamster,parrot,rabbit,goldfish,horse,snake,turtle,pony"
ALIKE = tuple(
    tuple(group.split(","))
    for group in (
        "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday,last week,last summer,yesterday,"
        "last night,last year,tomorrow,this morning",
        "food,colour,color,drink,fruit,animal,sport,season,book,film,movie,song,city,country,"
        "number,game,writer,singer,band,flower,snack,instrument,subject",
        "find,lose,buy,sell,paint,repair,see,visit,break,read,cook,draw,watch,write,plant",
        "found,lost,bought,sold,painted,repaired,saw,visited,broke,read,cooked",
        "name,age,birthday,job,address,home town,phone number,hobby,school,employer,height,"
        "shoe size,last name,allergy,salary,password",
        "live,work,study",
    )
)
"""Words that stand for each other in a question, which then asks for another fact."""
OWNED = tuple(
    tuple(group.split(","))
    for group in (BEARERS, CREATURES, "boat,car,bike,robot,plant,guitar,computer,house,garden")
)
"""The same, right after "my"."""
OF_SOMEONE = (
    "What is my {x} called?", "Where does my {x} live?", "What does my {x} do for a living?",
    "When is my {x}'s birthday?", "How old is my {x}?", "What does my {x} love to eat?",
    "What is my {x}'s favourite colour?", "What does my {x} collect?",
    "What car does my {x} drive?", "Which language does my {x} speak?",
    "Which instrument does my {x} play?",
    "What is my {x} allergic to?", "Where does my {x} come from?", "What is my {x} afraid of?",
)  # fmt: skip
OF_PET = (
    "What is my {x} called?", "How old is my {x}?", "What colour is my {x}?",
    "What does my {x} love to eat?", "Where does my {x} sleep?", "What breed is my {x}?",
)  # fmt: skip
OF_ME = (
    "Where do I live?", "Where do I work?", "What do I do for a living?", "Where do I come from?",
    "When is my birthday?", "How old am I?", "What is my name?", "What am I allergic to?",
    "What do I collect?", "Which language am I learning?", "Which instrument do I play?",
    "What am I afraid of?", "What car do I drive?", "What is my favourite food?",
)  # fmt: skip
"""What else is asked of the same person."""
BEARER = re.compile(rf"\bmy ((?:[\w-]+ )?(?:{BEARERS.replace(',', '|')}))\b")
PET = re.compile(rf"\bmy ({CREATURES.replace(',', '|')})\b")

OPENINGS = (
    "Hi!", "Okay.", "I have a question.", "So,", "By the way,", "Hello!", "Just checking:",
    "One more thing.", "Thanks!", "Listen:", "Now tell me:", "Let's see if you remember.",
    "I wonder:", "Hey,", "Good morning!",
    "Question:", "Let me ask you something.", "I was wondering:", "A small check.", "Well,",
    "Alright,", "Be honest:", "Tell me this:", "Now,", "Something else.", "Okay, next.", "Please,",
)  # fmt: skip
"""Words before a question that change nothing about it."""


def near_misses(items: Sequence[Item], *, seed: int) -> list[str]:
    """Ask about something else: up to MOST questions that no item of `items` answers.

    Half of them put another word in the place of one, half ask something else of the same person.
    """
    rng, told = random.Random(seed), {key(item.question) for item in items}
    found: dict[str, None] = {}
    for source, most in ((_others(rng, items), MOST // 2), (_swaps(rng, items), MOST)):
        for question in source:
            if len(found) == most:
                break
            if key(question) not in told:
                found[question] = None
    return list(found)


def _others(rng: random.Random, items: Sequence[Item]) -> Iterator[str]:
    """Ask other things of whom the items are about."""
    forms = _forms(" ".join(item.question for item in items)) if items else []
    yield from rng.sample(forms, len(forms))


def _forms(asked: str) -> list[str]:
    """List what else is asked of the first one whom a question names, or else of the user."""
    for pattern, forms in ((BEARER, OF_SOMEONE), (PET, OF_PET)):
        if match := pattern.search(asked):
            return [form.format(x=match[1]) for form in forms]
    return list(OF_ME)


def _swaps(rng: random.Random, items: Sequence[Item]) -> Iterator[str]:
    """Put other words in the place of some."""
    for item in rng.sample(items, len(items)) * 6:
        if places := _places(item.question):
            start, end, words = rng.choice(places)
            other = rng.choice([word for word in words if word != item.question[start:end]])
            yield item.question[:start] + other + item.question[end:]


def _places(question: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Find the words that others can stand for: from, to, and those others."""
    return [
        (*match.span(1), group)
        for groups, before in ((ALIKE, r"\b"), (OWNED, r"\bmy "))
        for group in groups
        for word in group
        for match in re.finditer(rf"{before}({word})\b", question)
    ]


def framed(rng: random.Random, question: str) -> str:
    """Put an opening before a question."""
    opening = rng.choice(OPENINGS)
    joined = opening[-1] in ",:" and not question.startswith(("I ", "I'"))
    return f"{opening} {question[:1].lower() + question[1:] if joined else question}"
