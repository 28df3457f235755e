"""What do the order of documents and resets change; what is forgotten?"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, zip_longest
from random import Random

from mlxdyn.lab import cells, drift
from mlxdyn.lab.cells import Numbers, vary
from mlxdyn.lab.charts import HEAD, MIXES, at, bars, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Finding, Table
from mlxdyn.lab.streams import Stream, part
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.lora import detach

PIECES = 8  # of a document, when documents alternate


def order(lab: Lab) -> Finding:
    """The same pieces of text in several orders and with several resets, then the first again."""
    dealt = _pieces(lab)
    mixed = _orders(dealt, lab.settings.adapter.seed)
    arms = [("in order", r) for r in ("never", "document", "decay")]
    arms += [("shuffled", "never"), ("alternating", "never"), ("alternating", "document")]
    arms = [(name, reset) for name, reset in arms if name in mixed]
    if "alternating" not in mixed:
        lab.warn(
            f"the documents are too short to alternate: none has {4 * lab.settings.stream.chunk} "
            "tokens, so that it could be left and come back to"
        )
    lab.planned = len(arms) + 1
    detach(lab.model)
    anchors = drift.anchors(lab.model, seed=lab.settings.adapter.seed)
    base = Learner(lab.model.network, lab.settings.learner, lab.model.new_cache)
    general = [chunk for s in lab.tuning for chunk in chunks(s.tokens, lab.settings.stream)]
    kept = [
        (n, c, drift.mean_nll(base, c)) for n, c in (("drift", anchors), ("general", general)) if c
    ]
    measure = partial(_aftermath, lab, dealt[0], kept)
    variant = f"order, then {cells.digest([*dealt[0], *lab.tuning])} again"
    first = lab.run(
        jobs(lab, [{"reset": "never"}]), variant=variant, streams=dealt[0], after=measure
    )
    found: dict[str, Cell] = {}
    for name, reset in arms:
        job = ({"order": name, "reset": reset}, vary(lab.settings, {"reset": reset}))
        for cell in lab.run([job], variant=variant, streams=mixed[name], after=measure):
            found[f"{name}, reset {reset}"] = cell
    return lab.finding(
        "order",
        partial(_order_sentence, found, first),
        tables=[_order_table(found, first)],
        figures=[bars("Gain by order and reset", list(found), list(found.values()))],
    )


def _orders(dealt: Sequence[Sequence[Stream]], seed: int) -> dict[str, list[Stream]]:
    """The same pieces, differently; those of documents of one piece each cannot alternate."""
    texts = list(chain.from_iterable(dealt))
    orders = {"in order": texts, "shuffled": Random(seed).sample(texts, len(texts))}
    turns = [p for turn in zip_longest(*dealt) for p in turn if p is not None]
    return orders if turns == texts else orders | {"alternating": turns}


def _pieces(lab: Lab) -> list[list[Stream]]:
    """Cut every document in pieces that end with whole chunks; a single one counts as several."""
    size = lab.settings.stream.chunk
    documents = []
    for stream in lab.streams:
        count = max(1, min(PIECES, (len(stream.tokens) - 1) // (2 * size)))
        step = math.ceil((len(stream.tokens) - 1) / count / size) * size
        parts = [
            part(lab.model, stream, start, min(start + step + 1, len(stream.tokens)))
            for start in range(0, len(stream.tokens) - 1, step)
        ]
        documents.append(parts)
    if len(documents) > 1:
        return documents
    half = max(1, len(documents[0]) // 4)
    named = [replace(p, path=f"{p.path} part {1 + i // half}") for i, p in enumerate(documents[0])]
    return [named[i : i + half] for i in range(0, len(named), half)]


def _aftermath(
    lab: Lab,
    first: Sequence[Stream],
    kept: Sequence[tuple[str, Sequence[Chunk], float]],
    learner: Learner,
) -> Numbers:
    """Score the first document again, and what should stay: name, text, loss before."""
    cut = [c for stream in first for c in chunks(stream.tokens, lab.settings.stream)]
    moved = {name: drift.mean_nll(learner, some) - before for name, some, before in kept}
    return {"first_again": drift.mean_nll(learner, cut), "general": None, **moved}


def _order_sentence(found: dict[str, Cell], first: Sequence[Cell]) -> str:
    carry, reset = found["in order, reset never"], found["in order, reset document"]
    switching = found.get("alternating, reset never")
    forward = at(reset, "dynamic") - at(carry, "dynamic")
    forgot = at(carry, "first_again") - at(first[0], "first_again")
    better = "better" if forward > 0 else "worse"
    turns = (
        f"with alternating documents the gain is {at(switching, 'gain'):+.3f} against "
        f"{at(carry, 'gain'):+.3f} in order; "
        if switching
        else ""
    )
    return (
        f"carrying weights over is {abs(forward):.3f} nats/token {better} than starting each "
        f"document anew; {turns}at the end the first document costs {forgot:+.3f} nats/token "
        f"against just after it was learned, and the base's own text {at(carry, 'drift'):+.3f}"
        + (
            f"; text kept aside (--tune) {at(carry, 'general'):+.3f}"
            if carry.numbers["general"] is not None
            else ""
        )
    )


def _order_table(found: dict[str, Cell], first: Sequence[Cell]) -> Table:
    """Backward transfer: the first document again, against when it had just been learned."""
    fresh = at(first[0], "first_again") if first else math.nan
    rows = tuple(
        (*row(name, c), c.numbers["mix"], c.numbers["share"], c.numbers["first_again"],
         at(c, "first_again") - fresh, c.numbers["drift"], c.numbers["general"])
        for name, c in found.items()
    )  # fmt: skip
    extra = (
        *MIXES,
        "first document again",
        "forgetting",
        "drift on the base's own text",
        "on text kept aside",
    )
    return Table("nats/token by order and reset", (*HEAD, *extra), rows)
