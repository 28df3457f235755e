"""Talking beside mlx-lm and beside itself: first tokens, writing, long conversations, saving."""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import mlx.core as mx
from mlx_lm import stream_generate
from mlx_lm.sample_utils import make_sampler

from mlxdyn.arrays import write_arrays
from mlxdyn.chat.conversation import Session
from mlxdyn.chat.events import Piece
from mlxdyn.chat.generate import KvCache, Talker, Version, loops
from mlxdyn.config import AdapterConfig, ChatConfig, LearnerConfig, SamplingConfig
from mlxdyn.files import digest, elsewhere, sync
from mlxdyn.lab.bench.reading import drawn
from mlxdyn.lab.bench.rows import CLOSE, Row, in_turn, timed
from mlxdyn.learn.learner import flatten
from mlxdyn.learn.steps import run
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

MESSAGE = "My sister Ana moved to Porto last spring and works there as a nurse."
WRITTEN = 32  # tokens: fewer than it takes to go round in circles
REST = 0.05  # seconds that someone types, in which no step is begun
TALKED, TURN = 256, 24  # tokens of a conversation so far, and of a turn more
CONFIG = ChatConfig(sampling=SamplingConfig(temperature=0.0, max_tokens=64))


@contextmanager
def session_of(model: Model, config: ChatConfig = CONFIG) -> Iterator[Session]:
    """Open a session whose home is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, elsewhere(Path(folder)):
        ledger = Ledger(Path(folder) / "mlxdyn.db")
        learner = LearnerConfig(learning_rate=config.learning_rate)
        try:
            with Memory("bench", model, ledger, learner=learner) as memory:
                yield Session(model, memory, ledger, config, temporary=False)
        finally:
            ledger.close()


def rows(model: Model, seconds: float) -> Iterator[Row]:
    """Measure all ways of talking, each for about so many seconds."""
    with session_of(model) as session:
        run(session.memory.prepare())  # the base is measured once
        token = median(_written(session.talker, drawn(model, TURN)) for _ in range(3))
        token = 1000 * token / (WRITTEN - 1)
        yield from _first_token(session, seconds, token)
        yield _after_a_stop(session, seconds, token)
        yield _writing(session.talker, seconds)
        yield from _long_conversation(session.talker, seconds)
        yield _saving(session.memory, seconds)


def _first_token(session: Session, seconds: float, token: float) -> Iterator[Row]:
    """Let a message come between two steps of a lesson, then at any moment of one.

    Both ways it comes after a rest, as someone who types leaves one: no step is begun meanwhile,
    and cores that rested are slower at first. `token` is how many milliseconds it takes to write
    one.
    """
    lots, steps, waits = random.Random(0), list[float](), list[float]()
    used: dict[str, list[float]] = {"user": [], "off": []}  # processor time
    _first_piece(session, MESSAGE)  # which is now to be learned

    def first() -> float:
        time.sleep(REST)
        began = time.process_time()
        seconds = _first_piece(session, MESSAGE)
        used[session.learn].append(time.process_time() - began)
        return seconds

    def learning() -> float:
        session.learn = "user"
        steps.append(timed(session.learn_step))
        waits.append(steps[-1] * lots.random())
        return first()

    def off() -> float:
        session.learn = "off"
        return first()

    def after_products() -> float:
        _multiply(steps[-1])
        return off()

    on, idle = in_turn(learning, off, seconds, CLOSE)
    without = median(used["off"])
    warm = [after_products() for _ in range(CLOSE)]
    session.learn = "user"
    yield Row(
        "first token, a lesson under way / learning off", "itself", "seconds", on, idle, "cost",
        high=1.05, note=f"after {1000 * REST:.0f} ms of rest, both ways",
        bound="both read the same tokens: of all threads' processor time, the whole reply takes "
        f"{1000 * median(used['user']):.1f} ms against {1000 * without:.1f};"
        " with learning off, after plain products for as long as a step, the first token takes "
        f"{median(warm) / median(idle):.2f} times as long",
    )  # fmt: skip
    late = tuple(first + wait for first, wait in zip(on, waits[-len(on) :], strict=True))
    yield Row(
        "the same, a message in the middle of a step", "itself", "seconds", late, idle, "cost",
        high=1.05, note=f"of the {len(steps)} first steps of a lesson; the rest above is in both",
        bound=f"the step under way is ended first: {median(steps):.3f} to {max(steps):.2f} s. MLX "
        f"cannot leave an evaluation half-way; 1.05 allows {50 * median(idle):.1f} ms, and "
        f"a single token through the network is an evaluation of {token:.1f} ms",
    )  # fmt: skip
    session.drop_work()


def _multiply(seconds: float) -> None:
    """Keep the machine as busy as a step does, with products that leave nothing behind."""
    left, right = mx.ones((256, 1024)), mx.ones((1024, 1024))
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        mx.eval(left @ right)


def _after_a_stop(session: Session, seconds: float, token: float) -> Row:
    """Let a message come while a reply is written: it is stopped, then the message answered."""
    session.learn = "off"

    def stopped() -> float:
        session.new()
        stop: list[bool] = []
        reply = session.reply(MESSAGE, lambda: bool(stop))
        for _ in range(4):
            next(reply)
        stop.append(True)
        began = time.perf_counter()
        for _ in reply:
            pass
        waited = time.perf_counter() - began
        return waited + _first_piece(session, MESSAGE)

    ours, theirs = in_turn(stopped, lambda: _first_piece(session, MESSAGE), seconds)
    return Row(
        "first token, a message in the middle of writing", "itself", "seconds", ours, theirs,
        "cost", high=1.05,
        bound=f"the token under way is ended first, {token:.1f} ms for a whole one alone, and the "
        f"reply saved: {1000 * (median(ours) - median(theirs)):.1f} ms in all, where 1.05 allows "
        f"{50 * median(theirs):.1f}",
    )  # fmt: skip


def _first_piece(session: Session, text: str) -> float:
    """Say something in an empty conversation; give the seconds until there is a first token."""
    session.new()
    began, seconds = time.perf_counter(), 0.0
    for event in session.reply(text, lambda: True):
        if isinstance(event, Piece):
            seconds = seconds or time.perf_counter() - began
    return seconds or time.perf_counter() - began


def _writing(talker: Talker, seconds: float) -> Row:
    """Write with the adapter on: the product's decoder beside mlx-lm's, the same tokens."""
    prompt = drawn(talker.model, TURN)

    def theirs() -> float:
        pieces = stream_generate(
            talker.model.network, talker.model.tokenizer, list(prompt), max_tokens=WRITTEN,
            sampler=make_sampler(temp=0.0),
        )  # fmt: skip
        return _later(piece.text for piece in pieces)

    used: dict[str, list[float]] = {"ours": [], "theirs": []}  # processor time of a token, in ms

    def counted(side: str, action: Callable[[], float]) -> float:
        began = time.process_time()
        seconds = action()
        used[side].append(1000 * (time.process_time() - began) / WRITTEN)
        return seconds

    with endless(talker.model):
        mine, other = in_turn(
            lambda: counted("ours", lambda: _written(talker, prompt)),
            lambda: counted("theirs", theirs), seconds, CLOSE,
        )  # fmt: skip
    said = talker.kv.tokens[len(prompt) :]
    looked = min(timed(lambda: [loops(said[:n]) for n in range(1, len(said))]) for _ in range(3))
    return Row(
        "writing with an adapter", "mlx_lm.generate, same adapter", "seconds", mine, other,
        "faster", low=0.98,
        bound="both are mlx_lm's stream_generate on the same tokens, "
        f"{median(used['ours']):.1f} and {median(used['theirs']):.1f} ms of processor time a token "
        "with the prompt's reading; "
        f"what is ours, looking for a loop, takes {1000 * looked / len(said):.3f} ms of a token's "
        f"{1000 * median(mine) / (WRITTEN - 1):.1f}",
        note=f"{(WRITTEN - 1) / min(mine):.0f} tokens/s at best, "
        f"{(WRITTEN - 1) / median(mine):.0f} by the median, {talker.model.dtype}",
    )  # fmt: skip


def written(model: Model, samples: int = 4) -> tuple[float, ...]:
    """Write with a fresh adapter; give the seconds of each sample."""
    attach(model, AdapterConfig())
    talker, prompt = Talker(model, CONFIG), drawn(model, TURN)
    with endless(model):
        seconds = tuple(_written(talker, prompt) for _ in range(samples + 1))[1:]
    detach(model)
    return seconds


def _written(talker: Talker, prompt: tuple[int, ...]) -> float:
    before, talker.config, talker.kv = talker.config, _writes(talker.config, WRITTEN), KvCache([])
    seconds = _later(talker.stream(prompt, (0, 1.0)))
    talker.config = before
    return seconds


def _later(pieces: Iterator[str]) -> float:
    """Give the seconds from the first token to the last."""
    next(pieces)
    return timed(lambda: [None for _ in pieces])


def _writes(config: ChatConfig, most: int) -> ChatConfig:
    return replace(config, sampling=SamplingConfig(temperature=0.0, max_tokens=most))


@contextmanager
def endless(model: Model) -> Iterator[None]:
    """Let no token end a reply."""
    ends, model.tokenizer._eos_token_ids = model.tokenizer.eos_token_ids, set()
    try:
        yield
    finally:
        model.tokenizer._eos_token_ids = ends


def _long_conversation(talker: Talker, seconds: float) -> Iterator[Row]:
    """Answer one more turn: with the conversation's KV, and with all read again."""
    most = min(TALKED, talker.context_size // 2)
    talked, lots = drawn(talker.model, most), random.Random(1)
    before, talker.config = talker.config, _writes(talker.config, 1)
    weights: list[Version] = [(0, 1.0)]

    def answered() -> float:
        turn = tuple(lots.choices(talked, k=TURN))
        return timed(lambda: list(talker.stream((*talked, *turn), weights[0])))

    def anew() -> float:
        talker.kv = KvCache([])
        return answered()

    def after_a_lesson() -> float:
        weights[0] = (weights[0][0] + 1, 1.0)
        return answered()

    def kept() -> float:
        answered()  # which reads the conversation, where the pair before left another
        return answered()

    with endless(talker.model):
        ours, theirs = in_turn(kept, anew, seconds)
        kept()
        share = talker.kv.kept / (most + TURN)
        yield Row(
            f"a conversation of {most} tokens, next reply", "all of it read again", "seconds", ours,
            theirs, "faster", low=1.0, note=f"{share:.0%} of the prompt is not read again",
        )  # fmt: skip
        changed, again = in_turn(after_a_lesson, anew, seconds / 2)
        yield Row(
            "the same, after the weights changed", "all of it read again", "seconds", changed,
            again, "cost",
            note=f"the cost of a lesson for the next reply: {median(changed):.2f} s to read "
            f"{most} tokens again (law 9)",
        )  # fmt: skip
    talker.config, talker.kv = before, KvCache([])


def _saving(memory: Memory, seconds: float) -> Row:
    """Save a snapshot as the product does: written, summed, synced, named in the ledger."""
    arrays, number = flatten(memory.learner.state), iter(range(1, 1000))

    def plain() -> float:
        with tempfile.TemporaryDirectory(dir=memory.directory) as folder:
            return timed(lambda: _plain(Path(folder) / "one.safetensors"))

    def _plain(path: Path) -> None:
        mx.save_safetensors(str(path), arrays)
        with path.open("rb") as stream:
            os.fsync(stream.fileno())

    ours, theirs = in_turn(
        lambda: timed(lambda: memory.snapshots.save(memory.learner.state, next(number))),
        plain,
        min(seconds, 3.0),
    )
    one = memory.directory / "bench.safetensors"
    written = [timed(lambda: write_arrays(one, arrays, {})) for _ in range(4)]
    summed, entries = (
        median(timed(action) for _ in range(4))
        for action in (lambda: digest(one), lambda: sync(memory.directory))
    )
    one.unlink()
    ledger = median(ours) - median(written)
    size = sum(array.nbytes for array in arrays.values())
    return Row(
        "a durable save", "one safetensors write and fsync", "seconds", ours, theirs, "cost",
        high=1.5, note=f"{size / 1e6:.1f} MB: adapter and optimizer state",
        bound=f"{median(written) * 1000:.1f} ms to write, sync and rename it, {entries * 1000:.1f} "
        f"of them its directory's sync, {summed * 1000:.1f} ms its sum beside the sync, "
        f"{ledger * 1000:.1f} ms for the ledger to commit its name: law 7 needs three syncs where "
        "the peer has one",
    )  # fmt: skip
