"""Write results/README.md and the lab's figures in README.md from the reports beside this file."""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlxdyn.lab.experiments import QUESTIONS

HERE = Path(__file__).parent
FIRST = "smollm2-135m"
ORDER = (FIRST, "tinystories-656k", "wren")
SECOND = "gemma-3-270m-q4_k_m"  # another architecture, for measuring only
BEGIN, END = "<!-- from results/index.py -->\n", "<!-- to here -->\n"
LEFT = 0.5  # of the gain: less than this counts as disappearing

Report = dict[str, Any]
Row = list[Any]  # of a table: title, static, dynamic, gain, 95% from, to, ...

PLAIN = {
    "book-349": ("PG-19, book 349", "may have read it"),
    "book-1684": ("PG-19, book 1684", "may have read it"),
    "book-3125": ("PG-19, book 3125", "may have read it"),
    "book-9096": ("PG-19, book 9096", "may have read it"),
    "book-7684": ("PG-19, book 7684", "may have read it"),
    "scotus": ("a court's opinion of 2009", "may have read it"),
    "irc": ("a chat log of programmers, 2016", "may have read it"),
    "invented": ("the same log with invented names", "never saw these names"),
    "told": (
        "what 90 made-up people tell of themselves",
        "cannot know it",
    ),
    "tinystories": ("stories for children, written by a model", "may have read it"),
    "wikitext2": ("encyclopedia", "has read it, surely"),
    "shakespeare": ("plays", "has read it, surely"),
    "years": ("27 dated books, the start of each", "may have read it"),
    "novels": ("18 novels, the start of each", "may have read it"),
    "books": ("12 books of PG-19, the start of each", "may have read it"),
    "courts": ("14 opinions of a court, the start of each", "may have read it"),
    "logs": ("10 chat logs, the start of each", "may have read it"),
}
"""Plain evaluations with the defaults: what the text is, and whether the base can know it."""

HEAD = """# Results

What each experiment of `mlxdyn eval` found, written by `make results` (DATA names the folder of
text and models; finished cells are kept in `build/results`). Every number is about text that was
scored before it was learned. An interval is 95%, by a paired bootstrap over blocks of chunks.
[Agreement](agreement.md) sets other numbers beside those of a separate harness.

* `smollm2-135m` is a pretrained transformer of about the size of the paper's smallest. Its streams
  are short (200 to 1,500 tokens, on a machine that was busy), so its intervals are wide, and where
  two overlap nothing is claimed. The experiments state the rate that the defaults choose (1e-4).
* `tinystories-656k` has two blocks and knows only children's stories; it reads books. `wren`, the
  bundled model, reads chat logs so unlike its words that its static base does worse than guessing:
  its gains there are repair.
* `gemma-3-270m` is another architecture, a base for measuring only (Gemma terms), from PyPI.
* `history` reads conversations made up for a benchmark, saved as chats in a home of their own.
"""


def main() -> None:
    folders = [HERE / name for name in ORDER if list((HERE / name).glob("*.json"))]
    first = folders[0]
    parts = [HEAD, *defaults(first), *limits(first), *paper(folders), *rates(first)]
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


def _read(folder: Path, name: str) -> Report | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _rows(folder: Path, name: str) -> dict[str, Row]:
    """The rows of an experiment's first table by their title; none where it was not run."""
    report = _read(folder, name)
    if not report:
        return {}
    if report["experiment"]["experiment"] == "grid":
        return _best(report["experiment"]["cells"])
    return {row[0]: row for row in report["experiment"]["tables"][0]["rows"]}


def _best(cells: list[Report]) -> dict[str, Row]:
    """The cells of a grid of rates and something else, each something at its best rate."""
    rows: dict[str, Row] = {}
    for cell in cells:
        (knob, value), numbers = list(cell["knobs"].items())[-1], cell["numbers"]
        title = f"{value} blocks" if knob == "layers" else str(value)
        row = [title, *(numbers[n] for n in ("static", "dynamic", "gain", "low", "high"))]
        if numbers["dynamic"] is not None and row[2] < rows.get(title, row)[2] or title not in rows:
            rows[title] = row
    return rows


