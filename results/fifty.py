"""Ask fifty general questions before and after a memory has learned; write both answers down.

python results/fifty.py MODEL > results/MODEL/fifty.md: a judge reads whether the assistant is still
the one it was. Nothing was tuned on what is asked here.
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
    "What is the capital of Italy?", "Who painted the Mona Lisa?", "What is 7 times 8?",
    "How do I make pancakes?", "What is the largest planet?", "Why do leaves turn red in autumn?",
    "Write a haiku about rain.", "What does a vet do?", "How do vaccines work?",
    "What is the boiling point of water?", "Name three fruits.", "Who was Marie Curie?",
    "How many days are in a leap year?", "What is a sonnet?", "How do I learn a language?",
    "What is the opposite of hot?", "Tell me a fact about whales.", "What is gravity?",
    "How do I remove a stain from a shirt?", "What language is spoken in Brazil?",
    "Explain what an atom is.", "What is the past tense of 'go'?", "How do I tie a tie?",
    "What is the longest river?", "Why is exercise good?", "What is a prime number?",
    "Suggest a name for a cat.", "What is the square root of 81?", "How does a bicycle stay up?",
    "What is democracy?", "Write a sentence with the word 'lantern'.", "What do bees make?",
    "How can I save money?", "What is the currency of Japan?", "Who discovered penicillin?",
    "What is the difference between weather and climate?", "Give me a recipe for soup.",
    "How do I write a letter of complaint?", "What are the primary colours?",
    "Why do we dream?", "What is a mammal?", "How many continents are there?",
    "What is machine learning?", "What should I pack for a hike?", "Good morning!",
    "I am bored.", "What is the meaning of 'brevity'?", "How do I grow tomatoes?",
    "Where do penguins live?", "Tell me a short story about a fox.",
)  # fmt: skip


def answers(memory: Memory) -> list[str]:
    base = memory.base
    assert base is not None
    base.model.network.eval()
    decoder = Decoder(base.parts, base.decoder.ends, {})
    said = run(decoder.answers([base.student_prompt(q) for q in ASKED], MOST))
    return [" ".join(base.text(one).split()) for one in said]


def transcript(name: str, before: list[str], after: list[str], memory: Memory) -> str:
    """Set both answers side by side, as Markdown."""
    same = sum(one == other for one, other in zip(before, after, strict=True))
    drifts = [one.drift for one in memory.ledger.events.log(memory.row.id)]
    drift = next((one for one in reversed(drifts) if one is not None), 0.0)
    lines = [
        f"# {len(ASKED)} general questions, before and after {len(TOLD)} messages ({name})\n",
        f"Greedy, at most {MOST} tokens, by `python results/fifty.py {name}`: {same} are the same",
        f"word for word; drift {drift:.3f} nats a token. What was learned:\n",
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
