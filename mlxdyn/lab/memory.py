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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from mlxdyn.chat.conversation import Session
from mlxdyn.config import AdapterConfig, ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.lab.cases import Case, claims
from mlxdyn.lab.findings import Finding, Progress, ProgressStep, Table
from mlxdyn.learn.base import MOST_ANSWER, Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.steps import run
from mlxdyn.memory.calibrated import prepared
from mlxdyn.memory.memory import ADAPTER, STUDY, Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import detach

AMID = (Turn("user", "What is the capital of France?"), Turn("assistant", "It is Paris."))
"""Other talk, put before a question."""
RESAMPLES = 2000  # of a bootstrap over cases
KEPT = "memory.jsonl"  # in the folder where finished cases are kept


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """How the memories are founded, and what follows; the adapter's seed is that of the run."""

    adapter: AdapterConfig = ADAPTER
    study: StudyConfig = STUDY
    later: int = 0  # messages of others that are learned before questions are asked once more


@dataclass(frozen=True, slots=True)
class Told:
    """How one case went; answers in the order of its questions."""

    case: Case
    said: tuple[str, ...]
    said_amid_talk: tuple[str, ...]
    in_context: tuple[str, ...]
    claimed: tuple[str, ...]  # to unknown questions, from weights
    claimed_in_context: tuple[str, ...]
    claimed_by_base: tuple[str, ...]
    learned: tuple[tuple[str, str], ...]
    seconds: float  # of processor time a message
    flops: float  # of products with weights a message: to write, to teach, to take steps
    drift: float | None
    said_later: tuple[str, ...] = ()  # after the messages of others


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares from 0 to 1, with 95% intervals of a bootstrap over cases."""

    told: tuple[Told, ...]
    shares: dict[str, float | None]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def remember(
    model: Model,
    cases: Sequence[Case],
    options: TrialOptions,
    *,
    progress: Progress | None = None,
    store: Path | None = None,
) -> Iterator[Told]:
    """Let a fresh memory learn each case; yield how it went.

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
        if row := finished.get(key):
            yield _told(case, row)
            continue
        with _elsewhere(), tempfile.TemporaryDirectory() as folder:
            keep = data_dir(make=True) / "bases"
            os.environ["MLXDYN_HOME"] = folder
            if keep.is_dir():  # what is known of the base need not be measured for each
                shutil.copytree(keep, Path(folder) / "bases")
            told = _remember(model, case, options, others[: options.later])
        if store:
            _keep(store / KEPT, key, told)
        yield told


def _key(model: Model, case: Case, options: TrialOptions, others: Sequence[str]) -> str:
    """Name all that a case's outcome depends on, and what is kept of it."""
    kept = [one.name for one in fields(Told)]
    parts = [model.fingerprint, asdict(case), asdict(options), others, kept]
    said = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _finished(path: Path) -> dict[str, dict[str, Any]]:
    """Read the finished cases; a line that was cut off is passed over."""
    found = dict[str, dict[str, Any]]()
    for line in path.read_text("utf-8").split("\n") if path.is_file() else ():
        with suppress(ValueError, KeyError, TypeError):
            row = json.loads(line)
            found[row.pop("key")] = row
    return found


def _keep(path: Path, key: str, told: Told) -> None:
    row = asdict(told) | {"key": key, "case": told.case.id}
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


def _remember(model: Model, case: Case, options: TrialOptions, others: Sequence[str]) -> Told:
    ledger = Ledger(Path(os.environ["MLXDYN_HOME"]) / "mlxdyn.db")
    questions = [ask.question for ask in case.asks] + list(case.unknown)
    known = len(case.asks)
    seconds, flops = _learn(model, ledger, case.messages, options)
    with _opened(model, ledger, options) as memory:
        base = memory.base
        assert base is not None  # `remember` has looked
        run(prepared(base))  # the ceiling is of the prompts that serve it
        said = _ask(model, base, questions)
        amid = _ask(model, base, questions[:known], before=AMID)
        replies = run(base.listen(case.messages))
        context = list(map(base.text, run(base.teach(case.messages, questions, replies))))
        bare = run(base.answer(case.unknown, MOST_ANSWER))
        learned = [(row.question, row.answer) for row in memory.known_facts()]
        drifts = [update.drift for update in ledger.events.log(memory.row.id)]
    later = _later(model, ledger, others, questions[:known], options) if others else []
    ledger.close()
    return Told(
        case=case,
        said=tuple(said[:known]),
        said_amid_talk=tuple(amid),
        in_context=tuple(context[:known]),
        claimed=tuple(said[known:]),
        claimed_in_context=tuple(context[known:]),
        claimed_by_base=tuple(map(base.text, bare)),
        learned=tuple(learned),
        seconds=seconds,
        drift=next((drift for drift in reversed(drifts) if drift is not None), None),
        flops=flops,
        said_later=tuple(later),
    )


def _later(
    model: Model,
    ledger: Ledger,
    others: Sequence[str],
    questions: Sequence[str],
    options: TrialOptions,
) -> list[str]:
    """Learn the messages of others, then ask again."""
    _learn(model, ledger, others, options)
    with _opened(model, ledger, options) as memory:
        assert memory.base is not None
        return _ask(model, memory.base, questions)


def _opened(model: Model, ledger: Ledger, options: TrialOptions) -> Memory:
    learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
    return Memory(
        "told", model, ledger, learner=learner, adapter=options.adapter, study=options.study
    )


