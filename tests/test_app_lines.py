"""Laws of the app's lines about learning, and of what no other test of it tries; by keyboard."""

from dataclasses import replace
from threading import Event

import pytest
from test_app import (
    CALM,
    STUDIED,
    chatting,
    own_home,  # noqa: F401
    press,
    say,
    say_and_learn,
    seen,
    until,
)

from mlxdyn import settings
from mlxdyn.engine.workspace import Workspace
from mlxdyn.model import fetch, registry
from mlxdyn.model.load import Model
from mlxdyn_app.app import ChatApp
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.comparison import Comparison, legend
from mlxdyn_app.dialogs import Entry, Question
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.status import learning
from mlxdyn_app.transcript import Turn

SHORT = replace(CALM, max_tokens=6)
CODE = "```python\nprint('Tinta')\n```"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def feet(app: ChatApp) -> list[str]:
    """Give what stands under the user's messages, from the top."""
    return [str(t.foot.content) for t in app.talk.turns.values() if t.role == "user"]


def read(app: ChatApp) -> str:
    """Give what the model read and said last."""
    workspace = app.engine._workspace
    return workspace.model.decode(list(workspace.session.talker.kv.tokens))


async def test_a_lesson_says_where_it_is_how_long_it_takes_and_what_waits():
    async with chatting(SHORT, study=replace(STUDIED, steps=6, rounds=1)) as (app, pilot):
        told = list[str]()
        app.watch(app.line, "status", lambda _: told.extend(feet(app)), init=False)
        early, late = Event(), Event()  # the engine waits before the reply, and behind it
        app.engine._requests.put(early.wait)
        await say(app, pilot, "My cat is called Tinta.")
        await until(pilot, lambda: app.talk.busy)
        app.engine._requests.put(late.wait)
        early.set()
        await until(pilot, lambda: not app.talk.busy)
        await say(app, pilot, "My cat is called Tinta.")
        await until(pilot, lambda: app.talk.busy)
        late.set()
        await until(pilot, lambda: feet(app)[1:] == ["waits to be learned"])
        await until(pilot, lambda: learning(app.line.status) == "learning 2 messages…")
        await until(pilot, lambda: feet(app)[0].startswith("remembers: "))
        await until(pilot, lambda: app.line.status.pending == 0)
        for stage in ("getting ready", "writing questions", "answering them"):
            assert any(stage in foot for foot in told), stage
        assert any("learning it, 3 of 6 steps" in foot for foot in told)
        assert any("steps…, a moment" in foot or "steps…, about" in foot for foot in told)
        assert feet(app)[1].startswith("nothing kept of it: it still knows"), "it corrects nothing"
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, MemoryPanel) and app.screen.chosen)
        assert len(app.screen._facts) == 1
        assert "1 fact from" in str(app.screen.query_one("#whose").content)
        await pilot.press("escape")
        await say(app, pilot, "/set budget 0.001")
        await until(pilot, lambda: app.settings["budget"] == 0.001)
        await say_and_learn(app, pilot, "My dog is called Rex.")
        assert feet(app)[2].startswith("learned its words only, to keep to the budget")


async def test_why_nothing_was_learned_is_said():
    async with chatting(SHORT, study=STUDIED) as (app, pilot):
        await say_and_learn(app, pilot, "What is a bird?")
        await say_and_learn(app, pilot, "My password is hunter2!")
        assert feet(app)[0] == "a question: nothing to remember"
        assert "secret" in feet(app)[1] and "hunter2" not in feet(app)[1]
    strict = replace(STUDIED, max_drift=1e-9)
    async with chatting(SHORT, study=strict, memory="strict") as (app, pilot):
        await say_and_learn(app, pilot, "I live in Lisbon.")
        assert "changed other answers too much" in feet(app)[0]


async def test_only_what_was_undone_is_said_to_be():
    """A lesson of nothing is in no list of updates."""
    async with chatting(SHORT, study=STUDIED) as (app, pilot):
        await say_and_learn(app, pilot, "> quoted line by somebody else")
        before = feet(app)
        assert "quoted" in before[0]
        await say(app, pilot, "/numbers")
        await until(pilot, lambda: app.talk.numbers)
        await say_and_learn(app, pilot, "I like tea.")
        await say(app, pilot, "/undo")
        await until(pilot, lambda: feet(app)[1].startswith("unlearned: undone"))
        assert feet(app)[:1] == before


