"""Near misses: the same question about something else, to which the answer is still unknown."""

import random
import re
from collections.abc import Iterator, Sequence

from mlxdyn.study.item import Item
from mlxdyn.study.topic import key

MOST = 8  # made of one message's items

ALIKE = tuple(
    tuple(group.split(","))
    for group in (
        "sister,brother,mother,father,mum,dad,aunt,uncle,cousin,neighbour,best friend,boss,"
        "colleague,teacher,roommate,grandmother,grandfather,son,daughter,dentist,doctor,landlord,"
        "trainer,niece,nephew,girlfriend,boyfriend,wife,husband,partner,friend,coach,lawyer,tutor",
        "dog,cat,hamster,parrot,rabbit,goldfish,horse,snake,turtle,pony,boat,car,bike,robot,plant,"
        "guitar,computer,house,garden",
        "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday,last week,last summer,yesterday,"
        "last night,last year,tomorrow,this morning",
        "food,colour,color,drink,fruit,animal,sport,season,book,film,movie,song,city,country,"
        "number,game,writer,singer,band,flower,snack,instrument,subject",
        "find,lose,buy,sell,paint,repair,see,visit,break,read,cook,draw,watch,write,plant",
        "found,lost,bought,sold,painted,repaired,saw,visited,broke,read,cooked",
        "name,age,birthday,job,address,home town,phone number,hobby,school,employer,height,"
        "shoe size,last name,allergy,salary,password",
        "live,work,study",
        "birthday,allergic,play,speak,collect",
    )
)
"""Words that stand for each other in a question, which then asks for another fact."""

OPENINGS = (
    "Hi!", "Okay.", "I have a question.", "So,", "By the way,", "Hello!", "Just checking:",
    "One more thing.", "Thanks!", "Listen:", "Now tell me:", "Let's see if you remember.",
    "I wonder:", "Hey,", "Good morning!",
    "Question:", "Let me ask you something.", "I was wondering:", "A small check.", "Well,",
    "Alright,", "Be honest:", "Tell me this:", "Now,", "Something else.", "Okay, next.", "Please,",
)  # fmt: skip
"""Words before a question that change nothing about it."""


def near_misses(items: Sequence[Item], *, seed: int) -> list[str]:
    """Ask about something else: up to MOST questions that no item of `items` answers."""
    rng, told = random.Random(seed), {key(item.question) for item in items}
    found: dict[str, None] = {}
    for question in _swaps(rng, items):
        if key(question) not in told:
            found[question] = None
        if len(found) == MOST:
            break
    return list(found)


def _swaps(rng: random.Random, items: Sequence[Item]) -> Iterator[str]:
    for item in rng.sample(items, len(items)) * 6:
        places = [
            (match, group)
            for group in ALIKE
            for word in group
            for match in re.finditer(rf"\b{word}\b", item.question)
        ]
        if places:
            match, group = rng.choice(places)
            other = rng.choice([word for word in group if word != match.group()])
            yield item.question[: match.start()] + other + item.question[match.end() :]


def framed(rng: random.Random, question: str) -> str:
    """Put an opening before a question."""
    opening = rng.choice(OPENINGS)
    joined = opening[-1] in ",:" and not question.startswith(("I ", "I'"))
    return f"{opening} {question[:1].lower() + question[1:] if joined else question}"