def _sure(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:+.3f} to {high:+.3f})"


def _gain(row: Row) -> str:
    return f"{row[3]:+.3f}{_sure(row[4], row[5])}"


# the defaults


def plain(folder: Path) -> Iterator[str]:
    """Every plain evaluation, with whether the base can know the text."""
    yield f"### `mlxdyn eval TEXT --model {folder.name}`\n"
    yield "| text | the base | tokens | static | gain, nats/token (95%) | numbers |"
    yield "|---|---|---|---|---|---|"
    for name, (said, known) in PLAIN.items():
        report = _read(folder, name)
        if report:
            static = report["runs"][0]
            gain = f"{report['gain']['nats_per_token']:+.3f}{_sure(*report['gain']['ci95'])}"
            yield (
                f"| {said} | {known} | {static['tokens']} | {static['nats_per_token']:.3f} "
                f"| {gain} | [{name}]({folder.name}/{name}.json) |"
            )
    yield ""


def defaults(folder: Path) -> Iterator[str]:
    """The plain evaluations of the first model, and of a second architecture."""
    yield "## The defaults\n"
    yield from plain(folder)
    if (HERE / SECOND).exists():
        yield from plain(HERE / SECOND)
    yield "What is reported is the mixture: it costs at most ln 2 nats over a text, whatever"
    yield f"it says.{_contamination(folder)}\n"


def _contamination(folder: Path) -> str:
    """What the base cannot know beside books that it may have read."""
    told, logs = _read(folder, "told"), _read(folder, "invented")
    books = [r for name in PLAIN if name.startswith("book-") and (r := _read(folder, name))]
    if not (told and logs and books):
        return ""
    mean = math.fsum(r["gain"]["nats_per_token"] for r in books) / len(books)
    unknown = [r["gain"]["nats_per_token"] for r in (told, logs)]
    verdict = "so it is no recitation" if min(unknown) >= mean else "less than on the books"
    return (
        f" On text that the base cannot know learning gains {unknown[0]:+.3f} (made-up facts) and\n"
        f"{unknown[1]:+.3f} (invented names), on {len(books)} books {mean:+.3f}: {verdict}."
    )


def _worth(folder: Path) -> Iterator[tuple[str, str, str]]:
    for name in ("book-349", "irc", "scotus", "told", "tinystories", "wikitext2"):
        report = _read(folder, name)
        if report:
            gain = f"{report['gain']['nats_per_token']:+.3f}{_sure(*report['gain']['ci95'])}"
            yield PLAIN[name][0], f"{report['runs'][0]['nats_per_token']:.3f}", gain


# where it does not help


def limits(folder: Path) -> Iterator[str]:
    yield "## Where learning does not help\n"
    yield from _limits(folder)
    yield ""


