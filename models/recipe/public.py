"""Public text the model may learn from, and what of it is kept for evaluation."""

import json
import os
import random
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

DATA = Path(os.environ.get("MLXDYN_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
HELD_OUT_NOVEL = "Stevenson_Treasure_1883.txt"
HELD_OUT_BOOK = "349.txt"

Turn = list[str]


def dialogues(name: str) -> list[list[Turn]]:
    """Read a dialogue set; every twentieth dialogue is kept for evaluation."""
    rows = (DATA / "dialogue" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(row)["turns"] for place, row in enumerate(rows) if place % 20]


def instructions() -> list[list[Turn]]:
    """Read the short instructions (Apache-2.0)."""
    return [
        turns for turns in dialogues("instructions") if sum(len(text) for _, text in turns) < 400
    ]


def persona(rng: random.Random) -> Iterator[list[Turn]]:
    """Yield short pieces of persona chat and drink orders (CC BY 4.0), for ever."""
    pool = dialogues("synthetic_persona_chat") + dialogues("taskmaster4")[::10]
    while True:
        turns, most = rng.choice(pool), rng.choice((4, 6, 8, 20))
        start = 2 * rng.randrange(max(1, (len(turns) - most) // 2 + 1))
        yield turns[start : start + most]


def prose(rng: random.Random) -> Iterator[str]:
    """Yield passages of public-domain novels, starting at a paragraph, for ever."""
    paths = [
        path
        for path in sorted((DATA / "text" / "novels").glob("*.txt"))
        if path.name != HELD_OUT_NOVEL
    ]
    books = [unwrapped(path.read_text(errors="replace")) for path in paths]
    for book in cycle(books):
        characters = rng.choice((600, 1200, 1200, 3600))
        start = book.find("\n", rng.randrange(len(book) - 2 * characters)) + 1
        yield book[start : start + characters].rsplit(" ", 1)[0]


def unwrapped(text: str) -> str:
    """Join the hard-wrapped lines of each paragraph."""
    paragraphs = (" ".join(part.split()) for part in text.replace("\r", "").split("\n\n"))
    return "\n".join(part for part in paragraphs if part)
