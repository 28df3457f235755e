"""Families of facts: many kinds made by one pattern, from favourites to what a relative does."""
# ruff: noqa: E501  (a phrasing is one line, however long)

import random

from .facts import Kind, kind, lowered
from .kinds import OWN
from .values import coined, words

FAVOURITES = {
    "food": "food",
    "colour": "colour",
    "drink": "drink",
    "fruit": "fruit",
    "animal": "animal",
    "sport": "sport",
    "season": "season",
    "day": "day",
    "month": "month",
    "book": "title",
    "film": "title",
    "band": "coined",
    "song": "title",
    "singer": "full_name",
    "city": "city",
    "country": "country",
    "number": "number",
    "dessert": "dessert",
    "subject": "subject",
    "game": "title",
    "writer": "full_name",
    "painter": "full_name",
    "restaurant": "company",
    "instrument": "instrument",
    "shop": "company",
    "teacher": "full_name",
    "actor": "full_name",
    "café": "company",
    "team": "company",
    "beach": "coined",
    "flower": "coined",
    "poem": "title",
    "series": "title",
    "cheese": "coined",
    "park": "coined",
    "museum": "company",
    "meal": "food",
    "snack": "fruit",
    "hobby": "hobby",
}
RELATIONS = words("""sister, brother, mother, father, aunt, uncle, cousin, neighbour, best friend, boss, colleague, teacher,
roommate, grandmother, grandfather, son, daughter, dentist, doctor, landlord, trainer, niece, nephew, girlfriend,
boyfriend, mother-in-law, older sister, little brother, godmother, friend, hairdresser, piano teacher, coach, assistant,
therapist, twin brother, youngest son, oldest daughter, wife, husband, partner, baby, tutor, accountant, lawyer""")
CREATURES = words("""hamster, parrot, rabbit, goldfish, turtle, guinea pig, canary, snake, puppy, kitten, pony, goat,
lizard, ferret, hen, rat, gecko, donkey, duck, mouse, budgie, tortoise, frog, pig, cow, sheep, tarantula, spider""")
NAMED = words("""boat, robot vacuum, plant, blog, band, company, guitar, laptop, server, farm, podcast, bicycle, van, shop,
novel, team, cottage, sourdough starter, cactus, teddy bear, garden gnome, video game character, newsletter, ship, drone,
printer, startup, café, choir, book club, village, valley, street, hotel, hospital, bakery, chess club""")
LOCKED = words("""safe, bike lock, suitcase, front door, alarm, garage, wifi, laptop, phone, office, gate, mailbox, gym card,
bank card, shed, tablet, briefcase, storage room, email, computer, library account""")
THINGS = words("""keys, passport, glasses, umbrella, camera, ring, spare key, medicine, watch, headphones, diary, wallet,
tickets, charger, tools, letters, sewing kit, batteries, tape, flashlight, stamps, old photos, tea, gloves, scarf""")
COLOURED = words("""car, bike, front door, kitchen, bedroom, sofa, umbrella, coat, house, backpack, guitar, hair, bag, desk,
jacket, hat, phone, carpet, boat, mug, winter coat, living room, notebook, suitcase, dress, bathroom""")
EVENTS = words("""dentist appointment, job interview, piano lesson, exam, flight, wedding, meeting, yoga class, concert,
haircut, doctor's appointment, dance class, graduation, vacation, driving test, surgery, presentation, choir practice,
football match, dinner with friends, parent evening, book club, swimming lesson, moving day, first day at work""")


def favourite(thing: str, value: str) -> Kind:
    return kind(
        f"favourite {thing}",
        f"favourite {thing}",
        value,
        f"""
The {thing} I like most is {{v}}.
My favourite {thing} has always been {{v}}.
My absolute favourite {thing} is {{v}}.
If I had to pick a {thing}, it would be {{v}}.
~Of every {thing} there is, I love {{v}} the most.
""",
        f"""
Which {thing} do I like most?
What {thing} do I like best?
Which {thing} is my favourite?
~Which {thing} do I love the most?
""",
    )