def _limits(folder: Path) -> Iterator[str]:
    """What each report says against learning, where it says so."""
    quarters = list(_rows(folder, "position").values())
    if quarters:
        tokens = sum(s["tokens"] for s in _read(folder, "position")["streams"]) // 4
        yield (
            f"* **At first**: {_gain(quarters[0])} in the first {tokens} tokens of a book, "
            f"{_gain(quarters[-1])} in the last as many."
        )
    alone = _rows(folder, "history").get("each alone")
    if alone:
        carried = _rows(folder, "history")["carried over"]
        yield (
            f"* **Within one short chat**: {_gain(alone)}; carried from chat to chat: "
            f"{_gain(carried)}."
        )
    fitted = list(_rows(folder, "prefit").values())
    if fitted:
        best = min(fitted, key=lambda row: row[1])
        yield (
            f"* **After fine-tuning on the domain**: {_gain(fitted[0])} before, {_gain(best)} "
            f"after {best[0]} steps on other books."
        )
    carry = _rows(folder, "order").get("in order, reset never")
    if carry and len(carry) > 10 and carry[10] is not None:
        yield (
            f"* **On what it read before**: after eight texts that drift, an encyclopedia that was "
            f"not among them costs {carry[10]:+.3f} nats/token, and text in the base's own words "
            f"{carry[9]:+.3f}."
        )
    grid = _read(folder, "rates-book")
    if grid:
        cell = max(grid["experiment"]["cells"], key=lambda c: c["knobs"]["learning_rate"])
        number = cell["numbers"]
        said = "not finite" if number["gain"] is None else f"{number['gain']:+.2f} nats/token"
        yield (
            f"* **At a rate that is too high**: {said} at {cell['knobs']['learning_rate']:g}, if "
            "stated; by itself no such rate is chosen, and the mixture would not follow it."
        )
    wide = list(_rows(folder, "window").values())
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
        grid, auto = _read(folder, f"rates-{name}"), _read(folder, run)
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
    others = sorted(path.stem for path in folder.glob("*.json") if path.stem not in PLAIN)
    for name in sorted(others, key=lambda name: (*QUESTIONS, name).index(name)):
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
        words = (
            f"{cell:.4f}" if isinstance(cell, float) else str(cell or "") for cell in row[:count]
        )
        yield f"| {' | '.join(words)} |"


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


# the paper


def paper(folders: Sequence[Path]) -> Iterator[str]:
    """Set what the paper found beside what each model showed, a row an experiment or more."""
    yield "## Beside the paper\n"
    yield 'Gains in nats/token with 95% intervals. "Perhaps" is where two intervals overlap:'
    yield "that is strict, as both read the same tokens.\n"
    yield f"| experiment | the paper | {' | '.join(folder.name for folder in folders)} |"
    yield f"|---|---|{'---|' * len(folders)}"
    for name, said, judge in FINDINGS:
        cells = []
        for folder in folders:
            have = next((n for n in OTHERWISE.get(judge, ()) if _rows(folder, n)), name)
            rows = _rows(folder, have)
            cells.append(judge(rows, _read(folder, have)) if rows else "not run")
        yield f"| {name} | {said} | {' | '.join(cells)} |"
    yield ""
    yield "The twelfth experiment, `memory`, is the chat's own: [the card of each model]"
    yield "(../models/smollm2-135m/README.md) says what comes back of what people told it.\n"


def _ranked(better: Row | None, worse: Row | None) -> str:
    """Whether the first gains more than the second, and how much each does."""
    if better is None or worse is None:
        return "it has none"
    words = f"{better[0]} {_gain(better)}, {worse[0]} {_gain(worse)}"
    return f"{_verdict(better, worse)}: {words}"


def _verdict(better: Row, worse: Row) -> str:
    yes = better[2] < worse[2]
    top, low = (better, worse) if yes else (worse, better)
    apart = None not in (top[4], low[5]) and top[4] > low[5]
    return ("yes" if yes else "**no**") if apart else ("perhaps" if yes else "perhaps not")


def speed(rows: dict[str, Row], report: Report) -> str:
    when = report["experiment"]["chosen"].get("significant_after")
    first, *_, last = rows.values()
    sure = f"significant after {when} tokens" if when else "not significant"
    return f"{sure}; first quarter {_gain(first)}, last {_gain(last)}"


def mlp(rows: dict[str, Row], report: Report) -> str:
    return _ranked(rows["mlp"], rows["attention"])


def middle(rows: dict[str, Row], report: Report) -> str:
    if "middle blocks" not in rows:
        return "it has two blocks and no middle"
    ends = min((rows["early blocks"], rows["late blocks"]), key=lambda row: row[2])
    return _ranked(rows["middle blocks"], ends)


