"""A prediction that cannot lose: several learners weighted by how well each has predicted so far.

Knows no models: nats for each target in, nats for each target out. A mixture of distributions is a
distribution, and its weights are set before the target is seen, so its loss is as honest as theirs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Mixture:
    """Bayesian mixture of `count` predictors, or the fixed-share form of it.

    Bayes (Vovk 1990): each predictor weighs exp(-its loss so far). Over any text, whatever the
    predictors do, the total loss is at most that of the best of them plus ln K nats.

    Fixed share (Herbster and Warmuth 1998), with a share of 1/t at token t, follows what drifts.
    Against predictors that take turns m times in T tokens the total is at most
    (m + 1) (ln K + ln T) nats more than theirs; with m = 0, than the best of them.
    """

    count: int
    sharing: bool = False
    _logs: list[float] = field(init=False)  # of the weights, which sum to 1
    _seen: int = 0

    def __post_init__(self) -> None:
        self._logs = [-math.log(self.count)] * self.count

    @property
    def weights(self) -> tuple[float, ...]:
        """How much each predictor counts for the next target."""
        return tuple(math.exp(log) for log in self._logs)

    def mix(self, nll: Sequence[float]) -> float:
        """Nats of a target that costs the predictors `nll`; then weigh them anew.

        A predictor whose loss is not finite has given the target nothing.
        """
        joint = [log - cost for log, cost in zip(self._logs, map(_cost, nll), strict=True)]
        total = _logsumexp(joint)
        self._seen += 1
        if total > -math.inf:  # else all have failed, and all are as they were
            self._logs = [log - total for log in joint]
        if self.sharing:
            self._share()
        return -total

    def _share(self) -> None:
        """Move part of every weight to all alike, so that none dies."""
        share = 1 / (self._seen + 1)
        floor = math.log(share / self.count)
        keep = math.log1p(-share)
        self._logs = [_logsumexp([keep + log, floor]) for log in self._logs]


def _cost(nats: float) -> float:
    return nats if math.isfinite(nats) else math.inf


def _logsumexp(logs: Sequence[float]) -> float:
    most = max(logs)
    if most == -math.inf:
        return most
    return most + math.log(math.fsum(math.exp(log - most) for log in logs))
