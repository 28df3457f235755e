"""Laws of the memory commands, through the real command line and a tiny model."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from school import know
from tiny import fact, tiny_model

from mlxdyn.cli import main
from mlxdyn.cli.doctor import records
from mlxdyn.config import LearnerConfig, StudyConfig
from mlxdyn.files import data_dir, memory_directory
from mlxdyn.learn.stream import lesson
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Lesson
from mlxdyn.model.chat_template import Turn, render

STUDY = StudyConfig(steps=1, recalled=0, pass_steps=1, most_steps=1)
SAID = ("My cat is called Tinta.", "I live in Lisbon.")
LOGGED = {
    "update", "time", "conversation", "message", "text", "tokens", "nll_before", "nll_after",
    "gradient_norm", "accepted", "reason",
}  # fmt: skip
SHOWN = {
    "name", "model", "fingerprint", "updates", "tokens_learned", "weight_version", "bytes", "path",
    "learning",
}  # fmt: skip


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home whose memory of a tiny model learned two messages with a fact each; and its base."""
    folder = tmp_path_factory.mktemp("learned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLXDYN_HOME", str(folder / "home"))
        found_memory(folder / "base")
    return folder / "home", folder / "base"


@pytest.fixture
def taught(learned: tuple[Path, Path]) -> Path:
    """A copy of that home to work on; the base."""
    shutil.copytree(learned[0], data_dir(), dirs_exist_ok=True)
    return learned[1]


def found_memory(base: Path) -> None:
    model, ledger = tiny_model(base, "llama", blocks=1), Ledger(data_dir() / "mlxdyn.db")
    know(model)
    with Memory("default", model, ledger, learner=LearnerConfig(), study=STUDY) as memory:
        chat = ledger.conversations.add(memory.row.id)
        for text in SAID:
            message = ledger.messages.add(chat, "user", text, "pending").id
            ledger.messages.add(chat, "assistant", "Noted.", "none")
            fact(memory, message, f"What about {text}?", text)
            rendered = render(model.tokenizer, [Turn("user", text)], reply=False)
            chunks = tuple(lesson(rendered, chunk=64, window=512))
            memory.learn(Lesson("message", message, chunks, steps=1, guarded=False))
        memory.snapshot()
    ledger.close()


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=stdin)


