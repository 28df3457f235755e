"""Where everything lives on disk, private to its owner; files that appear whole or not at all."""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from mlxdyn.config import DEFAULT_MEMORY
from mlxdyn.errors import MlxdynError, sentence

PROJECT = ".mlxdyn"
"""A file with the name of a memory, for the directory that holds it and all below."""


NOTE_PREFIX = ".leaves-"
"""Files of this name in the home hold the path of something that is there for a moment only."""


MOST_TEXT = 2**28  # bytes of one text that is read whole
SPARE = "spare"
"""A file in the home that is given up when something is forgotten and the disk is full."""

LEAST_ROOM, MOST_ROOM = 2**20, 2**26  # bytes


def data_dir(*, make: bool = True) -> Path:
    """Return MLXDYN_HOME or the platform's user data directory, made with mode 0700 if told to.

    Raises MlxdynError where that cannot be.
    """
    os.umask(0o077)
    chosen = os.environ.get("MLXDYN_HOME")
    path = expanded(chosen) if chosen else Path(platformdirs.user_data_path("mlxdyn"))
    if not make and (path.is_dir() or not path.exists()):
        return path
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MlxdynError(
            f"{path} cannot be used ({error.strerror}); name a directory of yours in MLXDYN_HOME"
        ) from error
    return path


def expanded(named: str) -> Path:
    """Return the path that a user names; `~` is their home, and `~NAME` that of another user.

    Raises MlxdynError where there is no such user.
    """
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        raise MlxdynError(
            f"{named} cannot be used: there is no user of that name; write the path out"
        ) from error


