"""Does what was taught come back, in an empty context, from weights alone?"""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from itertools import product

from mlxdyn.lab import cells, drift, evaluate
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Series, Table, Tick
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

Arm = dict[str, float | int]  # passes, phrasings, learning_rate

PASSES = (1, 4, 16)
FACTORS = (1 / 3, 1.0, 3.0)  # of the configured rate
PASSAGE = 128  # tokens
TAUGHT = (
    "{who} lives in the town of {town}.",
    "The home of {who} is the town of {town}.",
    "You will find {who} in {town}.",
    "{who} has a house in {town}.",
)
ASKED = "The town where {who} lives is called {town}."  # a phrasing never taught
PEOPLE = (
    "Mirabel Tandor", "Osric Pell", "Junia Marsh", "Teodor Quill", "Adela Finch", "Bram Hollis",
    "Petra Vane", "Silas Crane", "Ottoline Reed", "Casper Dunn", "Wilma Strand", "Ezra Lowe",
    "Hester Blake", "Linus Gray", "Dorothea Wick", "Alaric Stone", "Cordelia Nash", "Ivo Thorne",
    "Rosalind Pike", "Magnus Vale", "Philippa Crow", "Tobias Lark", "Verity Moss", "Jasper Holt",
)  # fmt: skip
TOWNS = (
    "Brenwick", "Castlemoor", "Dunhollow", "Elderfield", "Foxbridge", "Greywater", "Harrowgate",
    "Ironhill", "Juniper", "Kingsford", "Larkspur", "Millbrook", "Northwell", "Oakham",
    "Pinecrest", "Ravensea", "Stonebeck", "Thornbury", "Underwood", "Valewick", "Whitcombe",
    "Yarrowdale", "Ashbourne", "Cliffmere",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence with a blank, taught or kept back as a control."""

    who: str
    town: str

    def say(self, phrasing: str) -> str:
        return phrasing.format(who=self.who, town=self.town)


TOLD = tuple(map(Fact, PEOPLE[:16], TOWNS[:16]))
CONTROLS = tuple(map(Fact, PEOPLE[16:], TOWNS[16:]))


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked before and after teaching; each a chunk whose targets are the answer."""

    taught: list[Chunk]
    controls: list[Chunk]
    in_context: list[Chunk]  # the taught facts, told just before they are asked
    crossed: list[list[Chunk]]  # every taught town asked after every taught person
    passage: Chunk  # taught, word by word
    other_passage: Chunk  # of the same text, never taught
    anchors: list[Chunk]


@dataclass(frozen=True, slots=True)
class Scores:
    """Nats per target of each kind of probe; picked is a share of the taught facts."""

    picked: float
    taught: float
    controls: float
    in_context: float
    passage: float
    other_passage: float
    anchors: float


def recall(lab: Lab) -> Finding:
    """Teach facts and a passage at several rates, passes and phrasings; ask in an empty context."""
    probes = _probes(lab.model, lab.streams, lab.settings)
    rates = [lab.settings.learner.learning_rate * factor for factor in FACTORS]
    ways = list(product((1, len(TAUGHT)), rates))
    lab.planned = len(ways) * len(PASSES)
    untaught = cache(lambda: _untaught(lab, probes))
    try:
        for phrasings, rate in ways:
            _run(lab, phrasings, rate, probes, untaught)
    except KeyboardInterrupt:
        lab.stop()
    return lab.finding(
        "recall",
        partial(_sentence, lab),
        tables=[_table(lab.cells)],
        figures=[_by_passes(lab.cells), _against_drift(lab.cells)],
        checked="every probe, after a pass of lessons",
    )


@dataclass(frozen=True, slots=True)
class _Base:
    """What the bare base answers, and whether teaching at a rate of 0 leaves it at that."""

    scores: Scores
    by_reading: float
    self_check: float  # largest nats per token between the two


def _untaught(lab: Lab, probes: Probes) -> _Base:
    detach(lab.model)
    base = _ask(Learner(lab.model.network, lab.settings.learner, lab.model.new_cache), probes)
    (still,) = _teach(lab, [{"passes": 1, "phrasings": 1, "learning_rate": 0.0}], probes)
    pairs = ((getattr(base, f.name), getattr(still, f.name)) for f in fields(Scores))
    worst = max(abs(one - other) for one, other in pairs)
    evaluate.trust(worst)
    return _Base(base, _by_reading(lab), worst)


def _run(
    lab: Lab, phrasings: int, rate: float, probes: Probes, untaught: Callable[[], _Base]
) -> None:
    """Keep a cell for each number of passes; nothing is taught when all are known."""
    arms: list[Arm] = [
        {"passes": passes, "phrasings": phrasings, "learning_rate": rate} for passes in PASSES
    ]
    known = [cell for cell in (_known(lab, arm) for arm in arms) if cell]
    made = iter(known) if len(known) == len(arms) else _cells(lab, arms, probes, untaught())
    for arm in arms:
        tick = lab.ticker(arm)
        cell = next(made)
        lab.keep(cell)
        if tick:
            tick(Tick("", 1, 1, 1, 1, float(cell.numbers["recall"] or 0.0)))


def _cells(lab: Lab, arms: Sequence[Arm], probes: Probes, base: _Base) -> Iterator[Cell]:
    with closing(_teach(lab, arms, probes)) as taught:
        for arm, after in zip(arms, taught, strict=True):
            yield _cell(lab, arm, base, after)


def _teach(lab: Lab, arms: Sequence[Arm], probes: Probes) -> Generator[Scores]:
    """Teach a fresh adapter and probe it after the passes of each arm; leave the bare base."""
    config = replace(lab.settings.learner, learning_rate=float(arms[0]["learning_rate"]))
    detach(lab.model)
    base = dict(lab.model.network.parameters())
    attach(lab.model, lab.settings.adapter)
    try:
        learner, done = Learner(lab.model.network, config, lab.model.new_cache), 0
        for arm in arms:
            for _ in range(int(arm["passes"]) - done):
                for chunk in _lessons(lab.model, probes, int(arm["phrasings"])):
                    learner.learn(chunk)
            done = int(arm["passes"])
            yield _ask(learner, probes)
    finally:
        detach(lab.model)
        lab.model.network.update(base)


def _lessons(model: Model, probes: Probes, phrasings: int) -> Iterator[Chunk]:
    """Every told fact in every phrasing, and the passage."""
    for phrasing in TAUGHT[:phrasings]:
        for fact in TOLD:
            tokens = _tokens(model, fact.say(phrasing))
            yield Chunk(context=tokens[:1], targets=tokens[1:])
    yield probes.passage


def _ask(learner: Learner, probes: Probes) -> Scores:
    def mean(chunks: list[Chunk]) -> float:
        costs = [_cost(learner, chunk) for chunk in chunks]
        return math.fsum(nll for nll, _ in costs) / sum(weight for _, weight in costs)

    return Scores(
        _picked(learner, probes.crossed),
        mean(probes.taught),
        mean(probes.controls),
        mean(probes.in_context),
        mean([probes.passage]),
        mean([probes.other_passage]),
        mean(probes.anchors),
    )


def _cost(learner: Learner, chunk: Chunk) -> tuple[float, float]:
    """Nats of the targets that count, and their weight."""
    weights = chunk.weights or (1.0,) * len(chunk.targets)
    nll = learner.score(chunk).nll
    return math.fsum(w * n for w, n in zip(weights, nll, strict=True)), sum(weights)


def _picked(learner: Learner, crossed: Sequence[Sequence[Chunk]]) -> float:
    """Share of towns that are likeliest after their own person.

    Comparing one town after several persons leaves out how likely the town is anyway.
    """
    nll = [[_cost(learner, chunk)[0] for chunk in row] for row in crossed]
    return sum(row.index(min(row)) == i for i, row in enumerate(nll)) / len(nll)


def _probes(model: Model, streams: Sequence[Stream], settings: Settings) -> Probes:
    text = [t for stream in streams for t in stream.tokens]
    size = min(PASSAGE, len(text) // 2)
    begin = (drift.first_token(model),)
    asked = [_question(model, "", fact) for fact in TOLD]
    detach(model)
    return Probes(
        taught=asked,
        controls=[_question(model, "", fact) for fact in CONTROLS],
        in_context=[_question(model, fact.say(TAUGHT[0]) + " ", fact) for fact in TOLD],
        crossed=_crossed(model, ""),
        passage=Chunk(begin, tuple(text[1:size])),
        other_passage=Chunk(begin, tuple(text[-size + 1 :])),
        anchors=drift.anchors(model, seed=settings.adapter.seed),
    )


def _by_reading(lab: Lab) -> float:
    """The same share for the base when it has just been told all the facts."""
    told = " ".join(fact.say(TAUGHT[0]) for fact in TOLD) + " "
    detach(lab.model)
    base = Learner(lab.model.network, lab.settings.learner, lab.model.new_cache)
    return _picked(base, _crossed(lab.model, told))


def _crossed(model: Model, before: str) -> list[list[Chunk]]:
    """A row for every taught town, asked after every taught person."""
    return [[_question(model, before, replace(p, town=f.town)) for p in TOLD] for f in TOLD]


def _question(model: Model, before: str, fact: Fact) -> Chunk:
    """The asking sentence; its targets are the tokens that hold the town."""
    whole = _tokens(model, before + fact.say(ASKED).removesuffix("."))
    opening = _tokens(model, before + fact.say(ASKED).partition(fact.town)[0].rstrip())
    shared = next(
        (i for i, (a, b) in enumerate(zip(whole, opening, strict=False)) if a != b), len(opening)
    )
    return Chunk(context=whole[:shared], targets=whole[shared:])


def _tokens(model: Model, text: str) -> tuple[int, ...]:
    tokens = model.encode(text)
    begin = drift.first_token(model)
    return tuple(tokens if tokens[0] == begin else [begin, *tokens])


def _cell(lab: Lab, arm: Arm, base: _Base, after: Scores) -> Cell:
    before, names = base.scores, [f.name for f in fields(Scores)]
    numbers: cells.Numbers = {f"{n}_before": getattr(before, n) for n in names}
    numbers |= {f"{n}_after": getattr(after, n) for n in names}
    numbers["picked_by_reading"] = base.by_reading
    numbers["recall"] = before.taught - after.taught
    numbers["drift"] = after.anchors - before.anchors
    numbers["self_check"] = base.self_check
    cell = Cell(_key(lab, arm), dict(arm), numbers, cells.configuration(lab.settings), 0.0)
    if lab.store:
        lab.store.put(cell)
    return cell


def _known(lab: Lab, arm: Arm) -> Cell | None:
    found = lab.store.get(_key(lab, arm)) if lab.store else None
    return None if found is None else replace(found, knobs=dict(arm))


def _key(lab: Lab, arm: Arm) -> str:
    variant = f"recall {sorted(arm.items())} of {TAUGHT, ASKED, TOLD, CONTROLS}"
    return cells.key(lab.model, variant, lab.streams, lab.settings, ())


def _best(found: Sequence[Cell]) -> Cell:
    """The arm that links most facts; of those, the one that drifted least."""
    return max(
        found,
        key=lambda c: (float(c.numbers["picked_after"] or 0), -float(c.numbers["drift"] or 0)),
    )


def _sentence(lab: Lab) -> str:
    cell = _best(lab.cells)
    n = {name: float(value or 0.0) for name, value in cell.numbers.items()}
    return (
        f"asked in an empty context and new words, at best {n['picked_after']:.0%} of the taught "
        f"facts are linked to their own name ({n['picked_before']:.0%} before, "
        f"{1 / len(TOLD):.0%} by chance, {n['picked_by_reading']:.0%} when told in context) with "
        f"{cells.label(cell.knobs)}; "
        f"their answers go from {n['taught_before']:.2f} to {n['taught_after']:.2f} nats/token, "
        f"those never taught from {n['controls_before']:.2f} to {n['controls_after']:.2f}, and the "
        f"base's own text drifts by {n['drift']:.2f}"
    )


def _table(found: Sequence[Cell]) -> Table:
    head = (
        "phrasings", "rate", "passes", "linked", "taught", "controls", "told in context",
        "passage", "other passage", "drift",
    )  # fmt: skip
    first = found[0].numbers if found else {}
    names = ("picked", "taught", "controls", "in_context", "passage", "other_passage")
    start = ("before", None, 0, *(first.get(f"{n}_before") for n in names), 0.0)
    rows = [
        (
            str(c.knobs["phrasings"]),
            c.knobs["learning_rate"],
            c.knobs["passes"],
            *(c.numbers[f"{n}_after"] for n in names),
            c.numbers["drift"],
        )
        for c in found
    ]
    title = "share of facts linked, and nats/token of the answers, before and after teaching"
    return Table(title, head, (start, *rows))


def _by_passes(found: Sequence[Cell]) -> Figure:
    """The middle rate: what repeats are worth."""
    rates = sorted({float(c.knobs["learning_rate"]) for c in found})
    rate = rates[len(rates) // 2] if rates else 0.0
    arms = [c for c in found if c.knobs["learning_rate"] == rate]
    series = []
    for phrasings in sorted({int(c.knobs["phrasings"]) for c in arms}):
        some = [c for c in arms if c.knobs["phrasings"] == phrasings]
        for kind in ("taught", "controls"):
            x = tuple(float(c.knobs["passes"]) for c in some)
            y = tuple(float(c.numbers[f"{kind}_after"] or math.nan) for c in some)
            series.append(Series(f"{kind}, {_phrased(phrasings)}", x, y))
    if arms:
        told = float(arms[0].numbers["in_context_before"] or math.nan)
        series.append(
            Series("base, told in context", tuple(map(float, PASSES)), (told,) * len(PASSES))
        )
    return Figure(
        "Do taught facts come back?", "passes", "nats/token of the answer", tuple(series),
        log_x=True, note=f"at a rate of {rate:.2g}, asked in an empty context and new words",
    )  # fmt: skip


def _phrased(count: int) -> str:
    return f"{count} phrasing{'s' * (count != 1)}"


def _against_drift(found: Sequence[Cell]) -> Figure:
    series = tuple(
        Series(
            _phrased(phrasings),
            tuple(float(c.numbers["drift"] or 0.0) for c in some),
            tuple(float(c.numbers["picked_after"] or 0.0) for c in some),
            style="points",
        )
        for phrasings in sorted({int(c.knobs["phrasings"]) for c in found})
        for some in [[c for c in found if c.knobs["phrasings"] == phrasings]]
    )
    return Figure(
        "What recall costs", "drift from the base, nats/token", "share of facts linked",
        series, note="each point is a rate and a number of passes; drift is on text the base wrote",
    )  # fmt: skip