def ask(*arguments: str):
    """Run a memory command that succeeds; return its JSON."""
    result = run("memory", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def told(*arguments: str) -> str:
    """Run a memory command that succeeds; return what it prints."""
    result = run("memory", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str) -> str:
    """Run a command that fails; return its one sentence."""
    result = run(*arguments)
    assert isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    return line


def files(under: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in under.rglob("*") if path.is_file()}


def test_log_and_show_keep_their_schema(taught):
    rows = ask("log")
    assert [row["text"] for row in rows] == [SAID[0], SAID[0], SAID[1], SAID[1]]
    assert all(row.keys() >= LOGGED and row["accepted"] for row in rows)
    shown = ask("show")
    assert shown.keys() >= SHOWN and shown["updates"] == 4 and shown["items"] == 2
    assert ask("list") == [shown]
    assert [row["message"] for row in ask("log", "--search", "lisbon")] == [3, 3]
    assert len(ask("log", "--limit", "1")) == 1
    assert SAID[1] in told("log") and "No update matches" in told("log", "--search", "zebra")


def test_undo_and_redo_say_what_they_did(taught):
    assert ask("undo")["undone"]["text"] == SAID[1]
    assert [row["reason"] for row in ask("log")] == ["", "", "undone", "undone"]
    assert "undone" in told("log")
    assert ask("redo")["redone"]["message"] == 3
    assert "Undone: message 3" in told("undo") and "Undone: message 1" in told("undo")
    assert refused("memory", "undo") == "Error: memory 'default' holds nothing to undo"


def test_undo_takes_a_message_that_waits_before_any_lesson(taught):
    """As a chat leaves it that was killed before it could learn."""
    ledger = Ledger(data_dir() / "mlxdyn.db")
    waiting = ledger.messages.add(1, "user", "I bake bread.", "pending").id
    ledger.close()
    assert ask("undo")["undone"] == {
        "kind": "waiting", "message": waiting, "text": "I bake bread.", "time": None,
    }  # fmt: skip
    assert ask("show")["learning"]["pending"] == 0
    assert ask("undo")["undone"]["text"] == SAID[1]
    assert ask("redo")["redone"]["text"] == SAID[1]
    assert ask("redo")["redone"]["message"] == waiting
    assert ask("show")["learning"]["pending"] == 1 and len(ask("log")) == 4
    assert f"Will not be learned: message {waiting}" in told("undo")
    assert ask("forget", str(waiting), "--yes")["lessons"] == 0
    assert "nothing to redo" in refused("memory", "redo")
    assert "replayed to the same bits" in told("verify")


def test_a_text_that_cannot_be_erased_yet_is_said_and_erased_later(taught, monkeypatch):
    monkeypatch.setattr("mlxdyn.memory.store.database.PATIENCE", 0.2)
    with closing(sqlite3.connect(data_dir() / "mlxdyn.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM messages").fetchone()
        result = run("memory", "forget", "1", "--yes")
        assert result.exit_code == 0 and "not erased from the disk yet" in result.stdout
        assert "another program reads the ledger" in result.stderr
    told("list")
    assert not any(b"Tinta" in data for data in files(data_dir()).values())


def test_forget_counts_the_lessons_that_went(taught):
    """Whatever the replay makes of those that stay."""
    told("undo")
    assert ask("forget", "3", "--yes")["lessons"] == 0, "what was undone taught nothing"
    assert ask("forget", "1", "--yes")["lessons"] == 1


def test_forget_asks_erases_and_names_the_copies(taught):
    told("branch", "work")
    assert run("memory", "forget", "1", stdin="n\n").exit_code == 1
    assert len(ask("log")) == 4
    done = ask("forget", "--search", "tinta", "--yes")
    assert done == {
        "forgotten": [1], "lessons": 1, "copies_in": ["work"], "repeated_in": [], "erased": True,
        "items": [], "titles": [], "settings": False,
    }  # fmt: skip
    assert ask("forget", "--memory", "work", "--search", "tinta", "--yes")["copies_in"] == []
    assert b"Tinta" not in (data_dir() / "mlxdyn.db").read_bytes()
    assert [row["text"] for row in ask("log")] == [SAID[1]] * 2


def test_the_command_that_is_printed_forgets_the_copy(taught):
    told("branch", "work")
    said = run("memory", "forget", "1", "--yes").stderr
    (command,) = re.findall(r"mlxdyn memory (forget .* --memory work)$", said, re.MULTILINE)
    assert run("memory", *command.split(), "--yes").exit_code == 0
    assert b"Tinta" not in (data_dir() / "mlxdyn.db").read_bytes()


def test_delete_asks_erases_and_names_the_copies(taught):
    told("branch", "work")
    assert run("memory", "delete", "default", stdin="n\n").exit_code == 1
    assert len(ask("log")) == 4
    told("undo", "--memory", "work"), told("study", "--memory", "work")
    gone = {"deleted": "default", "messages": 4, "copies_in": ["work"], "erased": True}
    assert ask("delete", "default", "--yes") == gone
    assert [row["name"] for row in ask("list")] == ["work"]
    assert not memory_directory("default", make=False).exists()
    assert "replayed to the same bits" in told("verify", "--memory", "work")
    done = run("memory", "delete", "work", stdin="y\n")
    assert done.stdout == "Deleted: memory 'work' with 4 messages; the text is erased.\n"
    assert not any(b"Tinta" in data or b"Lisbon" in data for data in files(data_dir()).values())
    assert ask("list") == [] and records() == ([], [])
    assert not list((data_dir() / "memories").iterdir())


def test_a_damaged_memory_is_named_and_the_others_are_listed(taught):
    told("branch", "work")
    ledger = Ledger(data_dir() / "mlxdyn.db")
    ledger.database.run("UPDATE memories SET learner = '{' WHERE name = 'work'")
    ledger.close()
    result = run("memory", "list", "--json")
    assert [row["name"] for row in json.loads(result.stdout)] == ["default"]
    assert result.exit_code == 1 and "work" in result.stderr
    assert "work" in refused("memory", "log", "--memory", "nowhere")
    told("log")


def test_the_backup_of_a_reset_can_be_deleted(taught):
    backup = ask("reset", "--yes")["backup"]
    assert ask("delete", backup, "--yes")["messages"] == 4
    assert [row["name"] for row in ask("list")] == ["default"]
    assert not any(b"Tinta" in data for data in files(data_dir()).values())
    assert not list((data_dir() / "memories").rglob("*.safetensors")), "nor what it weighs"
    assert run("chat", "--model", str(taught), "--once", "Hi").exit_code == 0


def test_an_item_is_listed_edited_and_deleted(taught):
    first, second = ask("items")
    assert first["answer"] == SAID[0] and first["standing"]
    assert ask("items", "--search", "lisbon") == [second]
    now = ask("edit", str(first["id"]), "--answer", "Your cat is called Ägir.")["now"]
    assert now == {"question": first["question"], "answer": "Your cat is called Ägir."}
    assert ask("edit", str(second["id"]), "--delete")["now"] is None
    (left,) = ask("items")
    assert left["source"] == "user" and left["answer"] == "Your cat is called Ägir."
    assert ask("items", "--search", "A\u0308GIR") == [left], "however it is written"
    assert "replayed to the same bits" in told("verify")


def test_study_says_whether_the_memory_changed(taught):
    done = ask("study")
    assert done["items"] == 2 and done["accepted"] is not bool(done["reason"])
    assert ask("log")[-1]["kind"] == "consolidation"


def test_branches_differ_and_merge(taught):
    assert ask("branch", "work") == {"memory": "work", "copy_of": "default"}
    ask("undo")
    (difference,) = ask("diff", "work")
    assert difference["only"] == "work" and difference["text"] == SAID[1]
    assert SAID[1] in told("diff", "work")
    assert ask("merge", "work", "--yes")["lessons"] == 1
    assert "the same messages" in told("diff", "work")


def test_probe_asks_for_every_item_and_writes_nothing(taught):
    before = files(data_dir())
    recall = ask("probe")
    assert {probe["answer"] for probe in recall["probes"]} == set(SAID)
    assert 0 <= recall["same"] <= 1 and recall["gap"] > 0 and "word for word" in told("probe")
    assert files(data_dir()) == before


def test_compare_shows_both_answers_and_writes_nothing(taught):
    before = files(data_dir())
    with FileLock(memory_directory("default") / "lock"):  # as if a chat were open
        compared = ask("compare", "Hi")
    assert "".join(token["text"] for token in compared["tokens"]).strip() == compared["memory"]
    assert all(isinstance(token["gain"], float) for token in compared["tokens"])
    assert "with memory" in told("compare", "Hi")
    assert files(data_dir()) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "--memory", "nobody"], "there is no memory 'nobody'; there is: default"),
        (["show", "--memory", "a/b"], "cannot name a memory"),
        (["forget", "99", "--yes"], "holds no message 99"),
        (["forget", "--search", "zebra", "--yes"], "nothing matches"),
        (["edit", "99", "--delete"], "has no item 99"),
        (["redo"], "nothing to redo"),
        (["diff", "nobody"], "no memory 'nobody'"),
        (["merge", "nobody", "--yes"], "no memory 'nobody'"),
        (["delete", "nobody", "--yes"], "no memory 'nobody'"),
        (["delete", "../home", "--yes"], "cannot name a memory"),
        (["merge", "default", "--yes"], "another memory"),
        (["branch", "default"], "exists"),
        (["branch", "Default"], "differs in more than its capitals"),
        (["compare", "word " * 3000], "smaller parts"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(taught, arguments, said):
    assert said in refused("memory", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["undo"], ["study"], ["verify"], ["branch", "w"], ["reset", "--yes"],
        ["delete", "default", "--yes"],
    ],
)  # fmt: skip
def test_a_memory_open_elsewhere_is_left_alone(taught, arguments):
    with FileLock(memory_directory("default") / "lock"):
        assert "open in another mlxdyn" in refused("memory", *arguments)
    assert len(ask("log")) == 4


