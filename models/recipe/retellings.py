"""More ways to tell a fact, drawn in study lessons only, so that study reads more than the lists."""
# ruff: noqa: E501  (a phrasing is one line, however long)

import random
import re

from .exchanges import Fact, tell
from .facts import lowered

FRAMES = """Let me tell you something: {m}
One more thing: {m}
As you may have heard, {m}
It is true that {m}
My friends all know that {m}
People often forget that {m}
Honestly, {m}
To be clear, {m}
Today somebody asked me, and yes, {m}
I keep telling everyone that {m}
Fun fact: {m}
Note to self: {m}
Between you and me, {m}
Since last year it has been like this: {m}
You would not guess it, but {m}
{M} That is all.
{M} I thought you might like to know.
{M} It took me years to say that.
{M} Isn't that something?
{M} And that will not change soon.""".splitlines()

OWN_WORDS = {
    "name": "My parents gave me the name {v}.|{v} is the name on my passport.|I go by {v}.|I answer to {v}.",
    "surname": "My whole family carries the name {v}.|On the doorbell it says {v}.",
    "dog name": "Our dog listens to the name {v}.|{v}, my dog, barked all night.|When I shout {v}, my dog comes running.",
    "cat name": "{v}, my cat, slept all day.|When I shout {v}, my cat ignores me.|Our cat is known as {v}.",
    "city": "I settled in {v}.|I rent a flat in {v}.|{v} is where my house stands.|I have made {v} my base.",
    "born": "My mother gave birth to me in {v}.|My birth certificate says {v}.",
    "country": "My roots are in {v}.|My passport is from {v}.|I am a child of {v}.",
    "job": "I make money as {a}.|By trade I am {a}.|They hired me as {a}.",
    "employer": "My boss runs {v}.|{v} pays my salary.|I have a contract with {v}.|I got hired by {v}.",
    "birthday": "Every {v} I turn a year older.|I blow out candles on {v}.|We celebrate me on {v}.",
    "age": "I turned {v} this year.|I have lived for {v} years.|I just reached {v}.",
    "allergy": "If I eat or touch {v}, I get ill.|My doctor told me to stay away from {v}.|{v} make me sneeze and itch.",
    "wife name": "I am married to a woman named {v}.|{v} is the woman I married.",
    "husband name": "I am married to a man named {v}.|{v} is the man I married.",
    "partner name": "{v} and I are a couple.",
    "children": "There are {v} kids in my house, all mine.|I am raising {v} kids.",
    "car": "There is {a} in my driveway.|I bought myself {a}.|My wheels are {a}.",
    "project": "In my free time I build {v}.|{v} is what I am building these days.",
    "locker": "They gave me locker {v}.|My things are in locker {v}.",
    "phone": "Call me on {v}.|My mobile is {v}.|Ring {v} and I pick up.",
    "street": "My house stands on {v}.|My door is on {v}.|The postman finds me on {v}.",
    "school": "I am a pupil at {v} School.|I attend {v} School.|My classes are at {v} School.",
    "subject": "I am getting a degree in {v}.|My degree will be in {v}.",
    "hobby": "I spend my weekends on {v}.|I never get tired of {v}.",
    "instrument": "I practise the {v} every evening.|I take lessons on the {v}.|I own a {v} and play it.",
    "language": "My parents spoke {v} to me.|{v} was my first language.",
    "learning": "I take classes in {v}.|I practise my {v} every day.",
    "team": "I am a fan of {v}.|{v} is my club.",
    "dream": "I dream of seeing {v}.|One day I will visit {v}.|I save money for a trip to {v}.",
    "holiday": "I booked a week in {v}.|We fly to {v} this summer.",
    "breakfast": "I begin the morning with {v}.|In the morning I want {v}.",
    "train": "I catch the train at {v}.|The train I take goes at {v}.",
    "wake": "My alarm rings at {v}.|I am out of bed at {v}.|My day begins at {v}.",
    "fear": "{v} scare me.|I scream when I see {v}.|I run away from {v}.|I can't stand being near {v}.",
    "collection": "My shelves are full of little {v}.|I own dozens of figures of {v}.",
    "likes": "I could eat {v} every day.|I enjoy {v}.|I never say no to {v}.",
    "dislikes": "I can't stand {v}.|{v} makes me sick.|I hate {v}.|I never order {v}.|Please, no {v} for me.",
    "old school": "As a kid I sat in class at {v} School.|I learned to read at {v} School.",
    "married": "Our wedding was on {v}.|I became a spouse on {v}.",
    "birth year": "My year of birth is {v}.",
}
FAVOURITE = """Nothing beats {v} as a {t}.
When it comes to a {t}, I always choose {v}.
I have a soft spot for one {t}: {v}.
No {t} comes close to {v}.
{v} is the best {t} there is, if you ask me.
{v} is the {t} for me."""
BEARER = """{v} is my {t}.
My {t} and I, {v} and me, get on well.
Say hello to my {t} {v}.
You should meet {v}, my {t}.
There is my {t}, and the name is {v}.
I talked about {v} today. That is my {t}."""
TURNED = (
    (r"\bYour\b", "My"),
    (r"\byour\b", "my"),
    (r"\bYou are\b", "I am"),
    (r"\bYou were\b", "I was"),
    (r"\bYou\b", "I"),
)


def retold(rng: random.Random, fact: Fact) -> str:
    """Tell a fact in words of its own, or in those of its answer, sometimes in a frame."""
    own = own_words(fact)
    if own and rng.random() < 0.6:
        message = fact.fill(rng.choice(own))
    elif rng.random() < 0.5:
        message = turned(fact.fill(rng.choice(fact.kind.answers)))
    else:
        message = tell(rng, fact)
    if rng.random() < 0.35:
        message = rng.choice(FRAMES).format(M=message, m=lowered(message))
    return message


def own_words(fact: Fact) -> list[str]:
    """List the ways of telling that no other lesson uses."""
    name, topic = fact.kind.name, fact.kind.topic
    if name in OWN_WORDS:
        return OWN_WORDS[name].split("|")
    if name.startswith("favourite "):
        return [
            line.replace("{t}", name.removeprefix("favourite ")) for line in FAVOURITE.splitlines()
        ]
    if topic.endswith("'s name"):
        return [line.replace("{t}", topic.removesuffix("'s name")) for line in BEARER.splitlines()]
    return []


def turned(reply: str) -> str:
    """Turn the assistant's answer into what the user would say."""
    for pattern, word in TURNED:
        reply = re.sub(pattern, word, reply)
    return reply
