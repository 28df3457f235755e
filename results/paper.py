"""Sets what the paper found beside what each model showed, by number."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import reports
from reports import Report, Row

Judge = Callable[[dict[str, Row], Report], str]

LEFT = 0.5  # of the gain: less than this counts as disappearing
KEPT = {
    "recall": "comes back from weights",
    "ceiling": "from context",
    "false_recall": "is claimed of what was never told",
}
TWICE = {
    "corrections": "what {} took back for something newer",
    "two-messages": "{} more who told two messages",
}
YES, NO, OPEN = "it holds", "**it does not hold**", "open"


def paper(folders: Sequence[Path]) -> Iterator[str]:
    """Set what the paper found beside what each model showed: a sentence, or a row of a table."""
    first, *others = folders
    yield "## Beside the paper\n"
    yield "What the paper (arXiv 2403.01518; beyond its abstract as others report it) asks or"
    yield f"finds, and what `{first.name}` shows: gains in nats/token with 95% intervals. Open is"
    yield "what these leave open, which is strict, as all read the same tokens.\n"
    for name, said, judge in FINDINGS:
        yield f"* **{name}**: the paper {said}. Here: {_judged(first, name, judge)}."
    yield f"* **memory**: the paper does not ask what facts are kept. Here: {_kept(first)}.\n"
    yield f"| experiment | the paper | {' | '.join(folder.name for folder in others)} |"
    yield f"|---|---|{'---|' * len(others)}"
    for name, said, judge in FINDINGS:
        cells = [_judged(folder, name, judge) for folder in others]
        yield f"| {name} | {said} | {' | '.join(cells)} |"
    kept = " | ".join(_kept(folder) for folder in others)
    yield f"| memory | does not ask what facts are kept | {kept} |\n"


def _judged(folder: Path, name: str, judge: Judge) -> str:
    have = next((n for n in OTHERWISE.get(judge, ()) if reports.rows(folder, n)), name)
    rows = reports.rows(folder, have)
    return judge(rows, reports.read(folder, have)) if rows else "not run"


def _kept(folder: Path) -> str:
    """What people told the chat, and what came back of it."""
    report = reports.read(folder, "memory")
    if not report:
        return "not run"
    found = report["memory"]
    shares = ", ".join(
        f"{found[name]:.0%} ({low:.0%} to {high:.0%}) {said}"
        for name, said in KEPT.items()
        for low, high in [found["intervals"][name]]
    )
    numbers = f"[numbers]({folder.name}/memory.json)"
    return f"of what {found['cases']} people told, {shares}; {numbers}{_also(folder)}"


def _also(folder: Path) -> str:
    """What came back of what people told otherwise than before, and of those who told twice."""
    said = ""
    for name, whose in TWICE.items():
        if report := reports.read(folder, name):
            found, numbers = report["memory"], f"[numbers]({folder.name}/{name}.json)"
            shares = f"{found['recall']:.0%} from weights and {found['ceiling']:.0%} from context"
            said += f". Of {whose.format(found['cases'])}, {shares}; {numbers}"
    return said


def _ranked(better: Row, worse: Row) -> str:
    """Whether the first gains more than the second, and how much each does."""
    words = f"{better[0]} {reports.gain(better)}, {worse[0]} {reports.gain(worse)}"
    return f"{_verdict(better, worse)}: {words}"


def _verdict(better: Row, worse: Row) -> str:
    """By whether the intervals of two gains lie apart."""
    if None in (*better[4:6], *worse[4:6]):
        return OPEN
    return YES if better[4] > worse[5] else NO if worse[4] > better[5] else OPEN


def speed(rows: dict[str, Row], report: Report) -> str:
    when = report["experiment"]["chosen"].get("significant_after")
    first, *_, last = rows.values()
    sure = f"significant after {when} tokens" if when else "not significant"
    return f"{sure}; first quarter {reports.gain(first)}, last {reports.gain(last)}"


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
    return f"{YES if lora < full else NO}: LoRA {lora:.0f} MiB, full {full:.0f} MiB at the peak"


def short(rows: dict[str, Row], report: Report) -> str:
    """Each window that learns against one twice as long that does not, by the gain's interval."""
    pairs = list(pairwise(rows.values()))
    sure = [row[1] - row[4] <= twice[1] for row, twice in pairs]
    never = [row[1] - row[5] > twice[1] for row, twice in pairs]
    word = YES if all(sure) else "it holds in part" if any(sure) else NO if all(never) else OPEN
    worth = ", ".join(f"{row[0]} = {row[6]}" for row, _ in pairs)
    return f"{word}: in tokens of window, one that learns = one that does not: {worth}"


def often(rows: dict[str, Row], report: Report) -> str:
    same = [r for title, r in rows.items() if "scaled" not in title and r[4] is not None]
    best = min(same, key=lambda row: row[2])
    last = same[-1]
    return f"every {best[0]} tokens: {reports.gain(best)}; every {last[0]}: {reports.gain(last)}"


def rules(rows: dict[str, Row], report: Report) -> str:
    best, *_, worst = rows.values()
    return f"best {best[0]} {reports.gain(best)}, least {worst[0]} {reports.gain(worst)}"


def drifting(rows: dict[str, Row], report: Report) -> str:
    carry, anew = rows["in order, reset never"], rows["in order, reset document"]
    turns = rows.get("alternating, reset never")
    words = f"carried over {reports.gain(carry)}, each text anew {reports.gain(anew)}"
    return words + (f", alternating {reports.gain(turns)}" if turns else "")


def gone(rows: dict[str, Row], report: Report) -> str:
    """By whether the interval afterwards lies below or above half of that of before."""
    first, best = next(iter(rows.values())), min(rows.values(), key=lambda row: row[1])
    words = f"{reports.gain(first)}, after {best[0]} steps {reports.gain(best)}"
    word = YES if best[5] < LEFT * first[4] else NO if best[4] > LEFT * first[5] else OPEN
    return f"{word}: {words} ({best[3] / first[3]:.0%} left)"


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
    return f"{reports.gain(rows['carried over'])}; each alone {reports.gain(rows['each alone'])}"


FINDINGS: tuple[tuple[str, str, Judge], ...] = (
    ("position", "asks how fast it adapts", speed),
    ("window", "finds that a short window that learns can match a longer one that does not", short),
    ("placement", "finds that adapters on MLPs do best", mlp),
    ("placement", "finds that middle blocks beat early and late ones", middle),
    ("placement", "finds that full weights do better than LoRA", between),
    ("placement", "finds that LoRA needs less memory", room),
    ("interval", "takes one step a chunk", often),
    ("optimizer", "sweeps rates, from 1e-6 to 3e-5 for full weights", rules),
    ("order", "asks how sensitive it is to drift", drifting),
    (
        "prefit",
        "finds that the gain goes when the base was fine-tuned on the target distribution first",
        gone,
    ),
    ("cost", "asks what learning costs", price),
    ("kv", "streams with keys and values of older weights", stale),
    ("precision", "does not ask what learning repairs of rounding", rough),
    ("history", "does not ask about one's own chats", chats),
)
OTHERWISE = {mlp: ("kind",), middle: ("depth",)}
"""Grids of rates on the text itself: each kind and depth at its own best rate."""
