"""Write results/README.md and the lab's figures in README.md from the reports beside this file."""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import reports
from paper import paper
from reports import HERE, Report

from mlxdyn.lab.experiments import QUESTIONS

FIRST = "smollm2-135m"
ORDER = (FIRST, "tinystories-656k", "wren")
SECOND = "gemma-3-270m-q4_k_m"  # another architecture, for measuring only
CARRIED = "in order, reset never"
BEGIN, END = "<!-- from results/index.py -->\n", "<!-- to here -->\n"

PLAIN = {
    "book-349": ("PG-19, book 349", "may have read it"),
    "book-1684": ("PG-19, book 1684", "may have read it"),
    "book-3125": ("PG-19, book 3125", "may have read it"),
    "book-9096": ("PG-19, book 9096", "may have read it"),
    "book-7684": ("PG-19, book 7684", "may have read it"),
    "scotus": ("a court's opinion of 2009", "may have read it"),
    "irc": ("a chat log of programmers, 2016", "may have read it"),
    "invented": ("the same log with invented names", "may have read the rest"),
    "told": (
        "what 90 made-up people tell of themselves",
        "cannot know it",
    ),
    "tinystories": ("stories for children, written by a model", "may have read it"),
    "wikitext2": ("encyclopedia", "most likely has read it"),
    "shakespeare": ("plays", "most likely has read it"),
    "years": ("{} dated books, the start of each", "may have read it"),
    "novels": ("{} novels, the start of each", "may have read it"),
    "books": ("{} books of PG-19, the start of each", "may have read it"),
    "courts": ("{} opinions of a court, the start of each", "may have read it"),
    "logs": ("{} chat logs, the start of each", "may have read it"),
}
"""Plain evaluations with the defaults: what the text is, and whether the base can know it."""
NOT_STREAMS = {"memory", "two-messages", "corrections", "retention"}  # people who tell: README

HEAD = """# Results

What each experiment of `mlxdyn eval` found, written by `make results` (DATA names the folder of
text and models; finished cells are kept in `build/results`). Every number is about text that was
scored before it was learned. An interval is 95%, by Student's t over blocks of chunks or documents;
of shares of what people told, Wilson's over people.
[Agreement](agreement.md) sets other numbers beside those of a separate harness.

* `smollm2-135m` is a pretrained transformer of about the size of the paper's smallest. Its streams
  are short (about 200 to 3,200 tokens, on a machine that was busy), so its intervals are wide, and
  where they leave it open nothing is claimed. The experiments state the rate that the defaults
  choose (1e-4).
* `tinystories-656k` has two blocks and knows only children's stories; it reads books. `wren`, the
  bundled model, reads chat logs so unlike its words that its static base does worse than guessing:
  its gains there are repair.
* `gemma-3-270m` is another architecture, a base for measuring only (Gemma terms), from PyPI.
* `history` reads conversations made up for a benchmark, saved as chats in a home of their own.
"""


def main() -> None:
    folders = [HERE / name for name in ORDER if list((HERE / name).glob("*.json"))]
    first = folders[0]
    parts = [
        HEAD,
        *former(folders),
        *defaults(first),
        *limits(first),
        *paper(folders),
        *rates(first),
    ]
    parts += [part for folder in folders for part in section(folder)]
    (HERE / "README.md").write_text("\n".join(parts), encoding="utf-8")
    front(first)


def front(folder: Path) -> None:
    """Write the part of the project's README that says what was found."""
    path = HERE.parent / "README.md"
    text = path.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    lines = [
        f"`{folder.name}` with the defaults: what learning gains, nats/token and 95% interval.",
        "",
        "| text | static | gain |",
        "|---|---|---|",
        *(f"| {said} | {static} | {gain} |" for said, static, gain in _worth(folder)),
        "",
        f"![Loss against window, operations and memory](results/{folder.name}/window.svg)",
        "",
        "Where it does not help:",
        "",
        *_limits(folder),
        "",
    ]
    path.write_text(head + BEGIN + "\n".join(lines) + END + tail, encoding="utf-8")


def former(folders: list[Path]) -> Iterator[str]:
    """Name the reports whose intervals an earlier version made: they are too narrow."""
    old: list[str] = []
    for folder in folders:
        found = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
        streams = {name: json.loads(text).get("streams", []) for name, text in found.items()}
        late = sorted(n for n, of in streams.items() if any("tokens_sha256" not in s for s in of))
        if late:
            names = "all" if len(late) == len(found) else ", ".join(late)
            old.append(f"`{folder.name}` ({names})")
    if old:
        yield "Intervals of an earlier version, percentiles of a bootstrap over blocks, are too"
        yield "narrow where blocks are few: of 16 chunks without any gain they left zero out in a"
        yield f"quarter, where a twentieth is promised. They are still those of {', '.join(old)}.\n"


