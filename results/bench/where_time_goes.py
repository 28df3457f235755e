"""Where the time goes in one reply, one learned message and one eval chunk; prints JSON.

python results/bench/where_time_goes.py MODEL: processor time of one thread, whatever else runs.
"""

import cProfile
import json
import os
import pstats
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
from mlxdyn.model import device

device.prepare()

import mlx.core as mx  # noqa: E402
import mlx.nn as nn  # noqa: E402

from mlxdyn.config import AdapterConfig, LearnerConfig  # noqa: E402
from mlxdyn.lab.bench.learning import FACTS  # noqa: E402
from mlxdyn.lab.bench.reading import drawn  # noqa: E402
from mlxdyn.lab.bench.talking import session_of, written  # noqa: E402
from mlxdyn.learn.learner import Learner  # noqa: E402
from mlxdyn.learn.parts import Parts  # noqa: E402
from mlxdyn.learn.steps import run  # noqa: E402
from mlxdyn.learn.stream import Chunk  # noqa: E402
from mlxdyn.model.load import Model, load  # noqa: E402
from mlxdyn.model.lora import attach, detach  # noqa: E402

LOOKED_AT = {
    ("learner.py", "step"): "steps of the learner",
    ("learner.py", "measure"): "gaps and the guard are measured",
    ("decode.py", "scores"): "answers and questions are scored",
    ("decode.py", "answers"): "the teacher answers",
    ("decode.py", "branches"): "questions are written",
    ("parts.py", "lower"): "lower blocks are read",
    ("snapshots.py", "save"): "saved",
}  # fmt: skip


def spent(action: Callable[[], object], times: int = 9) -> float:
    """Milliseconds of processor time, the median."""
    taken = []
    for _ in range(times + 1):
        began = time.process_time()
        action()
        taken.append(1000 * (time.process_time() - began))
    return median(taken[1:])


def reply(model: Model) -> dict[str, float]:
    """One token of a reply, 128 tokens in."""
    attach(model, AdapterConfig())
    network, cache = model.network, model.new_cache()
    network.eval()
    mx.eval(network(mx.array([drawn(model, 128)]), cache=cache))
    token = mx.array([[7]])
    hidden = network.model(token, cache=cache)
    mx.eval(hidden)
    blocks = spent(lambda: mx.eval(network.model(token, cache=cache)))
    whole = spent(lambda: mx.eval(network(token, cache=cache)))
    mlps = spent(lambda: mx.eval([layer.mlp(hidden) for layer in network.model.layers]))
    parts = Parts(network, 0)
    head = spent(lambda: mx.eval(parts.head(hidden)))
    detach(model)
    bare = spent(lambda: mx.eval(network.model(token, cache=cache)))
    began = time.process_time()
    written(model, 1)
    chat = 1000 * (time.process_time() - began) / 2 / 32
    return {
        "a token, network alone": whole, "mlps": mlps, "attention": blocks - mlps,
        "head": head, "of the blocks, the adapter": blocks - bare,
        "a token, decoder and all": chat,
    }  # fmt: skip


def chunk(model: Model) -> dict[str, float]:
    """One chunk of 64 in a window of 256, read anew, scored and learned."""
    attach(model, AdapterConfig())
    network, tokens = model.network, drawn(model, 257)
    learner = Learner(network, LearnerConfig(), model.new_cache)
    network.train()
    one, start = Chunk(tokens[:193], tokens[193:]), learner.state
    inputs, targets, _ = learner._arrays(one)
    hidden = network.model(inputs)
    mx.eval(hidden)
    blocks = spent(lambda: mx.eval(network.model(inputs)), 3)
    scored = spent(lambda: learner.score(one), 3)
    gradient = spent(lambda: learner.gradient(one), 3)

    def learn() -> None:
        learner.learn(one)
        learner.state = start

    learned = spent(learn, 3)
    logits = mx.random.normal((1, 64, 49152))
    mx.eval(logits)
    loss = spent(lambda: mx.eval(nn.losses.cross_entropy(logits, targets)), 3)
    mlps = spent(lambda: mx.eval([layer.mlp(hidden) for layer in network.model.layers]), 3)
    detach(model)
    return {
        "learned": learned, "forward: mlps": mlps, "forward: attention": blocks - mlps,
        "forward: head and loss": scored - blocks, "of it, the loss (49152 tokens)": loss,
        "backward": gradient - scored, "clip and optimizer": learned - gradient,
    }  # fmt: skip


def message(model: Model) -> dict[str, float]:
    """One message: whole, then again by function under a profiler, which slows small calls only."""
    found = {"a message": learned(model), "peak, MB": mx.get_peak_memory() / 1e6}
    profile = cProfile.Profile(time.process_time)
    found["a message, profiled"] = learned(model, profile)
    rows = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, name), (_, _, _, cumulative, _) in rows.items():
        if (part := LOOKED_AT.get((Path(file).name, name))) and "mlxdyn" in file:
            found[part] = 1000 * cumulative
    return found


def learned(model: Model, profile: cProfile.Profile | None = None) -> float:
    """Learn a message in a fresh memory; give milliseconds of processor time."""
    with session_of(model) as session:
        run(session.memory.prepare())
        chat = session.ledger.conversations.add(session.memory.row.id)
        session.ledger.messages.add(chat, "user", FACTS[0][0], "pending")
        mx.reset_peak_memory()
        began = time.process_time()
        with profile or nullcontext():
            while session.learn_step() is True:
                pass
            session.memory.snapshot()
        return 1000 * (time.process_time() - began)


subject = load(sys.argv[1])
wanted = sys.argv[2:] or ["reply", "chunk", "message"]
parts = {"reply": reply, "chunk": chunk, "message": message}
print(json.dumps({name: parts[name](subject) for name in wanted}, indent=2))
