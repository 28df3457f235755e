"""Laws of the line-based chat: commands in, sentences out; with the bundled model."""

import io
import json

import pytest

from mlxdyn.cli.plain import PlainChat
from mlxdyn.config import ChatConfig, SamplingConfig, StudyConfig
from mlxdyn.engine import commands
from mlxdyn.engine.actor import Options

OPTIONS = Options(
    chat=ChatConfig(sampling=SamplingConfig(temperature=0.0, max_tokens=12)),
    study=StudyConfig(steps=1, pass_steps=1, most_steps=1),
)


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
        "/dial 400", "/lern", "/quit",
    )  # fmt: skip
    notes = [line.removeprefix("  · ") for line in err.splitlines()]
    said = [
        "cut short by the token limit", "remembers: ", "Studied", "Undone", "Learned again",
        "dial is 40 from now on",
        "Memory 'work' is a copy", "Memory 'work' from now on", "Forgotten for good",
        "Memory 'default' from now on", "Incognito", "Error: an incognito chat has no memory",
        "No longer incognito", "A temporary chat", "This chat is saved", "From now on nothing",
    ]  # fmt: skip
    assert [note[: len(start)] for note, start in zip(notes, said, strict=True)] == said, err
    assert "Tinta" in out and "with memory:" in out and "Memories: default, work" in out
    assert "/dial 0..100: how strongly" in out and "did you mean /learn?" in out
    assert code == 1, "one line failed"


def test_a_conversation_is_walked_searched_and_set_up(tmp_path):
    out, err, code = talk(
        "/learn off", "Hello there!", "/retry", "/continue", "/edit Good evening!",
        "/rename Evening talk", "/chats", "/search evening", f"/export {tmp_path}/talk.md",
        "/model", "/system", "/system You are a bird.", "/system", "/set top_k 3",
        "/set top_k", "/set topk 3", "/settings", "/surprise", "/numbers", "/new",
        "/chats 1", "/quit",
    )  # fmt: skip
    assert "Evening talk (" in out and "Good evening!" in out
    assert "wren answers. There is: wren" in out and "nll  memory" in out
    assert "Now there is none." in out and "Now it is: You are a bird." in out
    assert "system               You are a bird." in out
    assert "top_k is 3 from now on." in err and "top_k is default from now on." in err
    assert "did you mean top_k?" in err
    assert (tmp_path / "talk.md").read_text().startswith("**You**\n\nGood evening!\n\n**wren**")
    assert code == 1, "one setting was unknown"


def test_a_result_has_the_documented_keys():
    out, _, code = talk("My cat is called Tinta. My password is hunter2secretQ9.", as_json=True)
    learned = json.loads(out)["learned"]
    assert learned.keys() >= {"tokens", "nll_before", "nll_after", "accepted", "update"}
    assert learned["items"] and learned["secrets"] == 1 and code == 0


@pytest.mark.timeout(60)
def test_json_waits_for_a_lesson_just_where_there_is_one_however_that_was_set():
    """With learning off by /set it waited for ever, and on again it said that nothing was."""
    told = "My cat is called Tinta."
    out, err, code = talk(
        "/set learn off", told, "/set learn user", told, "/learn off", "/set learn user", told,
        "/set learn off", "/learn user", told, "/temporary", told, as_json=True,
    )  # fmt: skip
    learned = [json.loads(line)["learned"] for line in out.splitlines()]
    assert [one is not None for one in learned] == [False, True, True, True, False], err
    assert code == 0


def test_a_command_of_the_full_screen_is_named_with_what_does_it_here():
    """/forget named /log, and the answer to /log was: did you mean /log?"""
    out, err, _ = talk("/learn off", "/forget 99", "/log", "/theme light", "/sidebar", "/lok")
    assert "`mlxdyn memory log`" in err
    assert out.splitlines() == [
        "/log is of the full screen; in a shell: mlxdyn memory log",
        "/theme is of the full screen; in a shell: mlxdyn config theme NAME",
        "/sidebar is of the full screen; in a shell: mlxdyn chat",
        "There is no command /lok; /help lists them",
    ]


def test_a_number_that_is_too_long_ends_no_chat():
    nines = "9" * 5000
    out, err, code = talk("/learn off", "Hello", *(f"/{command} {nines}" for command in (
        "forget", "timeline", "chats", "surprise", "dial")), "/numbers")  # fmt: skip
    said = ["no message 9", "no moment 9", "no conversation 9", "message 9"]
    wrong = [line for line in err.splitlines() if line.startswith("Error")]
    assert all(part in line for part, line in zip(said, wrong, strict=True)), err
    assert "/dial 0..100" in out and "Numbers are shown." in err and code == 1
    assert max(map(len, wrong)) < 200


def test_help_names_every_command():
    out, _, _ = talk("/help")
    assert commands.table(plain=True) in out
    assert all(c.usage in out for c in commands.SLASH_COMMANDS.values() if c.plain)