def relative_name(who: str) -> Kind:
    return kind(
        f"{who} name",
        f"{who}'s name",
        "person",
        f"""
My {who} is called {{v}}.
My {who} {{v}} called me today.
I have to call my {who} {{v}}.
I met my {who} {{v}} for lunch.
My {who}'s name is {{v}}, by the way.
This is about my {who}. The name is {{v}}.
{{v}} is the name of my {who}.
~My {who} goes by {{v}}.
""",
        f"""
What is my {who} called?
What's the name of my {who}?
Who is my {who}?
~Which name does my {who} have?
~What do I call my {who}?
""",
        f"Your {who}'s name is {{v}}.\nYour {who} is called {{v}}.",
        check=f"Is my {who} called {{v}}?",
    )


def creature(what: str) -> Kind:
    return kind(
        f"{what} name",
        f"{what}'s name",
        "pet",
        f"""
My {what} is called {{v}}.
I have a pet {what} named {{v}}.
I bought a {what} and named it {{v}}.
I have a {what}. Its name is {{v}}.
I have a {what} and it is called {{v}}.
I have to feed my {what} {{v}}.
My {what} {{v}} was very funny today.
~I take care of a {what} named {{v}}.
""",
        f"""
What is my {what} called?
What's the name of my {what}?
What did I name my {what}?
~Which name does my {what} have?
~What do I call my {what}?
""",
        f"Your {what}'s name is {{v}}.\nYour {what} is called {{v}}.",
        check=f"Is my {what} called {{v}}?",
    )


def named(what: str) -> Kind:
    return kind(
        f"{what} name",
        f"{what}'s name",
        "project",
        f"""
My {what} is called {{v}}.
I named my {what} {{v}}.
The name of my {what} is {{v}}.
I gave my {what} the name {{v}}.
~{{v}} is what I call my {what}.
""",
        f"""
What is my {what} called?
What's the name of my {what}?
What did I name my {what}?
~Which name does my {what} have?
""",
        f"Your {what} is called {{v}}.\nYour {what}'s name is {{v}}.",
        check=f"Is my {what} called {{v}}?",
    )


def locked(what: str, value: str) -> Kind:
    word = "password" if value == "password" else "code"
    return kind(
        f"{what} {word}",
        f"{what} {word}",
        value,
        f"""
The {word} for my {what} is {{v}}.
The {word} of my {what} is {{v}}.
I set the {word} for my {what} to {{v}}.
I changed my {what} {word} to {{v}}.
~You can open my {what} with {{v}}.
""",
        f"""
What is the {word} for my {what}?
Which {word} does my {what} have?
I need the {word} for my {what}.
~How do I open my {what}?
""",
        f"Your {what} {word} is {{v}}.",
    )


def kept(what: str) -> Kind:
    plural = what.endswith("s") or what == "old photos"
    be, have = ("are", "do") if plural else ("is", "does")
    return kind(
        f"place of {what}",
        f"{what}",
        "place",
        f"""
I keep my {what} in the {{v}}.
I put my {what} in the {{v}}.
My {what} {be} in the {{v}}.
I left my {what} in the {{v}}.
I always store my {what} in the {{v}}.
Remember that my {what} {be} in the {{v}}.
By the way, my {what} {be} in the {{v}}.
Just so you know, I keep my {what} in the {{v}}.
~You can find my {what} in the {{v}}.
""",
        f"""
Where {be} my {what}?
Where do I keep my {what}?
Where did I put my {what}?
Where did I leave my {what}?
Do you know where my {what} {be}?
I can't find my {what}. Where {be} {"they" if plural else "it"}?
Where can I find my {what}?
Help, where {be} my {what}?
~Where {have} my {what} belong?
""",
        f"Your {what} {be} in the {{v}}.",
        general=False,
        asked=False,
        unknown=f"where your {what} {be}",
    )


