"""Laws of `mlxdyn config` and of the shell's completion."""

import json
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from mlxdyn import settings
from mlxdyn.cli import main
from mlxdyn.cli.commands import main as group
from mlxdyn.engine.actor import Options
from mlxdyn_app.app import ChatApp
from mlxdyn_app.theme import KNOWN, NAMES


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(group, words)
    assert result.exit_code == code, result.output
    return result.output


def test_a_setting_is_kept_shown_and_unset():
    run("config", "temperature", "0.3")
    assert settings.read() == {"temperature": 0.3}
    assert "temperature = 0.3" in run("config", "temperature")
    assert json.loads(run("config", "--json"))["temperature"] == 0.3
    assert "how freely" in run("config") and str(settings.path()) in run("config")
    run("config", "temperature", "--unset")
    assert settings.read() == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("temprature", "1"), "did you mean temperature?"),
        (("temprature",), "did you mean temperature?"),
        (("temprature", "--json"), "did you mean temperature?"),
        (("temprature", "--unset"), "did you mean temperature?"),
        (("", "--json"), "there is no setting"),
        (("theme", "nosuch"), "there is: dark, light, "),
        (("model", "nosuch"), "no model 'nosuch': name one that is here (wren"),
        (("temperature", "hot"), "it takes a number from 0 to 5"),
        (("temperature", "nan"), "it takes a number"),
        (("idle", "inf"), "it takes a number"),
        (("idle", "1e10"), "it takes a number from 0 to 1e+09"),
        (("learn", "none"), "it takes user, all, off"),
        (("numbers", "perhaps"), "it takes on or off"),
        (("seed", "1.5"), "it takes a whole number"),
    ],
)
def test_what_cannot_be_is_said_with_what_can(words, said):
    assert said in run("config", *words, code=1)
    assert settings.read() == {}


@pytest.mark.parametrize("model", ["wren", "smollm2-135m", "mlx-community/Qwen3-0.6B-4bit", ""])
def test_a_model_that_is_here_or_could_be_fetched_is_kept(model):
    run("config", "model", model)
    assert settings.read() == {"model": model}


def test_a_model_that_is_set_and_not_there_is_told_with_the_file_that_names_it(monkeypatch):
    monkeypatch.delenv("MLXDYN_MODEL")
    settings.put("model", "nosuch")
    assert f"no model 'nosuch', which {settings.path()} names" in run(
        "chat", "--once", "Hi", code=1
    )
    assert str(settings.path()) not in run("chat", "-m", "other", "--once", "Hi", code=1)


def test_the_app_knows_every_theme_that_can_be_kept():
    assert {NAMES.get(name, name) for name in KNOWN} == {*ChatApp(Options()).available_themes}
    for theme in KNOWN:
        run("config", "theme", theme)


@pytest.mark.parametrize("words", [("--unset",), ("model", "wren", "--unset")])
def test_unset_takes_a_name_and_no_value(words):
    """Without a name it listed everything and unset nothing; a value it did not look at."""
    run("config", "model", "wren")
    assert "--unset takes the NAME" in run("config", *words, code=2)
    assert settings.read() == {"model": "wren"}


@pytest.mark.parametrize(("name", "value"), [("system", "Short."), ("temperature", 0.5)])
def test_a_setting_changes_and_the_rest_of_the_file_stays_as_it_was_written(name, value):
    """Texts of several lines are not cut, nor is a table taken for one that stands in a text."""
    settings.path().parent.mkdir(parents=True, exist_ok=True)
    system = 'system = """You are a bird.\n[You] sing.\n"""'
    text = "# mine\n{}  # why\n'theme' = 'light'\n{}\n[presets]\npirate = 'Arr.'\n"
    settings.path().write_text(text.format(system, ""))
    before = settings.read()
    run("config", name, str(value))
    assert settings.read() == before | {name: value}
    line = f"{name} = {json.dumps(value)}"
    wanted = text.format(line, "") if name == "system" else text.format(system, f"{line}\n")
    assert settings.path().read_text() == wanted


@pytest.mark.parametrize("text", ["a\u2028b", "a\x7fb", "a\udcffb"])
def test_any_text_is_kept_and_unset(text):
    run("config", "system", text)
    assert settings.read()["system"] == text.encode("utf-8", "replace").decode()
    run("config", "temperature", "0.3")
    run("config", "system", "--unset")
    assert settings.read() == {"temperature": 0.3}


def test_a_linked_file_stays_linked(tmp_path):
    (tmp_path / "dotfiles.toml").write_text("temperature = 0.5\n")
    settings.path().parent.mkdir(parents=True, exist_ok=True)
    settings.path().symlink_to(tmp_path / "dotfiles.toml")
    run("config", "temperature", "0.3")
    assert settings.path().is_symlink() and settings.read() == {"temperature": 0.3}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_learns_to_complete(shell):
    assert "_MLXDYN_COMPLETE" in run("completion", shell)


def test_an_option_that_is_no_setting_is_named():
    assert "did you mean top_k" in run("chat", "--set", "topk=3", "--once", "Hi", code=1)
    assert "NAME=VALUE" in run("chat", "--set", "top_k", "--once", "Hi", code=2)


def test_the_model_that_is_set_for_a_chat_answers(monkeypatch):
    """It was taken, and another answered."""
    once = ("--set", "model=nosuch", "--once", "Hi")
    assert "no model 'nosuch'" in run("chat", *once, code=1)
    monkeypatch.delenv("MLXDYN_MODEL")
    assert "no model 'nosuch'" in run("chat", *once, code=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--web", "--once", "Hi"), "not --once"),
        (("--web", "--plain"), "not --once"),
        (("--web", "--json"), "not --once"),
        (("--port", "0", "--once", "Hi"), "--port goes with --web"),
        (("--continue", "--plain"), "--continue goes with --once"),
        (("--model", "wren", "--set", "model=heron"), "two models"),
    ],
)
def test_a_chat_refuses_what_it_would_ignore(words, said, monkeypatch):
    monkeypatch.setattr("mlxdyn.cli.web.serve", lambda words, port: None)
    assert said in run("chat", *words, code=2)


def test_the_program_knows_its_short_options():
    assert callable(main)
    help_ = run("chat", "--help")
    assert "-m, --model" in help_ and "-M, --memory" in help_ and "--system" in help_


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Walk a command and all below it, with their names."""
    yield name, command
    if isinstance(command, click.Group):
        for below in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), below)
            assert found is not None
            yield from commands(found, f"{name} {below}")


def test_every_option_and_command_is_explained():
    for name, command in commands(group, "mlxdyn"):
        assert command.get_short_help_str(), name
        options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        assert all(option.help for option in options), name


def test_every_command_that_prints_results_takes_json():
    silent = {"mlxdyn completion"}  # a script of the shell's
    for name, command in commands(group, "mlxdyn"):
        takes = any("--json" in option.opts for option in command.params)
        assert takes or isinstance(command, click.Group) or name in silent, name
