"""Laws of other programs' chats: they come as history, whole, once, and teach nothing unasked."""

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from school import open_memory

from mlxdyn.cli import main
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange.chats import Talk, read
from mlxdyn.files import data_dir
from mlxdyn.memory.store import chats
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model


def node(id: str, parent: str | None, role: str, *parts: object, **metadata: object) -> dict:
    content = {"content_type": "text", "parts": list(parts)}
    message = {"author": {"role": role}, "content": content, "metadata": metadata}
    return {id: {"id": id, "message": message, "parent": parent, "children": []}}


CHATGPT = [
    {
        "title": "Dogs", "create_time": 1714564800.5, "current_node": "d",
        "mapping": {
            "root": {"id": "root", "message": None, "parent": None, "children": ["s"]},
            **node("s", "root", "system", "", is_visually_hidden_from_conversation=True),
            **node("a", "s", "user", "My dog is called Rex."),
            **node("b", "a", "assistant", "An answer that was asked for again."),
            **node("c", "a", "tool", "search results"),
            **node("d", "c", "assistant", "Rex is", {"image": 1}, "a good name."),
        },
    },
    {"title": "Empty", "create_time": 1714564801, "mapping": {}, "current_node": None},
]  # fmt: skip
LMSTUDIO = {
    "name": "Cats", "createdAt": 1714564800500,
    "messages": [
        {"currentlySelected": 1, "versions": [
            {"type": "singleStep", "role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {"type": "singleStep", "role": "user", "content": [{"type": "text", "text": "Hello"}]},
        ]},
        {"currentlySelected": 0, "versions": [{"type": "multiStep", "role": "assistant", "steps": [
            {"type": "contentBlock", "style": {"type": "thinking"},
             "content": [{"type": "text", "text": "They greet me."}]},
            {"type": "contentBlock", "content": [{"type": "text", "text": "Good day."}]},
            {"type": "debugInfoBlock", "debugInfo": "so many tokens"},
        ]}]},
    ],
}  # fmt: skip
DOGS = Talk(
    "Dogs", "2024-05-01T12:00:00.500+00:00",
    (("user", "My dog is called Rex."), ("assistant", "Rex is\na good name.")),
)  # fmt: skip
CATS = Talk(
    "Cats", "2024-05-01T12:00:00.500+00:00", (("user", "Hello"), ("assistant", "Good day."))
)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder with what both programs write."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "cats.conversation.json").write_text(json.dumps(LMSTUDIO))
    with zipfile.ZipFile(folder / "chatgpt.zip", "w") as archive:
        archive.writestr("conversations.json", json.dumps(CHATGPT))
        archive.writestr("user.json", "{}")
    return folder


def test_the_open_branch_is_read_without_tools_thoughts_and_hidden_turns(export: Path):
    assert read(export / "chatgpt.zip") == [DOGS]
    assert read(export / "cats.conversation.json") == [CATS]
    (export / "conversations.json").write_text(json.dumps(CHATGPT))
    assert read(export) == [CATS, DOGS]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", "[1, 2]", '{"mapping": 3}', '{"messages": [{"role": 1}]}',
             '{"mapping": {"a": {"parent": "a"}}, "current_node": "a"}', "[" * 100_000,
             '{"messages": [{"versions": [], "role": "user", "content": 4}]}'],
)  # fmt: skip
def test_what_is_no_export_is_one_sentence(tmp_path: Path, text: str):
    file = tmp_path / "conversations.json"
    file.write_text(text)
    with pytest.raises(MlxdynError, match="take conversations"):
        read(file)


def damaged(path: Path, place: int, value: int) -> Path:
    """Write over a byte of both headers of a zip's first file."""
    data = bytearray(path.read_bytes())
    for header, shift in ((b"PK\1\2", 0), (b"PK\3\4", -2)):
        data[data.index(header) + place + shift] = value
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("place,value", [(8, 1), (10, 8), (10, 12), (10, 14), (10, 99)])
def test_a_zip_of_another_making_is_one_sentence(export: Path, place: int, value: int):
    """Encrypted, or packed in other ways than it says or than any that is known."""
    with pytest.raises(MlxdynError, match=r"chatgpt.zip cannot be read.*take conversations"):
        read(damaged(export / "chatgpt.zip", place, value))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_flipped_byte_of_a_zip_is_noticed_or_harmless(tmp_path: Path, method: int):
    file = tmp_path / "chatgpt.zip"
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("conversations.json", json.dumps(CHATGPT))
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with suppress(MlxdynError):
            assert read(file) == [DOGS]


def test_what_is_no_file_is_not_waited_for(export: Path):
    """A pipe says nothing, and a device has no end."""
    os.mkfifo(export / "pipe.json")
    assert read(export) == [CATS]
    for path in (export / "pipe.json", Path("/dev/zero")):
        with pytest.raises(MlxdynError, match=r"cannot be read \(it is no file\)"):
            read(path)


def test_of_a_folder_the_file_that_cannot_be_read_is_named(export: Path):
    (export / "empty.conversation.json").touch()
    with pytest.raises(MlxdynError, match=r"export/empty\.conversation\.json cannot be read"):
        read(export)