def coloured(what: str) -> Kind:
    return kind(
        f"colour of {what}",
        f"{what}'s colour",
        "colour",
        f"""
My {what} is {{v}}.
I have {{a}} {what}.
I painted my {what} {{v}}.
The colour of my {what} is {{v}}.
~I chose {{v}} for my {what}.
""",
        f"""
What colour is my {what}?
Which colour is my {what}?
What is the colour of my {what}?
Do you remember what colour my {what} is?
~Which colour does my {what} have?
""",
        f"Your {what} is {{v}}.",
        check=f"Is my {what} {{v}}?",
    )


def event(what: str, value: str) -> Kind:
    on = "at" if value == "time" else "on"
    return kind(
        f"{value} of {what}",
        f"{what}",
        value,
        f"""
My {what} is {on} {{v}}.
I have my {what} {on} {{v}}.
By the way, my {what} is {on} {{v}}.
Don't forget that my {what} is {on} {{v}}.
I moved my {what} to {{v}}.
Please remember my {what} {on} {{v}}.
My {what} is planned for {{v}}.
It's decided, my {what} is {on} {{v}}.
~Keep in mind: {what} {on} {{v}}.
""",
        f"""
When is my {what}?
When do I have my {what}?
What is the {value} of my {what}?
Do you remember when my {what} is?
Remind me, when is my {what}?
{"At what time" if value == "time" else "On which " + value} is my {what}?
Can you tell me when my {what} is?
I forgot when my {what} is.
~When should I go to my {what}?
""",
        f"Your {what} is {on} {{v}}.",
        general=False,
        asked=False,
        unknown=f"when your {what} is",
    )


def relative(who: str, verb: str) -> Kind:
    """A fact about somebody else: where they live, what they do and like."""
    tell, ask, answer, value = PREDICATES[verb]
    return kind(
        f"{who} {verb}",
        f"{who}'s {verb}",
        value,
        f"""
My {who} {tell}.
By the way, my {who} {tell}.
Did I mention that my {who} {tell}?
You know, my {who} {tell}.
I should tell you that my {who} {tell}.
Remember that my {who} {tell}.
I was just thinking about how my {who} {tell}.
Just so you know, my {who} {tell}.
~Let me tell you something: my {who} {tell}.
""",
        f"""
{ask.format(who=who)}?
Do you know {lowered(indirect(verb, who))}?
Do you remember {lowered(indirect(verb, who))}?
Can you tell me {lowered(indirect(verb, who))}?
Remind me, {lowered(ask.format(who=who))}?
I forgot {lowered(indirect(verb, who))}.
What did I say about {lowered(indirect(verb, who))}?
~Let me test you. {ask.format(who=who)}?
""",
        f"Your {who} {answer}.",
        general=False,
        asked=False,
        unknown=lowered(INDIRECT[verb].format(who=who)).replace("my ", "your "),
    )


