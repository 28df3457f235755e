"""Laws of the chat's screen, with the real engine and the bundled model."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Static

from mlxdyn.config import ChatConfig, SamplingConfig, StudyConfig
from mlxdyn.engine import memories, talks
from mlxdyn.engine.actor import Options
from mlxdyn.engine.commands import SLASH_COMMANDS, fitting, read
from mlxdyn.engine.events import Status
from mlxdyn.files import data_dir
from mlxdyn_app.acts import ACTS
from mlxdyn_app.app import ChatApp
from mlxdyn_app.chats import ChatList
from mlxdyn_app.comparison import Comparison
from mlxdyn_app.dialogs import Entry, Help, Question
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.records import LogList
from mlxdyn_app.status import fields, learning

PATIENCE = 90.0  # seconds; less than the timeout of a test
CALM = SamplingConfig(temperature=0.0, seed=0, max_tokens=40)
# Ordinary replies of the bundled model are over before a key arrives. When every token is as likely
# as any other, the seed alone says what is drawn, and this one ends no reply, whatever the weights.
LONG_WINDED = SamplingConfig(temperature=1e6, top_p=1.0, seed=2, max_tokens=400)

TINY = StudyConfig(steps=0, pass_steps=1, most_steps=1)
FAST = Options(study=TINY)
STUDIED = replace(TINY, steps=1)  # finds facts, which takes the model a while

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path))


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """Wait for what must come; PATIENCE only ends a test that would wait for ever.

    While a chat is drawn anew, a line that is looked at may not be there: then it has not come.
    """
    end = monotonic() + PATIENCE
    while monotonic() < end:
        with suppress(IndexError):
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
    if isinstance(widget, Comparison):
        return [widget.compared.question]
    return [widget.text, str(widget.foot.content)]


@asynccontextmanager
async def chatting(
    sampling: SamplingConfig = CALM, size: tuple[int, int] = (80, 24), **options
) -> AsyncIterator[tuple[ChatApp, Pilot[None]]]:
    app = ChatApp(replace(FAST, chat=ChatConfig(sampling=sampling), **options))
    app.patience = None
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: hasattr(app, "talk") and app.talk.ready and app.line.status)
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
    before = told(app)
    await say(app, pilot, text)
    await until(pilot, lambda: not app.talk.busy and told(app) > before)


def told(app: ChatApp) -> int:
    """Count the messages that say what was learned of them."""
    return sum(turn.learned is not None for turn in app.talk.turns.values())


async def test_a_message_streams_a_reply_and_shows_what_was_learned():
    async with chatting() as (app, pilot):
        assert "on this machine only" in seen(app)[0]
        await say_and_learn(app, pilot, "Hello! My name is Ada.")
        said, learned, reply, _ = seen(app)
        assert said == "Hello! My name is Ada."
        assert learned == "learned its words, without looking for facts"
        assert reply
        await until(pilot, lambda: app.line.status.tokens_learned > 0)


async def test_escape_keeps_the_partial_reply():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.talk.reply is not None and app.talk.reply.text)
        press(app, "escape")
        await until(pilot, lambda: not app.talk.busy)
        assert seen(app)[2]
        assert "stopped" in seen(app)[3]


async def test_a_restart_shows_the_conversation():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "I live in Lisbon.")
        before = seen(app)[::2]
    async with chatting() as (app, pilot):
        assert seen(app)[::2] == before
        await until(pilot, lambda: app.line.status.tokens_learned > 0)
        await pilot.press("up")
        assert app.prompt.text == "I live in Lisbon."


@pytest.mark.parametrize(
    "text", ["[/red] is [bold]no[/bold] markup", "[@click=app.bell]x[/]", "[["]
)
async def test_what_looks_like_markup_is_shown_as_it_is(text):
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, text)
        assert text in seen(app)
        assert text in str(app.talk.turns[next(iter(app.talk.turns))].body.visual)


async def test_with_learning_off_nothing_is_learned():
    async with chatting() as (app, pilot):
        await say(app, pilot, "/learn off")
        await until(pilot, lambda: app.line.status.learn == "off")
        await say(app, pilot, "Remember nothing of this.")
        await until(pilot, lambda: not app.talk.busy and app.line.status.context_tokens)
        assert not any("remembers" in text or "learned 1" in text for text in seen(app))
        assert not told(app) and app.line.status.pending == 0


async def test_the_screen_answers_keys_while_the_engine_works():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.talk.reply is not None)
        press(app, "x")
        await until(pilot, lambda: app.prompt.text == "x")
        press(app, "f1")
        await until(pilot, lambda: isinstance(app.screen, Help))
        assert app.talk.busy
        press(app, "escape")
        await until(pilot, lambda: not isinstance(app.screen, Help))
        press(app, "escape")
        await until(pilot, lambda: not app.talk.busy)


async def test_a_message_sent_during_a_reply_waits_for_it():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.talk.reply is not None)
        await say(app, pilot, "And then?")
        await until(pilot, lambda: "waits" in seen(app)[-1])
        press(app, "escape")
        await until(
            pilot, lambda: app.talk.reply is not None and app.talk.reply.text and not app.talk.queue
        )
        press(app, "escape")
        await until(pilot, lambda: not app.talk.busy)
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
        await until(pilot, lambda: app.talk.ready and "on this machine only" in seen(app)[0])
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, ChatList))
        await pilot.press("enter")
        await until(pilot, lambda: "The first chat." in seen(app))
        assert seen(app)[1].startswith("learned its words")


async def test_what_is_said_while_a_chat_opens_is_said_there():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "The first chat.")
        gate = Event()
        app.engine._requests.put(gate.wait)  # the engine is slow
        await pilot.press("ctrl+n")
        await say(app, pilot, "The second chat.")
        waits = ["The second chat.", "waits for the chat to open"]
        await until(pilot, lambda: seen(app)[-2:] == waits)
        gate.set()
        await until(pilot, lambda: seen(app)[:1] == ["The second chat."] and told(app))
        await until(pilot, lambda: not app.talk.busy)
        assert len(app.talk.turns) == 2


async def test_what_is_said_to_a_chat_that_is_left_before_it_opens_is_given_back():
    async with chatting() as (app, pilot):
        gate = Event()
        app.engine._requests.put(gate.wait)
        await pilot.press("ctrl+n")
        await say(app, pilot, "For that chat only.")
        await until(pilot, lambda: app.talk.early)
        app.prompt.text = "a draft"
        app.action_command("incognito")
        assert app.prompt.text == "For that chat only.\na draft"
        gate.set()
        await until(pilot, lambda: app.prompt.border_title == "incognito")
        assert not app.talk.turns and not app.talk.busy


async def test_what_is_said_to_a_chat_that_cannot_open_is_given_back():
    async with chatting() as (app, pilot):
        gate = Event()
        app.engine._requests.put(gate.wait)
        app.talk.leave()
        app.engine.open(talks.open_chat, 99)  # there is no such conversation
        await say(app, pilot, "For that chat only.")
        gate.set()
        await until(pilot, lambda: app.prompt.text == "For that chat only.")
        assert app.talk.ready and not app.talk.turns and not app.talk.busy


async def test_a_key_after_enter_begins_the_next_message():
    async with chatting() as (app, pilot):
        for key in ("h", "i", "enter", "enter", "y", "o"):
            press(app, key)
        await until(pilot, lambda: app.prompt.text == "yo")
        await until(pilot, lambda: len(app.talk.turns) == 2 and not app.talk.busy)
        assert seen(app)[0] == "hi" and app.prompt.text == "yo"


async def test_keys_after_a_new_chat_go_to_the_prompt():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "The first chat.")
        await pilot.press("alt+up", "alt+up")
        gate = Event()
        app.engine._requests.put(gate.wait)
        for key in ("ctrl+n", "f", "y"):
            press(app, key)
        await until(pilot, lambda: app.prompt.text == "fy")
        gate.set()


async def test_a_failure_of_something_else_leaves_the_next_chat_to_open():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "The first chat.")
        gate = Event()
        app.engine._requests.put(gate.wait)
        app.engine.ask(memories.forget, 99)  # there is no such message
        app.engine.open(talks.new)
        app.talk.leave()
        await say(app, pilot, "The second chat.")
        gate.set()
        await until(pilot, lambda: seen(app)[:1] == ["The second chat."] and told(app))
        assert not app.prompt.text and not app.talk.early


async def test_undoing_what_still_waits_says_so():
    async with chatting() as (app, pilot):
        gate = Event()
        await say(app, pilot, "My cat is called Luna.")
        await until(pilot, lambda: app.talk.turns)  # sent: Enter clears the prompt before that
        app.engine._requests.put(gate.wait)  # before it is learned
        app.engine.ask(memories.undo)
        await until(pilot, lambda: app.talk.turns and not app.talk.busy)
        gate.set()
        await until(pilot, lambda: seen(app)[1] == "unlearned: undone")


async def test_reset_asks_first():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "I like tea.")
        await say(app, pilot, "/reset")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("enter")  # the safe answer has the focus
        await until(pilot, lambda: app.line.status.tokens_learned)
        assert "I like tea." in seen(app)
        await say(app, pilot, "/reset")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.line.status.tokens_learned == 0)
        assert "I like tea." not in seen(app)


async def test_undo_is_said_under_the_message():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "I like tea.")
        await say(app, pilot, "/undo")
        await until(pilot, lambda: seen(app)[1] == "unlearned: undone")
        await until(pilot, lambda: app.line.status.tokens_learned == 0)


async def test_the_end_is_followed_until_the_user_scrolls_up():
    async with chatting(LONG_WINDED, size=(40, 15)) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.transcript.max_scroll_y > 10)
        await until(pilot, lambda: app.transcript.is_vertical_scroll_end)
        press(app, "pageup")
        await until(pilot, lambda: not app.transcript.is_vertical_scroll_end)
        place = app.transcript.scroll_y
        press(app, "escape")
        await until(pilot, lambda: not app.talk.busy and told(app))
        await pilot.pause()
        assert app.transcript.scroll_y == place


async def test_a_temporary_chat_learns_nothing():
    async with chatting() as (app, pilot):
        await say(app, pilot, "/temporary")
        await until(pilot, lambda: app.talk.ready and app.line.status.temporary)
        await say(app, pilot, "Between us.")
        await until(pilot, lambda: not app.talk.busy and "Between us." in seen(app))
        assert not told(app)
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
        await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 1
    assert "nothing" in app.failure and "\n" not in app.failure


@pytest.mark.parametrize("width", [10, 30, 40, 80, 120])
def test_the_status_keeps_what_matters_and_fits(width):
    status = Status("wren", "default", "user", False, 120, 4096, 85.3, 2, 3, 1234, 24, 0.5)
    line = " · ".join(fields(status, width))
    assert "learning 2 messages…" in line
    assert len(line) <= max(width, len("learning 2 messages…"))


@pytest.mark.parametrize(
    ("text", "command"),
    [("/learn off", ("learn", "off")), ("/NEW", ("new", "")), ("/", ("", ""))],
)
def test_a_slash_line_is_a_command(text, command):
    assert read(text) == command
    assert fitting(text.split()[0].lower(), {})


async def test_a_restart_shows_what_was_learned_of_old_messages():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        before = seen(app)[1]
    async with chatting() as (app, pilot):
        await until(pilot, lambda: seen(app)[1] == before)
        await say(app, pilot, "/undo")
        await until(pilot, lambda: seen(app)[1] == "unlearned: undone")
        await until(pilot, lambda: app.line.status.tokens_learned == 0)
        await say(app, pilot, "/redo")
        await until(pilot, lambda: seen(app)[1] == before)
        await until(pilot, lambda: app.line.status.tokens_learned > 0)


async def test_a_message_is_walked_to_and_forgotten_after_a_question():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await pilot.press("alt+up", "alt+up", "up")
        assert app.focused is app.talk.turns[1]
        assert "message 1" in app.prompt.border_subtitle
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("escape")
        assert seen(app)[0] == "My cat is called Tinta."
        await pilot.press("escape", "h")
        assert app.prompt.text == "h"
        await say(app, pilot, "/forget")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: "Forgotten for good" in seen(app)[-1])
        assert not app.talk.turns
        await until(pilot, lambda: app.line.status.items == 0)
    assert b"Tinta" not in b"".join(p.read_bytes() for p in data_dir().rglob("*") if p.is_file())


async def test_facts_are_searched_corrected_and_deleted():
    async with chatting(study=STUDIED) as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await until(pilot, lambda: app.query(Comparison))
        shown = app.query_one(Comparison).compared
        assert shown.question.endswith("?") and any("first thing" in text for text in seen(app))
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, MemoryPanel) and app.screen.chosen)
        panel = app.screen
        (fact,) = panel._facts.values()
        assert "Tinta" in fact.answer and len(fact.items) > 1, "wordings are one fact"
        await pilot.press(*"zebra")
        await until(pilot, lambda: panel.chosen is None)
        await pilot.press("ctrl+u")
        await until(pilot, lambda: panel.chosen)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Entry) and app.screen.focused)
        app.screen.focused.value = "Your cat is called Fíg."
        await pilot.press("enter")
        await until(pilot, lambda: panel._facts["0"].answer == "Your cat is called Fíg.")
        assert app.screen is panel and len(panel._facts) == 1 and panel._facts["0"].yours
        assert panel._facts["0"].questions == fact.questions, "every wording is corrected"
        panel.query_one(Input).value = "FI\u0301G"  # as one presses an accent and a letter
        await pilot.pause()
        assert panel.chosen
        panel.query_one(Input).value = ""
        await pilot.press("ctrl+f")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("n")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.line.status.items == 0 and not panel._facts)


async def test_the_log_lists_updates_and_forgets_one():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await say(app, pilot, "/log")
        await until(pilot, lambda: isinstance(app.screen, LogList) and app.screen.chosen)
        await pilot.press("ctrl+d")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.line.status.updates == 0)
        assert "My cat is called Tinta." not in seen(app)


async def test_the_memory_is_compared_dialled_branched_and_switched():
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await say(app, pilot, "/compare Who are you?")
        await until(pilot, lambda: app.query(Comparison))
        await say(app, pilot, "/dial 25")
        await until(pilot, lambda: app.line.status.adapter_scale == 0.25)
        assert "strength 25%" in fields(app.line.status, 80)
        await say(app, pilot, "/branch work")
        await until(pilot, lambda: "work" in app.memories)
        app.prompt.write("/mem")
        await pilot.press("tab", "w", "tab")
        assert app.prompt.text == "/memory work"
        await pilot.press("enter")
        await until(pilot, lambda: app.line.status.memory == "work" and app.talk.ready)
        assert seen(app)[0] == "My cat is called Tinta."
        await say(app, pilot, "/memory elsewhere")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("n")
        assert app.line.status.memory == "work"


async def test_a_study_is_shown_while_it_runs_and_when_it_ends():
    async with chatting(study=STUDIED) as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        shown = []
        app.watch(app.line, "status", lambda status: shown.append(learning(status)), init=False)
        await say(app, pilot, "/study")
        await until(pilot, lambda: any("tudied" in text for text in seen(app)))
        assert "studying…" in shown


@pytest.mark.parametrize("kind", ["temporary", "incognito"])
async def test_what_is_not_saved_leaves_no_trace(kind):
    async with chatting() as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
    before = {path: path.read_bytes() for path in data_dir().rglob("*") if path.is_file()}
    options = {"temporary": True, "incognito": kind == "incognito"}
    async with chatting(**options) as (app, pilot):
        await until(pilot, lambda: app.prompt.border_title == kind)
        assert app.line.status.adapter_scale == (0.0 if kind == "incognito" else 1.0)
        await say(app, pilot, "Between us.")
        await until(pilot, lambda: not app.talk.busy and app.line.status.context_tokens)
        await say(app, pilot, f"/{kind}")
        await until(pilot, lambda: f"--{kind}" in seen(app)[-1])
    assert {path: path.read_bytes() for path in data_dir().rglob("*") if path.is_file()} == before


async def test_an_incognito_chat_before_all_others_makes_no_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / "none"))
    async with chatting(temporary=True, incognito=True) as (app, pilot):
        await say(app, pilot, "Hello!")
        await until(pilot, lambda: not app.talk.busy and app.line.status.context_tokens)
    assert not (tmp_path / "none").exists()


async def test_every_command_is_carried_out_listed_and_explained():
    async with chatting() as (app, pilot):
        palette = {command.title for command in app.get_system_commands(app.screen)}
        assert {f"/{name}" for name in SLASH_COMMANDS} <= palette
        assert ACTS.keys() == {c.name for c in SLASH_COMMANDS.values() if not c.ask}
        for name in ("dial", "compare", "branch", "learn", "memory"):
            await say(app, pilot, f"/{name} ")
            await until(pilot, lambda name=name: seen(app)[-1].startswith(f"/{name} "))
        await say(app, pilot, "/help")
        await until(pilot, lambda: isinstance(app.screen, Help))

        def words() -> str:
            return "\n".join(str(part.content) for part in app.screen.query(Static))

        await until(pilot, lambda: all(c.usage in words() for c in SLASH_COMMANDS.values()))
        assert all(c.key in words() for c in SLASH_COMMANDS.values())


WORDS = {"memory": ("default", "work", "work-2"), "learn": ("user", "all", "off")}


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("/mem", ["/memory "]), ("/memory w", ["/memory work", "/memory work-2"]),
     ("/und", ["/undo"]), ("/memory x", []), ("/learn a", ["/learn all"]), ("undo", [])],
)  # fmt: skip
def test_the_menu_offers_what_a_line_may_become(typed, offered):
    assert [line for line, _ in fitting(typed, WORDS)] == offered
