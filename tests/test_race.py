"""Laws of `--lr auto`: what it chooses, what it costs, and that it leaves the base as it was."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from test_evaluate import BIRDS, BOATS, settings, streams

from mlxdyn.arrays import leaves
from mlxdyn.config import OPTIMIZERS, STREAM_RATES, Optimizer
from mlxdyn.lab import cells, evaluate, kept, race
from mlxdyn.lab.costs import FORWARDS
from mlxdyn.lab.streams import Stream
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model

SMALL = settings(chunk=4)


def test_rates_are_of_a_ladder() -> None:
    assert [race.rung(4e-4, step) for step in range(-3, 3)] == [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3]
    assert race.rung(1.0, 0) == 1.0 and race.rung(0.1, 1) == 0.3


def test_the_first_rate_falls_with_the_size_of_the_base(wren: Model, mite: Model) -> None:
    assert race.prior(mite, SMALL) == STREAM_RATES["lora", "adam0"]
    assert 3e-4 < race.prior(wren, SMALL) < 6e-4
    full = settings("full")
    assert race.prior(wren, full) < STREAM_RATES["full", full.learner.optimizer] / 3


@pytest.mark.parametrize("tokens", [10, 100, 300, 1000, 100_000])
@pytest.mark.parametrize("adapt", ["lora", "full"])
def test_a_race_is_planned_within_its_share(tokens: int, adapt: Any) -> None:
    how = settings(adapt, chunk=16)
    depth = race.affordable(tokens, how)
    least = 2 * (FORWARDS[adapt] * (depth - 1) + 1) * 16  # two rates
    run = (1 + FORWARDS[adapt]) * (tokens - 1 - depth * 16)
    assert depth == 0 or least <= race.RACE.share * (run + least)
    assert depth <= race.RACE.most


@pytest.mark.parametrize("start", [1e-3, 1e-6])
@pytest.mark.parametrize("size", [8, 40])
def test_the_race_costs_at_most_its_share_of_the_run(
    mite: Model, size: int, start: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it has far to climb."""
    monkeypatch.setitem(race.STREAM_RATES, ("lora", "adam0"), start)
    given = streams(mite, BIRDS * size)
    choice, taken, rest = race.automatic(mite, given, SMALL)
    assert choice.why == "race"
    learned = FORWARDS["lora"] * sum(len(one.inputs) for s in rest for one in cut(s))
    static = sum(len(one.inputs) for s in rest for one in cut(s))
    prefixes = 2 * sum(len(one.prefix or ()) for s in rest for one in cut(s))
    run = learned + static + prefixes
    assert choice.share == pytest.approx(choice.spent / (choice.spent + run))
    assert 0 < choice.share <= race.RACE.share
    joined = [t for s in (*taken, *rest) for t in s.tokens]
    assert joined == [t for s in given for t in s.tokens], "left out, and nothing else"


def cut(stream: Stream) -> list[Chunk]:
    return list(chunks(stream.tokens, SMALL.stream))


