"""Does it remember what it was told? People tell things; asked later, what comes from weights?

Every case is a user of its own: messages are learned one by one as a chat learns them, the memory
is closed and opened again, and questions are asked in an empty context. Beside that: what the base
says with the messages before it (the ceiling), what it claims to know of things never told, and
what is left after the messages of others were learned too.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from mlxdyn.chat.conversation import Session
from mlxdyn.config import AdapterConfig, ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.lab.cases import Case
from mlxdyn.lab.cells import ground
from mlxdyn.lab.findings import Progress, ProgressStep
from mlxdyn.lab.remembered import Told
from mlxdyn.learn.base import MOST_ANSWER, Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.steps import run
from mlxdyn.memory.calibrated import prepared
from mlxdyn.memory.memory import ADAPTER, STUDY, Memory
from mlxdyn.memory.store.copies import copy_memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import detach

AMID = (Turn("user", "What is the capital of France?"), Turn("assistant", "It is Paris."))
"""Other talk, put before a question."""
NAME = "told"  # of the memory of the first seed
KEPT = "memory.jsonl"  # in the folder where finished cases are kept


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """How the memories are founded, and what follows; the adapter's seed is that of the run."""

    adapter: AdapterConfig = ADAPTER
    study: StudyConfig = STUDY
    later: int = 0  # messages of others that are learned before questions are asked once more
    seeds: int = 1  # adapters that learn the same examples, the first from the seed of `adapter`
    study_every: int = 0  # messages after which it studies, as a quiet chat does; 0 never


def remember(
    model: Model,
    cases: Sequence[Case],
    options: TrialOptions,
    *,
    progress: Progress | None = None,
    store: Path | None = None,
) -> Iterator[Told]:
    """Let a fresh memory learn each case; yield how it went, for each seed.

    What a message teaches is found once: other seeds carry out the same lessons from another start.
    With `store`, a folder, cases that are finished there are not learned again.
    """
    detach(model)
    parts = Parts.of(model.network)
    if parts is None:
        raise MlxdynError(f"{model.name} cannot learn facts: its network cannot be cut")
    run(prepared(Base(model, parts, FALLBACK)))  # once, and kept for what follows
    finished = _finished(store / KEPT) if store else {}
    for done, case in enumerate(cases):
        if progress:
            progress(ProgressStep(case.id, done + 1, len(cases), done, len(cases), None))
        others = [m for other in (*cases[done + 1 :], *cases[:done]) for m in other.messages]
        key = _key(model, case, options, others[: options.later])
        if len(rows := finished.get(key, [])) >= options.seeds:
            yield from (_told(case, row) for row in rows[: options.seeds])
            continue
        with _elsewhere(), tempfile.TemporaryDirectory() as folder:
            keep = data_dir(make=True) / "bases"
            os.environ["MLXDYN_HOME"] = folder
            if keep.is_dir():  # what is known of the base need not be measured for each
                shutil.copytree(keep, Path(folder) / "bases")
            told = _remember(model, case, options, others[: options.later])
        if store:
            _keep(store / KEPT, key, told)
        yield from told


