"""Laws of the line-based chat: commands in, sentences out; with the bundled model."""

import io
import json

import pytest
from school import EAGER, know

from mlxdyn.cli.plain import HELP, PlainChat
from mlxdyn.config import ChatConfig, SamplingConfig, StudyConfig
from mlxdyn.engine.actor import Options
from mlxdyn.model.load import Model

OPTIONS = Options(
    chat=ChatConfig(sampling=SamplingConfig(temperature=0.0, max_tokens=12)),
    study=StudyConfig(steps=1, pass_steps=1, most_steps=1),
)


@pytest.fixture(autouse=True)
def known(wren: Model) -> None:
    know(wren, EAGER)


def talk(*lines: str, as_json: bool = False) -> tuple[str, str, int]:
    """Hold a conversation; return what was printed, what was noted, and the exit code."""
    out, err = io.StringIO(), io.StringIO()
    code = PlainChat(OPTIONS, out, err, as_json=as_json).talk(lines, lambda: None)
    return out.getvalue(), err.getvalue(), code


def test_every_command_answers_in_order():
    out, err, code = talk(
        "My cat is called Tinta.", "/study", "/items", "/undo", "/redo", "/compare Who am I?",
        "/dial 40", "/branch work", "/memory", "/memory work", "/forget", "/memory default",
        "/incognito", "/compare Hi", "/incognito", "/temporary", "/temporary", "/learn off",
        "/dial 400", "/quit",
    )  # fmt: skip
    notes = [line.removeprefix("  · ") for line in err.splitlines()]
    said = [
        "learned", "Studied", "Undone", "Learned again", "The memory speaks at 40%",
        "Memory 'work' is a copy", "Memory 'work' from now on", "Forgotten for good",
        "Memory 'default' from now on", "Incognito", "Error: an incognito chat has no memory",
        "No longer incognito", "A temporary chat", "This chat is saved", "From now on nothing",
    ]  # fmt: skip
    assert [note[: len(start)] for note, start in zip(notes, said, strict=True)] == said
    assert "Tinta" in out and "with memory:" in out and "Memories: default, work" in out
    assert "/dial 400 is no command" in out
    assert code == 1, "one line failed"


def test_a_result_has_the_documented_keys():
    out, _, code = talk("My cat is called Tinta. My password is hunter2secretQ9.", as_json=True)
    learned = json.loads(out)["learned"]
    assert learned.keys() >= {"tokens", "nll_before", "nll_after", "accepted", "update"}
    assert learned["items"] and learned["secrets"] == 1 and code == 0


def test_help_names_every_command():
    out, _, _ = talk("/help")
    assert HELP in out