# the defaults


def plain(folder: Path) -> Iterator[str]:
    """Every plain evaluation, with whether the base can know the text."""
    yield f"### `mlxdyn eval TEXT --model {folder.name}`\n"
    yield "| text | the base | tokens | static | gain, nats/token (95%) | numbers |"
    yield "|---|---|---|---|---|---|"
    warned = []
    for name, (said, known) in PLAIN.items():
        report = reports.read(folder, name)
        if report:
            warned += [f"* `{name}`: {warning}" for warning in report.get("warnings", [])]
            static = report["runs"][0]
            gain = f"{report['gain']['nats_per_token']:+.3f}{reports.sure(*report['gain']['ci95'])}"
            text = said.format(len(static["documents"]))
            yield (
                f"| {text} | {known} | {static['tokens']} | {static['nats_per_token']:.3f} "
                f"| {gain} | [{name}]({folder.name}/{name}.json) |"
            )
    yield from ["", *warned, ""] if warned else [""]


def defaults(folder: Path) -> Iterator[str]:
    """The plain evaluations of the first model, and of a second architecture."""
    yield "## The defaults\n"
    yield from plain(folder)
    if (HERE / SECOND).exists():
        yield from plain(HERE / SECOND)
    yield "What is reported is the mixture: it costs at most ln 2 nats over a text, whatever"
    yield f"it says.{_contamination(folder)}{_carried(folder)}\n"


def _contamination(folder: Path) -> str:
    """What the base cannot know beside books that it may have read."""
    told = reports.read(folder, "told")
    books = [r for name in PLAIN if name.startswith("book-") and (r := reports.read(folder, name))]
    if not (told and books):
        return ""
    mean = math.fsum(r["gain"]["nats_per_token"] for r in books) / len(books)
    gain = told["gain"]
    return (
        " On text that the base cannot know, made-up facts, learning gains"
        f"\n{gain['nats_per_token']:+.3f}, on {len(books)} books {mean:+.3f}"
        + (": it is not recitation alone." if gain["ci95"][0] > 0 else ".")
    )


def _carried(folder: Path) -> str:
    """How much of the gain on folders came from documents before."""
    gains = [
        r["gain"] for name in PLAIN if (r := reports.read(folder, name)) and "within" in r["gain"]
    ]
    shares = [g["carried"] / g["nats_per_token"] for g in gains if g["within"] is not None]
    if not shares:
        return ""
    return (
        f"\nOf the gain on starts of documents {min(shares):.0%} or more was carried over from the "
        "documents\nbefore."
    )


def _worth(folder: Path) -> Iterator[tuple[str, str, str]]:
    for name in ("book-349", "irc", "scotus", "told", "tinystories", "wikitext2"):
        report = reports.read(folder, name)
        if report:
            gain = f"{report['gain']['nats_per_token']:+.3f}{reports.sure(*report['gain']['ci95'])}"
            yield PLAIN[name][0], f"{report['runs'][0]['nats_per_token']:.3f}", gain


# where it does not help


def limits(folder: Path) -> Iterator[str]:
    yield "## Where learning does not help\n"
    yield from _limits(folder)
    yield ""


def _limits(folder: Path) -> Iterator[str]:
    """What each report says against learning, where it says so."""
    quarters = list(reports.rows(folder, "position").values())
    if quarters:
        tokens = sum(s["tokens"] for s in reports.read(folder, "position")["streams"]) // 4
        yield (
            f"* **At first**: {reports.gain(quarters[0])} in the first {tokens} tokens of a book, "
            f"{reports.gain(quarters[-1])} in the last as many."
        )
    alone = reports.rows(folder, "history").get("each alone")
    if alone:
        carried = reports.rows(folder, "history")["carried over"]
        yield (
            f"* **Within one short chat**: {reports.gain(alone)}; carried from chat to chat: "
            f"{reports.gain(carried)}."
        )
    fitted = list(reports.rows(folder, "prefit").values())
    if fitted:
        best = min(fitted, key=lambda row: row[1])
        yield (
            f"* **After fine-tuning on the domain**: {reports.gain(fitted[0])} before, "
            f"{reports.gain(best)} after {best[0]} steps on other books."
        )
    own = reports.column(folder, "order", "drift on the base's own text").get(CARRIED)
    aside = reports.column(folder, "order", "on text kept aside").get(CARRIED)
    if own is not None:
        count = len(reports.read(folder, "order")["streams"])
        other = "" if aside is None else f", an encyclopedia that was not among them {aside:+.3f}"
        yield (
            f"* **On what it read before**: after {count} texts that drift, text in the base's own "
            f"words costs {own:+.3f} nats/token{other}."
        )
    grid = reports.read(folder, "rates-book")
    if grid:
        cell = max(grid["experiment"]["cells"], key=lambda c: c["knobs"]["learning_rate"])
        number = cell["numbers"]
        said = "not finite" if number["gain"] is None else f"{number['gain']:+.2f} nats/token"
        yield (
            f"* **At a rate that is too high**: {said} at {cell['knobs']['learning_rate']:g}, if "
            "stated; by itself no such rate is chosen, and the mixture would not follow it."
        )
    wide = list(reports.rows(folder, "window").values())
    if wide:
        narrow, best = wide[0], min(wide, key=lambda row: row[1])
        if narrow[2] > best[1]:
            yield (
                f"* **In place of context**: {narrow[0]} tokens that learn lose {narrow[2]:.3f}, "
                f"{best[0]} tokens that do not {best[1]:.3f}: a longer window is worth more."
            )