def test_a_base_that_went_or_changed_is_named(taught):
    weights = taught / "model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-4] + b"\0\0\0\1")
    try:
        assert "another base" in refused("memory", "undo")
        weights.unlink()
        assert str(taught) in refused("memory", "undo")
    finally:
        weights.write_bytes(kept)


def test_a_home_or_ledger_that_cannot_be_used_is_said(taught, tmp_path, monkeypatch):
    (data_dir() / "mlxdyn.db").write_bytes(b"no database " * 1000)
    assert "ledger" in refused("memory", "list")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / "file"))
    assert "MLXDYN_HOME" in refused("memory", "list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["forget", "--search", "", "--yes"], "say which words"),
        (["log", "--search", "  "], "say which words"),
        (["log", "--since", "yesterday"], "'yesterday' is no time"),
        (["forget", "--until", "soon", "--yes"], "'soon' is no time"),
        (["forget", "--until", "0001-01-01T00:00+01:00", "--yes"], "is no time"),
        (["forget", "9" * 30, "--yes"], "is not in the range"),
        (["log", "--conversation", "9" * 30], "is not in the range"),
        (["log", "--limit", "9" * 30], "is not in the range"),
        (["edit", "9" * 30, "--delete"], "is not in the range"),
        (["forget", "--yes"], "name messages, or choose them"),
        (["edit", "1", "--question", " "], "needs a question and an answer"),
        (["edit", "1", "--answer", ""], "needs a question and an answer"),
        (["edit", "1", "--answer", "", "--delete"], "--delete goes alone"),
    ],
)
def test_what_means_nothing_is_wrong_usage_and_changes_nothing(taught, arguments, said):
    before = files(data_dir())
    result = run("memory", *arguments)
    assert result.exit_code == 2 and said in result.stderr
    assert files(data_dir()) == before