def between(rows: dict[str, Row], report: Report) -> str:
    return _ranked(rows["full"], rows["rank 8"])


def room(rows: dict[str, Row], report: Report) -> str:
    lora, full = rows["rank 8"][8], rows["full"][8]
    word = "yes" if lora < full else "**no**"
    return f"{word}: LoRA {lora:.0f} MiB, full {full:.0f} MiB at the peak"


def short(rows: dict[str, Row], report: Report) -> str:
    wins = [one[2] <= twice[1] for one, twice in pairwise(rows.values())]
    word = "yes" if all(wins) else "in part" if any(wins) else "**no**"
    worth = ", ".join(f"{row[0]} = {row[6]}" for row in list(rows.values())[:-1])
    return f"{word}: in tokens, a window that learns = one that does not: {worth}"


def often(rows: dict[str, Row], report: Report) -> str:
    same = [row for title, row in rows.items() if "scaled" not in title]
    best = min(same, key=lambda row: row[2])
    return f"every {best[0]} tokens: {_gain(best)}; every {same[-1][0]}: {_gain(same[-1])}"


def rules(rows: dict[str, Row], report: Report) -> str:
    best, *_, worst = rows.values()
    return f"best {best[0]} {_gain(best)}, least {worst[0]} {_gain(worst)}"


def drifting(rows: dict[str, Row], report: Report) -> str:
    carry, anew = rows["in order, reset never"], rows["in order, reset document"]
    return _ranked(["carried over", *carry[1:]], ["each anew", *anew[1:]])


def gone(rows: dict[str, Row], report: Report) -> str:
    first, best = next(iter(rows.values())), min(rows.values(), key=lambda row: row[1])
    word = "yes" if best[3] < LEFT * first[3] else "**no**"
    left = f"{best[3] / first[3]:.0%} left"
    return f"{word}: {_gain(first)}, after {best[0]} steps {_gain(best)} ({left})"


def price(rows: dict[str, Row], report: Report) -> str:
    cells = report["experiment"]["cells"]
    ratios = [c["numbers"]["dynamic_flops"] / c["numbers"]["static_flops"] for c in cells]
    return f"{min(ratios):.2f} to {max(ratios):.2f} times the operations of reading"


def stale(rows: dict[str, Row], report: Report) -> str:
    kept, fresh = rows["restart, kept"], rows["restart, made anew"]
    return f"they cost {kept[2] - fresh[2]:+.4f} against those made anew"


def rough(rows: dict[str, Row], report: Report) -> str:
    whole, bits = rows["float"], rows["4"]
    return (
        f"4 bits cost {bits[1] - whole[1]:+.3f} static, {bits[2] - whole[2]:+.3f} when both learn"
    )


def chats(rows: dict[str, Row], report: Report) -> str:
    return f"{_gain(rows['carried over'])}; each alone {_gain(rows['each alone'])}"


FINDINGS = (
    ("position", "asks how fast it adapts", speed),
    ("window", "a short window that learns matches a long one that does not", short),
    ("placement", "adapters on MLPs do best", mlp),
    ("placement", "middle blocks beat early and late ones", middle),
    ("placement", "full weights do better than LoRA", between),
    ("placement", "and need more memory", room),
    ("interval", "asks how often to step", often),
    ("optimizer", "asks how fast a rule adapts", rules),
    ("order", "what was learned helps on text that drifts", drifting),
    ("prefit", "the gain goes when the base was fine-tuned on the domain first", gone),
    ("cost", "asks what learning costs", price),
    ("kv", "streams with keys and values of older weights", stale),
    ("precision", "does not ask what learning repairs of rounding", rough),
    ("history", "does not ask about one's own chats", chats),
)
OTHERWISE = {mlp: ("kind",), middle: ("depth",)}
"""Grids of three rates on the text itself, where tuning text would take too long."""


if __name__ == "__main__":
    sys.exit(main())
