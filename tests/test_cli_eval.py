"""The eval command: what it reads, what it writes, how it ends."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pexpect
import pytest
from click.testing import CliRunner, Result

from mlxdyn.cli import main, progress
from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.files import data_dir as home_directory
from mlxdyn.lab import evaluate, streams
from mlxdyn.lab.findings import ProgressStep
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

Call = Callable[..., Result]
BIRDS = "The wren is a small brown bird. It sings loudly, and it nests in holes. " * 4
BOATS = "A boat needs a keel, a mast and a sail; we oiled the mast and mended the sail. " * 3


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "1900_birds.txt").write_text(BIRDS)
    (folder / "1800_boats.txt").write_text(BOATS)
    return folder


@pytest.fixture
def call(mite: Model) -> Call:
    """Run the command on a tiny model, and as little text as makes five chunks."""

    def call(*arguments: str | Path, text: str | None = None) -> Result:
        small = ["--window", "32", "--chunk", "16", "--limit", "80"]
        command = ["eval", "--model", str(mite.path), *small, *map(str, arguments)]
        return CliRunner().invoke(main, command, input=text)

    return call


def test_every_output_is_written_whole(call: Call, texts: Path, tmp_path: Path) -> None:
    names = ("r.json", "c.jsonl", "t.csv", "p.svg", "p.html")
    flags = ("--json", "--chunks", "--csv", "--plot", "--html")
    paths = [tmp_path / name for name in names]
    pairs = [part for pair in zip(flags, paths, strict=True) for part in pair]
    done = call(texts, "--limit-each", "40", "--lr", "1e-3", *pairs)
    assert done.exit_code == 0, done.output
    report = json.loads(paths[0].read_text())
    assert "was carried over from earlier ones" in done.stdout
    assert report["gain"]["within"] + report["gain"]["carried"] == pytest.approx(
        report["gain"]["nats_per_token"]
    )
    command = report["command"]
    assert command.startswith("mlxdyn eval --model") and f"--limit 80 {texts}" in command
    assert command in paths[4].read_text()
    assert len(paths[2].read_text().splitlines()) == 1 + 2 * 3, "all, and each of two texts"
    assert paths[3].read_text().startswith("<?xml")
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == sorted(names)


def test_a_picture_needs_no_screen_and_may_be_png(call: Call, texts: Path, tmp_path: Path) -> None:
    assert call(texts, "--plot", tmp_path / "p.png", "--limit", "60").exit_code == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_order_and_limits_choose_the_text(call: Call, texts: Path) -> None:
    def read(*arguments: str) -> list[tuple[str, int]]:
        done = call(texts, "--json", "-", "--lr", "0", *arguments)
        streams = json.loads(done.stdout)["streams"]
        return [(Path(s["path"]).name, s["tokens"]) for s in streams]

    assert read("--limit-each", "9") == [("1800_boats.txt", 9), ("1900_birds.txt", 9)]
    assert read("--limit-each", "9", "--limit", "12") == [
        ("1800_boats.txt", 9), ("1900_birds.txt", 3),
    ]  # fmt: skip
    (texts / "index.tsv").write_text("file\tyear\n1800_boats.txt\t1950\n")
    index = ["--order", "date", "--index", str(texts / "index.tsv")]
    assert read("--limit-each", "9", *index)[0] == ("1900_birds.txt", 9)


def test_a_large_text_without_a_limit_is_named(
    mite: Model, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty megabytes take hours, so the one who waits is told how to wait less."""
    monkeypatch.setattr("mlxdyn.cli.texts.LARGE_TEXT", 100)
    arguments = ["eval", "--model", str(mite.path), "--window", "32", "--chunk", "16", str(texts)]
    whole = CliRunner().invoke(main, arguments)
    assert whole.exit_code == 0 and whole.stderr.count("--limit TOKENS reads its start") == 2
    assert "note" not in CliRunner().invoke(main, [*arguments, "--limit", "60"]).stderr


def test_a_rate_is_chosen_on_text_of_its_own(call: Call, texts: Path) -> None:
    tune = texts / "1900_birds.txt"
    done = call(texts, "--lr", "auto", "--tune", tune, "--json", "-", "--limit-each", "40")
    report = json.loads(done.stdout)
    assert report["tuning"]["tuned_on"] == [str(tune)]
    assert report["tuning"]["reported_on"] == [str(texts / "1800_boats.txt")]
    assert report["config"]["learning_rate"] == report["tuning"]["chosen"]["learning_rate"]
    assert f"skipped {tune}: it is --tune text" in done.stderr