@pytest.mark.parametrize(
    "command", [["forget", "1"], ["reset"], ["merge", "work"], ["delete", "default"]]
)
def test_with_nobody_to_say_yes_nothing_changes_and_it_says_how(taught, command):
    told("branch", "work")
    result = run("memory", *command, stdin="")
    assert result.exit_code == 1 and result.stderr.endswith("nothing changed; pass --yes\n")
    assert len(ask("log")) == 4


def test_times_are_read_as_people_write_them(taught):
    with sqlite3.connect(data_dir() / "mlxdyn.db") as db:
        db.execute("UPDATE events SET time = '2026-05-01T12:00:00.000+00:00' WHERE id = 1")
        db.execute("UPDATE events SET time = '2026-05-02T00:00:00.000+00:00' WHERE id = 2")
    db.close()

    def found(*wanted: str) -> int:
        return len({row["message"] for row in ask("log", *wanted)})

    assert found("--since", "2026-05-01") == found("--until", "2026-05-02") == 2
    assert found("--until", "2026-05-01") == found("--since", "2026-05-02") == 1
    assert found("--until", "9999-12-31") == 2
    assert found("--until", "2026-05-01T12:00") == 1 and found("--until", "2026-05-01T11:59") == 0
    assert found("--since", "2026-05-01T13:00+01:00", "--until", "2026-05-01 14:00+02:00") == 1


def test_what_is_said_moves_no_cursor(taught):
    ask("edit", "1", "--answer", "\x1b[2J\x07 \x9b1mred \udcff")
    assert "No item matches" in told("items", "--search", "\udcff\udcff")
    shown = told("items")
    assert "[2J" in shown and not set("\x1b\x07\x9b") & set(shown)


def test_a_project_file_names_the_memory(taught, tmp_path, monkeypatch):
    told("branch", "work")
    (tmp_path / "project" / "below").mkdir(parents=True)
    (tmp_path / "project" / ".mlxdyn").write_text("work\n")
    monkeypatch.chdir(tmp_path / "project" / "below")
    assert ask("show")["name"] == "work"
    (tmp_path / "project" / ".mlxdyn").write_text("no name at all\n")
    assert "cannot name a memory" in refused("memory", "show")
    (tmp_path / "project" / ".mlxdyn").write_bytes(b"\xff\xfe")
    assert "names no memory" in refused("memory", "show")
    (tmp_path / "project" / ".mlxdyn").write_text("\n")
    assert ask("show")["name"] == "default"


@pytest.mark.parametrize("command", ["branch Default", "import m.bundle --memory Default"])
def test_a_name_that_differs_in_capitals_touches_no_file(taught, tmp_path, monkeypatch, command):
    """On many disks the two would be one directory."""
    monkeypatch.chdir(tmp_path)
    told("export", "m.bundle", "--format", "bundle", "--no-leak-probe")
    memory_directory("Default", make=False).symlink_to(memory_directory("default"))
    before = files(data_dir())
    assert "more than its capitals" in refused("memory", *command.split())
    assert files(data_dir()) == before


