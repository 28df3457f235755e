"""A crash loses nothing acknowledged: real processes, killed at random and at every step."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from mortal import DEATH, FACTS, TEXTS, Parent
from school import FAST, opened, state, teach
from tiny import random_adapter

from mlxdyn.exchange import adapter
from mlxdyn.exchange.bundle import unpacked
from mlxdyn.files import data_dir, memory_directory
from mlxdyn.learn.learner import same
from mlxdyn.memory import history
from mlxdyn.memory.directory import ORIGIN
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

SLOW = [pytest.mark.slow]
ACTIONS = ["learn", "learn", "learn", "study", "save", "undo", "redo", "forget", "edit", "export"]


@pytest.fixture(scope="module")
def parent(loaded_mite: Model) -> Iterator[Parent]:
    with closing(Parent(loaded_mite.path)) as parent:
        yield parent


@pytest.fixture
def new_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Give a home of its own to every trial, empty or a copy of `like`."""

    def new_home(trial: int | str, like: Path | None = None) -> Path:
        path = tmp_path / f"home{trial}"
        if like:
            shutil.copytree(like, path)
        monkeypatch.setenv("MLXDYN_HOME", str(path))
        return path

    return new_home


@pytest.fixture
def taught(mite: Model, new_home) -> Path:
    """A home whose memory has learned two messages, each with a snapshot."""
    path = new_home("taught")
    with opened("m", mite) as memory:
        for text, fact in list(zip(TEXTS, FACTS, strict=False))[:2]:
            teach(memory, text, fact, guarded=True)
            memory.snapshot()
    return path


