"""`mlxdyn model` and `mlxdyn doctor`: which models are here, and whether the machine is well."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from mlxdyn.cli.open import as_json
from mlxdyn.errors import MlxdynError


@click.group()
def model() -> None:
    """List, describe and download models."""


@model.command("list")
@as_json
def list_models(as_json: bool) -> None:
    """List the bundled and the downloaded models."""
    found = [{"name": n, "path": str(p), "from": "bundled"} for n, p in _bundled().items()]
    found += [{"name": n, "path": p, "from": "downloaded"} for n, p in _cached().items()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for row in found:
        click.echo(f"{row['name']}  ({row['from']})  {row['path']}")


@model.command()
@click.argument("name")
@as_json
def info(name: str, as_json: bool) -> None:
    """Describe one model."""
    from mlxdyn.model.device import prepare

    prepare()
    from mlxdyn.model.load import load

    loaded = load(name)
    facts = {
        "name": loaded.name,
        "path": str(loaded.path),
        "type": loaded.config["model_type"],
        "fingerprint": loaded.fingerprint,
        "parameters": loaded.parameters,
        "dtype": loaded.dtype,
        "context": loaded.context_size,
        "chat_template": bool(loaded.tokenizer.has_chat_template),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        click.echo(f"{key:14} {value}")


@model.command()
@click.argument("repository")
def download(repository: str) -> None:
    """Fetch a model from Hugging Face; the only command that uses the network."""
    fetch(repository)
    click.echo(f"Downloaded. Talk to it: mlxdyn chat --model {repository} --memory NAME")


def fetch(repository: str) -> None:
    """Download a repository with progress on standard error.

    Raises MlxdynError when it cannot be had.
    """
    import os

    os.environ["HF_HUB_OFFLINE"] = "0"
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    huggingface_hub.constants.HF_HUB_OFFLINE = False
    wanted = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken"]
    try:
        huggingface_hub.snapshot_download(repository, allow_patterns=wanted)
    except HFValidationError as error:
        raise MlxdynError(f"{repository!r} is not a repository name such as owner/name") from error
    except (HfHubHTTPError, OSError, RuntimeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MlxdynError(f"{repository} cannot be downloaded: {said}") from error
    except Exception as error:  # the HTTP library's own errors
        raise MlxdynError(f"{repository} cannot be downloaded: {type(error).__name__}") from error


def ensure(name: str) -> None:
    """Make sure the model is here; on a terminal, offer to download a repository that is not.

    Raises MlxdynError when there is no such model.
    """
    if name in _bundled():
        return
    from mlxdyn.model.device import prepare

    prepare()
    from mlxdyn.model.load import locate

    try:
        locate(name)
    except MlxdynError:
        if name.count("/") != 1 or name[0] in "./~" or not sys.stdin.isatty():
            raise
        click.confirm(f"{name} is not on this machine. Download it?", abort=True, err=True)
        fetch(name)


def _bundled() -> dict[str, str]:
    import mlxdyn_models

    return {name: str(path) for name, path in mlxdyn_models.bundled().items()}


def _cached() -> dict[str, str]:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return {}
    return {repo.repo_id: str(repo.repo_path) for repo in repositories if repo.repo_type == "model"}


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
        f"anchors: {memory['anchors']}",
        f"study: {', '.join(own) or 'the defaults'}",
    ]
    if memory["waiting"]:
        lines.append(f"{memory['waiting']} messages wait to be learned")
    return "\n  ".join(lines)