@contextmanager
def elsewhere(folder: Path) -> Iterator[None]:
    """Let the home be `folder` for the length of the block."""
    before = os.environ.get("MLXDYN_HOME")
    os.environ["MLXDYN_HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("MLXDYN_HOME", None)
        if before is not None:
            os.environ["MLXDYN_HOME"] = before


def memory_directory(name: str, *, make: bool = True) -> Path:
    """Return `memories/<name>`, made with mode 0700 unless told otherwise."""
    path = data_dir(make=make) / "memories" / name
    if make:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def chosen_memory() -> str:
    """Return the memory that a .mlxdyn file in this directory or one above names, or the default.

    Raises MlxdynError when the file names none that could be.
    """
    here = Path.cwd()
    for directory in (here, *here.parents):
        file = directory / PROJECT
        if file.is_file():
            return _named(file)
    return DEFAULT_MEMORY


def _named(file: Path) -> str:
    try:
        return check_name(file.read_text("utf-8").strip() or DEFAULT_MEMORY)
    except (MlxdynError, OSError, ValueError) as error:
        raise MlxdynError(
            f"{file} names no memory ({error}); write a name into it, or pass --memory"
        ) from error


def check_name(name: str) -> str:
    """Return `name` if it can name a memory; raise MlxdynError otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise MlxdynError(
            f"{name!r} cannot name a memory: use letters, digits, dot, dash and underscore"
        )
    return name


def data_file(*parts: str) -> Path:
    """Return a path below the home, its directory made with mode 0700."""
    path = data_dir().joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a hidden path to write at, which takes the place of `path` once the block ends well."""
    partial = path.with_name(f".{path.stem}-{os.urandom(4).hex()}.partial{path.suffix}")
    try:
        yield partial
        sync(partial)
        os.replace(partial, path)
        sync(path.parent)
    except OSError as error:
        if error.filename == str(partial):
            error.filename = str(path)  # what a user knows
        raise
    finally:
        partial.unlink(missing_ok=True)


def write(path: Path, data: str | bytes) -> None:
    """Write a small file that appears whole or not at all, over what was there."""
    with replacing(path) as partial:
        partial.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """Yield `path`, a hidden file or directory to make; what is there goes when the block ends.

    Should the process be killed before, `sweep` removes it: it may hold what was since forgotten.
    """
    from filelock import FileLock

    note = data_dir() / f"{NOTE_PREFIX}{os.urandom(8).hex()}"
    lock = note.with_name(f"{note.name}.lock")
    with FileLock(lock):
        try:
            note.write_bytes(os.fsencode(path.absolute()) + b"\n")
            yield path
        finally:
            _clear(path, note, lock)


def sweep() -> None:
    """Remove what killed processes left of the temporary; what others are at work on stays.

    What cannot be removed now is tried again the next time.
    """
    from filelock import FileLock, Timeout

    for lock in data_dir().glob(f"{NOTE_PREFIX}*.lock"):
        with suppress(Timeout, OSError), FileLock(lock, timeout=0):
            note = lock.with_suffix("")
            told = os.fsdecode(note.read_bytes()) if note.exists() else ""
            whole = told.endswith("\n")  # or else it was cut short, and names something else
            _clear(Path(told[:-1]) if whole else None, note, lock)


def _clear(path: Path | None, note: Path, lock: Path) -> None:
    """Remove what a note names; the note stays until it is seen that nothing is there."""
    if path and path.name.startswith("."):
        with suppress(OSError):
            remove(path)
        if not _gone(path):
            return
    note.unlink(missing_ok=True)
    lock.unlink(missing_ok=True)


def _gone(path: Path) -> bool:
    """Tell whether a directory has no such entry; one that is away may come back."""
    try:
        path.lstat()
    except OSError as error:
        return isinstance(error, FileNotFoundError) and path.parent.is_dir()
    return False


def remove(path: Path) -> None:
    """Remove a file or a directory with all in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def keep_room() -> None:
    """Keep room on the disk for forgetting: as much as the ledger takes, within bounds.

    Nothing changes where there is none; forgetting then has to do with what is free.
    """
    ledger, spare = data_dir() / "mlxdyn.db", data_dir() / SPARE
    with suppress(OSError):
        wanted = min(max(ledger.stat().st_size, LEAST_ROOM), MOST_ROOM)
        if not spare.exists() or not wanted / 2 <= spare.stat().st_size <= 2 * wanted:
            _fill(spare, wanted)


def _fill(path: Path, size: int) -> None:
    try:
        with path.open("wb", buffering=0) as stream:
            for _ in range(0, size, LEAST_ROOM):
                stream.write(bytes(LEAST_ROOM))
    except OSError:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def room() -> Iterator[None]:
    """Give back the room that is kept, for the length of the block."""
    with suppress(OSError):
        (data_dir() / SPARE).unlink(missing_ok=True)
    try:
        yield
    finally:
        keep_room()


def check_free(target: Path) -> None:
    """Raise MlxdynError where `target` would overwrite something; an empty directory is free."""
    if target.is_dir():
        if any(target.iterdir()):
            raise MlxdynError(f"{target} is not empty; name a new directory")
    elif target.exists() or target.is_symlink():
        raise MlxdynError(f"{target} exists; name a new file or directory")


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` to write at; it takes that name once the block ends well.

    Raises MlxdynError when `target` holds something or the disk is full. A block that fails leaves
    nothing.
    """
    check_free(target)
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.stem}-{os.urandom(4).hex()}.partial{target.suffix}")
    try:
        with temporary(partial):
            yield partial
            _sync_all(partial)
            check_free(target)
            os.rename(partial, target)  # onto an empty directory too, but never a full one
            sync(target.parent)
    except RuntimeError as error:  # MLX knows no other when it cannot write
        raise MlxdynError(f"{target} cannot be written: {sentence(error)}") from error


def _sync_all(path: Path) -> None:
    for inner in sorted(path.rglob("*")) if path.is_dir() else []:
        sync(inner)
    sync(path)


def sync(path: Path) -> None:
    """Make a file, or the entries of a directory, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        _flush(handle)
    finally:
        os.close(handle)


def _flush(handle: int) -> None:
    """Let what was written reach the disk itself; on macOS `fsync` stops at the disk's cache."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):  # some disks refuse it
            fcntl.fcntl(handle, full)
            return
    os.fsync(handle)


def read_text(path: Path) -> str:
    """Read UTF-8 text that a user named; a device may have no end.

    Raises OSError, and ValueError for what is not UTF-8 or too long to be read whole.
    """
    with path.open("rb") as stream:
        data = stream.read(MOST_TEXT + 1)
    if len(data) > MOST_TEXT:
        raise ValueError(f"it has more than {MOST_TEXT:,} bytes; name a smaller file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8; save it so") from error


def digest(path: Path) -> str | None:
    """Return the sha256 of a file; None when it cannot be read."""
    with suppress(OSError), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
    return None