PREDICATES = {
    "home": ("lives in {v}", "Where does my {who} live", "lives in {v}", "city"),
    "job": ("works as {a}", "What does my {who} do for a living", "works as {a}", "job"),
    "birthday": (
        "has a birthday on {v}",
        "When is my {who}'s birthday",
        "has a birthday on {v}",
        "date",
    ),
    "age": ("is {v} years old", "How old is my {who}", "is {v} years old", "age"),
    "favourite food": (
        "loves to eat {v}",
        "What does my {who} love to eat",
        "loves to eat {v}",
        "food",
    ),
    "hobby": ("really enjoys {v}", "What does my {who} enjoy", "really enjoys {v}", "hobby"),
    "instrument": (
        "plays the {v}",
        "What instrument does my {who} play",
        "plays the {v}",
        "instrument",
    ),
    "language": ("speaks {v}", "Which language does my {who} speak", "speaks {v}", "language"),
    "car": ("drives {a}", "What car does my {who} drive", "drives {a}", "car"),
    "allergy": (
        "is allergic to {v}",
        "What is my {who} allergic to",
        "is allergic to {v}",
        "allergen",
    ),
    "home country": (
        "comes from {v}",
        "Where does my {who} come from",
        "comes from {v}",
        "country",
    ),
    "subject": ("studies {v}", "What does my {who} study", "studies {v}", "subject"),
    "company": ("works at {v}", "Where does my {who} work", "works at {v}", "company"),
    "pet": ("has a dog called {v}", "What is my {who}'s dog called", "has a dog called {v}", "pet"),
    "favourite colour": (
        "likes {v} best",
        "Which colour does my {who} like best",
        "likes {v} best",
        "colour",
    ),
}
INDIRECT = {
    "home": "Where my {who} lives",
    "job": "What my {who} does for a living",
    "birthday": "When my {who}'s birthday is",
    "age": "How old my {who} is",
    "favourite food": "What my {who} loves to eat",
    "hobby": "What my {who} enjoys",
    "instrument": "What instrument my {who} plays",
    "language": "Which language my {who} speaks",
    "car": "What car my {who} drives",
    "allergy": "What my {who} is allergic to",
    "home country": "Where my {who} comes from",
    "subject": "What my {who} studies",
    "company": "Where my {who} works",
    "pet": "What my {who}'s dog is called",
    "favourite colour": "Which colour my {who} likes best",
}


def indirect(verb: str, who: str) -> str:
    return INDIRECT[verb].format(who=who)


PAST = {
    "bought": "buy",
    "found": "find",
    "lost": "lose",
    "cooked": "cook",
    "saw": "see",
    "ate": "eat",
    "broke": "break",
    "painted": "paint",
    "repaired": "repair",
    "sold": "sell",
    "met": "meet",
    "visited": "visit",
    "read": "read",
    "watched": "watch",
    "drew": "draw",
    "drank": "drink",
}
WHEN = words("""yesterday, last week, this morning, last night, on Sunday, on Monday, last summer, two days ago, today,
last month, on Friday, last year""")
SOON = words(
    "tomorrow, next week, tonight, on Saturday, next month, this weekend, on Tuesday, next year"
)
OBJECTS = {
    "cook": "food",
    "eat": "food",
    "meet": "person",
    "visit": "city",
    "read": "title",
    "watch": "title",
    "drink": "drink",
}


def done(verb: str, when: str) -> Kind:
    """Something the user did."""
    base = PAST[verb]
    ask = {"meet": "Who", "visit": "Which city", "read": "Which book", "watch": "Which film"}.get(
        base, "What"
    )
    return kind(
        f"{verb} {when}",
        f"{verb} {when}",
        OBJECTS.get(base, "object"),
        f"""
I {verb} {{v}} {when}.
{when[:1].upper() + when[1:]} I {verb} {{v}}.
I just wanted to say that I {verb} {{v}} {when}.
Guess what, I {verb} {{v}} {when}.
Did I tell you that I {verb} {{v}} {when}?
Remember that I {verb} {{v}} {when}.
My wife and I {verb} {{v}} {when}.
~You won't believe it, {when} I {verb} {{v}}.
""",
        f"""
{ask} did I {base} {when}?
Do you remember {ask.lower()} I {verb} {when}?
Do you know {ask.lower()} I {verb} {when}?
Can you tell me {ask.lower()} I {verb} {when}?
I forgot {ask.lower()} I {verb} {when}.
Remind me, {ask.lower()} did I {base} {when}?
{when[:1].upper() + when[1:]}, {ask.lower()} did I {base}?
~{ask} was it that I {verb} {when}?
""",
        f"You {verb} {{v}} {when}.",
        general=False,
        asked=False,
        unknown=f"{ask.lower()} you {verb} {when}",
        check=f"Did I {base} {{v}} {when}?",
    )