class Expected:
    """The lessons that stand by what was acknowledged; a study is the message 0."""

    def __init__(self, standing: list[int], undone: list[int]) -> None:
        self.standing, self.undone = standing, undone

    def after(self, action: str, message: int | None) -> "Expected":
        standing, undone = list(self.standing), list(self.undone)
        match action:
            case "learn" | "study":
                standing, undone = [*standing, message or 0], []
            case "undo" if standing:
                undone.append(standing.pop())
            case "redo" if undone:
                standing.append(undone.pop())
            case "forget" if message:
                standing.remove(message)
        return Expected(standing, undone)

    def might_be(self, action: str, found: list[int]) -> bool:
        """Could a memory that holds `found` have been killed in the middle of `action`?"""
        if action == "learn":
            return found[:-1] == self.standing
        if action == "forget":
            told = [message for message in self.standing if message]
            gone = told[(len(told) - 1) // 2] if told else None
            return found == [message for message in self.standing if message != gone]
        return found == self.after(action, None).standing


def assert_sound(memory: Memory, expected: Expected, lines: list[str]) -> Expected:
    """Look for what `lines` acknowledged, and for the action cut short, whole or not at all."""
    begun = None
    for line in lines:
        word, action, *said = line.split(" ", 2)
        assert word in ("begun", "done"), line
        if word == "begun":
            begun = action
            continue
        begun = None
        if action == "export":
            with unpacked(data_dir() / said[0]) as bundle:
                assert bundle.memory == "m"
        else:
            expected = expected.after(action, int(said[0]) if said else None)
    ledger, id = memory.ledger, memory.row.id
    found = [event.lesson.message or 0 for event in ledger.events.all(id)]
    assert history.verify(memory) == []
    assert found == expected.standing or (begun and expected.might_be(begun, found)), lines
    texts = {m.id for c in ledger.conversations.all(id) for m in ledger.messages.of(c.id)}
    assert texts.issuperset(set(found) - {0})
    waiting = set(ledger.messages.pending(id))
    assert not waiting & set(found)
    undone = [e.lesson.message or 0 for e in ledger.events.all(id, active=False) if e.undone]
    if found != expected.standing:
        expected = expected.after(begun, found[-1] if begun == "learn" else None)
    return Expected(found, [message for message in expected.undone if message in undone])


@pytest.mark.parametrize(
    "kills", [range(6), *(pytest.param(range(n, n + 50), marks=SLOW) for n in range(0, 500, 50))]
)
@pytest.mark.timeout(1800)
def test_killed_at_random_everything_acknowledged_is_there(
    mite: Model, parent: Parent, new_home, kills: range
):
    """Over learning, studying, saving, changing the past and exporting: 500 deaths in all.

    A memory dies four times and then rests, so that replaying its life stays short.
    """
    for kill in kills:
        if kill == kills[0] or kill % 4 == 0:
            path, expected = new_home(kill), Expected([], [])
        lines = parent.killed(path, random.Random(kill), ACTIONS)
        with opened("m", mite) as memory:
            expected = assert_sound(memory, expected, lines)


@pytest.mark.parametrize(
    "kills", [range(3), *(pytest.param(range(n, n + 25), marks=SLOW) for n in (0, 25))]
)
@pytest.mark.timeout(1800)
def test_killed_in_a_chat_everything_acknowledged_is_there(
    mite: Model, parent: Parent, new_home, kills: range
):
    path, said = new_home(0), list[str]()
    for kill in kills:
        said += parent.killed(path, random.Random(kill), ["chat"])
        assert not any(line.startswith("failed") for line in said), said
        with opened("m", mite) as memory:
            assert history.verify(memory) == []
            learned = {e.lesson.message for e in memory.ledger.events.all(memory.row.id)}
            named = [line.split() for line in said]
            assert learned.issuperset(int(w[1]) for w in named if w[0] == "learned")
            chats = memory.ledger.conversations.all(memory.row.id)
            texts = {m.id for chat in chats for m in memory.ledger.messages.of(chat.id)}
            assert texts.issuperset(int(w[1]) for w in named if w[0] == "replied")
    assert any(line.startswith("learned") for line in said)


@pytest.mark.parametrize(
    "actions,least",
    [
        (["learn", "save"], 8),
        (["forget"], 10),
        pytest.param(["undo", "learn", "save", "undo", "redo"], 20, marks=SLOW),
        pytest.param(["study", "save"], 8, marks=SLOW),
        pytest.param(["edit"], 10, marks=SLOW),
        pytest.param(["export"], 4, marks=SLOW),
    ],
)
@pytest.mark.timeout(600)
def test_killed_at_any_step_the_memory_is_sound(
    mite: Model, parent: Parent, new_home, taught: Path, actions: list[str], least: int
):
    for step in range(1, 99):
        path = new_home(step, taught)
        parent.begin(path, actions, step=step)
        lines, code = parent.end()
        assert code in (0, DEATH), lines
        with opened("m", mite) as memory:
            assert_sound(memory, Expected([1, 2], []), lines)
        assert not list(data_dir().glob(".*")), "no part of an export is left"
        if code == 0:
            break
    assert least < step < 98


@pytest.fixture
def imported(mite: Model, new_home) -> Path:
    """A home whose memory starts from an imported adapter and has learned two messages."""
    path = new_home("imported")
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        adapter.create(random_adapter(mite), "m", mite, ledger, FAST)
    with opened("m", mite) as memory:
        for text, fact in list(zip(TEXTS, FACTS, strict=False))[:2]:
            teach(memory, text, fact, guarded=True)
            memory.snapshot()
    return path


def weights_of_no_memory(ledger: Ledger) -> list[Path]:
    """List the files among the memories that no row names; locks aside, which say nothing."""
    named = set()
    for row in ledger.memories.all():
        files = [*(s.file for s in ledger.memories.snapshots(row.id)), *[ORIGIN] * bool(row.origin)]
        named |= {memory_directory(row.name, make=False) / file for file in files}
    files = {path for path in (data_dir() / "memories").rglob("*") if path.is_file()}
    return sorted(path for path in files - named if path.name != "lock")


@pytest.mark.parametrize("action", ["reset", "branch"])
def test_killed_in_the_middle_of_a_copy_nothing_is_lost(
    mite: Model, parent: Parent, new_home, imported: Path, action: str
):
    """And nothing is left over: the next to open any memory sweeps what no memory names."""
    with opened("m", mite) as memory:
        learned = state(memory)
    for step in range(1, 99):
        parent.begin(new_home(step, imported), [action], step=step)
        lines, code = parent.end()
        assert code in (0, DEATH), lines
        ledger = Ledger(data_dir() / "mlxdyn.db")
        names = [row.name for row in ledger.memories.all()]
        ledger.close()
        whole = next((name for name in names if name.startswith("m.")), "m")
        for name in {whole, "twin"} & set(names):
            with opened(name, mite) as memory:
                assert same(state(memory), learned)
                assert history.verify(memory, replay=code == 0) == []
                assert weights_of_no_memory(memory.ledger) == []
        if code == 0:
            break
    assert 20 < step < 98 and len(names) == 2


def test_killed_while_it_is_deleted_a_memory_is_whole_or_gone(
    mite: Model, parent: Parent, new_home, imported: Path
):
    with opened("other", mite):
        pass
    there = []
    for step in range(1, 99):
        parent.begin(new_home(step, imported), ["delete"], step=step)
        lines, code = parent.end()
        assert code in (0, DEATH), lines
        with opened("other", mite) as other:
            there.append(other.ledger.memories.find("m") is not None)
            assert weights_of_no_memory(other.ledger) == []
        if there[-1]:
            with opened("m", mite) as memory:
                assert_sound(memory, Expected([1, 2], []), [])
        else:
            data = [path.read_bytes() for path in data_dir().rglob("*") if path.is_file()]
            assert not any(TEXTS[0].encode() in text for text in data)
        if code == 0:
            break
    assert there == sorted(there, reverse=True) and 10 < step < 98
    assert there.count(True) > 5 and there.count(False) > 5


def test_what_a_killed_branch_left_is_never_a_memory(
    mite: Model, parent: Parent, new_home, imported: Path
):
    """Not even by its name: who founds a memory where it lies begins with nothing."""
    left = 0
    for step in range(1, 99, 3):
        parent.begin(new_home(step, imported), ["branch"], step=step)
        if parent.end()[1] == 0:
            break
        with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
            if ledger.memories.find("twin"):
                continue
        left += bool(list(memory_directory("twin").glob("*.safetensors")))
        with opened("twin", mite) as twin:
            assert same(state(twin), twin.start) and twin.row.origin is None
            assert weights_of_no_memory(twin.ledger) == []
    assert left > 2
