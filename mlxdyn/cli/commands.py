"""All commands under one name, and `mlxdyn chat`; heavy imports wait until a command runs."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mlxdyn import __version__, settings
from mlxdyn.cli import change, check, streams
from mlxdyn.cli.bench import bench
from mlxdyn.cli.config import completion, config
from mlxdyn.cli.eval import evaluate_command
from mlxdyn.cli.exchange import export_memory, import_chats, import_memory
from mlxdyn.cli.first import model_for
from mlxdyn.cli.memory import memory
from mlxdyn.cli.model import check_taught, doctor, ensure, model
from mlxdyn.cli.open import base, chosen, personal
from mlxdyn.config import LEARNS, Learn
from mlxdyn.engine.messages import escape_control
from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.files import check_name, data_dir

if TYPE_CHECKING:
    from mlxdyn.engine.actor import Options

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Sentences(click.Group):
    """A group whose commands end in one sentence and exit code 1 when they cannot go on."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        streams.settle()
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # only `model download` lifts it
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()  # here, where what cannot be written is still told
            return done
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader has seen enough, say `| head`
                raise
            if error.errno == errno.ENOSPC and error.filename is None:  # Python would try again
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise click.ClickException(escape_control(sentence(error))) from error
        except MlxdynError as error:
            raise click.ClickException(escape_control(str(error))) from error
        except ValueError as error:
            if sentence(error) == str(error):
                raise  # a mistake of ours
            raise click.ClickException(sentence(error)) from error
        except sqlite3.Error as error:
            from mlxdyn.memory.store.database import reason

            ledger = data_dir(make=False) / "mlxdyn.db"
            raise click.ClickException(
                f"the ledger {ledger} cannot be used: {reason(error)}; see `mlxdyn doctor`"
            ) from error


@click.group(cls=Sentences, context_settings=CONTEXT)
@click.version_option(__version__, message="mlxdyn %(version)s")
def main() -> None:
    """An assistant on your own machine that learns from you while you talk."""


@main.command()
@base
@chosen
@click.option(
    "--learn", type=click.Choice(LEARNS),
    help="Whose words are learned.  [default: as set, else user]",
)  # fmt: skip
@click.option(
    "--system", metavar="TEXT", help="System prompt: said before all else, never learned."
)
@click.option(
    "--set", "chosen_now", metavar="NAME=VALUE", multiple=True,
    help="Any setting of `mlxdyn config`, for this chat.",
)  # fmt: skip
@personal
@click.option("--temporary", is_flag=True, help="Read the memory, write nothing.")
@click.option("--incognito", is_flag=True, help="Talk with the bare base; no memory, no trace.")
@click.option("--once", metavar="TEXT", help="Answer TEXT, learn it, and exit.")
@click.option("--continue", "go_on", is_flag=True, help="With --once: in the latest conversation.")
@click.option("--plain", is_flag=True, help="Line by line, without the full-screen app.")
@click.option("--web", is_flag=True, help="The app in a browser on this machine, with a token.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="With --web.  [default: a free one]"
)
@click.option("--json", "as_json", is_flag=True, help="With --once or --plain: JSON results.")
@click.option(
    "--no-template", "untaught", is_flag=True,
    help="Chat with a base without a chat template, as lines of User: and Assistant:.",
)  # fmt: skip
def chat(
    model: str,
    name: str,
    learn: Learn | None,
    system: str | None,
    chosen_now: tuple[str, ...],
    personal: bool,
    temporary: bool,
    incognito: bool,
    once: str | None,
    go_on: bool,
    plain: bool,
    web: bool,
    port: int,
    as_json: bool,
    untaught: bool,
) -> None:
    """Talk with a model that learns from you."""
    from mlxdyn.engine.actor import Options

    given = click.get_current_context().get_parameter_source
    port_given = given("port") != ParameterSource.DEFAULT
    _check_usage(once, web, go_on=go_on, lines=plain or as_json, port=port_given)
    check_name(name)
    said = _said(chosen_now, learn=learn, system=system)
    found = settings.values() | said
    if given("personal") != ParameterSource.DEFAULT:
        found["personal"] = personal
    temporary = temporary or incognito
    if given("model") != ParameterSource.COMMANDLINE and said.get("model"):
        model = str(said["model"])
    elif given("model") == ParameterSource.DEFAULT:
        asks = once is None and not as_json and "TEXTUAL_DRIVER" not in os.environ
        model = model_for(name, ask=asks and _on_terminal())
    elif said.get("model") not in (None, model):
        raise click.UsageError("--model and --set model name two models; leave one out")
    ensure(model)
    if not untaught:
        check_taught(model)
    if web:
        from mlxdyn.cli.web import serve

        words = ["--model", model, "--memory", name, *(f"--set={one}" for one in chosen_now)]
        words += [f"--{n}={text}" for n, text in (("learn", learn), ("system", system)) if text]
        if given("personal") != ParameterSource.DEFAULT:
            words += [f"--{'' if personal else 'no-'}personal"]
        flags = {"temporary": temporary, "incognito": incognito, "no-template": untaught}
        serve([*words, *(f"--{flag}" for flag, on in flags.items() if on)], port)
        return
    options = Options(
        model=model,
        memory=name,
        chat=settings.chat(found),
        temporary=temporary,
        incognito=incognito,
        fresh=once is not None and not go_on,
        values=found,
    )
    if once is None and not (plain or as_json) and _on_terminal():
        import mlxdyn_app

        mlxdyn_app.run(options)
    sys.exit(_plain(options, once, as_json))


def _check_usage(once: str | None, web: bool, *, go_on: bool, lines: bool, port: bool) -> None:
    """Refuse what would be ignored."""
    if web and (once is not None or lines):
        raise click.UsageError("--web is the app in a browser: not --once, --plain or --json")
    if port and not web:
        raise click.UsageError("--port goes with --web")
    if go_on and once is None:
        raise click.UsageError("--continue goes with --once TEXT")


def _said(chosen: tuple[str, ...], **options: str | None) -> dict[str, settings.Value]:
    """Give the settings that the command line says: they go before the environment's."""
    said = {name: text for name, text in options.items() if text is not None}
    for one in chosen:
        name, equals, text = one.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes NAME=VALUE, not {one!r}")
        said[name.strip()] = text
    return {name: settings.parse(name, text) for name, text in said.items()}


def _on_terminal() -> bool:
    """Textual draws on standard error; with a driver of its own it needs no terminal."""
    return "TEXTUAL_DRIVER" in os.environ or all(
        stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)
    )


def _plain(options: Options, once: str | None, as_json: bool) -> int:
    from mlxdyn.cli.plain import PlainChat, agrees, prompt

    talk = PlainChat(options, sys.stdout, sys.stderr, as_json=as_json, agrees=agrees)
    if once is not None:
        if not once.strip():
            raise click.UsageError("--once needs some text")
        return talk.once(once.strip())
    return talk.talk(sys.stdin, prompt(sys.stdout))


main.add_command(evaluate_command)
main.add_command(memory)
for command in (*check.COMMANDS, *change.COMMANDS, export_memory, import_memory, import_chats):
    memory.add_command(command)
main.add_command(model)
main.add_command(doctor)
main.add_command(bench)
main.add_command(config)
main.add_command(completion)
