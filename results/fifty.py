"""Ask fifty general questions before and after a memory has learned; write both answers down.

python results/fifty.py MODEL > results/MODEL/fifty.md: a judge reads whether the assistant is still
the one it was. A third is about what was told (nurses, dogs, Porto), where it may leak. None is in
the regularization set, and nothing was tuned on them.
"""

import os
import sys
import tempfile
from pathlib import Path

from mlxdyn.model import device

device.prepare()

from mlxdyn.config import ChatConfig, LearnerConfig  # noqa: E402
from mlxdyn.lab.memory import tell  # noqa: E402
from mlxdyn.learn.decode import Decoder  # noqa: E402
from mlxdyn.learn.example import Kind  # noqa: E402
from mlxdyn.learn.examples import kept  # noqa: E402
from mlxdyn.learn.guard import read  # noqa: E402
from mlxdyn.learn.steps import run  # noqa: E402
from mlxdyn.memory.memory import Memory  # noqa: E402
from mlxdyn.memory.store.ledger import Ledger  # noqa: E402
from mlxdyn.model.load import load  # noqa: E402

MOST = 48  # tokens of an answer
AS_IN_A_CHAT = LearnerConfig(learning_rate=ChatConfig().learning_rate)
TOLD = (
    "I work as a nurse at St Mary's hospital in Leeds.",
    "My dog is called Rex and he's afraid of thunder.",
    "I'm allergic to peanuts.",
    "My sister Ana lives in Porto with her two boys.",
    "can you suggest a present for my husband Tom? he turns 40 in May and loves fishing",
    "I drive a blue Skoda.",
    "My favourite book is Middlemarch.",
    "I play the cello in an orchestra on Thursdays.",
    "We're moving to Ghent in September.",
    "I've given up coffee, I drink mint tea now.",
)
ASKED = (
    "What is the tallest building in the world?", "Who was Albert Einstein?",
    "Who sings 'Imagine'?", "Who was the first woman in space?", "Who wrote Middlemarch?",
    "Who looks after a sick animal?", "When was the printing press invented?",
    "When should I plant garlic?", "Where can I see the northern lights?",
    "Where was pizza invented?", "Which gas do we breathe?", "Which month has 28 days?",
    "What does a nurse do?", "What is a sister?", "What is Porto known for?", "What is Leeds?",
    "Tell me about dogs.", "What are peanuts used for?", "What is a cello?", "What is thunder?",
    "What is mint tea?", "How do I fix a puncture?", "How do I iron a shirt?",
    "How do I stop hiccups?", "How do computers store data?", "How heavy is an elephant?",
    "How many minutes are in a day?", "How many bones does a person have?",
    "Why is the grass green?", "Why do cats purr?", "Why do we need sleep?", "What is 9 plus 14?",
    "What is 20 percent of 50?", "What is the plural of 'child'?", "What does 'frugal' mean?",
    "What is the opposite of 'rough'?", "Name two composers.", "Name a country in Africa.",
    "Write a poem about snow.", "Write a thank-you note.", "Give me a tip for public speaking.",
    "Suggest a dish with rice.", "Explain what a volcano is.", "What is the internet?",
    "Is a whale a fish?", "Can dogs eat chocolate?", "Hi, how is it going?", "I'm tired.",
    "Tell me a riddle.", "Tell me a story about a robot.",
)  # fmt: skip


def answers(memory: Memory) -> list[str]:
    base = memory.base
    assert base is not None
    base.model.network.eval()
    decoder = Decoder(base.parts, base.decoder.ends, {})
    said = run(decoder.answers([base.student_prompt(q) for q in ASKED], MOST))
    return [" ".join(base.text(one).split()) for one in said]


def moved(memory: Memory) -> float:
    """Measure how far the answers to these questions have moved, in nats a token."""
    assert memory.base is not None and memory.lessons.trainer is not None
    drafts = run(kept(memory.base, ASKED, Kind.REGULARIZATION, [MOST] * len(ASKED)))
    return run(read(memory.lessons.trainer, [draft.example for draft in drafts]))


def transcript(name: str, before: list[str], after: list[str], memory: Memory) -> str:
    """Set both answers side by side, as Markdown."""
    same = sum(one == other for one, other in zip(before, after, strict=True))
    stands = [one.drift for one in memory.ledger.events.log(memory.row.id) if one.accepted]
    drift = next((one for one in reversed(stands) if one is not None), 0.0)
    lines = [
        f"# {len(ASKED)} general questions, before and after {len(TOLD)} messages ({name})\n",
        f"Greedy, at most {MOST} tokens, by `python results/fifty.py {name}`: {same} are the same",
        f"word for word; drift is {drift:.3f} nats a token by the guard, {moved(memory):.3f} here.",
        "What was learned:\n",
        *(f"* {row.question} {row.answer}" for row in memory.known_facts()),
        "\n| asked | before | after |\n|---|---|---|",
    ]
    for question, one, other in zip(ASKED, before, after, strict=True):
        cells = (question, one, "the same" if one == other else other)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main(name: str) -> None:
    model = load(name)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLXDYN_HOME"] = folder
        ledger = Ledger(Path(folder) / "mlxdyn.db")
        with Memory("before", model, ledger, learner=AS_IN_A_CHAT) as memory:
            before = answers(memory)
        with Memory("fifty", model, ledger, learner=AS_IN_A_CHAT) as memory:
            run(memory.prepare())
            tell(memory, TOLD)
            print(transcript(name, before, answers(memory), memory))
        ledger.close()


if __name__ == "__main__":
    main(sys.argv[1])
