"""Runs side by side: only on the same text, paired, and honest about chance."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mlxdyn.errors import MlxdynError
from mlxdyn.lab import compare
from mlxdyn.lab.compare import Saved

CHUNK = 10


def saved(name: str, *losses: list[float], chunk: int = CHUNK, **more: Any) -> Saved:
    """A run over documents whose chunks have `losses` nats a token; static is always 6."""
    documents, rows = [], []
    for index, loss in enumerate(losses):
        tokens = CHUNK * len(loss)
        documents.append(
            {"path": f"{index}.txt", "nats_per_token": sum(loss) / len(loss), "tokens": tokens,
             "bits_per_byte": sum(loss) / len(loss) / math.log(2) / 4, "bytes": 4 * tokens}
        )  # fmt: skip
        fine = [value for value in loss for _ in range(CHUNK)]
        rows += [
            {"document": f"{index}.txt", "position": 1 + at, "tokens": len(fine[at : at + chunk]),
             "static": 6.0 * chunk, "dynamic": sum(fine[at : at + chunk]), "mixed": 0.0}
            for at in range(0, tokens, chunk)
        ]  # fmt: skip
    mean = sum(map(sum, losses)) / sum(map(len, losses))
    run = {"nats_per_token": mean, "bits_per_byte": mean / 3, "perplexity": math.exp(mean)}
    value = {
        "schema": "mlxdyn.eval/1", "model": {"name": "m"},
        "streams": [
            {"path": d["path"], "tokens_sha256": f"{i} of {d['tokens']}",
             "scored_sha256": f"{i} of {d['bytes']}"}
            for i, d in enumerate(documents)
        ],
        "runs": [
            {"name": "static", **run, "nats_per_token": 6.0, "documents": documents},
            {"name": "dynamic", **run, "documents": documents},
        ],
        "gain": {"nats_per_token": 6.0 - mean, "of": "dynamic"},
    }  # fmt: skip
    return Saved(name, value | more, tuple(rows))


def blind(run: Saved) -> Saved:
    return Saved(run.name, run.value)


WAVES = [5.0, 4.6, 4.9, 4.7] * 10


def test_a_run_is_no_better_than_itself() -> None:
    found = compare.difference(saved("a", WAVES), saved("b", WAVES))
    assert found.value == 0 and found.interval == (0, 0)
    assert not found.significant


def test_a_steady_difference_is_significant() -> None:
    found = compare.difference(saved("a", WAVES), saved("b", [x - 0.1 for x in WAVES]))
    assert found.value == pytest.approx(-0.1)
    assert found.interval == pytest.approx((-0.1, -0.1))
    assert found.significant and "chunks" in found.blocks


def test_a_difference_of_one_chunk_is_chance() -> None:
    other = [*WAVES[:-1], WAVES[-1] - 3]
    found = compare.difference(saved("a", WAVES), saved("b", other))
    assert found.value < 0 and not found.significant


def test_the_interval_holds_the_difference_with_its_sign() -> None:
    other = [x - 0.2 * (i % 3) for i, x in enumerate(WAVES)]
    found = compare.difference(saved("a", WAVES), saved("b", other))
    assert found.interval and found.interval[0] < found.value < found.interval[1] < 0
    back = compare.difference(saved("b", other), saved("a", WAVES))
    assert back.value == pytest.approx(-found.value)
    assert back.interval and back.interval[0] > 0


def test_chunks_of_other_sizes_are_joined_where_both_begin() -> None:
    other = saved("b", [x - 0.1 for x in WAVES], chunk=25)
    found = compare.difference(saved("a", WAVES), other)
    assert found.value == pytest.approx(-0.1)
    assert f"{len(WAVES) * CHUNK // 50} chunks" in found.blocks


def test_enough_documents_are_the_blocks() -> None:
    many = [[5.0, 4.0]] * 6
    found = compare.difference(saved("a", *many), saved("b", *[[4.9, 4.1]] * 6))
    assert found.blocks == "6 documents"
    assert found.interval == pytest.approx((0, 0))


def test_without_chunks_documents_are_compared() -> None:
    pairs = saved("a", [5.0], [4.0], [6.0]), saved("b", [4.8], [3.9], [5.9])
    found = compare.difference(*map(blind, pairs))
    assert found.value == pytest.approx(-0.4 / 3)
    assert (found.blocks, found.interval) == ("3 documents", None), "three say nothing of chance"


def test_one_document_says_nothing_of_chance() -> None:
    pair = [blind(saved("a", WAVES)), blind(saved("b", [x - 1 for x in WAVES]))]
    found = compare.compare(pair)
    assert not compare.difference(*pair).significant
    assert any("--chunks" in warning for warning in found.warnings)


def test_only_shared_documents_count() -> None:
    found = compare.difference(saved("a", [5.0] * 4, [9.0] * 4), saved("b", [4.0] * 4))
    assert (found.first, found.other) == pytest.approx((5.0, 4.0))


def test_other_tokens_are_compared_in_bits() -> None:
    other = saved("b", [4.0] * 8)
    other.value["streams"][0]["tokens_sha256"] = "other tokens"
    found = compare.difference(saved("a", [5.0] * 8), other)
    assert found.unit == "bits/byte"
    assert found.value == pytest.approx(-1 / math.log(2) / 4)


def test_what_was_reported_is_compared() -> None:
    """A report whose result is the mixture is judged by that, chunk by chunk."""
    one, two = (saved(name, [9.0] * 40) for name in "ab")
    for run, loss in ((one, 5.0), (two, 4.9)):
        mixed = run.value["runs"][1]
        documents = [{**d, "nats_per_token": loss} for d in mixed["documents"]]
        run.value["runs"].append({**mixed, "name": "mix", "documents": documents})
        run.value["gain"]["of"] = "mix"
        for row in run.chunks:
            row["mixed"] = loss * row["tokens"]
    found = compare.difference(one, two)
    assert found.value == pytest.approx(-0.1) and "chunks" in found.blocks
    said = compare.compare([one, two])
    assert any("mixed" in warning for warning in said.warnings)
    assert compare.difference(saved("a", [9.0] * 40), two).value == pytest.approx(-4.1)


def test_equal_texts_are_paired_once() -> None:
    pair = saved("a", [5.0] * 4, [5.0] * 4, [6.0] * 4), saved("b", [5.2] * 4, [5.2] * 4, [6.4] * 4)
    for one in pair:
        one.value["streams"][1] |= one.value["streams"][0] | {"path": "1.txt"}
    assert compare.difference(*pair).value == pytest.approx(0.8 / 3)


def test_chunks_of_another_run_are_not_believed() -> None:
    old = saved("b", [x - 0.3 for x in WAVES])
    stale = Saved("b", saved("b", WAVES).value, old.chunks)
    found = compare.difference(saved("a", WAVES), stale)
    assert (found.value, found.interval) == (0, None)


@pytest.mark.parametrize("key", ["streams", "gain", "model", "runs"])
def test_a_report_that_lacks_a_part_is_refused(key: str) -> None:
    broken = saved("b", WAVES)
    del broken.value[key]
    with pytest.raises(MlxdynError, match=r"anew|experiment"):
        compare.compare([saved("a", WAVES), broken])


def test_what_people_were_told_is_not_compared() -> None:
    told = Saved("told.json", {"schema": "mlxdyn.eval/1", "experiment": "memory", "cases": []})
    with pytest.raises(MlxdynError, match="not compared"):
        compare.compare([told, told])


def test_other_text_is_refused() -> None:
    other = saved("b", WAVES)
    other.value["streams"][0]["scored_sha256"] = "x"
    with pytest.raises(MlxdynError, match=r"share no text.* leaves out the first tokens"):
        compare.difference(saved("a", WAVES), other)


def test_chats_without_a_hash_are_the_same_by_their_name() -> None:
    pair = [saved("a", WAVES), saved("b", WAVES)]
    for one in pair:
        unknown = {"scored_sha256": "", "tokens_sha256": "", "tokens": 4}
        one.value["streams"][0] |= unknown | {"path": "chat 1"}
    assert compare.difference(*map(blind, pair)).value == 0
    pair[1].value["streams"][0]["path"] = "chat 2"
    with pytest.raises(MlxdynError, match="share no text"):
        compare.difference(*pair)


def test_a_loss_that_is_not_finite_is_never_better() -> None:
    other = saved("b", WAVES)
    for run in other.value["runs"]:
        run["documents"][0]["nats_per_token"] = run["nats_per_token"] = None
    found = compare.compare([blind(saved("a", WAVES)), blind(other)])
    assert "not finite" in found.sentence


def test_the_sentence_names_the_best_and_how_sure_it_is() -> None:
    runs = [saved("a", WAVES)] + [
        saved(n, [x - d for x in WAVES]) for n, d in (("b", 0.1), ("c", 0.3))
    ]
    found = compare.compare(runs)
    assert "c needs 0.3000 nats/token less than a" in found.sentence
    assert "significant" in found.sentence
    assert any("2 comparisons" in warning for warning in found.warnings)
    assert [len(table.rows) for table in found.tables] == [3, 2]


def cell(**knobs: Any) -> dict[str, Any]:
    return {"knobs": knobs, "numbers": {"gain": 1.0, "dynamic": float(knobs["window"])}}


def test_experiments_are_compared_cell_by_cell() -> None:
    sides = [
        Saved(name, {"experiment": {"cells": cells}})
        for name, cells in (
            ("a", [cell(window=64), cell(window=128)]),
            ("b", [cell(window=128), cell(window=256)]),
        )
    ]
    found = compare.compare(sides)
    assert found.tables[0].rows == (("window=128", 128.0, 128.0, 0.0),)
    assert "nothing is said of chance" in found.sentence
    with pytest.raises(MlxdynError, match="in common"):
        compare.compare([sides[0], Saved("c", {"experiment": {"cells": [cell(window=9)]}})])
    with pytest.raises(MlxdynError, match="experiment"):
        compare.compare([saved("d", WAVES), Saved("a", sides[0].value | {"runs": []})])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "other"}', "\0"])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(MlxdynError, match=r"a\.json"):
        compare.load(str(tmp_path / "a.json"))


def test_chunks_lie_beside_their_report(tmp_path: Path) -> None:
    run = saved("a", WAVES)
    (tmp_path / "a.json").write_text(json.dumps(run.value))
    assert compare.load(str(tmp_path / "a.json")).chunks == ()
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, run.chunks)))
    assert compare.load(str(tmp_path / "a.json")).chunks == run.chunks
    (tmp_path / "a.jsonl").write_text("something else")
    assert compare.load(str(tmp_path / "a.json")).chunks == ()