# the rate that is chosen


def rates(folder: Path) -> Iterator[str]:
    """The rate that the defaults chose on one part of a text beside a grid on a later part."""
    lines = []
    for name, run in (("book", "book-7684"), ("irc", "irc"), ("scotus", "scotus")):
        grid, auto = reports.read(folder, f"rates-{name}"), reports.read(folder, run)
        if grid and auto:
            lines.append(_rate_row(PLAIN[run][0], auto, grid))
    if lines:
        yield "## The automatic rate\n"
        yield "Chosen on the start of a text, beside a grid of seven on a later part, nats/token.\n"
        yield "| text | chosen | loss | best of the grid | loss | difference | cost of choosing |"
        yield "|---|---|---|---|---|---|---|"
        yield from lines
        yield ""


def _rate_row(said: str, auto: Report, grid: Report) -> str:
    rate = auto["tuning"]["chosen"]["learning_rate"]
    loss = {
        cell["knobs"]["learning_rate"]: cell["numbers"]["dynamic"] or math.inf
        for cell in grid["experiment"]["cells"]
    }
    best = min(loss, key=loss.__getitem__)
    share = auto["tuning"]["choice"].rpartition(", ")[2].split(" ")[0]
    return (
        f"| {said} | {rate:g} | {loss[rate]:.4f} | {best:g} | {loss[best]:.4f} | "
        f"{loss[rate] - loss[best]:+.4f} | {share} |"
    )


# each report


def section(folder: Path) -> Iterator[str]:
    yield f"## {folder.name}\n"
    shown = {path.stem for path in folder.glob("*.json")} - PLAIN.keys() - NOT_STREAMS
    for name in sorted(shown, key=lambda name: ((*QUESTIONS, name).index(name), name)):
        yield entry(folder, name)


def entry(folder: Path, name: str) -> str:
    report = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    where = f"{folder.name}/{name}"
    lines = [f"### {name}\n", sentence(report), ""]
    warnings = report.get("warnings") or report.get("experiment", {}).get("warnings") or []
    lines += [f"* Warning: {warning}" for warning in warnings[:3]] + [""] * bool(warnings)
    if folder.name == FIRST:
        lines += [*table(report["experiment"]["tables"][0]), ""]
    lines += [f"![{name}]({where}.svg)", ""]
    return "\n".join([*lines, f"`{report['command']}` wrote [the numbers]({where}.json).\n"])


def table(shown: dict[str, Any]) -> Iterator[str]:
    """Title and first numbers, up to the interval, of each row."""
    head = shown["head"]
    count = head.index("to") + 1 if "to" in head else len(head)
    yield f"| {' | '.join(head[:count])} |"
    yield "|---" * count + "|"
    for row in shown["rows"]:
        words = map(_cell, row[:count])
        yield f"| {' | '.join(words)} |"


def _cell(value: str | float | bool | None) -> str:
    if not isinstance(value, float):
        return str(value or "")
    small, large = 0 < abs(value) < 1e-3, abs(value) >= 1e5
    return f"{value:.2g}" if small else f"{value:,.0f}" if large else f"{value:.4f}"


def sentence(report: Report) -> str:
    if "experiment" in report:
        text = report["experiment"]["sentence"]
        return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
    static, dynamic = (run["nats_per_token"] for run in report["runs"][:2])
    low, high = report["gain"]["ci95"]
    return (
        f"Learning while reading is worth {report['gain']['nats_per_token']:+.3f} nats/token "
        f"(95% from {low:+.3f} to {high:+.3f}): {static:.3f} without, {dynamic:.3f} with it."
    )


if __name__ == "__main__":
    sys.exit(main())
