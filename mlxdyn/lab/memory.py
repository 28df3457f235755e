"""Does it remember what it was told? People tell things; asked later, what comes from weights?

Every case is a user of its own: messages are learned one by one as a chat learns them, the memory
is closed and opened again, and questions are asked in an empty context. Beside that: what the base
says with the messages before it (the ceiling), and what it claims to know of things never told.
"""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import numpy as np

from mlxdyn.chat.conversation import Session
from mlxdyn.config import AdapterConfig, ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import home
from mlxdyn.lab.findings import Finding, Progress, Table, Tick
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


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with words of which one must occur, and words of which none may."""

    question: str
    want: tuple[str, ...]
    unwanted: tuple[str, ...] = ()

    def right(self, said: str) -> bool:
        low = said.lower()
        return any(w in low for w in self.want) and not any(w in low for w in self.unwanted)


@dataclass(frozen=True, slots=True)
class Case:
    """One user: what they tell, what is asked, and what they never told."""

    id: str
    kind: str
    messages: tuple[str, ...]
    asks: tuple[Ask, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """How the memories are founded; the adapter's seed is that of the run."""

    adapter: AdapterConfig = ADAPTER
    study: StudyConfig = STUDY


@dataclass(frozen=True, slots=True)
class Told:
    """How one case went; answers in the order of its questions."""

    case: Case
    said: tuple[str, ...]
    said_amid_talk: tuple[str, ...]
    in_context: tuple[str, ...]
    claimed: tuple[str, ...]  # to unknown questions, from weights
    claimed_by_base: tuple[str, ...]
    learned: tuple[tuple[str, str], ...]
    seconds: float  # of processor time a message
    drift: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares from 0 to 1, with 95% intervals of a bootstrap over cases."""

    told: tuple[Told, ...]
    shares: dict[str, float | None]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def read(paths: Sequence[Path]) -> list[Case]:
    """Read JSON lines of cases; raise MlxdynError, with the line, for what is none."""
    cases = [case for path in paths for case in _cases(path)]
    if not cases:
        raise MlxdynError('no cases: a line is {"id", "kind", "messages", "ask", "unknown"}')
    return cases


def _cases(path: Path) -> Iterator[Case]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MlxdynError(f"{path} cannot be read as JSON lines: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _case(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MlxdynError(
                f"{path}, line {number}, is no case ({type(error).__name__}: {error}); a line is "
                '{"id", "kind", "messages": [...], "ask": [{"q", "want", "not"}], "unknown": [...]}'
            ) from error


def _case(row: dict[str, object]) -> Case:
    asks = [
        Ask(str(one["q"]), _lower(one["want"]), _lower(one.get("not", ())))
        for one in _list(row["ask"])
    ]
    messages = tuple(str(text) for text in _list(row["messages"]))
    unknown = tuple(str(text) for text in _list(row.get("unknown", [])))
    if not all(text.strip() for text in messages) or not messages:
        raise ValueError("a message is empty")
    return Case(str(row["id"]), str(row.get("kind", "")), messages, tuple(asks), unknown)


def _list(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _lower(words: object) -> tuple[str, ...]:
    return tuple(str(word).lower() for word in (words if isinstance(words, list) else ()))


def claims(said: str, messages: Sequence[str]) -> bool:
    """Tell whether an answer holds a name or a number of the messages.

    Names are words with a capital that do not merely open a sentence, as far as a script has them.
    """
    return bool({word.lower() for word in _words(said)} & _marks(messages))


def _marks(messages: Sequence[str]) -> set[str]:
    found = set[str]()
    for message in messages:
        for sentence in re.split(r"(?<=[.!?:])\s+|\n", message):
            words = _words(sentence)
            found |= {w.lower() for w in words if any(c.isdigit() for c in w)}
            found |= {w.lower() for w in words[1:] if w[0].isupper() and len(w.split("'")[0]) > 1}
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'’-]+", text)


def remember(
    model: Model, cases: Sequence[Case], options: Options, *, progress: Progress | None = None
) -> Iterator[Told]:
    """Let a fresh memory learn each case; yield how it went."""
    detach(model)
    parts = Parts.of(model.network)
    if parts is None:
        raise MlxdynError(f"{model.name} cannot learn facts: its network cannot be cut")
    run(prepared(Base(model, parts, FALLBACK)))  # once, and kept for what follows
    for done, case in enumerate(cases):
        if progress:
            progress(Tick(case.id, done + 1, len(cases), done, len(cases), None))
        with _elsewhere(), tempfile.TemporaryDirectory() as folder:
            keep = home(make=True) / "bases"
            os.environ["MLXDYN_HOME"] = folder
            if keep.is_dir():  # what is known of the base need not be measured for each
                shutil.copytree(keep, Path(folder) / "bases")
            yield _remember(model, case, options)


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


def _remember(model: Model, case: Case, options: Options) -> Told:
    ledger = Ledger(Path(os.environ["MLXDYN_HOME"]) / "mlxdyn.db")
    seconds = _learn(model, ledger, case, options)
    with _opened(model, ledger, options) as memory:
        base = memory.base
        assert base is not None  # `remember` has looked
        run(prepared(base))  # the ceiling is of the prompts that serve it
        questions = [ask.question for ask in case.asks] + list(case.unknown)
        known = len(case.asks)
        said = _ask(model, base, questions)
        amid = _ask(model, base, questions[:known], before=AMID)
        replies = run(base.listen(case.messages))
        context = run(base.teach(case.messages, questions[:known], replies))
        bare = run(base.answer(case.unknown, MOST_ANSWER))
        learned = [(row.question, row.answer) for row in memory.known_facts()]
        drifts = [update.drift for update in ledger.events.log(memory.row.id)]
    ledger.close()
    return Told(
        case=case,
        said=tuple(said[:known]),
        said_amid_talk=tuple(amid),
        in_context=tuple(map(base.text, context)),
        claimed=tuple(said[known:]),
        claimed_by_base=tuple(map(base.text, bare)),
        learned=tuple(learned),
        seconds=seconds,
        drift=next((drift for drift in reversed(drifts) if drift is not None), None),
    )


def _opened(model: Model, ledger: Ledger, options: Options) -> Memory:
    learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
    return Memory(
        "told", model, ledger, learner=learner, adapter=options.adapter, study=options.study
    )


def _learn(model: Model, ledger: Ledger, case: Case, options: Options) -> float:
    """Learn the messages in one conversation, as a chat does; give processor seconds a message."""
    with _opened(model, ledger, options) as memory:
        run(memory.prepare())
        session = Session(model, memory, ledger, ChatConfig(), temporary=False)
        chat = ledger.conversations.add(memory.row.id)
        started = time.process_time()
        for message in case.messages:
            ledger.messages.add(chat, "user", message, "pending")
            while session.learn_step():
                pass
        seconds = time.process_time() - started
        memory.snapshot()
    return seconds / len(case.messages)


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
        "false_recall_base": claimed(lambda one: one.claimed_by_base),
        "retention": None,
        "drift_nats_per_token": _mean([one.drift for one in told if one.drift is not None]),
        "seconds_per_message": _mean([one.seconds for one in told]),
        "flops_per_message": None,
    }


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
            {"q": ask.question, "said": said, "in_context": context, "right": ask.right(said)}
            for ask, said, context in zip(case.asks, one.said, one.in_context, strict=True)
        ],
        "unknown": [
            {"q": q, "said": said, "false": claims(said, case.messages)}
            for q, said in zip(case.unknown, one.claimed, strict=True)
        ],
        "learned": [list(pair) for pair in one.learned],
        "seconds": one.seconds,
    }


def finding(found: Summary) -> Finding:
    """Say it in a sentence, with a table of shares and one of kinds."""
    names = {
        "ceiling": "recall with the messages in context",
        "recall": "recall from weights",
        "recall_amid_talk": "recall from weights after other talk",
        "false_recall": "claims to know what was never told",
        "false_recall_base": "the bare base claims so",
        "drift_nats_per_token": "drift of other answers (KL), nats/token",
        "seconds_per_message": "processor seconds a message",
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