async def test_no_setting_is_said_to_be_kept_that_was_not_set():
    """A memory's own base may be named by its path."""
    async with chatting(model=str(registry.locate("wren"))) as (app, pilot):
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, SettingList) and app.screen.chosen)
        assert app.settings["model"] == "wren" and not app._notifications
    assert not settings.path().exists()


async def test_with_learning_off_quiet_changes_nothing_either():
    async with chatting(SHORT, study=STUDIED) as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await say(app, pilot, "/learn off")
        await until(pilot, lambda: app.line.status.learn == "off")
        before = app.engine._workspace.memory.version
        await say(app, pilot, "/set idle 0.01")
        await until(pilot, lambda: app.settings["idle"] == 0.01)
        await pilot.pause(1.0)
        assert app.engine._workspace.memory.version == before and not app.line.status.studying


async def test_a_comparison_says_what_is_not_learned_yet():
    def wait(workspace: Workspace) -> None:
        chat = workspace.ledger.conversations.add(workspace.session.owner)
        workspace.ledger.messages.add(chat, "user", "I live in Oslo.", "pending")

    async with chatting(SHORT) as (app, pilot):
        await say(app, pilot, "/learn off")
        await until(pilot, lambda: app.line.status.learn == "off")
        app.engine.ask(wait)
        await say(app, pilot, "/compare Where do I live?")
        await until(pilot, lambda: app.query(Comparison))
        shown = app.query_one(Comparison).compared
        assert "1 message is not learned yet" in str(legend(shown))


async def test_a_correction_reaches_the_open_chat_and_words_after_it_are_newer():
    async with chatting(study=STUDIED) as (app, pilot):
        await say(app, pilot, "My cat is called Tinta.")
        press(app, "f2")
        await until(pilot, lambda: isinstance(app.screen, MemoryPanel))
        await until(pilot, lambda: app.screen.chosen)  # it was opened before that was learned
        await pilot.press("escape")
        await say_and_learn(app, pilot, "What is my cat called?")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, MemoryPanel) and app.screen.chosen)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Entry) and app.screen.focused)
        app.screen.focused.value = "Your cat is called Fig."
        await pilot.press("enter")
        await until(pilot, lambda: any("memory and chat go on" in text for text in seen(app)))
        await pilot.press("escape")
        assert feet(app)[0] == "remembers: Your cat is called Fig."
        await say_and_learn(app, pilot, "What is my cat called?")
        assert "Fig" in read(app) and "Tinta" not in read(app)
        await say_and_learn(app, pilot, "My cat is called Max now.")
        assert read(app).index("Fig") < read(app).index("Max now")


async def test_switching_says_what_it_waits_for_and_going_back_opens_the_chat_that_was_left(
    tall: Model,
):
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "About the sea.")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.talk.ready and not app.talk.turns)
        await say_and_learn(app, pilot, "About the moon.")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen)
        await pilot.press("down", "enter")
        await until(pilot, lambda: "About the sea." in seen(app))
        gate = Event()
        app.engine._requests.put(gate.wait)
        app.line.doing = "forgetting 1/3…"
        await say(app, pilot, f"/model {tall.path}")
        await until(pilot, lambda: app.line.doing.endswith(", after forgetting 1/3…"))
        assert app.line.doing.startswith("switching to ")
        gate.set()
        await until(pilot, lambda: app.talk.ready and app.line.status.model == "tall")
        assert not app.line.doing
        await say(app, pilot, "/model wren")
        await until(pilot, lambda: app.talk.ready and app.line.status.model == "wren")
        assert "About the sea." in seen(app)