def planned(base: str, when: str) -> Kind:
    """Something the user is going to do."""
    ask = {"meet": "Who", "visit": "Which city", "read": "Which book", "watch": "Which film"}.get(
        base, "What"
    )
    return kind(
        f"{base} {when}",
        f"{base} {when}",
        OBJECTS.get(base, "object"),
        f"""
I will {base} {{v}} {when}.
I am going to {base} {{v}} {when}.
I want to {base} {{v}} {when}.
I plan to {base} {{v}} {when}.
{when[:1].upper() + when[1:]} I will {base} {{v}}.
Remind me to {base} {{v}} {when}.
I have to {base} {{v}} {when}.
~My plan is to {base} {{v}} {when}.
""",
        f"""
{ask} will I {base} {when}?
{ask} am I going to {base} {when}?
{ask} do I want to {base} {when}?
Do you remember {ask.lower()} I will {base} {when}?
Can you tell me {ask.lower()} I am going to {base} {when}?
I forgot {ask.lower()} I wanted to {base} {when}.
Remind me, {ask.lower()} will I {base} {when}?
~{ask} is it that I plan to {base} {when}?
""",
        f"You will {base} {{v}} {when}.",
        general=False,
        asked=False,
        unknown=f"{ask.lower()} you will {base} {when}",
    )


def every_kind() -> tuple[Kind, ...]:
    """List every trainable kind: the written ones and those made from families."""
    families = [
        *(favourite(thing, value) for thing, value in FAVOURITES.items()),
        *map(creature, CREATURES),
        *map(named, NAMED),
        *map(kept, THINGS),
        *map(coloured, COLOURED),
        *(locked(what, value) for what in LOCKED for value in ("code", "password")),
        *(event(what, value) for what in EVENTS for value in ("time", "date", "day")),
        *map(relative_name, RELATIONS),
        *(done(verb, when) for verb in PAST for when in WHEN),
        *(
            planned(base, when)
            for base in PAST.values()
            for when in SOON
            if base not in ("find", "lose", "break")
        ),
        *(relative(who, verb) for who in RELATIONS for verb in PREDICATES),
    ]
    return (*OWN, *families)


ODD = words("""ladder, kettle, tractor, sled, canoe, aquarium, telescope, drum kit, scooter, tent, rocking chair, greenhouse,
sandwich, spaceship, robot, tattoo, dragon, statue, puzzle, invention, recipe, secret, jersey, ticket, locker, seat, platform,
ringtone, username, planet, potion, spell, riddle, slogan, costume, mascot, orchestra, classroom, treehouse, lighthouse, kite,
stopwatch, calendar, letterbox, elevator, ferry, tram, bakery order, parking space, table, tree, star, cloud, cake, candle""")
OWNERS = words(
    """neighbour, aunt, grandfather, boss, teacher, friend, cousin, roommate, coach, nephew, mother, uncle"""
)


def invented(rng: random.Random) -> Kind:
    """Make up a kind that few conversations share, so that copying leans on no list of kinds."""
    thing = coined(rng).lower() if rng.random() < 0.3 else rng.choice(ODD)
    topic, value = rng.choice(
        (
            (thing, "coined"),
            (f"{thing}'s name", "project"),
            (f"{thing}'s name", "person"),
            (f"favourite {thing}", rng.choice(("coined", "title", "colour", "fruit"))),
            (f"{thing} number", "code"),
            (f"lucky {thing}", rng.choice(("number", "coined", "animal"))),
            (f"{rng.choice(OWNERS)}'s {thing}", rng.choice(("coined", "colour", "company"))),
            (f"{thing} size", "small"),
        )
    )
    return kind(topic, topic, value, INVENTED, general=True)


INVENTED = """
I chose {v} as my {t}.
These days my {t} is {v}.
My new {t} is {v}.
About my {t}: it is {v}.
"""
