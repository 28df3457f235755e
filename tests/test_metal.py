"""What may matter on Metal, as far as a CPU can show it: see the end of `results/bench.md`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

import mlxdyn
from mlxdyn.lab.bench.talking import session_of
from mlxdyn.learn.steps import run
from mlxdyn.model import device
from mlxdyn.model.load import Model

SEEN = """
import os, sys, mlxdyn
print(os.environ["AGX_RELAX_CDM_CTXSTORE_TIMEOUT"], "mlx.core" in sys.modules)
"""


Seen = list[tuple[tuple[int, ...], bool]]
"""The shape of what went through a module, and whether it trained."""


@pytest.fixture
def seen(wren: Model) -> Iterator[Seen]:
    """Watch the last block of wren; its tree of weights stays as it is."""
    mlp, found = wren.network.model.layers[-1].mlp, Seen()
    plain = type(mlp)

    class Watched(plain):  # type: ignore[misc, valid-type]
        def __call__(self, x: mx.array) -> mx.array:
            found.append((x.shape, self.training))
            return super().__call__(x)

    mlp.__class__ = Watched
    yield found
    mlp.__class__ = plain


@pytest.mark.parametrize("own", ["", "0"])
def test_the_watchdog_is_spoken_to_before_mlx_starts(own: str):
    known = {k: v for k, v in os.environ.items() if not k.startswith("AGX")}
    env = known | ({"AGX_RELAX_CDM_CTXSTORE_TIMEOUT": own} if own else {})
    done = subprocess.run([sys.executable, "-c", SEEN], env=env, capture_output=True, text=True)
    assert done.stdout.split() == [own or "1", "False"], done.stderr


@pytest.mark.parametrize(
    ("model", "wired"), [(3 << 30, (3 << 30) + (512 << 20)), (9 << 30, 8 << 30)]
)
def test_no_more_is_wired_than_the_model_and_a_margin(
    monkeypatch: pytest.MonkeyPatch, model: int, wired: int
):
    told: dict[str, int] = {}
    monkeypatch.setattr(mx.metal, "is_available", lambda: True)
    monkeypatch.setattr(mx, "device_info", lambda: {"max_recommended_working_set_size": 8 << 30})
    for name in ("set_wired_limit", "set_cache_limit"):
        monkeypatch.setattr(mx, name, lambda size, name=name: told.update({name: size}))
    device.limit_memory(model)
    assert told == {"set_wired_limit": wired, "set_cache_limit": model}


def test_nothing_is_compiled_for_a_length():
    sources = [p.read_text("utf-8") for p in Path(mlxdyn.__file__).parent.rglob("*.py")]
    assert len(sources) > 100 and not [s for s in sources if "mx.compile" in s]


def test_a_lesson_trains_in_short_evaluations_of_few_shapes(
    wren: Model, seen: Seen, monkeypatch: pytest.MonkeyPatch
):
    """Also where a reply came in between, which sets the network to generate."""
    evaluated, evaluations = mx.eval, list[Any]()

    def counted(*arrays: Any) -> None:
        evaluations.append(arrays)
        evaluated(*arrays)

    monkeypatch.setattr(mx, "eval", counted)
    shapes, most = set[tuple[int, ...]](), 0
    with session_of(wren) as session:
        run(session.memory.prepare())
        chat = session.ledger.conversations.add(session.memory.row.id)
        session.ledger.messages.add(chat, "user", "My dog is called Rex.", "pending")
        going, steps = True, 0
        while going:
            stage = session.stage()
            wren.network.eval()  # as a reply leaves it
            seen.clear()
            evaluations.clear()
            going = session.learn_step() is True
            after = session.stage()
            if stage and after and stage.doing == after.doing == "learning":
                steps += bool(seen)
                most = max(most, len(evaluations))
                shapes |= {shape for shape, _ in seen}
                assert all(training for _, training in seen)

    assert steps >= 5 and most <= 2 and len(shapes) <= 12
