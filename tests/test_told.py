"""Laws of the memory experiment: cases are read or refused by line, and what is said is judged."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from school import know, opened

from mlxdyn.arrays import leaves
from mlxdyn.chat.conversation import Session
from mlxdyn.cli import main
from mlxdyn.config import ChatConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.lab.cases import Ask, Case, claims, read
from mlxdyn.lab.memory import KEPT, TrialOptions, remember, tell
from mlxdyn.lab.remembered import Told, by_seed, finding, summary, to_json
from mlxdyn.learn.steps import run
from mlxdyn.memory import history
from mlxdyn.model.load import Model

REX = {
    "id": "a",
    "kind": "plain",
    "messages": ["My dog is called Rex."],
    "ask": [{"q": "What is my dog called?", "want": ["rex"], "not": ["max"]}],
    "unknown": ["What is my cat called?"],
}


def test_a_line_that_is_no_case_is_named(tmp_path: Path):
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(REX) + "\n" + json.dumps(REX | {"messages": []}) + "\n")
    with pytest.raises(MlxdynError, match="line 2, is no case"):
        read([file])
    for want in ("Rex", [], [""]):
        file.write_text(json.dumps(REX | {"ask": [{"q": "Who?", "want": want}]}) + "\n")
        with pytest.raises(MlxdynError, match="is no case"):
            read([file])
    odd = REX | {"messages": ["My dog\u2028is Rex.\x85"]}
    file.write_text(json.dumps(odd, ensure_ascii=False) + "\n")
    assert len(read([file])) == 1, "what ends a line elsewhere ends none here"
    file.write_text("\n")
    with pytest.raises(MlxdynError, match="no cases"):
        read([file])


@pytest.mark.parametrize(
    ("said", "right"), [("It is REX.", True), ("Rex, once Max.", False), ("I don't know.", False)]
)
def test_an_answer_is_right_if_it_holds_what_is_wanted_and_nothing_unwanted(said: str, right: bool):
    assert Ask("What is my dog called?", ("rex",), ("max",)).right(said) is right


@pytest.mark.parametrize(
    ("said", "false"),
    [("Your cat is Rex.", True), ("It is number 27.", True), ("My cat.", False), ("No.", False)],
)
def test_a_name_or_number_of_the_messages_is_a_claim(said: str, false: bool):
    assert claims(said, ["My dog is called Rex.", "flat number 27"]) is false


def test_a_case_is_told_and_asked_for_in_a_home_of_its_own(mite: Model, tmp_path: Path):
    """The user's home keeps what was measured of the base, and nothing else."""
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(REX))
    know(mite)
    told = list(remember(mite, read([file]), TrialOptions(study=StudyConfig(steps=1))))
    assert [len(one.said) for one in told] == [1] and [len(one.claimed) for one in told] == [1]
    assert [(len(one.in_context), len(one.claimed_in_context)) for one in told] == [(1, 1)]
    assert not (data_dir() / "mlxdyn.db").exists()
    found = summary(told)
    assert set(found.shares) >= {"ceiling", "recall", "false_recall", "drift_nats_per_token"}
    assert to_json(found)["memory"]["cases"] == 1  # type: ignore[index]
    assert "1 people" in finding(found).sentence


def test_shares_count_questions_not_cases():
    case = Case("a", "", ("I met Ana.",), (Ask("q", ("yes",)), Ask("q", ("no",))), ("u", "v"))
    one = Told(
        case, said=("yes", "yes"), said_amid_talk=("", ""), in_context=("yes", "no"),
        claimed=("", ""), claimed_in_context=("Ana", "No"), claimed_by_base=(), learned=(),
        seconds=1.0, flops=1.0, drift=None, said_later=("no", "no"),
    )  # fmt: skip
    shares = summary([one]).shares
    assert shares["recall"] == 0.5 and shares["ceiling"] == 1.0 and shares["retention"] == 0.0
    assert shares["false_recall"] == 0.0 and shares["false_recall_in_context"] == 0.5
    assert shares["false_recall_base"] is None