def test_the_doctor_shows_disk_and_problems(taught):
    assert "study: steps 1" in run("doctor").stdout
    (memory,), problems = records()
    assert 0 < memory["bytes"] <= memory["most_bytes"]
    assert problems == []
    next(memory_directory("default").glob("*.safetensors")).unlink()
    assert "lacks 1" in records()[1][0]
    told("verify", "--quick", "--repair")
    assert records()[1] == []
    left = memory_directory("left")
    (left / "1.safetensors").touch()
    assert records()[1] == [f"{left} holds weights that no memory names: rm -r {left}"]
    left.rename(left.with_name("left over"))
    assert records()[1][0].endswith(f"rm -r '{left} over'"), "as a shell takes it"
    shutil.rmtree(left.with_name("left over"))


def test_the_doctor_sees_a_snapshot_that_was_cut_and_settings_that_cannot_be_read(taught):
    file = next(memory_directory("default").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:100])
    (problem,) = records()[1]
    assert file.name in problem and "verify --quick --repair --memory default" in problem
    told("verify", "--quick", "--repair")
    assert records()[1] == []
    for text, said in (
        ("x = [", "mend it or remove it"),
        ("nonsense = 4", "no setting 'nonsense'"),
    ):
        (data_dir() / "config.toml").write_text(text)
        done = run("doctor")
        assert done.exit_code == 1 and said in done.stderr


def test_the_doctor_needs_no_home_and_makes_none(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / "none"))
    assert run("doctor").exit_code == 0
    assert not (tmp_path / "none").exists()


def test_the_doctor_says_what_to_do_with_a_ledger_that_is_damaged_or_gone(taught):
    whole = (data_dir() / "mlxdyn.db").read_bytes()
    words = str(taught).encode()  # in the row of the memory
    damages = (b"no database " * 1000, whole.replace(words, b"\xff" * len(words)), whole[:9000])
    for damaged in damages:
        (data_dir() / "mlxdyn.db").write_bytes(damaged)
        done = run("doctor")
        assert done.exit_code == 1 and "bring back a backup" in done.stderr
        assert "Tinta" not in done.output and "rm -r" not in done.output
    ledger = data_dir() / "mlxdyn.db"
    for lose in (lambda: ledger.write_bytes(b""), ledger.unlink):
        lose()
        done = run("doctor")
        assert done.exit_code == 1 and "keep them, and bring back the ledger" in done.stderr
        assert "rm -r" not in done.output
    assert not (data_dir() / "mlxdyn.db").exists(), "looking makes no ledger"


def test_a_damaged_row_hides_no_other_from_the_doctor(taught):
    told("branch", "work")
    with sqlite3.connect(data_dir() / "mlxdyn.db") as db:
        db.execute("UPDATE memories SET learner = '{' WHERE name = 'work'")
    db.close()
    (memory,), (problem,) = records()
    assert memory["name"] == "default" and "'work'" in problem


def test_paths_in_printed_commands_are_as_a_shell_takes_them(taught, tmp_path):
    out = tmp_path / "my memory"
    assert f"--adapter-path '{out}'" in told("export", str(out), "--no-leak-probe")


def test_nothing_is_open_to_others_and_the_doctor_sees_what_is(taught, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told("branch", "work"), told("undo"), told("forget", "1", "--yes")
    told("export", "m.bundle", "--format", "bundle", "--no-leak-probe")
    told("export", "m", "--no-leak-probe")
    told("import", "m.bundle", "--memory", "back", "--yes")
    told("import", "m", "--memory", "bare", "--yes")
    run("memory", "reset", "--yes")
    assert run("chat", "--model", str(taught), "--once", "Hi").exit_code == 0
    made = [data_dir(), *data_dir().rglob("*"), *(tmp_path / "m").rglob("*"), tmp_path / "m.bundle"]
    assert len(made) > 12 and not any(path.stat().st_mode & 0o077 for path in made)
    (data_dir() / "mlxdyn.db").chmod(0o644)
    assert f"mlxdyn.db can be read by others: chmod -R go= {data_dir()}" in run("doctor").stderr


def test_help_is_there_at_once():
    heavy = "{'mlx.core', 'rich', 'textual', 'transformers'}"
    script = f"import sys, mlxdyn.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert set(run("memory", "--help").stdout.split()) >= {
        "list", "show", "log", "items", "compare", "diff", "probe", "verify", "undo", "redo",
        "forget", "reset", "delete", "branch", "merge", "study", "edit", "export", "import",
    }  # fmt: skip
