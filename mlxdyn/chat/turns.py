"""Messages as a model gets them: turns of a prompt, chunks of a lesson."""

from collections.abc import Sequence
from itertools import pairwise

from mlxdyn.chat.thoughts import split
from mlxdyn.config import ChatConfig
from mlxdyn.learn.names import words
from mlxdyn.learn.stream import Chunk, lesson
from mlxdyn.memory.echoes import Corrected
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.records import Message
from mlxdyn.model.chat_template import Turn, render

ROLES = ("user", "assistant")


def alternating(messages: Sequence[Message | Turn]) -> list[Turn]:
    """Join turns of one role in a row, as a reply that was killed leaves them; leave out thoughts.

    Many chat templates insist on user and assistant taking turns.
    """
    turns: list[Turn] = []
    for message in messages:
        text = split(message.text)[1] if message.role == "assistant" else message.text
        if turns and turns[-1].role == message.role:
            turns[-1] = Turn(message.role, f"{turns[-1].text}\n\n{text}")
        else:
            turns.append(Turn(message.role, text))
    return turns


def corrected(messages: Sequence[Message], found: Corrected, pending: Sequence[int]) -> list[Turn]:
    """Give turns in which what was corrected by hand is as it is now.

    What holds the old words is left out; questions with the new answers come before what is still
    to be learned, or else said last: words that tell it anew are newer.
    """
    said = [place for place, message in enumerate(messages) if message.role == "user"]
    first = next((place for place in said if messages[place].id in pending), max(said, default=0))
    kept: list[Message | Turn] = []
    for begin, end in pairwise([place for place in (0, *said) if place < first] + [first]):
        if not words(*(message.text for message in messages[begin:end])) & found.gone:
            kept += messages[begin:end]
    added = (
        Turn(role, text) for fact in found.facts for role, text in zip(ROLES, fact, strict=True)
    )
    return alternating([*kept, *added, *messages[first:]])


def words_of(memory: Memory, message: int, config: ChatConfig) -> tuple[Chunk, ...]:
    """Cut a message into chunks, alone in its turn, without thoughts, tools and secrets."""
    messages = memory.ledger.messages.upto(message)
    hidden = memory.masked([m.id for m in messages])
    turns = [Turn(m.role, hidden[m.id].learnable) for m in messages]
    if turns[-1].role == "user":
        turns = turns[-1:]
    rendered = render(memory.model.tokenizer, turns, reply=False)
    return tuple(lesson(rendered, chunk=config.chunk, window=config.window))