def _learn(
    model: Model, ledger: Ledger, messages: Sequence[str], options: TrialOptions
) -> tuple[float, float]:
    """Learn messages in one conversation, as a chat does; give seconds and FLOPs a message."""
    with _opened(model, ledger, options) as memory:
        run(memory.prepare())
        session = Session(model, memory, ledger, ChatConfig(), temporary=False)
        chat = ledger.conversations.add(memory.row.id)
        parts = memory.learner.parts
        assert parts is not None  # `remember` has looked
        started, before = time.process_time(), parts.flops
        for message in messages:
            ledger.messages.add(chat, "user", message, "pending")
            while session.learn_step():
                pass
        seconds, flops = time.process_time() - started, parts.flops - before
        memory.snapshot()
    return seconds / len(messages), flops / len(messages)


def _ask(
    model: Model, base: Base, questions: Sequence[str], before: tuple[Turn, ...] = ()
) -> list[str]:
    """Ask with the adapter on."""
    prompts = [
        render(model.tokenizer, [*before, Turn("user", q)], reply=True).tokens for q in questions
    ]
    return run(base.say_now(prompts))


def summary(told: Sequence[Told]) -> Summary:
    """Sum up; a share that nothing was asked for is None."""
    shares = _shares(told)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES if len(told) > 1 else 0):
        drawn.append(_shares([told[i] for i in rng.integers(len(told), size=len(told))]))
    intervals = {}
    for name in shares:
        values = [value for draw in drawn if (value := draw[name]) is not None]
        if values:
            low, high = np.quantile(values, [0.025, 0.975])
            intervals[name] = (float(low), float(high))
    return Summary(tuple(told), shares, intervals)


def _shares(told: Sequence[Told]) -> dict[str, float | None]:
    def recalled(pick: Callable[[Told], tuple[str, ...]]) -> float | None:
        return _mean(
            [a.right(s) for one in told for a, s in zip(one.case.asks, pick(one), strict=True)]
        )

    def claimed(pick: Callable[[Told], tuple[str, ...]]) -> float | None:
        return _mean([claims(said, one.case.messages) for one in told for said in pick(one)])

    return {
        "ceiling": recalled(lambda one: one.in_context),
        "recall": recalled(lambda one: one.said),
        "recall_amid_talk": recalled(lambda one: one.said_amid_talk),
        "false_recall": claimed(lambda one: one.claimed),
        "false_recall_in_context": claimed(lambda one: one.claimed_in_context),
        "false_recall_base": claimed(lambda one: one.claimed_by_base),
        "retention": _retention(told),
        "drift_nats_per_token": _mean([one.drift for one in told if one.drift is not None]),
        "seconds_per_message": _mean([one.seconds for one in told]),
        "flops_per_message": _mean([one.flops for one in told]),
    }


def _retention(told: Sequence[Told]) -> float | None:
    """Of what was recalled at once, give the share that is recalled later."""
    return _mean(
        [
            ask.right(later)
            for one in told
            for ask, said, later in zip(one.case.asks, one.said, one.said_later, strict=False)
            if ask.right(said)
        ]
    )


def _mean(values: Sequence[float | bool]) -> float | None:
    return mean(map(float, values)) if values else None


def by_kind(told: Sequence[Told]) -> dict[str, dict[str, float | None]]:
    """Give recall and ceiling of each kind of case."""
    kinds = dict.fromkeys(one.case.kind for one in told)
    return {
        kind: {
            name: _shares([one for one in told if one.case.kind == kind])[name]
            for name in ("ceiling", "recall", "false_recall")
        }
        for kind in kinds
    }


def to_json(found: Summary) -> dict[str, object]:
    """Give the shape that DESIGN.md names."""
    return {
        "memory": {"cases": len(found.told), **found.shares, "intervals": found.intervals},
        "kinds": by_kind(found.told),
        "cases": [_shown(one) for one in found.told],
    }


def _shown(one: Told) -> dict[str, object]:
    case = one.case
    return {
        "id": case.id,
        "kind": case.kind,
        "asked": [
            {
                "q": ask.question, "said": said, "right": ask.right(said),
                "in_context": context, "right_in_context": ask.right(context),
            }
            for ask, said, context in zip(case.asks, one.said, one.in_context, strict=True)
        ],
        "unknown": [
            {"q": q, "said": said, "false": claims(said, case.messages)}
            for q, said in zip(case.unknown, one.claimed, strict=True)
        ],
        "later": list(one.said_later),
        "learned": [list(pair) for pair in one.learned],
        "seconds": one.seconds,
        "flops": one.flops,
    }  # fmt: skip


def finding(found: Summary) -> Finding:
    """Say it in a sentence, with a table of shares and one of kinds."""
    names = {
        "ceiling": "recall with the messages in context",
        "recall": "recall from weights",
        "recall_amid_talk": "recall from weights after other talk",
        "false_recall": "claims to know what was never told",
        "false_recall_in_context": "with the messages in context it claims so",
        "false_recall_base": "the bare base claims so",
        "retention": "of that, still recalled after the messages of others",
        "drift_nats_per_token": "drift of other answers (KL), nats/token",
        "seconds_per_message": "processor seconds a message",
        "flops_per_message": "operations a message",
    }
    rows = [
        (what, found.shares[name], *found.intervals.get(name, (None, None)))
        for name, what in names.items()
    ]
    kinds = [(kind, *values.values()) for kind, values in by_kind(found.told).items()]
    recall, ceiling = (found.shares[name] or 0.0 for name in ("recall", "ceiling"))
    return Finding(
        "memory",
        f"Of what people told it, {recall:.0%} comes back from weights alone, {ceiling:.0%} with "
        f"their messages in context ({len(found.told)} people).",
        tables=(
            Table("Told and asked for", ("", "value", "95% from", "to"), tuple(rows)),
            Table("By kind", ("kind", "in context", "from weights", "falsely"), tuple(kinds)),
        ),
    )
