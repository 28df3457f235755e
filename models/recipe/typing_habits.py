"""How people type: openers, contractions and slips, so a sentence has many spellings."""

import random

OPENERS = (
    "So, ",
    "Well, ",
    "Hey, ",
    "Okay, ",
    "Wren, ",
    "Please, ",
    "Hmm, ",
    "Oh, ",
    "And ",
    "Hi, ",
    "Ok ",
    "Now, ",
    "Hello, ",
)
CLOSERS = (" please", ", Wren", ", please", " now", ", my friend", " then", ", ok")
CONTRACTIONS = (
    ("What is", "What's"),
    ("what is", "what's"),
    ("I am", "I'm"),
    ("do not", "don't"),
    ("can't", "cannot"),
    ("It is", "It's"),
    ("You are", "You're"),
    ("Where is", "Where's"),
    ("Who is", "Who's"),
    ("don't", "dont"),
    ("Tell me", "Could you tell me"),
    ("Tell me", "I want to hear"),
    ("What is", "Please tell me what is"),
    ("How do I", "How can I"),
    ("How do I", "How should I"),
    ("Why is", "Do you know why is"),
    ("Can you", "Could you"),
    ("Thank you", "Thank you so much"),
    ("I'm ", "I feel "),
)


def retyped(rng: random.Random, text: str) -> str:
    """Type a sentence a little differently."""
    style = rng.random()
    if style < 0.25:
        return (
            rng.choice(OPENERS)
            + text[:1].lower() * (not text.startswith("I"))
            + text[not text.startswith("I") :]
        )
    if style < 0.4:
        return text.rstrip(".?!") + rng.choice(CLOSERS) + text[len(text.rstrip(".?!")) :]
    if style < 0.7:
        return swapped(rng, text)
    if style < 0.85:
        return slipped(rng, text)
    return (
        text.lower().rstrip(".?!")
        if style < 0.93
        else text + rng.choice(("!", "?", "!!", " :)", "..", " 😀"))
    )


def swapped(rng: random.Random, text: str) -> str:
    """Exchange a contraction or a way of asking, where there is one."""
    found = [(one, other) for one, other in CONTRACTIONS if one in text]
    return text.replace(*rng.choice(found), 1) if found else text


def slipped(rng: random.Random, text: str) -> str:
    """Drop, double or swap one letter inside the text."""
    if len(text) < 8:
        return text
    place = rng.randrange(1, len(text) - 2)
    one, two = text[place], text[place + 1]
    return (
        text[:place] + rng.choice((one, one + one + two, two + one)) + text[place + 2 :]
        if one.isalpha()
        else text
    )
