"""Sets what the paper found beside what each model showed, by number."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import reports
from reports import Report, Row

LEFT = 0.5  # of the gain: less than this counts as disappearing


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
            have = next((n for n in OTHERWISE.get(judge, ()) if reports.rows(folder, n)), name)
            rows = reports.rows(folder, have)
            cells.append(judge(rows, reports.read(folder, have)) if rows else "not run")
        yield f"| {name} | {said} | {' | '.join(cells)} |"
    yield ""
    yield "The twelfth experiment, `memory`, is the chat's own: [the card of each model]"
    yield "(../models/smollm2-135m/README.md) says what comes back of what people told it.\n"


def _ranked(better: Row | None, worse: Row | None) -> str:
    """Whether the first gains more than the second, and how much each does."""
    if better is None or worse is None:
        return "it has none"
    words = f"{better[0]} {reports.gain(better)}, {worse[0]} {reports.gain(worse)}"
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
    last = same[-1]
    return f"every {best[0]} tokens: {reports.gain(best)}; every {last[0]}: {reports.gain(last)}"


def rules(rows: dict[str, Row], report: Report) -> str:
    best, *_, worst = rows.values()
    return f"best {best[0]} {reports.gain(best)}, least {worst[0]} {reports.gain(worst)}"


def drifting(rows: dict[str, Row], report: Report) -> str:
    carry, anew = rows["in order, reset never"], rows["in order, reset document"]
    return _ranked(["carried over", *carry[1:]], ["each anew", *anew[1:]])


def gone(rows: dict[str, Row], report: Report) -> str:
    first, best = next(iter(rows.values())), min(rows.values(), key=lambda row: row[1])
    word = "yes" if best[3] < LEFT * first[3] else "**no**"
    left = f"{best[3] / first[3]:.0%} left"
    return f"{word}: {reports.gain(first)}, after {best[0]} steps {reports.gain(best)} ({left})"


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
