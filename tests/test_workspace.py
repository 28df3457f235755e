"""Laws of what is open: models with memories of their own, settings that stay, leaving at once."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from school import QUICK, know
from test_engine import ENDLESS, GREEDY, Front, events, ledger_says

from mlxdyn import settings
from mlxdyn.engine import memories, models, talks
from mlxdyn.engine.events import (
    Chats,
    Failed,
    Learned,
    Models,
    Notice,
    Opened,
    Panel,
    Replied,
    Said,
    SearchResult,
    SettingsList,
    Status,
    Studied,
    Surprise,
)
from mlxdyn.model.load import Model

STUDIED = replace(GREEDY, study=replace(QUICK, steps=1))
MOMENT = 5.0  # seconds; a lesson of these tests takes longer on a busy machine, leaving does not


@pytest.fixture
def front() -> Iterator[Callable[..., Front]]:
    started: list[Front] = []

    def start(options=GREEDY) -> Front:
        started.append(Front(options))
        started[-1].until(Status)
        return started[-1]

    yield start
    for each in started:
        each.engine.close()


def test_each_model_has_its_own_memory_and_is_kept(front, tall: Model):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.engine.open(models.use, str(tall.path))
    assert one.until(Opened).messages == ()
    status = one.until(Status)
    assert (status.model, status.memory) == ("tall", "default-tall")
    assert "its own" not in one.until(Notice).text
    assert settings.read()["model"] == str(tall.path)
    one.engine.send("Hello!")
    one.until(Learned)
    one.engine.open(models.use, "wren")
    assert one.until(Opened).messages[0].text == "My dog is called Rex."
    assert one.until(Status).memory == "default"


def test_a_model_that_cannot_be_had_leaves_all_as_it_was(front):
    one = front()
    one.engine.open(models.use, "no-such-model")
    assert "no model 'no-such-model'" in one.until(Failed).text
    one.engine.send("Hello!")
    one.until(Replied)
    assert one.until(Status).model == "wren" and settings.read() == {}


def test_the_models_that_are_here_are_listed_first(front):
    one = front()
    one.engine.ask(models.listed)
    found = one.until(Models)
    assert found.current == "wren" and found.models[0].name == "wren"
    here = [row.here for row in found.models]
    assert here == sorted(here, reverse=True) and all(row.bytes for row in found.models)


def test_leaving_in_the_middle_of_a_lesson_is_a_matter_of_a_moment(front):
    one = front(STUDIED)
    one.engine.send("My dog is called Rex.")
    while not (one.until(Status)).stage:
        pass
    started = monotonic()
    assert one.engine.close(patience=MOMENT)
    assert monotonic() - started < MOMENT
    assert ledger_says()[:2] == (0, 1), "nothing is half learned, and it waits"


def test_a_lesson_goes_on_after_a_restart_and_what_was_read_is_not_read_again(front, wren: Model):
    know(wren)
    one = front(STUDIED)
    one.engine.send("My dog is called Rex.")
    while getattr(one.until(Status).stage, "doing", "") != "learning":
        pass
    one.close()
    assert ledger_says()[:2] == (0, 1)
    two = front(STUDIED)
    two.until(Learned)
    stages = [event.stage for event in two.events if isinstance(event, Status) and event.stage]
    assert {stage.doing for stage in stages} == {"learning"}
    assert [event.lesson.kind for event in events()] == ["message"]


def test_a_stage_says_how_long_it_takes_once_that_was_measured(front, wren: Model):
    know(wren)
    one = front(STUDIED)
    for text in ("My dog is called Rex.", "I live in Oslo."):
        one.engine.send(text)
        one.until(Learned)
    stages = [event.stage for event in one.events if isinstance(event, Status) and event.stage]
    first, last = ([s for s in stages if s.message == m] for m in (1, 3))
    shown = [{s.doing for s in stages} - {"reading"} for stages in (first, last)]
    assert shown[1] == {"writing", "answering", "learning"} == shown[0] - {"preparing"} < shown[0]
    assert all(s.seconds is None for s in first) and first[0].message == 1
    assert last[0].seconds is not None
    assert all(s.seconds is None or s.seconds > 0 for s in last), "one that takes longer is late"


def test_with_learning_off_nothing_is_studied_in_quiet_either(front, wren: Model):
    know(wren)
    quiet = replace(STUDIED, chat=replace(GREEDY.chat, idle_seconds=0.05))
    one = front(quiet)
    one.engine.ask(memories.learn, "off")
    one.until(Notice)
    one.engine.send("My dog is called Rex.")
    one.until(Replied)
    one.engine.ask(memories.study)
    assert "learning is off" in one.until(Failed).text
    one.engine.ask(memories.learn, "user")
    one.until(Notice)
    one.engine.send("I live in Oslo.")
    one.engine.ask(memories.learn, "off")
    waiting = one.until(Notice)
    assert "go on waiting" in waiting.text
    one.close()
    assert events() == [] and not one.positions(Studied) and ledger_says()[1] == 1


def test_settings_stay_and_act_at_once(front):
    one = front(ENDLESS)
    one.engine.ask(models.put, "max_tokens", "3")
    assert one.until(SettingsList).values["max_tokens"] == 3
    one.engine.send("Hello!")
    replied = one.until(Replied)
    assert (replied.tokens, replied.ended) == (3, "length")
    assert settings.read() == {"max_tokens": 3}
    for name, text, said in (
        ("max_tokns", "3", "did you mean max_tokens"),
        ("temperature", "hot", "a number from 0 to 5"),
        ("learn", "all of it", "user, all, off"),
    ):
        one.engine.ask(models.put, name, text)
        assert said in one.until(Failed).text
    one.engine.ask(models.put, "max_tokens", "")
    assert one.until(SettingsList).values["max_tokens"] == 512 and settings.read() == {}


def test_a_preset_names_a_system_prompt(front):
    settings.path().parent.mkdir(parents=True, exist_ok=True)
    settings.path().write_text('[presets]\nbird = "You are a bird."\n')
    one = front()
    one.engine.ask(models.put, "system", "bird")
    assert one.until(SettingsList).values["system"] == "You are a bird."


def test_options_go_before_the_environment_and_that_before_the_file(monkeypatch):
    settings.put("top_k", 1)
    assert settings.values()["top_k"] == 1
    monkeypatch.setenv("MLXDYN_TOP_K", "2")
    assert settings.values()["top_k"] == 2
    from mlxdyn.cli.commands import _said

    assert (settings.values() | _said(("top_k=3",), learn=None))["top_k"] == 3
    settings.path().write_text("topk = 3\n")
    with pytest.raises(Exception, match="did you mean top_k"):
        settings.values()


def test_leaving_incognito_returns_to_the_chat_that_was_left(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    for kind in (talks.incognito, talks.temporary):
        one.engine.open(kind, True)
        assert one.until(Opened).messages == ()
        one.engine.open(kind, False)
        assert one.until(Opened).messages[0].text == "My dog is called Rex."


def test_prompts_of_all_chats_come_back_after_a_restart(front):
    one = front()
    one.engine.send("Hello!")
    one.until(Learned)
    one.engine.open(talks.new)
    one.engine.send("Good evening!")
    one.until(Learned)
    one.close()
    two = front()
    said = next(event for event in two.events if isinstance(event, Said))
    assert said.texts == ("Hello!", "Good evening!")


def test_a_chat_is_exported_as_markdown_and_json_and_never_over_something(front, tmp_path: Path):
    one = front()
    one.engine.send("Hello!")
    one.until(Learned)
    for name in ("talk.md", "talk.json"):
        one.engine.ask(talks.export, str(tmp_path / name))
        one.until(Notice)
    assert (tmp_path / "talk.md").read_text().startswith("**You**\n\nHello!\n\n**wren**\n\n")
    turns = json.loads((tmp_path / "talk.json").read_text())["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    for bad in ("talk.md", "none/talk.md"):
        one.engine.ask(talks.export, str(tmp_path / bad))
        assert str(tmp_path) in one.until(Failed).text


def test_a_deleted_chat_comes_back_and_an_erased_one_does_not(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    chat = 1
    one.engine.open(talks.hide, chat, True)
    assert one.until(Chats).chats == () and one.until(Opened).messages == ()
    assert ledger_says()[0] == 1, "what it taught stays"
    one.engine.open(talks.hide, chat, False)
    assert one.until(Chats).chats[0].id == chat
    one.engine.open(talks.erase, chat)
    assert one.until(Chats).chats == ()
    assert "forgotten" in one.until(Notice).text
    one.engine.ask(talks.search, "Rex")
    assert one.until(SearchResult).hits == () and ledger_says()[0] == 0


def test_the_panel_tells_facts_gain_and_drift(front):
    one = front(replace(GREEDY, study=replace(QUICK, steps=4, new=8)))
    one.engine.send("My cat is called Tinta.")
    told = one.until(Learned)
    assert told.facts and told.questions and told.studied
    one.engine.ask(memories.panel)
    panel = one.until(Panel)
    assert [fact.answer for fact in panel.facts] == list(told.facts)
    assert panel.facts[0].said == "My cat is called Tinta." and panel.lessons == 1
    assert len(panel.gaps) == 1 and panel.gaps[0][1] < panel.gaps[0][0]
    assert len(panel.drifts) == 1 and 0 <= panel.drifts[0] <= panel.bound


def test_a_message_is_read_token_by_token_with_and_without_memory(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.engine.ask(memories.surprise, 1)
    found = one.until(Surprise)
    assert "".join(token.text for token in found.tokens).strip() == found.text
    assert all(token.nll >= 0 for token in found.tokens)
    assert sum(token.gain for token in found.tokens) > 0, "what was learned is expected more"
