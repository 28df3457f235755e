"""How people's telling went, summed up: shares with intervals, by kind and by seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import mean

import numpy as np

from mlxdyn.lab.cases import Case, claims
from mlxdyn.lab.findings import Finding, Table

RESAMPLES = 2000  # of a bootstrap over cases
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
    """Shares from 0 to 1, with 95% intervals of a bootstrap over cases."""

    told: tuple[Told, ...]
    shares: dict[str, float | None]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def summary(told: Sequence[Told]) -> Summary:
    """Sum up; a share that nothing was asked for is None. A case is drawn with all its seeds."""
    shares = _shares(told)
    cases: list[list[Told]] = []
    for one in told:
        if one.seed == told[0].seed:
            cases.append([])
        cases[-1].append(one)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES if len(cases) > 1 else 0):
        picked = rng.integers(len(cases), size=len(cases))
        drawn.append(_shares([one for i in picked for one in cases[i]]))
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
        "seconds_per_message": _mean([s for one in told if (s := one.seconds) is not None]),
        "flops_per_message": _mean([n for one in told if (n := one.flops) is not None]),
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