@pytest.mark.parametrize("how", ["a part", "standard input", "a copy"])
def test_tune_text_is_left_out_however_it_is_read(call: Call, texts: Path, how: str) -> None:
    """A hash does not tell: of a part it is another, of standard input it is of what was read."""
    tune, copy = texts / "1900_birds.txt", texts / "copy.txt"
    tune.write_text("".join(f"Bird {i} sings, {i * i} eggs. " for i in range(20_000)))
    copy.write_text("\ufeff" + tune.read_text())
    text = {"a part": [tune, "--skip", "20"], "standard input": ["-"], "a copy": [copy]}[how]
    limits = ["--limit", "200", "--tune-limit", "100", "--json", "-"]
    given = [*text, texts / "1800_boats.txt", "--tune", tune, *limits]
    done = call(*given, text=tune.read_text())
    assert "it is --tune text" in done.stderr, done.output
    (read,) = json.loads(done.stdout)["streams"]
    assert read["path"] == str(texts / "1800_boats.txt") and read["tokens"] > 40


def test_tune_text_may_have_a_limit_of_its_own(call: Call, texts: Path) -> None:
    """The limits of the result do not shorten what is chosen on."""
    tune = ["--tune", str(texts / "1900_birds.txt"), "--tune", str(texts / "1800_boats.txt")]
    limits = ["--tune-limit", "30", "--limit", "20"]
    text = "A short text of some words that are to be scored here, and no others."
    done = call("-", *tune, *limits, "--lr", "auto", "--json", "-", text=text)
    report = json.loads(done.stdout)
    assert len(report["tuning"]["tuned_on"]) == 2
    assert report["runs"][0]["tokens"] < 20


def test_without_tune_text_the_first_tokens_choose(call: Call, texts: Path) -> None:
    (texts / "1900_birds.txt").write_text(BIRDS * 8)
    done = call(texts / "1900_birds.txt", "--chunk", "4", "--limit", "400", "--json", "-")
    report = json.loads(done.stdout)
    (tuned,), (reported,) = report["tuning"]["tuned_on"], report["tuning"]["reported_on"]
    assert tuned != reported and "tokens" in reported
    assert report["runs"][0]["tokens"] < 399, "the tokens that chose are not reported"


def test_what_a_name_holds_does_not_reach_the_terminal(call: Call, texts: Path) -> None:
    (texts / "1700_\x1b[31mred.txt").write_text(BOATS)
    (texts / "1600_\x1b[31mempty.txt").write_text("")
    done = call(texts, "--limit-each", "20", "--lr", "0")
    assert done.exit_code == 0 and "\\x1b[31mred" in done.stdout
    assert "\\x1b[31mempty" in done.stderr and "\x1b" not in done.output
    missing = call(texts / "1500_\x1b[2J.txt")
    assert missing.exit_code == 1 and "\x1b" not in missing.output


def test_a_choice_is_kept_for_the_base_and_said(call: Call, texts: Path) -> None:
    """The next run reports the same, to the last digit; another rule chooses for itself."""
    (texts / "1900_birds.txt").write_text(BIRDS * 8)
    text = [texts / "1900_birds.txt", "--chunk", "4", "--limit", "400"]
    first, again = (call(*text, "--json", "-") for _ in range(2))
    rates = [json.loads(done.stdout)["config"]["learning_rate"] for done in (first, again)]
    assert rates[0] == rates[1] > 0
    runs = [json.loads(done.stdout)["runs"] for done in (first, again)]
    for one, other in zip(*runs, strict=True):
        assert one["nats_per_token"] == other["nats_per_token"]
        assert one["tokens"] == other["tokens"] < 399
    assert "kept for this base" in json.loads(again.stdout)["tuning"]["choice"]
    assert (home_directory() / "rates.json").stat().st_mode & 0o777 == 0o600
    other = json.loads(call(*text, "--optimizer", "adam", "--json", "-").stdout)
    assert "left out of the result" in other["tuning"]["choice"]


def test_a_kept_choice_is_not_reported_on_its_own_text_and_gives_way_to_no_weaker_one(
    call: Call, texts: Path
) -> None:
    tune, other = texts / "1900_birds.txt", texts / "1800_boats.txt"
    tune.write_text(BIRDS * 8)
    other.write_text(BOATS * 10)
    small = ["--chunk", "4", "--json", "-", "--limit", "400"]
    call(other, "--tune", tune, *small)
    own, others = (json.loads(call(text, *small).stdout)["tuning"] for text in (tune, other))
    assert "left out of the result" in own["choice"] and own["tuned_on"]
    assert "kept for this base from a race of 100 chunks" in others["choice"]