def _key(model: Model, case: Case, options: TrialOptions, others: Sequence[str]) -> str:
    """Name all that a case's outcome depends on, and what is kept of it; each seed has its own."""
    kept = [one.name for one in fields(Told)]
    asked = [asdict(case), asdict(replace(options, seeds=1)), others]
    parts = [model.fingerprint, *asked, kept, *ground()]
    said = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _finished(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Read the finished cases; a line that was cut off is passed over."""
    found = dict[str, list[dict[str, Any]]]()
    for line in path.read_text("utf-8").split("\n") if path.is_file() else ():
        with suppress(ValueError, KeyError, TypeError):
            kept = json.loads(line)
            found[kept["key"]] = [{**row} for row in kept["seeds"]]
    return found


def _keep(path: Path, key: str, told: Sequence[Told]) -> None:
    row = {"key": key, "seeds": [asdict(one) | {"case": one.case.id} for one in told]}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("\n" + json.dumps(row, ensure_ascii=False))  # first: the last line may be cut


def _told(case: Case, row: dict[str, Any]) -> Told:
    """Undo `_keep`."""
    listed: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in row.items()
    }
    listed |= {"case": case, "learned": tuple((q, a) for q, a in row["learned"])}
    return Told(**listed)


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Put the home back where it was."""
    before = os.environ.get("MLXDYN_HOME")
    try:
        yield
    finally:
        os.environ.pop("MLXDYN_HOME", None)
        if before is not None:
            os.environ["MLXDYN_HOME"] = before


def _remember(model: Model, case: Case, options: TrialOptions, others: Sequence[str]) -> list[Told]:
    first, *more = range(options.adapter.seed, options.adapter.seed + options.seeds)
    with closing(Ledger(Path(os.environ["MLXDYN_HOME"]) / "mlxdyn.db")) as ledger:
        seconds, flops = _learn(model, ledger, case.messages, options)
        with _opened(model, ledger, options) as memory:
            told = replace(_asked(model, memory, case), seconds=seconds, flops=flops)
        found = {first: told}
        for seed in more:
            with _opened(model, ledger, options, _copied(ledger, seed, "now")) as memory:
                said, amid, claimed = _said(model, memory, case)
                found[seed] = replace(
                    told, said=said, said_amid_talk=amid, claimed=claimed, seconds=None, flops=None,
                    learned=_learned(memory), drift=_drift(memory), seed=seed,
                )  # fmt: skip
        if others:
            _learn(model, ledger, others, options, after=len(case.messages))
        for seed, told in found.items() if others else ():
            name = NAME if seed == first else _copied(ledger, seed, "later")
            with _opened(model, ledger, options, name) as memory:
                later = _ask(model, memory, _questions(case))
            found[seed] = replace(told, said_later=later)
    return [*found.values()]


def _asked(model: Model, memory: Memory, case: Case) -> Told:
    """Ask for everything, from weights, in context and of the bare base."""
    questions, known = [*_questions(case), *case.unknown], len(case.asks)
    base = memory.base
    assert base is not None  # `remember` has looked
    run(prepared(base))  # the ceiling is of the prompts that serve it
    said, amid, claimed = _said(model, memory, case)
    replies = run(base.listen(case.messages))
    context = list(map(base.text, run(base.teach(case.messages, questions, replies))))
    bare = run(base.answer(case.unknown, MOST_ANSWER))
    return Told(
        case=case,
        said=said,
        said_amid_talk=amid,
        in_context=tuple(context[:known]),
        claimed=claimed,
        claimed_in_context=tuple(context[known:]),
        claimed_by_base=tuple(map(base.text, bare)),
        learned=_learned(memory),
        seconds=None,
        flops=None,
        drift=_drift(memory),
        seed=memory.row.adapter["seed"],
    )


def _said(
    model: Model, memory: Memory, case: Case
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Ask the weights for what was told, amid other talk too, and for what was not."""
    questions, known = [*_questions(case), *case.unknown], len(case.asks)
    said = _ask(model, memory, questions)
    return said[:known], _ask(model, memory, questions[:known], before=AMID), said[known:]


def _questions(case: Case) -> list[str]:
    return [ask.question for ask in case.asks]


def _learned(memory: Memory) -> tuple[tuple[str, str], ...]:
    return tuple((row.question, row.answer) for row in memory.known_facts())


def _drift(memory: Memory) -> float | None:
    """Give the drift of the weights as they are: that of a lesson that was thrown away is none."""
    log = memory.ledger.events.log(memory.row.id)
    stands = [one.drift for one in log if one.accepted and not one.undone]
    return next((drift for drift in reversed(stands) if drift is not None), 0.0 if log else None)


def _copied(ledger: Ledger, seed: int, when: str) -> str:
    """Copy the memory with another start: opened, it carries out all its lessons from there."""
    row = ledger.memories.existing(NAME)
    row = replace(row, adapter=row.adapter | {"seed": seed})
    copy = copy_memory(ledger, row, ledger, f"{NAME}-{seed}-{when}")
    ledger.past.outdate(copy.id, 0)
    return copy.name


def _opened(model: Model, ledger: Ledger, options: TrialOptions, name: str = NAME) -> Memory:
    learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
    return Memory(
        name, model, ledger, learner=learner, adapter=options.adapter, study=options.study
    )


def _learn(
    model: Model,
    ledger: Ledger,
    messages: Sequence[str],
    options: TrialOptions,
    *,
    after: int = 0,
) -> tuple[float, float]:
    """Learn messages, those of a study with them; give seconds and FLOPs a message."""
    with _opened(model, ledger, options) as memory:
        run(memory.prepare())
        parts = memory.learner.parts
        assert parts is not None  # `remember` has looked
        started, before = time.process_time(), parts.flops
        tell(memory, messages, after=after, study_every=options.study_every)
        seconds, flops = time.process_time() - started, parts.flops - before
        memory.snapshot()
    return seconds / len(messages), flops / len(messages)


def tell(memory: Memory, messages: Sequence[str], *, after: int = 0, study_every: int = 0) -> None:
    """Learn messages in one conversation, as a chat does, with the draws of the memory's seed.

    `after` is how many messages were told before; after every `study_every` it studies.
    """
    session = Session(memory.model, memory, memory.ledger, ChatConfig(), temporary=False)
    chat = memory.ledger.conversations.add(memory.row.id)
    for number, message in enumerate(messages, after + 1):
        lot = f"{memory.row.adapter['seed']}:{number}:{message}"
        uid = hashlib.sha256(lot.encode()).hexdigest()[:16]
        memory.ledger.messages.add(chat, "user", message, "pending", uid=uid)
        while session.learn_step():
            pass
        if study_every and number % study_every == 0 and session.study():
            while session.learn_step():
                pass


def _ask(
    model: Model, memory: Memory, questions: Sequence[str], before: tuple[Turn, ...] = ()
) -> tuple[str, ...]:
    """Ask with the adapter on."""
    base = memory.base
    assert base is not None  # `remember` has looked
    prompts = [
        render(model.tokenizer, [*before, Turn("user", q)], reply=True).tokens for q in questions
    ]
    return tuple(run(base.say_now(prompts)))
