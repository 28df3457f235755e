"""Laws of the chat's screen, with the real engine and the bundled model."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Static

from mlxdyn.config import ChatConfig, SamplingConfig
from mlxdyn.engine import Options
from mlxdyn.events import Learned, Status
from mlxdyn_app.app import ChatApp
from mlxdyn_app.commands import hint, read
from mlxdyn_app.dialogs import ChatList, Help, Question
from mlxdyn_app.status import fields
from mlxdyn_app.transcript import describe

CALM = SamplingConfig(temperature=0.0, seed=0, max_tokens=40)
# Ordinary replies of the bundled model are over before a key arrives.
LONG_WINDED = SamplingConfig(temperature=3.0, top_p=1.0, seed=1, max_tokens=400)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path))


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    for _ in range(1500):
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"waited in vain; the screen says: {seen(pilot.app)}")


def press(app, key: str) -> None:
    """Press a key now; `Pilot.press` waits until the engine is idle."""
    app.post_message(Key(key, key if len(key) == 1 else None))


def seen(app) -> list[str]:
    """Return the text of every turn and note, from the top."""
    return [text for widget in app.transcript.children for text in texts(widget)]


def texts(widget) -> list[str]:
    if isinstance(widget, Static):
        return [str(widget.content)]
    return [widget.text, str(widget.foot.content)]


@asynccontextmanager
async def chatting(
    sampling: SamplingConfig = CALM, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[ChatApp, Pilot[None]]]:
    app = ChatApp(Options(chat=ChatConfig(sampling=sampling)))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.ready and app.line.status)
        yield app, pilot
        await leave(app, pilot)


async def leave(app: ChatApp, pilot: Pilot[None]) -> None:
    await pilot.press("ctrl+q")
    await until(pilot, lambda: app.closed)


async def say(app: ChatApp, pilot: Pilot[None], text: str) -> None:
    app.prompt.text = text
    press(app, "enter")
    await until(pilot, lambda: not app.prompt.text)


async def say_and_learn(app: ChatApp, pilot: Pilot[None], text: str) -> None:
    before = len(app.learned)
    await say(app, pilot, text)
    await until(pilot, lambda: not app.busy and len(app.learned) > before)


async def test_a_message_streams_a_reply_and_shows_what_was_learned():
    async with chatting() as (app, pilot):
        assert "stays on this machine" in seen(app)[0]
        await say_and_learn(app, pilot, "Hello! My name is Ada.")
        said, learned, reply, _ = seen(app)
        assert said == "Hello! My name is Ada."
        assert learned.startswith("learned ") and "nll" in learned
        assert reply
        assert app.line.status.tokens_learned > 0


async def test_escape_keeps_the_partial_reply():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.reply is not None and app.reply.text)
        press(app, "escape")
        await until(pilot, lambda: not app.busy)
        assert seen(app)[2]
        assert "stopped" in seen(app)[3]


async def test_a_restart_shows_the_conversation():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "I live in Lisbon.")
        before = seen(app)[::2]
    async with chatting() as (app, pilot):
        assert seen(app)[::2] == before
        assert app.line.status.tokens_learned > 0
        await pilot.press("up")
        assert app.prompt.text == "I live in Lisbon."


@pytest.mark.parametrize(
    "text", ["[/red] is [bold]no[/bold] markup", "[@click=app.bell]x[/]", "[["]
)
async def test_what_looks_like_markup_is_shown_as_it_is(text):
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, text)
        assert text in seen(app)
        assert text in str(app.turns[next(iter(app.turns))].body.visual)


async def test_with_learning_off_nothing_is_learned():
    async with chatting() as (app, pilot):
        await say(app, pilot, "/learn off")
        await until(pilot, lambda: app.line.status.learn == "off")
        await say(app, pilot, "Remember nothing of this.")
        await until(pilot, lambda: not app.busy and app.line.status.context_tokens)
        assert "learn" not in seen(app)[-3]
        assert not app.learned and app.line.status.pending == 0


async def test_the_screen_answers_keys_while_the_engine_works():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.reply is not None)
        press(app, "x")
        await until(pilot, lambda: app.prompt.text == "x")
        press(app, "f1")
        await until(pilot, lambda: isinstance(app.screen, Help))
        assert app.busy
        press(app, "escape")
        await until(pilot, lambda: not isinstance(app.screen, Help))
        press(app, "escape")
        await until(pilot, lambda: not app.busy)


async def test_a_message_sent_during_a_reply_waits_for_it():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.reply is not None)
        await say(app, pilot, "And then?")
        await until(pilot, lambda: "waits" in seen(app)[-1])
        press(app, "escape")
        await until(pilot, lambda: app.reply is not None and app.reply.text and not app.queue)
        press(app, "escape")
        await until(pilot, lambda: not app.busy)
        assert seen(app)[0] == "Tell me everything." and seen(app)[4] == "And then?"


async def test_an_unknown_command_says_so_and_stays_in_the_prompt():
    async with chatting() as (app, pilot):
        app.prompt.text = "/lern [off]"
        await pilot.press("enter")
        await until(pilot, lambda: "There is no command /lern" in seen(app)[-1])
        assert app.prompt.text == "/lern [off]"


async def test_saved_chats_can_be_opened_again():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "The first chat.")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.ready and "stays on this machine" in seen(app)[0])
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, ChatList))
        await pilot.press("enter")
        await until(pilot, lambda: "The first chat." in seen(app))
        assert seen(app)[1].startswith("learned ")


async def test_reset_asks_first():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "Forget me.")
        await say(app, pilot, "/reset")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("enter")  # the safe answer has the focus
        assert app.line.status.tokens_learned and "Forget me." in seen(app)
        await say(app, pilot, "/reset")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.line.status.tokens_learned == 0)
        assert "Forget me." not in seen(app)


async def test_undo_is_said_under_the_message():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "I like tea.")
        await say(app, pilot, "/undo")
        await until(pilot, lambda: seen(app)[1] == "unlearned")
        assert app.line.status.tokens_learned == 0


async def test_the_end_is_followed_until_the_user_scrolls_up():
    async with chatting(LONG_WINDED, size=(40, 15)) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.transcript.max_scroll_y > 10)
        await until(pilot, lambda: app.transcript.is_vertical_scroll_end)
        press(app, "pageup")
        await until(pilot, lambda: not app.transcript.is_vertical_scroll_end)
        place = app.transcript.scroll_y
        press(app, "escape")
        await until(pilot, lambda: not app.busy and app.learned)
        await pilot.pause()
        assert app.transcript.scroll_y == place


async def test_a_temporary_chat_learns_nothing():
    async with chatting() as (app, pilot):
        await say(app, pilot, "/temporary")
        await until(pilot, lambda: app.ready and app.line.status.temporary)
        await say(app, pilot, "Between us.")
        await until(pilot, lambda: not app.busy and "Between us." in seen(app))
        assert not app.learned
    async with chatting() as (app, _):
        assert "Between us." not in seen(app)


async def test_ctrl_j_breaks_the_line():
    async with chatting(size=(40, 15)) as (app, pilot):
        await pilot.press("a", "ctrl+j", "b")
        assert app.prompt.text == "a\nb"
        await pilot.press("up", "up", "down", "down")
        assert app.prompt.text == "a\nb"


async def test_a_model_that_cannot_be_loaded_ends_with_one_sentence(tmp_path):
    app = ChatApp(Options(model=str(tmp_path / "nothing")))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.closed)
    assert app.return_code == 1
    assert "nothing" in app.failure and "\n" not in app.failure


@pytest.mark.parametrize(
    ("learned", "line"),
    [
        (Learned(1, 12, 5.214, 4.871, True, "", 1), "learned 12 tokens · nll 5.21 → 4.87"),
        (Learned(1, 1, None, None, True, "", 1), "learned 1 token"),
        (Learned(1, 0, 5.0, None, False, "no", None), "not learned: no"),
    ],
)
def test_learning_is_told_in_one_line(learned, line):
    assert describe(learned) == line


@pytest.mark.parametrize("width", [10, 30, 40, 80, 120])
def test_the_status_keeps_what_matters_and_fits(width):
    status = Status("wren", "default", "user", False, 120, 4096, 85.3, 2, 3, 1234)
    line = " · ".join(fields(status, width))
    assert "learning 2…" in line
    assert len(line) <= max(width, len("learning 2…"))


@pytest.mark.parametrize(
    ("text", "command"),
    [("/learn off", ("learn", "off")), ("/NEW", ("new", "")), ("/", ("", ""))],
)
def test_a_slash_line_is_a_command(text, command):
    assert read(text) == command
    assert hint(text)