def test_where_no_choice_can_be_kept_one_is_made_all_the_same(
    call: Call, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (texts / "1900_birds.txt").write_text(BIRDS * 8)
    (texts / "file").write_text("a file is no directory")
    monkeypatch.setenv("MLXDYN_HOME", str(texts / "file" / "home"))
    done = call(texts / "1900_birds.txt", "--chunk", "4", "--limit", "400")
    assert done.exit_code == 0 and "left out of the result" in done.stdout


def test_a_base_that_is_lost_without_its_first_token_gets_it_in_every_window(
    call: Call, texts: Path, mite: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gemma is: without it static loses far more, and learning repairs that, which is no gain."""
    monkeypatch.setattr(streams, "LOOK", 16)
    command = (texts / "1900_birds.txt", "--lr", "0", "--json", "-")
    plain = call(*command)
    assert json.loads(plain.stdout)["config"]["first"] is None and "lost" not in plain.stderr
    monkeypatch.setattr(streams, "LOST", -1e9)
    opened = call(*command)
    assert opened.exit_code == 0 and "lost without its first token" in opened.stderr
    assert json.loads(opened.stdout)["config"]["first"] == mite.encode("")[0]
    losses = [json.loads(done.stdout)["runs"][0]["nats_per_token"] for done in (plain, opened)]
    assert losses[0] != losses[1]
    full = call(*command, "--window", "16", "--chunk", "16")
    assert json.loads(full.stdout)["config"]["chunk"] == 15 and "in chunks of 15" in full.stderr
    carried = call(*command, "--context", "carry")
    assert "opens the text here" in carried.stderr
    none = call(*command, "--window", "1", "--chunk", "1")
    assert none.exit_code == 1 and "use 2 or more" in none.stderr


def test_a_stated_rate_is_used_as_it_is_and_damage_is_said_first(call: Call, texts: Path) -> None:
    arguments = ["--model", "wren", "--lr", "0.3", "--limit", "200"]
    (texts / "1900_birds.txt").write_text(BIRDS * 8)
    done = call(texts / "1900_birds.txt", *arguments)
    first = done.stdout.splitlines()[0]
    assert first.startswith("Learning does damage here") and "--lr auto" in first, done.output
    assert "--mix" in first and "0.03" in first
    value = json.loads(call(texts / "1900_birds.txt", *arguments, "--json", "-").stdout)
    assert value["config"]["learning_rate"] == 0.3 and len(value["runs"]) == 2
    assert value["warnings"][0].startswith("learning does damage here")


def test_the_mix_of_several_rates_cannot_lose(call: Call, texts: Path) -> None:
    """A rate of 1 explodes, and costs the mix no more than ln 3 nats in all."""
    rates = ["--model", "wren", "--lr", "1e-4,1", "--mix", "--limit", "200"]
    done = call(texts / "1900_birds.txt", *rates, "--json", "-")
    report = json.loads(done.stdout)
    runs = {run["name"]: run for run in report["runs"]}
    assert list(runs) == ["static", "dynamic", "dynamic 1", "mix", "share"]
    static, dynamic, mix = (runs[n]["nats_per_token"] for n in ("static", "dynamic", "mix"))
    assert mix <= min(static, dynamic) + math.log(3) / runs["mix"]["tokens"] + 1e-9
    assert report["gain"]["of"] == "mix"
    assert report["gain"]["nats_per_token"] == pytest.approx(static - mix)


def test_an_experiment_is_one_finding_in_every_shape(
    call: Call, texts: Path, tmp_path: Path
) -> None:
    page = tmp_path / "kv.html"
    done = call(texts, "--experiment", "kv", "--limit", "60", "--csv", "-", "--html", page)
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) >= 3, "a row a cell"
    assert "Experiment kv" in page.read_text()


def test_a_grid_goes_on_from_its_finished_cells(call: Call, texts: Path, tmp_path: Path) -> None:
    grid = ["--grid", "lr=1e-3,1e-4", "--grid", "targets=all;q_proj,v_proj", "--limit", "60"]
    first = call(texts, *grid, "--out", tmp_path / "cells", "--json", "-")
    assert first.exit_code == 0, first.output
    cells = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").glob("*.json")}
    assert len(cells) == 4
    again = call(texts, *grid, "--out", tmp_path / "cells", "--json", "-")
    assert json.loads(again.stdout)["experiment"] == json.loads(first.stdout)["experiment"]
    assert cells == {path: path.stat().st_mtime_ns for path in cells}


def test_runs_are_compared(call: Call, texts: Path, tmp_path: Path) -> None:
    for name, lr in (("still", "0"), ("eager", "3e-4")):
        file = tmp_path / name
        call(
            texts / "1900_birds.txt",
            "--lr",
            lr,
            "--json",
            f"{file}.json",
            "--chunks",
            f"{file}.jsonl",
        )
    done = call("--compare", tmp_path / "still.json", tmp_path / "eager.json")
    assert done.exit_code == 0, done.output
    assert "eager.json needs" in done.stdout and "less than" in done.stdout
    assert "chunks" in done.stdout
    mixed = call("--compare", tmp_path / "still.json", texts / "1900_birds.txt")
    assert mixed.exit_code == 1 and "1900_birds.txt cannot be read as JSON" in mixed.stderr


def test_other_parts_of_one_file_are_not_compared(call: Call, texts: Path, tmp_path: Path) -> None:
    """As many tokens of the same file need not be the same tokens."""
    book = texts / "book.txt"
    book.write_text(f"{BOATS}\n*** START OF THIS PROJECT GUTENBERG EBOOK ***\n{BIRDS}")
    call(book, "--lr", "0", "--json", tmp_path / "whole.json")
    call(book, "--lr", "0", "--strip-gutenberg", "--json", tmp_path / "own.json")
    done = call("--compare", tmp_path / "whole.json", tmp_path / "own.json")
    assert done.exit_code == 1 and "share no text that both scored" in done.stderr


def test_the_same_text_twice_is_named_and_begins_anew(call: Call, texts: Path) -> None:
    text = texts / "1900_birds.txt"
    twice = [text, text, "--limit-each", "40", "--lr", "1e-2", "--json", "-"]
    done = call(*twice)
    assert "is the same text as" in done.stderr and "learned before it is scored" in done.stderr
    gain = json.loads(done.stdout)["gain"]
    assert gain["carried"] > 0.01, gain
    done = call(*twice, "--reset", "document")
    first, second = json.loads(done.stdout)["runs"][1]["documents"]
    assert first["nats_per_token"] == second["nats_per_token"]
    assert "is the same text as" in done.stderr and "interval is too narrow" in done.stderr
    assert "learned before" not in done.stderr


@pytest.mark.parametrize("how", [["--lr", "0"], ["--grid", "lr=0,1e-3"]])
def test_text_that_the_tokenizer_does_not_know_is_said(
    call: Call, texts: Path, monkeypatch: pytest.MonkeyPatch, how: list[str]
) -> None:
    """Some drop what they have no token for, and nothing is left of it to be surprised by."""
    whole = Model.encode
    monkeypatch.setattr(Model, "encode", lambda self, text: whole(self, text.replace("e", "")))
    text, said = texts / "1900_birds.txt", "of the text is unknown to this tokenizer"
    assert said in call(text, *how).output
    text.write_text("A bird sings. " * 30)
    assert said not in call(text, *how).output


def test_the_environment_may_name_the_model(
    mite: Model, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLXDYN_MODEL", str(mite.path))
    small = ["--limit", "40", "--lr", "0", "--json", "-"]
    done = CliRunner().invoke(main, ["eval", str(texts / "1900_birds.txt"), *small])
    assert json.loads(done.stdout)["model"]["name"] == mite.name


def test_a_grid_of_rules_says_that_rates_go_with_them(call: Call, texts: Path) -> None:
    done = call(texts, "--limit", "40", "--lr", "1e-4", "--grid", "optimizer=adam0,sgd")
    assert "rates go with the rule, 0.0001 to 0.1 here" in done.stderr


def test_a_loss_from_learning_can_fail_a_build(call: Call, texts: Path) -> None:
    assert call(texts, "--max-regress", "0.0", "--lr", "0").exit_code == 0
    worse = call(texts, "--model", "wren", "--max-regress", "0.01", "--lr", "30")
    assert worse.exit_code == 1
    assert "over --max-regress 0.01" in worse.stderr and "gain" in worse.stdout


def test_a_mixture_hides_no_loss_from_a_build(call: Call, texts: Path) -> None:
    """It costs ln 3 nats at most over the whole text, whatever learning does."""
    worse = call(texts, "--model", "wren", "--max-regress", "0.05", "--lr", "30,10", "--json", "-")
    runs = {run["name"]: run["nats_per_token"] for run in json.loads(worse.stdout)["runs"]}
    assert runs["mix"] - runs["static"] < 0.05 < runs["dynamic"] - runs["static"]
    assert worse.exit_code == 1 and "over --max-regress 0.05" in worse.stderr
    assert f"costs {runs['dynamic'] - runs['static']:.4f} nats/token" in worse.stderr


def test_history_reads_the_saved_chats_and_nothing_else(call: Call, texts: Path) -> None:
    none = call("--experiment", "history")
    assert none.exit_code == 1 and "no saved chats yet; `mlxdyn chat`" in none.stderr
    ledger = Ledger(home_directory() / "mlxdyn.db")
    memory = ledger.memories.add(
        "mine", "wren", "f", asdict(AdapterConfig()), asdict(LearnerConfig()), {}
    )
    for text in (BIRDS * 4, BOATS):
        chat = ledger.conversations.add(memory.id)
        ledger.messages.add(chat, "user", text, "none")
        ledger.messages.add(chat, "assistant", "A secret reply.", "none")
    ledger.close()
    done = call("--experiment", "history", "--json", "-", "--limit", "600", "--chunk", "8")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert "did not leave it" in report["experiment"]["sentence"]
    streams = report["streams"]
    assert [(s["path"], s["sha256"], s["bytes"]) for s in streams] == [
        ("chat 1", "", len(BIRDS * 4)), ("chat 2", "", len(BOATS)),
    ]  # fmt: skip
    assert "nests" not in done.stdout and "secret" not in done.stdout
    assert "left out of the result" in report["experiment"]["choice"]
    assert not (home_directory() / "rates.json").exists(), "a hash of a chat could betray it"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--experiment", "history", "x.txt"],
        ["--experiment", "kv"],
        ["--experiment", "nothing", "x.txt"],
        ["--experiment", "kv", "--grid", "lr=1", "x.txt"],
        ["--compare", "a.json"],
        ["--grid", "lr", "x.txt"],
        ["--grid", "lr=1,", "x.txt"],
        ["--grid", "lr=1", "--grid", "lr=2", "x.txt"],
        ["--jobs", "2", "x.txt"],
        ["--out", "cells", "x.txt"],
        ["--lr", "soon", "x.txt"],
        ["--lr", "-1", "x.txt"],
        ["--seed", "-1", "x.txt"],
        ["--lr", "inf", "x.txt"],
        ["--lr", "nan", "x.txt"],
        ["--lr", "1e-3,1e-3", "x.txt"],
        ["--plot", "picture.gif", "x.txt"],
        ["--plot", "-", "x.txt"],
        ["--json", "-", "--csv", "-", "x.txt"],
        ["--chunks", "c.jsonl", "--experiment", "kv", "x.txt"],
        ["--max-regress", "1", "--experiment", "kv", "x.txt"],
        ["--index", "i.tsv", "x.txt"],
        ["--max-regress", "nan", "x.txt"],
        ["--mix", "--grid", "rank=2,4", "x.txt"],
        ["--lr", "1e-3,1e-2", "--experiment", "kv", "x.txt"],
        ["--kv", "fresh", "--context", "carry", "x.txt"],
        ["--out", "cells", "--experiment", "position", "x.txt"],
        ["--batch", "2", "--reset", "document", "--experiment", "position", "x.txt"],
        ["--batch", "2", "--reset", "document", "--experiment", "order", "x.txt"],
        ["--chunks", "c.jsonl", "--compare", "a.json", "b.json"],
        ["--experiment", "history", "--strip-gutenberg"],
    ],
)
def test_wrong_usage_exits_2(call: Call, arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


LONG = ",".join(map(str, range(1, 201)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grid", "colour=red"], "no knob colour"),
        (["--grid", "lr=fast"], "fast"),
        (["--grid", "lr=inf"], "inf is no learning rate"),
        (["--grid", "seed=-1"], "use 0 or more"),
        (["--grid", f"rank={LONG}", "--grid", f"seed={LONG}"], "that grid has 40,000 cells"),
        (["--grid", "lr=1", "--out", __file__], "is no directory"),
        (["--html", "/proc/page.html"], "/proc/page.html cannot be written"),
        (["--rank", "9" * 12], "a rank of"),
        (["--layers", "0-99999999999"], "goes beyond the model's"),
        (["--order", "date", "--index", "/dev/zero"], "/dev/zero cannot be read: it has more than"),
        (["--json", "same.out", "--csv", "same.out"], "name another"),
        (["--tune", "missing.txt"], "no text is left to choose on"),
        (["--order", "date", "--index", "missing.tsv"], "missing.tsv"),
        (["--html", "/nowhere/page.html"], "/nowhere/page.html"),
        (["--html", f"{__file__}/page.html"], "name a file in a directory that can be"),
    ],
)
def test_mistakes_fail_with_a_sentence(
    call: Call, texts: Path, arguments: list[str], said: str
) -> None:
    done = call(texts, *arguments)
    assert done.exit_code == 1, done.output
    assert said in done.stderr and "Traceback" not in done.output


def test_a_report_that_cannot_be_written_is_seen_all_the_same(
    call: Call, texts: Path, tmp_path: Path
) -> None:
    name = "x" * 250 + ".json"  # none longer can be, and so none beside it that is half written
    done = call(texts, "--lr", "1e-3", "--limit", "100", "--json", tmp_path / name)
    assert done.exit_code == 1 and "File name too long" in done.stderr
    assert "nats/token" in done.stdout


def test_a_number_of_any_length_beside_a_text_is_no_fault(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"text": BIRDS})[:-1] + f', "id": {"9" * 10_000}}}')
    done = call(file, "--lr", "1e-3", "--limit", "100")
    assert done.exit_code == 0, done.output


def test_a_result_never_takes_the_place_of_the_text(call: Call, texts: Path) -> None:
    text, other = texts / "1900_birds.txt", texts / "1800_boats.txt"
    report = texts.parent / "a.json"
    report.with_suffix(".jsonl").write_text(BIRDS)
    for arguments in (
        [text, "--json", text],
        [texts, "--csv", text],
        [other, "--tune", text, "--json", text],
        [other, "--order", "date", "--index", text, "--html", text],
        ["--compare", report, report, "--csv", report.with_suffix(".jsonl")],
    ):
        done = call(*arguments)
        assert done.exit_code == 1 and "name another" in done.stderr, done.output
    assert text.read_text() == report.with_suffix(".jsonl").read_text() == BIRDS


@pytest.mark.parametrize("arguments", [["--compare", "/dev/zero"], ["--experiment", "memory"]])
def test_a_device_without_an_end_is_read_in_part(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, ["eval", *arguments, "/dev/zero"])
    assert done.exit_code == 1 and "it has more than" in done.stderr


def test_ctrl_c_writes_what_is_done(mite: Model, texts: Path, tmp_path: Path) -> None:
    """A true signal in the middle: the report is of the chunks so far, and says so."""
    (texts / "1800_boats.txt").write_text(BOATS * 400)
    files = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    child = watched(mite, texts, *files, "--lr", "1e-4")
    child.expect(r"gain [+-]\d")
    child.sendintr()
    child.expect("gain .*stopped; the results are of what was done until then")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["complete"] is False
    done = report["runs"][0]["tokens"]
    assert done and done % (evaluate.TURN * 16) == 0 and done < 10_000
    assert "interrupted" in (tmp_path / "r.html").read_text()


def watched(model: Model, texts: Path, *more: str) -> pexpect.spawn:
    """Evaluate where a terminal looks on; tests may run where interrupts are ignored."""
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from mlxdyn.cli import main; main()"
    )
    small = ["--model", str(model.path), "--chunk", "16", "--window", "32"]
    arguments = ["-c", program, "eval", str(texts), *small, *more]
    return pexpect.spawn(sys.executable, arguments, encoding="utf-8", timeout=60)


def test_the_live_view_says_where_it_is() -> None:
    shown = progress.fields(ProgressStep("lr=0.001", 2, 4, 50, 100, 0.25))
    assert shown == {"completed": 0.375, "cell": "2/4 lr=0.001", "gain": "gain +0.2500 nats/token"}
    assert progress.fields(ProgressStep("", 1, 1, 5, 10, None))["cell"] == "5/10 tokens"


def test_a_terminal_sees_progress_and_the_running_gain(mite: Model, texts: Path) -> None:
    (texts / "1800_boats.txt").write_text(BOATS * 4)
    child = watched(mite, texts)
    child.expect(r"\d+/\d+ tokens")
    child.expect(r"gain \+\d")
    child.expect("each scored before it was learned")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_help_is_quick_about_it() -> None:
    """Neither MLX nor the drawing library is loaded to say what there is."""

    code = (
        "import sys; from mlxdyn.cli import main\n"
        "try: main(['eval', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('mlx', 'matplotlib', 'numpy', 'transformers', 'rich')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