def test_a_finished_case_is_kept_and_asked_again_after_the_messages_of_others(
    mite: Model, tmp_path: Path
):
    """A line that was cut off, and one of other options, count for nothing."""
    file = tmp_path / "cases.jsonl"
    other = REX | {"id": "b", "messages": ["I live in Oslo."], "ask": [], "unknown": []}
    file.write_text(json.dumps(REX) + "\n" + json.dumps(other))
    know(mite)
    options = TrialOptions(study=StudyConfig(steps=1), later=1)
    first = list(remember(mite, read([file]), options, store=tmp_path / "out"))
    kept = tmp_path / "out" / KEPT
    assert len(first[0].said_later) == 1 and first[0].flops > 1e6
    lines = kept.read_text().strip().split("\n")
    kept.write_text("\n".join([lines[0], lines[1][:40]]))
    ticking = kept.stat().st_size
    again = list(remember(mite, read([file]), options, store=tmp_path / "out"))
    assert again[0] == first[0] and again[1].said == first[1].said
    assert kept.stat().st_size > ticking
    assert len(list(remember(mite, read([file]), TrialOptions(), store=tmp_path / "out"))) == 2
    file.write_text(json.dumps(REX) + "\n" + json.dumps(other | {"messages": ["I live in Rome."]}))
    (other_later, _) = remember(mite, read([file]), options, store=tmp_path / "out")
    assert other_later.seconds != first[0].seconds, "what others said counts as well"
    assert len(kept.read_text().strip().split("\n")) == 7


def test_seeds_learn_the_same_examples_from_other_starts_and_again_to_the_same_bits(
    credulous: Model, tmp_path: Path
):
    """A seed gives all draws: nothing that is asked hangs on when or how often it is run."""
    file = tmp_path / "cases.jsonl"
    other = REX | {"id": "b", "messages": ["I live in Oslo."], "ask": [], "unknown": []}
    file.write_text(json.dumps(REX) + "\n" + json.dumps(other))
    know(credulous)
    options = TrialOptions(study=StudyConfig(steps=2, learning_rate=0.05), later=1, seeds=2)
    told = list(remember(credulous, read([file]), options, store=tmp_path / "out"))
    assert [(one.case.id, one.seed) for one in told] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    first, second = told[:2]
    assert first.learned == second.learned and first.in_context == second.in_context
    assert first.learned and first.drift != second.drift, "another start goes another way"
    assert len(second.said_later) == 1
    assert list(remember(credulous, read([file]), options, store=tmp_path / "out")) == told
    alone = TrialOptions(study=options.study, later=1)
    kept = [*remember(credulous, read([file]), alone, store=tmp_path / "out")]
    assert kept == told[::2], "fewer seeds are known already"
    (again, _) = remember(credulous, read([file]), alone)
    assert (again.said, again.drift, again.said_later) == (
        first.said, first.drift, first.said_later,
    )  # fmt: skip
    assert by_seed(told)[1]["drift_nats_per_token"] != by_seed(told)[0]["drift_nats_per_token"]
    assert to_json(summary(told))["memory"]["cases"] == 2  # type: ignore[index]


def test_the_drift_is_of_the_weights_that_answer(credulous: Model, tmp_path: Path):
    """A lesson that was thrown away because it moved too much has moved nothing."""
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(REX))
    know(credulous)
    study = StudyConfig(steps=2, learning_rate=0.05, max_drift=0.0)
    (told,) = remember(credulous, read([file]), TrialOptions(study=study))
    assert told.drift == 0.0


def test_equal_cases_beside_each_other_are_two():
    one = Told(
        Case("a", "", ("I met Ana.",), (Ask("q", ("yes",)),), ()), said=("yes",),
        said_amid_talk=("",), in_context=("",), claimed=(), claimed_in_context=(),
        claimed_by_base=(), learned=(), seconds=1.0, flops=1.0, drift=None,
    )  # fmt: skip
    found = summary([one, one])
    assert to_json(found)["memory"]["cases"] == 2  # type: ignore[index]
    low, high = found.intervals["recall"]
    assert low == pytest.approx(0.025**0.5) and high == 1.0, "two that are right prove little"
    assert found.intervals["seconds_per_message"] == (1.0, 1.0), "an amount is no share"
    again = replace(one, seed=1, seconds=None, flops=None)
    assert summary([one, again]).shares["seconds_per_message"] == 1.0
    assert not summary([one, again]).intervals, "one person, however many seeds"


def test_it_studies_after_every_so_many_messages(credulous: Model):
    """Three messages, a study after every second: one study, which makes the adapter anew."""
    know(credulous)
    with opened("m", credulous) as memory:
        run(memory.prepare())
        tell(memory, ["My dog is called Rex.", "I live in Oslo."], study_every=2)
        tell(memory, ["I bake bread."], after=2, study_every=2)
        kinds = [event.lesson.kind for event in memory.ledger.events.all(memory.row.id)]
    assert kinds == ["message", "message", "study", "message"]


def logged() -> dict[int, dict[str, int]]:
    done = CliRunner().invoke(main, ["memory", "log", "--memory", "m", "--json"])
    return {row["event"]: row["lesson_flops"] for row in json.loads(done.stdout)}


READ = {"writing", "answering", "learning", "guarding"}