@pytest.mark.parametrize("start", [1e-5, 1e-3, 0.3])
def test_the_choice_is_near_the_best_of_a_grid(
    wren: Model, start: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However wrong the rate that the race begins with."""
    monkeypatch.setitem(race.STREAM_RATES, ("lora", "adam0"), start)
    tuning = streams(wren, BIRDS)
    losses = {}
    for rate in (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2):
        how = cells.vary(settings(), {"learning_rate": rate})
        losses[rate] = evaluate.evaluate(wren, tuning, how).dynamic.total.nats_per_token
    choice = race.choose(wren, tuning, settings())
    assert losses[choice.rate] <= min(losses.values()) + 0.05, (choice, losses)


def test_a_known_choice_is_taken_until_a_run_can_do_twice_as_well(mite: Model) -> None:
    given = streams(mite, BIRDS * 40)
    known = race.Choice(0.01, "kept", chunks=race.RACE.most)
    choice, taken, rest = race.automatic(mite, given, SMALL, known=known)
    assert (choice, taken) == (known, [])
    assert rest == race.automatic(mite, given, SMALL)[2], "a run that is repeated reports the same"
    weak = race.Choice(0.01, "kept", chunks=race.RACE.least)
    assert race.automatic(mite, given, SMALL, known=weak)[0].why == "race"


def test_no_rate_is_reported_on_the_text_that_chose_it(
    mite: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where the text is cut shorter later, and not where it was named with --tune."""
    monkeypatch.setattr(race, "OPENING", 16)  # of texts as short as these
    given, others = streams(mite, BIRDS * 40), streams(mite, BOATS * 40)
    known = replace(race.automatic(mite, given, SMALL)[0], why="kept")
    assert known.raced and race.automatic(mite, given, SMALL, known=known)[0] == known
    short = streams(mite, BIRDS * 40, limit=race.OPENING)
    assert race.automatic(mite, short, SMALL, known=known)[0].why == "size"
    tuned = replace(race.choose(mite, given, SMALL, depth=race.RACE.most), why="kept")
    assert race.automatic(mite, given, SMALL, known=tuned)[0].why == "race"
    assert race.automatic(mite, others, SMALL, known=tuned)[0] == tuned


def test_what_a_short_text_says_cannot_be_guessed_from_what_is_kept(mite: Model) -> None:
    long, short = streams(mite, BIRDS * 40), streams(mite, BIRDS * 40, limit=race.OPENING - 1)
    assert len(race.choose(mite, [*long, *short], SMALL).raced) == 1


def test_a_kept_choice_names_its_text_and_one_of_before_needs_not(tmp_path: Path) -> None:
    path = tmp_path / "rates.json"
    kept.put(path, "new", race.Choice(0.01, "race", chunks=3, raced={"ab": 13}))
    every = json.loads(path.read_text())
    every["old"] = {name: every["new"][name] for name in ("rate", "chunks", "tried")}
    path.write_text(json.dumps(every))
    new, old = kept.get(path, "new"), kept.get(path, "old")
    assert new == race.Choice(0.01, "kept", chunks=3, raced={"ab": 13})
    assert old == race.Choice(0.01, "kept", chunks=3)


def test_too_little_text_leaves_the_size_to_choose(mite: Model) -> None:
    given = streams(mite, BOATS[:40])
    choice, taken, rest = race.automatic(mite, given, SMALL)
    assert (choice.why, choice.rate, taken, rest) == ("size", 1e-3, [], given)


def test_chunks_too_small_to_race_on_leave_the_size_to_choose(mite: Model) -> None:
    small = replace(SMALL, stream=replace(SMALL.stream, chunk=1))
    given = streams(mite, BIRDS)
    assert race.affordable(len(given[0].tokens), small), "a race could be paid for"
    choice, taken, rest = race.automatic(mite, given, small)
    assert (choice.why, taken, rest) == ("size", [], given)


def test_what_explodes_everywhere_leaves_static(
    wren: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Static is always among what is tried."""
    monkeypatch.setattr(race, "FURTHEST", 1)
    monkeypatch.setitem(race.STREAM_RATES, ("lora", "adam0"), 1e3)
    choice = race.choose(wren, streams(wren, BIRDS), settings())
    assert (choice.rate, choice.why) == (0.0, "static")
    assert choice.tried[0].rate == 0 and "none of" in choice.sentence


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_every_rule_races_and_leaves_the_base(mite: Model, rule: Optimizer) -> None:
    before = dict(leaves(mite.network.parameters()))
    how = cells.vary(SMALL, {"optimizer": rule})
    choice = race.choose(mite, streams(mite, BIRDS), how, depth=4)
    assert math.isfinite(choice.rate)
    after = dict(leaves(mite.network.parameters()))
    assert before.keys() == after.keys()
    assert all(mx.array_equal(before[name], after[name]) for name in before)


def test_surely_is_by_targets_and_not_by_sums() -> None:
    assert race.surely_better([1.0, 1.1, 0.9], [2.0, 2.1, 2.0], 1.5)
    assert not race.surely_better([1.0, 9.0, 1.0], [2.0, 1.0, 9.0], 1.5)
    assert race.surely_better([1.0, 1.0], [math.nan, 1.0], 1.5)
    assert not race.surely_better([math.inf, 1.0], [2.0, 2.0], 1.5)
