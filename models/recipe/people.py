"""People for the experiment of memory whose facts the bundled model was not trained on.

    python -m models.recipe.people --seeds 101,102,103 > people.jsonl
    mlxdyn eval --experiment memory people.jsonl --model wren

One person a seed tells twenty facts, with values held out of training and some phrasings too. Each
is asked for in up to ten ways, four of them held out; what was never told is asked in 160, as far
as there are near misses of what was told.
"""

import argparse
import json
import random

from . import exchanges
from .exchanges import Fact

FACTS, UNKNOWN = 20, 80  # of each person; questions of either sort about what was never told
WAYS, HELD_WAYS = 6, 4  # in which a fact is asked for at most
HELD_TELLS = 0.3  # share of facts told in a held-out phrasing


def person(seed: int, count: int = FACTS) -> dict[str, object]:
    """Draw a person as a line of the experiment's input."""
    rng = random.Random(f"recall {seed}")
    facts = exchanges.pick_facts(rng, count, unseen=True)
    told = [exchanges.tell(rng, fact, unseen=rng.random() < HELD_TELLS) for fact in facts]
    taken = {exchanges.clash(fact.kind) for fact in facts}
    free = [kind for kind in exchanges.kinds() if exchanges.clash(kind) not in taken]
    near = {kind.name: kind for fact in facts for kind in exchanges.near_kinds(fact.kind.name)}
    alike = [kind for name, kind in near.items() if kind in free]
    far = [kind for kind in free if kind.name not in near]
    never = [*rng.sample(alike, min(UNKNOWN, len(alike))), *rng.sample(far, UNKNOWN)]
    return {
        "id": f"seed {seed}",
        "kind": "recipe",
        "messages": told,
        "ask": [
            {"q": question, "want": [fact.value], "not": []}
            for fact in facts
            for question in ways(rng, fact)
        ],
        "unknown": [exchanges.ask(rng, kind, unseen=rng.random() < 0.4) for kind in never],
    }


def ways(rng: random.Random, fact: Fact) -> list[str]:
    """Choose ways to ask for a fact, some of them held out of training."""
    kind = fact.kind
    asks = [(sorted(set(kind.asks)), WAYS), (sorted(set(kind.unseen_asks)), HELD_WAYS)]
    return [text for each, most in asks for text in rng.sample(each, min(most, len(each)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="101,102,103", help="numbers with commas between them")
    for seed in map(int, parser.parse_args().seeds.split(",")):
        print(json.dumps(person(seed), ensure_ascii=False))


if __name__ == "__main__":
    main()
