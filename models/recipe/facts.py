"""A kind of fact people tell about themselves: how it is told, asked for and answered."""
# ruff: noqa: E501  (a phrasing is one line, however long)

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of fact. `topic` follows "my" or "your"; phrasings carry {v} (value) or {a} (with article)."""

    name: str
    topic: str
    value: str
    tells: tuple[str, ...]
    asks: tuple[str, ...]
    answers: tuple[str, ...]
    unseen_tells: tuple[str, ...] = ()
    unseen_asks: tuple[str, ...] = ()
    check: str = ""
    unknown: str = ""


TELLS = """My {t} is {v}.
My {t} is {v}.
{v} is my {t}.
By the way, my {t} is {v}.
Just so you know, my {t} is {v}.
I wanted to tell you that my {t} is {v}.
Please remember that my {t} is {v}.
Remember this: my {t} is {v}.
Oh, and my {t} is {v}.
For the record, my {t} is {v}.
Did I tell you that my {t} is {v}?
You should know that my {t} is {v}.
I think I never mentioned it, but my {t} is {v}.
Can you remember that my {t} is {v}?
~One thing about me: my {t} is {v}.
~In case you ever need it, my {t} is {v}."""
ASKS = """What is my {t}?
What is my {t}?
What's my {t}?
Do you remember my {t}?
Can you tell me my {t}?
Do you know my {t}?
Tell me my {t}.
Remind me, what is my {t}?
What did I say my {t} was?
I forgot my {t}. What is it?
Could you remind me of my {t}?
Do you still remember what my {t} is?
Do you know what my {t} is?
What was my {t} again?
~Quick quiz: what is my {t}?
~Would you happen to know my {t}?"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


WRAPS = (
    "By the way, {}",
    "Just so you know, {}",
    "Oh, and {}",
    "You should know that {}",
    "I wanted to say that {}",
    "Please remember that {}",
    "For the record, {}",
    "I think I never told you, but {}",
)


def wrapped(told: list[str]) -> list[str]:
    """Put the first sentence of a kind into the frames that any sentence fits."""
    return [wrap.format(lowered(told[0])) for wrap in WRAPS]


def lowered(text: str) -> str:
    """Lower the first letter, unless the word stands in capitals, is "I" or a value."""
    first = text.split(" ", 1)[0]
    keep = (
        first in ("I", "I'm")
        or first.startswith(("I'", "{"))
        or (len(first) > 1 and first.isupper())
    )
    return text if keep else text[:1].lower() + text[1:]


def kind(
    name: str,
    topic: str,
    value: str,
    tells: str = "",
    asks: str = "",
    answers: str = "",
    *,
    general: bool = True,
    asked: bool = True,
    check: str = "",
    unknown: str = "",
) -> Kind:
    """Join a kind's own phrasings, one a line and ~ for held out, with the general ones for its topic."""
    told = lines(tells) + (lines(TELLS) if general else wrapped(lines(tells)))
    questions = lines(asks) + (lines(ASKS) if asked else [])
    said = lines(answers) or ["Your {t} is {v}."]
    split = [
        tuple(
            line.lstrip("~").replace("{t}", topic)
            for line in group
            if line.startswith("~") == unseen
        )
        for group in (told, questions)
        for unseen in (False, True)
    ]
    return Kind(
        name,
        topic,
        value,
        split[0],
        split[2],
        tuple(line.replace("{t}", topic) for line in said),
        split[1],
        split[3],
        check,
        unknown or f"your {topic}",
    )
