"""Write the anchors that ship with mlxdyn: what the bundled model says, and should go on saying.

    python -m mlxdyn_models.anchors

Never-told questions of all sorts with the model's own answers, generated dialogues, and text that
the model writes from nothing as a user, which reaches what dialogues do not.
"""

import argparse
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxdyn.model import device
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.study import anchors as product
from mlxdyn.study.contrast import framed

from . import corpus, exchanges

if TYPE_CHECKING:
    from mlxdyn.model.load import Model

ANCHORS = Path(product.__file__).with_name("anchors.jsonl")
LONGEST = 90  # tokens of a dialogue
Row = dict[str, Any]


def asks(subject: "Model", count: int, rng: random.Random) -> list[Row]:
    """Ask about kinds never told; keep the questions that the model says it cannot answer."""
    from .evaluate import ignorant

    kinds = rng.sample(list(exchanges.kinds()), count)
    questions = [rng.choice(kind.asks) for kind in kinds]
    questions = [framed(rng, q) if rng.random() < 0.3 else q for q in questions]
    prompts = [[Turn("user", question)] for question in questions]
    said = replies(subject, prompts, 24, temperature=0.0)
    pairs = zip(questions, said, strict=True)
    return [
        {"ask": True, "turns": [["user", q], ["assistant", a]]} for q, a in pairs if ignorant(a)
    ]


def dialogues(subject: "Model", count: int, rng: random.Random) -> list[Row]:
    """Draw short conversations of the recipe."""
    rows: list[Row] = []
    while len(rows) < count:
        turns = (corpus.chat, corpus.dense)[len(rows) % 2](rng)
        while len(turns) > 2 and length(subject, turns) > LONGEST:
            turns = turns[:-2]
        if length(subject, turns) <= LONGEST:
            rows.append({"turns": turns})
    return rows


def length(subject: "Model", turns: exchanges.Dialogue) -> int:
    said = [Turn(role, text) for role, text in turns]
    return len(render(subject.tokenizer, said, reply=False).tokens)


def wild(subject: "Model", count: int) -> list[Row]:
    """Let the model write as a user would, from nothing."""
    import mlx.core as mx
    from mlx_lm import batch_generate
    from mlx_lm.sample_utils import make_sampler

    start = list(render(subject.tokenizer, [Turn("user", "")], reply=False).tokens[:2])
    mx.random.seed(11)
    texts = batch_generate(
        subject.network,
        subject.tokenizer,
        [start] * count,
        max_tokens=LONGEST,
        sampler=make_sampler(temp=1.0),
    ).texts
    return [{"turns": [["user", text.strip()]]} for text in texts if len(text.strip()) > 20]


def replies(
    subject: "Model", dialogues: list[list[Turn]], most: int, *, temperature: float
) -> list[str]:
    """Answer each dialogue."""
    from mlx_lm import batch_generate
    from mlx_lm.sample_utils import make_sampler

    prompts = [list(render(subject.tokenizer, d, reply=True).tokens) for d in dialogues]
    sampler = make_sampler(temp=temperature)
    found = batch_generate(
        subject.network, subject.tokenizer, prompts, max_tokens=most, sampler=sampler
    )
    return [text.strip() for text in found.texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="wren")
    parser.add_argument("--out", type=Path, default=ANCHORS)
    parser.add_argument("--asks", type=int, default=400)
    parser.add_argument("--talks", type=int, default=240, help="of each sort")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    device.prepare()
    from mlxdyn.model.load import load

    subject, rng = load(options.model), random.Random(options.seed)
    rows = asks(subject, options.asks, rng) + dialogues(subject, options.talks, rng)
    rows += wild(subject, options.talks)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    options.out.write_text("".join(lines), "utf-8")
    print(f"{len(rows)} anchors in {options.out}")


if __name__ == "__main__":
    main()
