"""Laws of an app with much in it: it stays as quick as with little, by ratio."""

import asyncio
from contextlib import closing
from time import monotonic

import pytest
from test_app import CALM, chatting, own_home, press, say, until  # noqa: F401

from mlxdyn.config import BUNDLED_MODEL, LearnerConfig
from mlxdyn.files import data_dir
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store import chats
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model
from mlxdyn_app.chats import ChatList

FEW, MANY = 5, 1000
SENTENCE = "We walked along the river and spoke of boats, birds and bridges for a while. "
PARAGRAPH = SENTENCE * 15  # about 250 tokens
LONG = 400  # paragraphs: 100,000 tokens
SLACK = 0.15  # seconds that a busy machine may add

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.timeout(900)]


def fill(wren: Model, conversations: int, turns: int, text: str) -> None:
    """Save conversations that nobody learns from."""
    with (
        closing(Ledger(data_dir() / "mlxdyn.db")) as ledger,
        Memory("default", wren, ledger, learner=LearnerConfig(learning_rate=1e-5)) as memory,
        ledger.transaction(),
    ):
        assert wren.name == BUNDLED_MODEL
        for number in range(conversations):
            said = [("user" if i % 2 == 0 else "assistant", f"{number} {i}: {text}")
                    for i in range(turns)]  # fmt: skip
            time = f"2026-05-01T12:{number % 60:02}:{number // 60:02}.000+00:00"
            chats.bring(ledger, memory.row.id, f"Talk {number}", time, said)


async def quickest(act, times: int = 3) -> float:
    """Give the shortest time that something took, in seconds."""
    taken = []
    for _ in range(times):
        begun = monotonic()
        await act()
        taken.append(monotonic() - begun)
    return min(taken)


async def measured(wren: Model, conversations: int, turns: int, text: str) -> dict[str, float]:
    """Time what a user does often: list chats, search them, open one, type."""
    fill(wren, conversations, turns, text)
    async with chatting(CALM) as (app, pilot):

        async def listed() -> None:
            press(app, "ctrl+o")
            await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen)
            press(app, "escape")
            await until(pilot, lambda: not isinstance(app.screen, ChatList))

        async def found() -> None:
            press(app, "ctrl+f")
            await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen)
            for letter in "birds":
                press(app, letter)
            await until(pilot, lambda: app.screen._hits)
            press(app, "escape")
            await until(pilot, lambda: not isinstance(app.screen, ChatList))

        async def opened() -> None:
            await say(app, pilot, "/new")
            await until(pilot, lambda: app.talk.ready and not app.talk.turns)
            press(app, "ctrl+o")
            await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen)
            press(app, "enter")
            await until(pilot, lambda: app.talk.turns)

        async def typed() -> None:
            app.prompt.text = ""
            press(app, "x")
            while app.prompt.text != "x":
                await asyncio.sleep(0.001)

        times = {
            "list": await quickest(listed), "search": await quickest(found),
            "open": await quickest(opened), "key": await quickest(typed, 9),
        }  # fmt: skip
        app.prompt.text = ""
    return times


@pytest.fixture
def homes(tmp_path, monkeypatch):
    def at(name: str) -> None:
        (tmp_path / name).mkdir()
        monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / name))

    return at


async def test_a_thousand_chats_are_as_quick_as_a_few(homes, wren: Model):
    homes("few")
    few = await measured(wren, FEW, 2, SENTENCE)
    homes("many")
    many = await measured(wren, MANY, 2, SENTENCE)
    print(few, many)
    slow = {name: (few[name], many[name]) for name in few if many[name] > 5 * few[name] + SLACK}
    assert not slow


async def test_a_chat_of_a_hundred_thousand_tokens_is_as_quick_as_one_of_two_turns(
    homes, wren: Model
):
    homes("short")
    short = await measured(wren, 1, 2, PARAGRAPH)
    homes("long")
    long = await measured(wren, 1, LONG, PARAGRAPH)
    print(short, long)
    # 80 turns are drawn rather than two, each of which costs the same
    assert long["key"] < 5 * short["key"] + SLACK, (short, long)
    assert long["list"] < 5 * short["list"] + SLACK and long["search"] < 5 * short["search"] + 1
    assert long["open"] < 40 * short["open"] + SLACK, (short, long)