@pytest.mark.parametrize("learn", [False, True])
def test_what_comes_is_history_once_and_learned_only_if_asked(export: Path, mite, learn: bool):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, open_memory("m", mite, ledger):
        pass
    files = [str(export / "chatgpt.zip"), str(export / "cats.conversation.json")]
    words = ["memory", "import-chats", *files, "--memory", "m", *(["--learn"] if learn else [])]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert ("wait to be learned" if learn else "nothing of them is learned") in done.output
    again = CliRunner().invoke(main, [*words, "--json"])
    nothing = {"imported": 0, "new_turns_of": 0, "here_already": 2, "left_out": 0}
    assert json.loads(again.output) == nothing | {"found": 2}
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        row = ledger.memories.find("m").id
        waits = [ledger.messages.find(one, row).text for one in ledger.messages.pending(row)]
        assert waits == (["My dog is called Rex.", "Hello"] if learn else [])
        assert {chat.title for chat in ledger.conversations.all(row)} == {"Dogs", "Cats"}
        assert [hit.title for hit in chats.search(ledger, row, "rex dog")] == ["Dogs"]
        assert chats.latest(ledger, row) == 0, "it is opened when it is asked for"


def test_older_chats_stand_below_newer_ones(mite: Model):
    with (
        closing(Ledger(data_dir() / "mlxdyn.db")) as ledger,
        open_memory("m", mite, ledger) as memory,
    ):
        here = ledger.conversations.add(memory.row.id)
        ledger.messages.add(here, "user", "Now.", "none")
        chats.bring(ledger, memory.row.id, DOGS.title, DOGS.created, DOGS.turns)
        assert [chat.title for chat in memory.ledger.conversations.all(memory.row.id)] == [
            "Now.", "Dogs"
        ]  # fmt: skip


# What is here already


@pytest.fixture
def ledger(mite: Model) -> Iterator[Ledger]:
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        open_memory("m", mite, ledger).close()
        yield ledger


def imported(tmp_path: Path, told: object, *more: str) -> str:
    """Import what a program exports; return what the command says."""
    (tmp_path / "talk.json").write_text(json.dumps(told))
    words = ["memory", "import-chats", str(tmp_path / "talk.json"), "--memory", "m", *more]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.output


def held(ledger: Ledger) -> list[list[str]]:
    """Give what is said in each conversation."""
    row = ledger.memories.find("m").id
    listed = sorted(chat.id for chat in ledger.conversations.all(row))
    return [[message.text for message in ledger.messages.of(chat)] for chat in listed]


def talk(*texts: str, **more: object) -> dict:
    roles = ("user", "assistant")
    said = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
    return {"messages": said, **more}


TIMES = [{}, {"createdAt": 1714564800500}]


@pytest.mark.parametrize("time", TIMES)
def test_a_chat_comes_once_whether_or_not_it_tells_its_time(ledger, tmp_path: Path, time: dict):
    """One without is what a chat here is exported as."""
    assert "1 chat of 1" in imported(tmp_path, talk("Hi", "Hello", **time))
    assert "0 chats of 1; 1 here already" in imported(tmp_path, talk("Hi", "Hello", **time))
    assert "0 chats of 1; 1 here already" in imported(tmp_path, talk("Hi", **time))
    assert held(ledger) == [["Hi", "Hello"]]


@pytest.mark.parametrize("time", TIMES)
def test_a_chat_that_has_gone_on_brings_its_new_turns(ledger: Ledger, tmp_path: Path, time: dict):
    imported(tmp_path, talk("Hi", "Hello", **time))
    grown = talk("Hi", "Hello", "I am Ada", "Good day", **time)
    assert "0 chats of 1; new turns of 1" in imported(tmp_path, grown, "--learn")
    assert held(ledger) == [["Hi", "Hello", "I am Ada", "Good day"]]
    row = ledger.memories.find("m").id
    assert len(ledger.messages.pending(row)) == 1 and len(ledger.messages.imported(row)) == 4
    assert "1 here already" in imported(tmp_path, grown)


def test_a_chat_that_went_another_way_is_left_out_and_named(ledger: Ledger, tmp_path: Path):
    time = {"createdAt": 1714564800500, "name": "Greetings"}
    imported(tmp_path, talk("Hi", "Hello", "I am Ada", **time))
    said = imported(tmp_path, talk("Hi", "Good day", **time))
    assert "1 left out, of which other turns are here: Greetings" in said
    assert held(ledger) == [["Hi", "Hello", "I am Ada"]]
    ledger.messages.add(1, "assistant", "said here", "none")
    assert "1 here already" in imported(tmp_path, talk("Hi", "Hello", **time))
    assert "1 left out" in imported(tmp_path, talk("Hi", "Hello", "I am Ada", "Oh", **time))


def test_chats_that_begin_alike_and_tell_no_time_are_two(ledger: Ledger, tmp_path: Path):
    imported(tmp_path, [talk("Hi", "Hello"), talk("Hi", "Good day")])
    assert held(ledger) == [["Hi", "Hello"], ["Hi", "Good day"]]


def test_what_was_said_here_is_not_imported_nor_added_to(ledger: Ledger, tmp_path: Path):
    here = ledger.conversations.add(ledger.memories.find("m").id)
    ledger.messages.add(here, "user", "Hi", "none")
    ledger.messages.add(here, "assistant", "Hello", "none")
    assert "1 here already" in imported(tmp_path, talk("Hi", "Hello"))
    assert "1 chat of 1" in imported(tmp_path, talk("Hi", "Hello", "And you?"))
    assert held(ledger) == [["Hi", "Hello"], ["Hi", "Hello", "And you?"]]