async def test_a_model_is_fetched_in_the_chat_after_a_question(mite: Model, tmp_path, monkeypatch):
    entry = registry.RegistryEntry("tiny-one", "owner/tiny", 1, 93_000_000, "MIT", "a model")
    monkeypatch.setattr(registry, "entries", lambda: {"tiny-one": entry})
    monkeypatch.setattr(fetch, "entries", lambda: {"tiny-one": entry})

    def from_hub(source: str, whole: int, progress) -> str:
        progress(45, 93)
        return fetch._from_directory(mite.path, "tiny-one")

    monkeypatch.setattr(fetch, "_from_hub", from_hub)
    async with chatting(SHORT) as (app, pilot):
        doing = list[str]()
        app.watch(app.line, "doing", lambda now: doing.append(now), init=False)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, ModelList) and app.screen.chosen)
        await pilot.press(*"tiny", "enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        assert "Fetch 93 MB?" in str(app.screen.query("Label").first().content)
        await pilot.press("y")
        await until(pilot, lambda: app.talk.ready and app.line.status.model == "tiny-one")
        assert "fetching tiny-one 45/93 MB…" in doing


async def test_messages_and_code_are_copied_and_thoughts_are_folded(monkeypatch):
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello!")
        for said in (f"Look:\n\n{CODE}", "<think>They greet me.</think>Hello, Ada."):
            await pilot.press("alt+up", "e")
            await say(app, pilot, said)
            await until(pilot, lambda said=said: said in seen(app) and not app.editing)
            if "print" in said:
                await pilot.press("alt+up", "b")
                assert app.clipboard == "print('Tinta')\n"
                await pilot.press("c", "escape")
                assert app.clipboard == said
        turn = app.query(Turn).last()
        assert "▸ thought 3 words" in str(turn.foot.content)
        assert turn.body.source == "Hello, Ada."
        await pilot.press("alt+up", "t")
        await until(pilot, lambda: "> They greet me." in turn.body.source)
        await pilot.press("escape")
        await say_and_learn(app, pilot, "And now?")
        assert "Hello, Ada." in read(app)
        assert "greet me" not in read(app), "a thought is never sent back"


async def test_a_chat_is_exported_left_and_found_as_it_was(tmp_path):
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "About the sea.")
        for name, holds in (("a.md", "**You**"), ("a.json", '"role": "user"')):
            await say(app, pilot, f"/export {tmp_path / name}")
            await until(pilot, lambda name=name: (tmp_path / name).exists())
            assert holds in (tmp_path / name).read_text()
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.talk.ready and not app.talk.turns)
        await pilot.press("up")
        assert app.prompt.text == f"/export {tmp_path / 'a.json'}"
        app.prompt.text = ""
        await pilot.press(*"/inco", "enter")
        await until(pilot, lambda: app.prompt.border_title == "incognito")
        await say(app, pilot, "/incognito")
        await until(pilot, lambda: app.talk.ready and not app.line.status.incognito)
        assert not app.talk.turns, "it returns to the chat that was left, an empty one"
        await pilot.press("ctrl+o", "enter")
        await until(pilot, lambda: "About the sea." in seen(app))
        await say(app, pilot, "/incognito")
        await until(pilot, lambda: app.prompt.border_title == "incognito")
        await say(app, pilot, "/incognito")
        await until(pilot, lambda: "About the sea." in seen(app))


async def test_a_reply_that_goes_round_in_circles_is_stopped_and_says_so():
    async with chatting(replace(CALM, max_tokens=300, repetition_penalty=1.0)) as (app, pilot):
        await say_and_learn(app, pilot, "Sing!")
        await pilot.press("alt+up", "e")
        await say(app, pilot, "la " * 14)
        await until(pilot, lambda: any(turn.text.endswith("la la") for turn in app.query(Turn)))
        await say(app, pilot, "/continue")
        await until(pilot, lambda: any("round in circles" in text for text in seen(app)))
        assert len(app.query(Turn).last().text.split()) < 100


async def test_dial_preset_and_palette_are_kept_and_reached_by_key(tmp_path):
    settings.path().parent.mkdir(parents=True, exist_ok=True)
    settings.path().write_text('[presets]\nbird = "You are a bird."\n')
    async with chatting(SHORT) as (app, pilot):
        await say(app, pilot, "/system bird")
        await until(pilot, lambda: app.settings["system"] == "You are a bird.")
        await say(app, pilot, "/dial 40")
        await until(pilot, lambda: app.line.status.adapter_scale == 0.4)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen.query("CommandInput"))
        await pilot.press(*"numbers")
        await until(pilot, lambda: app.screen.query_one("CommandList").option_count)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.talk.numbers)
        (tmp_path / "note.txt").write_text("Tinta is a cat.")
        app.prompt.write(f"Read @{tmp_path}/no")
        await until(pilot, lambda: app.prompt.menu.display)
        press(app, "tab")
        await until(pilot, lambda: app.prompt.text == f"Read @{tmp_path}/note.txt")
        app.prompt.text = ""
    assert settings.values()["dial"] == 40


async def test_a_number_that_is_too_long_ends_no_chat():
    async with chatting(SHORT) as (app, pilot):
        for name, wrong in (("forget", "no message 9"), ("timeline", "no moment 9")):
            app.prompt.text = ""
            await say(app, pilot, f"/{name} {'9' * 5000}")
            await until(pilot, lambda wrong=wrong: any(wrong in text for text in seen(app)))
