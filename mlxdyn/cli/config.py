"""`mlxdyn config` and `mlxdyn completion`: what is set for good, and the shell's Tab."""

import json

import click

from mlxdyn import settings
from mlxdyn.cli.model import check_known
from mlxdyn.cli.open import as_json
from mlxdyn.engine.messages import value
from mlxdyn.errors import MlxdynError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("name", required=False)
@click.argument("text", metavar="[VALUE]", required=False)
@click.option("--unset", is_flag=True, help="Let NAME be as it is by default.")
@as_json
def config(name: str | None, text: str | None, unset: bool, as_json: bool) -> None:
    """Show all settings, show NAME, or keep VALUE for it.

    They are kept in config.toml; MLXDYN_NAME in the environment goes before it, and an option of
    `mlxdyn chat` before both.
    """
    if unset and (name is None or text is not None):
        raise click.UsageError("--unset takes the NAME of a setting, and no VALUE")
    if name is not None:
        setting = settings.known(name)
        kept = None if text is None else settings.parse(name, text)
        if kept is not None:
            _check(name, str(kept))
        if unset or kept is not None:
            settings.put(name, kept)
    found = settings.values()
    if as_json:
        click.echo(json.dumps(found if name is None else {name: found[name]}, indent=2))
    elif name is not None:
        click.echo(f"{name} = {value(found[name])}    {setting.meaning}; {setting.takes}")
    else:
        for setting in settings.SETTINGS:
            click.echo(f"{setting.name:20} {value(found[setting.name]):16} {setting.meaning}")
        click.echo(f"\nkept in {settings.path()}", err=True)


def _check(name: str, kept: str) -> None:
    """Raise MlxdynError for a model or a theme that there is not: neither could be used later."""
    if name == "model" and kept:
        check_known(kept)
    if name == "theme":
        from mlxdyn_app.theme import KNOWN

        if kept not in KNOWN:
            raise MlxdynError(f"there is no theme {kept!r}; there is: {', '.join(KNOWN)}")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what lets a shell complete mlxdyn's commands and options.

    bash and zsh: eval "$(mlxdyn completion bash)"; fish: mlxdyn completion fish | source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, "mlxdyn", "_MLXDYN_COMPLETE").source())
