"""How people's telling went, summed up: shares with intervals, by kind and by seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from mlxdyn.lab.batch_means import FloatArray, ratio, share_interval
from mlxdyn.lab.cases import Case, claims
from mlxdyn.lab.findings import Finding, Table

AMOUNTS = ("drift_nats_per_token", "seconds_per_message", "flops_per_message")  # no shares
SHOWN = ("recall", "recall_amid_talk", "false_recall", "drift_nats_per_token")  # of each seed


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
    seconds: float | None  # of processor time a message; None where a seed learned it again
    flops: float | None  # of products with weights a message: to write, to teach, to take steps
    drift: float | None
    said_later: tuple[str, ...] = ()  # after the messages of others
    seed: int = 0  # of the adapter


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares from 0 to 1 and amounts, with 95% intervals over cases."""

    told: tuple[Told, ...]
    shares: dict[str, float | None]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def summary(told: Sequence[Told]) -> Summary:
    """Sum up; a share that nothing was asked for is None. A case is one with all its seeds."""
    sums = np.array([[*_judged(one).values()] for one in told])  # (told, names, (sum, count))
    begins = [at for at, one in enumerate(told) if one.seed == told[0].seed]
    cases = np.add.reduceat(sums, begins, axis=0)
    intervals = {}
    for name, of in zip(_judged(told[0]), np.moveaxis(cases, 1, 0), strict=True):
        if found := _interval(of[of[:, 1] > 0], name in AMOUNTS):
            intervals[name] = found
    return Summary(tuple(told), _shares(told), intervals)


def _interval(cases: FloatArray, amounts: bool) -> tuple[float, float] | None:
    """95% interval over cases (B, 2), what counts and of how many in each; None with just one."""
    if not amounts:
        return share_interval(cases)
    found = ratio(cases)
    return (max(0.0, found.interval[0]), found.interval[1]) if found else None


def _shares(told: Sequence[Told]) -> dict[str, float | None]:
    judged = [_judged(one) for one in told]
    counted = {name: np.sum([one[name] for one in judged], axis=0) for name in judged[0]}
    return {name: float(sum_ / of) if of else None for name, (sum_, of) in counted.items()}


@cache
def _judged(one: Told) -> dict[str, tuple[float, int]]:
    """Give, for each share, what counts of one case and how many it is of."""

    def recalled(said: Sequence[str]) -> tuple[float, int]:
        return _sum(ask.right(words) for ask, words in zip(one.case.asks, said, strict=True))

    def claimed(said: Sequence[str]) -> tuple[float, int]:
        return _sum(claims(words, one.case.messages) for words in said)

    retained = (  # of what was recalled at once, what is recalled later
        ask.right(later)
        for ask, said, later in zip(one.case.asks, one.said, one.said_later, strict=False)
        if ask.right(said)
    )
    return {
        "ceiling": recalled(one.in_context),
        "recall": recalled(one.said),
        "recall_amid_talk": recalled(one.said_amid_talk),
        "false_recall": claimed(one.claimed),
        "false_recall_in_context": claimed(one.claimed_in_context),
        "false_recall_base": claimed(one.claimed_by_base),
        "retention": _sum(retained),
        "drift_nats_per_token": _sum([one.drift]),
        "seconds_per_message": _sum([one.seconds]),
        "flops_per_message": _sum([one.flops]),
    }


def _sum(values: Iterable[float | None]) -> tuple[float, int]:
    known = [float(value) for value in values if value is not None]
    return sum(known), len(known)


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


def by_seed(told: Sequence[Told]) -> dict[int, dict[str, float | None]]:
    """Give the shares of each seed."""
    seeds = dict.fromkeys(one.seed for one in told)
    return {seed: _shares([one for one in told if one.seed == seed]) for seed in seeds}


def _people(told: Sequence[Told]) -> int:
    return sum(one.seed == told[0].seed for one in told)


def to_json(found: Summary) -> dict[str, object]:
    """Give the shape that DESIGN.md names."""
    cases = _people(found.told)
    return {
        "memory": {"cases": cases, **found.shares, "intervals": found.intervals},
        "seeds": by_seed(found.told),
        "kinds": by_kind(found.told),
        "cases": [_shown(one) for one in found.told],
    }


def _shown(one: Told) -> dict[str, object]:
    case = one.case
    return {
        "id": case.id,
        "kind": case.kind,
        "seed": one.seed,
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
    seeds = [
        (seed, *(shares[name] for name in SHOWN)) for seed, shares in by_seed(found.told).items()
    ]
    recall, ceiling = (found.shares[name] or 0.0 for name in ("recall", "ceiling"))
    return Finding(
        "memory",
        f"Of what people told it, {recall:.0%} comes back from weights alone, {ceiling:.0%} with "
        f"their messages in context ({_people(found.told)} people).",
        tables=(
            Table("Told and asked for", ("", "value", "95% from", "to"), tuple(rows)),
            Table("By kind", ("kind", "in context", "from weights", "falsely"), tuple(kinds)),
            Table("By seed", ("seed", *(names[name] for name in SHOWN)), tuple(seeds)),
        ),
    )
