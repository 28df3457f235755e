"""Chat and learning for hours, in small: is memory flat, does it slow down, does it verify?"""

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import mlx.core as mx
import psutil

from mlxdyn.config import ChatConfig, SamplingConfig
from mlxdyn.lab.bench.talking import session_of
from mlxdyn.learn.steps import run
from mlxdyn.memory import history
from mlxdyn.model.load import load

NAMES = ("Rex", "Luna", "Bella", "Milo", "Nala", "Otto", "Pixel", "Tilda", "Juno", "Bruno")
KINDS = ("dog", "cat", "horse", "parrot", "rabbit")
TURNS = 6  # of a conversation
FORGET, UNDO = 7, 5  # every so many messages one is forgotten, one undone


def soak(name: str, *, minutes: float, progress: Callable[[str], None]) -> dict[str, Any]:
    """Talk, learn, undo and forget for so many minutes; then replay it all and compare bits."""
    config = replace(ChatConfig(), sampling=SamplingConfig(temperature=0.7, max_tokens=24, seed=0))
    model, points, number = load(name), list[dict[str, float]](), 0
    with session_of(model, config) as session:
        run(session.memory.prepare())
        ends = time.monotonic() + 60 * minutes
        while time.monotonic() < ends or not number:
            if number % TURNS == 0:
                session.new()
            points.append(_message(session, number))
            number += 1
            if number % 10 == 0:
                progress(f"{number} messages, {points[-1]['rss_mb']:.0f} MB")
        problems = history.verify(session.memory)
    first, last = (
        points[len(points) // 5 : 2 * len(points) // 5],
        points[-max(1, len(points) // 5) :],
    )
    return {
        "schema": "mlxdyn.soak/1", "model": model.name, "minutes": minutes, "messages": number,
        "verified": not problems, "problems": problems,
        "early": _middle(first or points), "late": _middle(last), "points": points,
    }  # fmt: skip


def _message(session: Any, number: int) -> dict[str, float]:
    kind, name = KINDS[number % len(KINDS)], NAMES[number * 7 % len(NAMES)]
    texts = (f"My {kind} is called {name}.", f"What is my {kind} called?", "Tell me about rain.")
    text, began, spent = texts[number % 3], time.perf_counter(), time.process_time()
    *_, replied = session.reply(text, lambda: False)
    talked = time.perf_counter()
    while session.learn_step() is not False:
        pass
    learned = time.perf_counter()
    if number % UNDO == UNDO - 1:
        session.undo()
    if number % FORGET == FORGET - 1:
        session.forget(session.messages()[-2].id)
    session.memory.snapshot()
    return {
        "message": number, "reply_s": talked - began, "tokens_per_s": replied.tokens_per_second,
        "learn_s": learned - talked, "cpu_s": time.process_time() - spent,
        "rss_mb": psutil.Process().memory_info().rss / 1e6, "mlx_mb": mx.get_active_memory() / 1e6,
    }  # fmt: skip


def _middle(points: list[dict[str, float]]) -> dict[str, float]:
    return {
        name: median(point[name] for point in points) for name in points[0] if name != "message"
    }
