"""Laws of calibration: a base is measured once, and what was found is found again."""

import json
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from school import EAGER

from mlxdyn.files import data_dir, write
from mlxdyn.learn import calibration
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK, Calibration, calibrate, dump, own_prompts, threshold
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.prompts import INTERVIEWS, KNOWN, TEACHERS, WRITERS
from mlxdyn.learn.steps import run
from mlxdyn.memory.calibrated import kept_at, prepared
from mlxdyn.model.load import Model

FOUND = Calibration(EAGER, {}, recall=(), told_apart=(), about=())


def base(model: Model) -> Base:
    parts = Parts.of(model.network)
    assert parts is not None
    return Base(model, parts, FALLBACK)


def test_a_base_is_measured_once_for_all_memories(mite: Model) -> None:
    first, second = base(mite), base(mite)
    run(prepared(first))
    file = kept_at(mite)
    kept = file.stat()
    assert file.is_relative_to(data_dir()) and kept.st_mode & 0o077 == 0
    run(prepared(second))
    assert second.calibrated
    assert (second.prompts, second.priors) == (first.prompts, first.priors)
    assert file.stat().st_mtime_ns == kept.st_mtime_ns


def test_the_prompt_that_recalls_most_is_chosen(wren: Model) -> None:
    """The bundled model reads earlier turns; of what is quoted it makes nothing."""
    teachers = (TEACHERS[2], TEACHERS[1])
    found = run(calibrate(base(wren), teachers, WRITERS[:1]))
    assert found.recall[1] > found.recall[0] and found.prompts.teacher == teachers[1]
    assert 0.5 < found.told_apart[0] <= 1


def test_messages_are_read_as_answers_where_that_tells_questions_apart(
    wren: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundled model cannot; another, which knows what people were asked, can."""
    prompts = TEACHERS[1:2], WRITERS[:1], INTERVIEWS[:1]
    found = run(calibrate(base(wren), *prompts))
    assert found.about[0] == max(found.about) and found.prompts.interview is None

    def knowing(
        base: Base, message: str, questions: Sequence[str], others: Sequence[str]
    ) -> Generator[None, None, list[float]]:
        yield
        (known,) = (one for one in KNOWN if " ".join(one.said) == message)
        return [1.0 if question in dict(known.asked) else -1.0 for question in questions]

    monkeypatch.setattr(Base, "told_when_asked", knowing)
    other = run(calibrate(base(wren), *prompts))
    assert other.about[0] == found.about[0] < other.about[1]
    assert other.prompts.interview == INTERVIEWS[0] and other.prompts.heard > 0
    assert found.prompts.heard == 0


def test_a_measurement_that_is_broken_off_is_made_anew(mite: Model) -> None:
    """As a message that comes while a base is measured breaks it off."""
    broken = base(mite)
    steps = prepared(broken)
    for _ in range(30):
        next(steps)
    steps.close()
    assert not broken.calibrated and not kept_at(mite).exists()
    run(prepared(broken))
    again = base(mite)
    run(prepared(again))
    assert (broken.prompts, broken.priors) == (again.prompts, again.priors)


def test_what_is_kept_is_read_again_and_nothing_else_is() -> None:
    for teacher in TEACHERS:
        for interview in (None, *INTERVIEWS):
            prompts = replace(FOUND.prompts, teacher=teacher, interview=interview, heard=1.5)
            found = replace(FOUND, prompts=prompts, priors={"Qué?": (-2.5, -1.0)}, about=(0.5, 1.0))
            assert calibration.load(dump(found)) == found
    text = dump(FOUND)
    for odd in (
        "",
        "[]",
        "{}",
        "null",
        "7",
        text[:-9],
        text.replace(f'"version": {calibration.VERSION}', '"version": 0'),
    ):
        assert calibration.load(odd) is None


SHOT = {"said": "I sing.", "questions": ["Do I sing?"], "answer": "You sing.", "open": ["Who?"]}


def prompts(shot: object = SHOT, **fields: object) -> str:
    """Write a list of one teacher and one writer, with worked examples."""
    teacher = {"style": "quoted", "intro": "I said:", "shots": [shot], **fields}
    return json.dumps({"teachers": [teacher], "writers": [{"heading": "Notes", "shots": [shot]}]})


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "[]", "7", "null", '{"writers": 3}', '{"writers": [{"x": 1}]}'),
        *('{"teachers": [{}]}', '{"writers": ["Notes"]}', "{" * 9, "[" * 100_000),
        prompts(intro=3),
        prompts(intro="\ud800"),
        prompts(style="sung"),
        prompts(style=["turns"]),
        prompts(shots="none"),
        prompts(shots=None),
        prompts("Do I sing?"),
        prompts({"said": "I sing."}),
        prompts({**SHOT, "answer": None}),
        prompts({**SHOT, "questions": "Do I sing?"}),
        prompts({**SHOT, "questions": []}),
        prompts({**SHOT, "open": [1]}),
    ],
    ids=lambda text: str(text)[:60],
)
def test_an_odd_list_of_prompts_adds_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "prompts.json").write_text(text)
    assert own_prompts(tmp_path) == ((), ())


def test_a_models_own_prompts_may_have_worked_examples(tmp_path: Path, asking: Base) -> None:
    """And each serves: it can be put to a base."""
    (tmp_path / "prompts.json").write_text(prompts())
    (teacher,), (writer,) = own_prompts(tmp_path)
    asking.prompts = replace(asking.prompts, teacher=teacher, writer=writer)
    said = (asking.teacher_prompt(["I run."], "Do I run?"), asking.writer_prompt("I run."))
    assert all("I sing." in asking.model.decode(list(tokens)) for tokens in said)


NATS = st.lists(st.floats(0.5, 20), min_size=1, max_size=8)


@given(NATS, NATS, st.floats(-9, 9))
def test_the_threshold_moves_with_the_scale_and_lies_above_the_middle(
    answered: list[float], left: list[float], by: float
) -> None:
    found = threshold(answered, left)
    moved = threshold([x + by for x in answered], [x + by for x in left])
    assert moved == pytest.approx(found + by, rel=1e-3, abs=1e-3)
    middle = (sum(answered) / len(answered) + sum(left) / len(left)) / 2
    assert found >= middle - 1e-9, "a mistake is worse than a miss"


def test_kinds_that_stand_apart_are_parted() -> None:
    assert 2 < threshold([9.0, 10.0, 11.0], [0.0, 1.0, 2.0]) < 9
    assert threshold([10.0], [0.0]) == 5.0, "nothing says that they vary"


def test_what_an_earlier_version_measured_is_not_measured_again(wren: Model):
    """What ships with a base is newer than what stands in the user's home."""
    parts = Parts.of(wren.network)
    assert parts is not None
    write(kept_at(wren), '{"version": 0}')
    assert list(prepared(Base(wren, parts, FALLBACK))) == []


def test_the_bundled_base_comes_with_what_was_measured_of_it(wren: Model):
    parts = Parts.of(wren.network)
    assert parts is not None
    base = Base(wren, parts, FALLBACK)
    assert list(prepared(base)) == [] and base.calibrated
    assert base.prompts.writer.request and base.prompts.steady and not kept_at(wren).exists()
