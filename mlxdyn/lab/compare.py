"""Saved evaluations side by side: where they read the same text, how sure is the difference?"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.files import read_text
from mlxdyn.lab import batch_means
from mlxdyn.lab.findings import CellValue, Figure, Finding, Series, Table

EVAL_SCHEMA = "mlxdyn.eval/1"
SIGNIFICANT = 0.05  # p-values below it are called significant

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Saved:
    """What --json wrote, and what --chunks wrote beside it."""

    name: str
    value: Json
    chunks: tuple[Json, ...] = ()

    def run(self, side: str) -> Json:
        return next(run for run in self.value["runs"] if run["name"] == side)

    @property
    def result(self) -> Json:
        """The run that the report is about: the one that learned, or its mixture with static."""
        return self.run(self.value["gain"]["of"])

    def nats(self, chunk: Json) -> float:
        """Give what the result lost in a chunk."""
        return _number(chunk["mixed" if self.result["name"] == "mix" else "dynamic"])


@dataclass(frozen=True, slots=True)
class SharedText:
    """A piece of text that both runs scored: `static` by the first of them, `dynamic` by the other.

    In nats and tokens, or in bits and bytes; the names are those of `batch_means.Row`.
    """

    document: int
    tokens: int
    static: float
    dynamic: float


@dataclass(frozen=True, slots=True)
class RunDifference:
    """The other run minus the first, on the text they share; negative is better."""

    unit: str
    first: float
    other: float
    interval: tuple[float, float] | None
    p_value: float | None
    blocks: str

    @property
    def value(self) -> float:
        return self.other - self.first

    @property
    def significant(self) -> bool:
        return self.p_value is not None and self.p_value < SIGNIFICANT


def load(file: str) -> Saved:
    """Read a report, and the chunks in the .jsonl file of the same name if there is one.

    Raises MlxdynError when the file is no report of `mlxdyn eval`.
    """
    path = Path(file)
    try:
        value = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise MlxdynError(f"{file} cannot be read as JSON: {sentence(error)}") from error
    if not isinstance(value, dict) or value.get("schema") != EVAL_SCHEMA:
        raise MlxdynError(f"{file} is no report; make one with `mlxdyn eval TEXT --json {file}`")
    beside = chunks_beside(path)
    return Saved(file, value, _chunks(beside) if beside.is_file() and beside != path else ())


def chunks_beside(path: Path) -> Path:
    """Name the file where the chunks of a report are looked for."""
    return path.with_suffix(".jsonl")


def _chunks(path: Path) -> tuple[Json, ...]:
    try:
        rows = [json.loads(line) for line in read_text(path).splitlines()]
        needed = {"document", "position", "tokens", "dynamic", "mixed"}
        return tuple(rows) if all(needed <= row.keys() for row in rows) else ()
    except (ValueError, AttributeError):
        return ()


def compare(saved: Sequence[Saved]) -> Finding:
    """Compare every report with the first; raise MlxdynError when two cannot be compared."""
    for one in saved:
        if one.value.get("experiment") == "memory":
            raise MlxdynError(f"{one.name} says what people were told, which is not compared")
    try:
        return _compared(saved)
    except (KeyError, TypeError, AttributeError, IndexError, StopIteration) as error:
        names = ", ".join(one.name for one in saved)
        raise MlxdynError(f"one of {names} lacks a part of a report; make it anew") from error


def _compared(saved: Sequence[Saved]) -> Finding:
    if all("experiment" in one.value for one in saved):
        return _experiments(saved)
    if odd := [one.name for one in saved if not one.value.get("runs")]:
        raise MlxdynError(
            f"{odd[0]} is an experiment of many runs; compare it with another such experiment"
        )
    first, *others = saved
    found = [difference(first, other) for other in others]
    return Finding(
        experiment="compare",
        sentence=_sentence(first, others, found),
        tables=(_runs(saved), _differences(first, others, found)),
        figures=tuple(_figures(saved, others, found, first)),
        warnings=tuple(_warnings(saved, found)),
        reported_on=tuple(stream["path"] for stream in first.value["streams"]),
    )


def difference(first: Saved, other: Saved) -> RunDifference:
    """Compare the results of two reports on the text that both scored."""
    unit, shared = _shared(first, other)
    rows = _by_chunk(first, other, shared) if unit == "nats/token" else []
    blocks = "runs of chunks"
    if not rows:
        rows, blocks = _by_document(first, other, shared, unit), "documents"
    documents = len({row.document for row in rows})
    enough = documents >= batch_means.ENOUGH_DOCUMENTS
    sure = rows if enough or blocks != "documents" else ()  # of what chance is told
    if enough:
        blocks = "documents"
    total = sum(row.tokens for row in rows)
    found = batch_means.estimate(sure) if sure else None
    return RunDifference(
        unit,
        math.fsum(row.static for row in rows) / total,
        math.fsum(row.dynamic for row in rows) / total,
        (-found.interval[1], -found.interval[0]) if found else None,
        found.p_value if found else None,
        f"{documents} documents" if blocks == "documents" else f"{blocks}, {len(rows)} chunks",
    )


def _shared(first: Saved, other: Saved) -> tuple[str, list[tuple[int, int]]]:
    """Pair the documents whose scored text is the same, by index, and name the unit they share."""
    left, right = first.value["streams"], other.value["streams"]
    pairs = [*_paired(left, right)]
    if same := [(i, j) for i, j in pairs if _tokens(left[i]) == _tokens(right[j])]:
        return "nats/token", same
    if pairs:
        return "bits/byte", pairs
    raise MlxdynError(
        f"{first.name} and {other.name} share no text that both scored from the same place to the "
        "same place, so they cannot be compared; evaluate both on the same TEXT with the same "
        "--lr or none (a rate that is chosen by itself leaves out the first tokens), with the "
        "same --limit, or with none where their tokenizers differ"
    )


def _paired(left: Sequence[Json], right: Sequence[Json]) -> Iterator[tuple[int, int]]:
    """Pair each stream of `left` with one of `right` whose scored text is the same, each once."""
    free = dict(enumerate(right))
    for i, one in enumerate(left):
        same = [j for j, two in free.items() if _text(one) == _text(two)]
        j = next((j for j in same if free[j]["path"] == one["path"]), same[0] if same else None)
        if j is not None:
            del free[j]
            yield i, j


def _text(stream: Json) -> str:
    """The hash of the text that was scored; a saved chat has none, only a name."""
    return str(stream["scored_sha256"] or stream["path"])


def _tokens(stream: Json) -> str:
    return str(stream["tokens_sha256"] or stream["tokens"])


def _by_document(
    first: Saved, other: Saved, shared: Sequence[tuple[int, int]], unit: str
) -> list[SharedText]:
    left, right = (one.result["documents"] for one in (first, other))
    key, size = {
        "nats/token": ("nats_per_token", "tokens"),
        "bits/byte": ("bits_per_byte", "bytes"),
    }[unit]
    return [
        SharedText(i, left[i][size], _number(left[i][key]) * left[i][size],
            _number(right[j][key]) * left[i][size])
        for i, j in shared
    ]  # fmt: skip


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _by_chunk(first: Saved, other: Saved, shared: Sequence[tuple[int, int]]) -> list[SharedText]:
    """Join the chunks of both between the places where both began a chunk.

    None where the chunks of one are not those of its report.
    """
    rows: list[SharedText] = []
    for i, j in shared:
        left, right = (
            {row["position"]: row for row in one.chunks if row["document"] == path}
            for one, path in (
                (first, first.value["streams"][i]["path"]),
                (other, other.value["streams"][j]["path"]),
            )
        )
        tokens = [sum(row["tokens"] for row in side.values()) for side in (left, right)]
        if not left or tokens[0] != tokens[1]:
            return []
        if not (_are_of(left, first, i) and _are_of(right, other, j)):
            return []
        sides = [
            {at: (row["tokens"], one.nats(row)) for at, row in side.items()}
            for one, side in ((first, left), (other, right))
        ]
        rows += _joined(i, *sides)
    return rows


def _are_of(chunks: dict[int, Json], saved: Saved, stream: int) -> bool:
    """Tell whether chunks add up to what their report says of a stream."""
    document = saved.result["documents"][stream]
    nats = math.fsum(map(saved.nats, chunks.values()))
    said = _number(document["nats_per_token"]) * document["tokens"]
    return math.isclose(nats, said, rel_tol=1e-4) or not math.isfinite(nats)


Scored = dict[int, tuple[int, float]]
"""Tokens and nats of each chunk, by where it begins."""


def _joined(document: int, left: Scored, right: Scored) -> Iterator[SharedText]:
    edges = sorted(left.keys() & right.keys())
    for start, stop in zip(edges, [*edges[1:], math.inf], strict=True):
        one, two = ([row for at, row in s.items() if start <= at < stop] for s in (left, right))
        nats = [math.fsum(lost for _, lost in side) for side in (one, two)]
        yield SharedText(document, sum(tokens for tokens, _ in one), nats[0], nats[1])


def _sentence(first: Saved, others: Sequence[Saved], found: Sequence[RunDifference]) -> str:
    finite = [d.value if math.isfinite(d.value) else math.inf for d in found]
    best = finite.index(min(finite))
    other, shown = others[best], found[best]
    if not math.isfinite(shown.value):
        return f"{first.name} and {other.name} cannot be compared: a loss is not finite."
    words = "less" if shown.value < 0 else "more"
    how = "a significant difference" if shown.significant else "which chance may explain"
    spread = " (95% from {:+.4f} to {:+.4f})".format(*shown.interval) if shown.interval else ""
    lead = "Of these runs that learn, " if len(found) > 1 else ""
    return (
        f"{lead}{other.name} needs {abs(shown.value):.4f} {shown.unit} {words} than "
        f"{first.name}{spread}, {how}."
    )


def _runs(saved: Sequence[Saved]) -> Table:
    head = ("run", "model", "static", "learned", "gain", "bits/byte", "perplexity", "learned is")
    return Table("Runs, in nats/token", head, tuple(map(_run, saved)))


def _run(saved: Saved) -> tuple[CellValue, ...]:
    static, learned = saved.run("static"), saved.result
    return (
        saved.name, saved.value["model"]["name"], static["nats_per_token"],
        learned["nats_per_token"], saved.value["gain"]["nats_per_token"],
        learned["bits_per_byte"], learned["perplexity"], learned["name"],
    )  # fmt: skip


def _differences(first: Saved, others: Sequence[Saved], found: Sequence[RunDifference]) -> Table:
    head = ("run", "unit", "difference", "low", "high", "p", "significant", "by")
    rows = tuple(
        (other.name, d.unit, d.value, *(d.interval or (None, None)), d.p_value,
         "yes" if d.significant else "no", d.blocks)
        for other, d in zip(others, found, strict=True)
    )  # fmt: skip
    title = f"Loss minus that of {first.name}, paired, with t intervals over blocks; less is better"
    return Table(title, head, rows)


def _figures(
    saved: Sequence[Saved], others: Sequence[Saved], found: Sequence[RunDifference], first: Saved
) -> Iterator[Figure]:
    places = tuple(float(index) for index in range(len(saved)))
    sides = {
        "static": [s.run("static") for s in saved],
        "learned": [s.result for s in saved],
    }
    losses = [
        Series(side, places, tuple(_number(run["nats_per_token"]) for run in runs), style="bars")
        for side, runs in sides.items()
    ]
    names = tuple(one.name for one in saved)
    yield Figure("Loss of each run", "run", "loss, nats/token", tuple(losses), categories=names)
    spreads = [d.interval or (math.nan, math.nan) for d in found]
    series = Series(
        "difference", places[:-1], tuple(d.value for d in found),
        tuple(low for low, _ in spreads), tuple(high for _, high in spreads), style="bars",
    )  # fmt: skip
    yield Figure(
        f"Difference from {first.name}", "run", f"difference in loss, {found[0].unit}",
        (series,),
        categories=tuple(one.name for one in others),
        note=f"Lines are 95% t intervals over blocks: {found[0].blocks}.",
    )  # fmt: skip


def _warnings(saved: Sequence[Saved], found: Sequence[RunDifference]) -> Iterator[str]:
    for one in saved:
        if one.value.get("complete") is False:
            yield f"{one.name} was interrupted"
    if any(d.unit == "bits/byte" for d in found):
        yield "the runs cut the text into different tokens, so they are compared in bits/byte"
    if any(d.interval is None for d in found):
        yield (
            f"fewer than {batch_means.ENOUGH_DOCUMENTS} documents say nothing of chance; write "
            "--chunks FILE.jsonl beside --json FILE.json with both runs to compare by chunks"
        )
    for one in saved:
        if one.result["name"] == "mix":
            yield f"{one.name} is judged as it was reported: static and dynamic mixed"
    if len(found) > 1:
        yield f"the p-values are each their own, not corrected for {len(found)} comparisons"


def _experiments(saved: Sequence[Saved]) -> Finding:
    """Set equal cells of experiments beside each other."""
    sides = [{_key(cell): cell for cell in one.value["experiment"]["cells"]} for one in saved]
    shared = [key for key in sides[0] if all(key in side for side in sides)]
    if not shared:
        raise MlxdynError("these experiments have no cell with the same knobs in common")
    number = _common_number(sides, shared)
    rows = tuple(
        (key, *(side[key]["numbers"][number] for side in sides), *_minus_first(sides, key, number))
        for key in shared
    )
    names = [one.name for one in saved]
    head = ("knobs", *names, *(f"{name} minus first" for name in names[1:]))
    means = [
        math.fsum(_number(s[k]["numbers"][number]) for k in shared) / len(shared) for s in sides
    ]
    best = min(range(len(means)), key=means.__getitem__)
    places = tuple(float(index) for index in range(len(shared)))
    curves = tuple(
        Series(n, places, tuple(_number(s[k]["numbers"][number]) for k in shared), style="bars")
        for n, s in zip(names, sides, strict=True)
    )
    return Finding(
        experiment="compare",
        sentence=(
            f"Over the {len(shared)} cells that all have, {names[best]} has the lowest mean "
            f"{number}, {means[best]:.4f}; cells hold no documents, so nothing is said of chance."
        ),
        tables=(Table(f"{number} of equal cells", head, rows),),
        figures=(
            Figure("Equal cells", "knobs", number, curves, categories=tuple(shared)),
        ),
    )  # fmt: skip


def _key(cell: Json) -> str:
    return " ".join(f"{name}={value}" for name, value in cell["knobs"].items())


def _common_number(sides: Sequence[dict[str, Json]], shared: Sequence[str]) -> str:
    wanted = ("dynamic", "nats_per_token", "gain")
    known: list[str] = list(sides[0][shared[0]]["numbers"])
    for name in (*(name for name in wanted if name in known), *known):
        if all(name in side[key]["numbers"] for side in sides for key in shared):
            return name
    raise MlxdynError("these experiments have no number in common")


def _minus_first(sides: Sequence[dict[str, Json]], key: str, number: str) -> Iterator[float]:
    first, *others = (_number(side[key]["numbers"][number]) for side in sides)
    yield from (other - first for other in others)