def test_the_log_says_what_a_lesson_took_and_by_what(credulous: Model):
    """All that was computed while it was learned is put down to something, its words too."""
    know(credulous)
    with opened("m", credulous) as memory:
        run(memory.prepare())
        parts = memory.learner.parts
        assert parts is not None
        before = parts.flops
        tell(memory, ["My dog is called Rex.", "I live in Oslo."], study_every=2)
        whole = parts.flops - before
        memory.snapshot()
        facts = sum(len(memory.ledger.examples.facts(id)) for id in (1, 2))
        assert facts and whole
    taken = logged()
    assert [*map(set, taken.values())] == [READ, READ, {"studying", "guarding"}]
    assert sum(count for one in taken.values() for count in one.values()) == whole


def test_words_alone_are_counted(mite: Model):
    """A base that finds nothing in a message still takes a step on its words."""
    know(mite)
    with opened("m", mite) as memory:
        tell(memory, ["My dog is called Rex."])
        (event,) = memory.ledger.events.all(memory.row.id)
        tokens = sum(len(chunk.inputs) for chunk in event.lesson.chunks)
    (taken,) = logged().values()
    blocks = sum(array.size for _, array in leaves(mite.network.model.layers[0].parameters()))
    assert 6 * tokens * blocks * 0.5 < taken["learning"], "forward, back, and scored again"


def test_a_lesson_that_was_broken_off_counts_all_or_says_nothing(credulous: Model):
    know(credulous)
    with opened("m", credulous) as memory:
        run(memory.prepare())
        session = Session(credulous, memory, memory.ledger, ChatConfig(), temporary=False)
        chat = memory.ledger.conversations.add(memory.row.id)
        for text in ("My dog is called Rex.", "I live in Oslo."):
            message = memory.ledger.messages.add(chat, "user", text, "pending")
            while session.learn_step() and not memory.ledger.messages.examined(message.id):
                pass
            session.drop_work()  # someone says something
            if message.id == 1:
                while session.learn_step():
                    pass
    with opened("m", credulous) as memory:  # another process
        session = Session(credulous, memory, memory.ledger, ChatConfig(), temporary=False)
        while session.learn_step():
            pass
    first, second = logged().values()
    assert set(first) == READ and second == {}


def test_what_a_lesson_took_says_nothing_of_what_was_forgotten(credulous: Model):
    """What a later message took depends on what was there before it."""
    know(credulous)
    with opened("m", credulous) as memory:
        run(memory.prepare())
        tell(memory, ["My dog is called Rex.", "I live in Oslo."])
        assert len(logged()) == 2 and all(logged().values())
        history.forget(memory, [1])
    assert [*logged().values()] == [{}]


@pytest.mark.parametrize("made_up", ["x", "[" * 9999, '{"writing": NaN}', "9" * 5000, "[1, 2]", 7])
def test_made_up_operations_count_as_none(credulous: Model, made_up: object):
    know(credulous)
    with opened("m", credulous) as memory:
        run(memory.prepare())
        tell(memory, ["My dog is called Rex."])
        memory.ledger.database.run("UPDATE events SET flops = ?", (made_up,))
    assert [*logged().values()] == [{}]


@pytest.mark.parametrize("option", [["--later", "1"], ["--seeds", "2"], ["--study-every", "1"]])
def test_options_of_the_memory_experiment_are_refused_elsewhere(option: list[str], tmp_path: Path):
    (tmp_path / "text.txt").write_text("A text.")
    done = CliRunner().invoke(main, ["eval", str(tmp_path / "text.txt"), *option])
    assert done.exit_code == 2 and f"{option[0]} is for --experiment memory" in done.output


@pytest.mark.parametrize("option", [["--rank", "4"], ["--lr", "1e-3"], ["--window", "64"]])
def test_options_of_reading_are_refused_where_people_are_heard(option: list[str], tmp_path: Path):
    (tmp_path / "cases.jsonl").write_text(json.dumps(REX))
    command = ["eval", "--experiment", "memory", str(tmp_path / "cases.jsonl"), *option]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2 and f"it takes no {option[0]}" in done.output


def test_the_command_ends_in_order(mite: Model, tmp_path: Path):
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(REX | {"ask": [], "unknown": []}))
    know(mite)
    options = [
        "eval",
        "--experiment",
        "memory",
        str(file),
        "--model",
        str(mite.path),
        "--json",
        "-",
        "--out",
        str(tmp_path / "out"),
        "--later",
        "2",
    ]
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["memory"]["cases"] == 1
    assert json.loads(done.stdout)["config"]["later"] == 2 and (tmp_path / "out" / KEPT).is_file()
