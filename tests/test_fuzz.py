"""Whatever is read ends in a value or a sentence: settings, cases, chats, models, what is typed.

More examples: `MLXDYN_FUZZ=1000 pytest -k any`, as `make slow` does. Bundles and adapters are in
`test_received.py`, texts in `test_tasks.py`.
"""

import io
import json
import shutil
from pathlib import Path

import pytest
from ggufs import Quantisation, write_base
from hypothesis import given
from hypothesis import strategies as st
from school import know
from test_gguf import looked_at
from test_received import EDITS, FUZZ, JSON, spoiled
from tiny import FAMILIES, tiny_model

from mlxdyn import settings
from mlxdyn.cli.plain import PlainChat
from mlxdyn.config import ChatConfig, SamplingConfig, StudyConfig
from mlxdyn.engine import commands
from mlxdyn.engine.actor import Options
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange import directories
from mlxdyn.files import data_dir
from mlxdyn.lab import cases, tasks
from mlxdyn.model import registry
from mlxdyn.model.load import Model, load

DEEP = 100_000


def sentence(error: MlxdynError) -> None:
    assert str(error) and "\n" not in str(error) and "Traceback" not in str(error)


TOML = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(("model", "personal", "x")), JSON, max_size=3).map(
        lambda told: "\n".join(f"{key} = {json.dumps(told[key])}" for key in told).encode()
    ),
)


@given(data=TOML)
@FUZZ
def test_any_settings_are_read_or_a_sentence(data: bytes):
    data_dir()
    settings.path().write_bytes(data)
    try:
        registry.default()
        settings.personal()
        settings.put("model", "wren")
        assert settings.read()["model"] == "wren"
    except MlxdynError as error:
        sentence(error)
        assert settings.path().read_bytes() == data, "what is broken is not written over"


@pytest.mark.parametrize("opening", ["[", "{a="])
def test_settings_as_deep_as_any_are_a_sentence(opening: str):
    data_dir()
    settings.path().write_text(f"x = {opening * DEEP}")
    with pytest.raises(MlxdynError, match="mend it or remove it"):
        settings.read()


CASE = st.fixed_dictionaries(
    {"id": JSON, "messages": st.lists(st.text(max_size=9), max_size=2) | JSON},
    optional={"ask": JSON, "unknown": JSON, "kind": JSON},
).map(lambda case: json.dumps(case).encode())


@given(lines=st.lists(st.binary(max_size=30) | CASE, max_size=4))
@FUZZ
def test_any_lines_are_cases_or_a_sentence(tmp_path_factory, lines: list[bytes]):
    path = tmp_path_factory.mktemp("fuzz") / "cases.jsonl"
    path.write_bytes(b"\n".join(lines))
    try:
        assert all(case.messages for case in cases.read([path]))
    except MlxdynError as error:
        sentence(error)


TURN = st.fixed_dictionaries(
    {}, optional={"role": JSON, "content": JSON, "text": JSON, "messages": JSON, "from": JSON}
)


@given(lines=st.lists(st.binary(max_size=30) | TURN.map(json.dumps).map(str.encode), max_size=5))
@FUZZ
def test_any_lines_are_chats_or_named(tmp_path_factory, lines: list[bytes]):
    path = tmp_path_factory.mktemp("fuzz") / "chat.jsonl"
    path.write_bytes(b"\n".join(lines))
    for item in tasks.read([str(path)], io.BytesIO(), limit=None):
        assert item.path.startswith(str(path))


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gguf")
    model = tiny_model(folder / "base", next(iter(FAMILIES)), blocks=1)
    write_base(model, folder / "base.gguf", Quantisation.F32)
    return folder / "base.gguf"


@given(edits=EDITS, cut=st.sampled_from([1.0, 1.0, 1.0, 0.7, 0.1]))
@FUZZ
def test_any_gguf_is_read_or_a_sentence(gguf: Path, tmp_path_factory, edits, cut):
    path = tmp_path_factory.mktemp("fuzz") / "odd.gguf"
    head = gguf.read_bytes()[:20_000]  # what is not weights comes first
    path.write_bytes(spoiled(head, edits, cut) + gguf.read_bytes()[20_000:])
    try:
        looked_at(path)
    except MlxdynError as error:
        sentence(error)


@given(data=st.binary(max_size=40) | JSON.map(json.dumps).map(str.encode))
@FUZZ
def test_any_configuration_of_a_model_is_read_or_a_sentence(tmp_path_factory, data: bytes):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "config.json").write_bytes(data)
    with pytest.raises(MlxdynError) as refused:
        load(str(folder))
    sentence(refused.value)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_a_model_described_as_deep_as_any_is_a_sentence(mite: Model, tmp_path: Path, name: str):
    folder = shutil.copytree(mite.path, tmp_path / "odd")
    (folder / name).write_text("[" * DEEP)
    try:
        assert load(str(folder)).generation == {}
    except MlxdynError as error:
        sentence(error)


def test_an_adapter_described_as_deep_as_any_is_a_sentence(tmp_path: Path):
    (tmp_path / directories.CONFIG).write_text("[" * DEEP)
    with pytest.raises(MlxdynError):
        directories.read(tmp_path)


COMMANDS = [f"/{name}" for name in commands.SLASH_COMMANDS]
NEVER = ("/quit", "/exit")
LINE = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30).map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.tuples(st.sampled_from(COMMANDS), st.text(max_size=12)).map(" ".join),
    st.tuples(st.sampled_from(COMMANDS), st.integers()).map(lambda pair: f"{pair[0]} {pair[1]}"),
).filter(lambda line: line.strip().split(" ")[0] not in NEVER)


@pytest.fixture(scope="module")
def talker(loaded_mite: Model) -> Options:
    return Options(
        model=str(loaded_mite.path),
        chat=ChatConfig(sampling=SamplingConfig(temperature=0.0, max_tokens=2)),
        study=StudyConfig(steps=0, pass_steps=1, most_steps=1),
    )


@given(lines=st.lists(LINE, max_size=8))
@FUZZ
def test_any_lines_may_be_typed_in_a_plain_chat(
    talker: Options, tmp_path_factory, loaded_mite: Model, lines: list[str]
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLXDYN_HOME", str(tmp_path_factory.mktemp("home")))
        patch.chdir(tmp_path_factory.mktemp("here"))  # where /export writes
        know(loaded_mite)
        out, err = io.StringIO(), io.StringIO()
        code = PlainChat(talker, out, err, as_json=False).talk([*lines, "/help"], lambda: None)
    said = out.getvalue() + err.getvalue()
    assert code in (0, 1) and "Traceback" not in said and "/forget [ID]" in said
    named = [line for line in err.getvalue().splitlines() if "Error: " in line]
    assert not any(f"{kind}Error:" in line for line in named for kind in ("Type", "Key", "Value"))
    assert not any(letter < " " and letter not in "\n\t" for letter in said)
