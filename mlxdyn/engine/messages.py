"""What came of learning, in words: the same in every front end; knows no terminal."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from mlxdyn.chat.events import Learned, Studied, Weighed
from mlxdyn.memory.store.records import Reason

LIKELIER = 0.5  # nats from which on a piece counts as made likelier by memory: e^0.5 = 1.6 times


_MOVES = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160))}
_MOVES |= {ord("\n"): "\n", ord("\t"): "\t"}


def harmless(text: str) -> str:
    """Make visible what would move a terminal's cursor or change its colours."""
    return text.translate(_MOVES)


_WHY = {
    Reason.NOT_FINITE: "the loss or gradient was not finite",
    Reason.NOTHING: "there was nothing to learn in it",
    Reason.MOVED: "other answers moved {:.3f} nats/token from the base's (bound {:g})",
    Reason.ROLLED_BACK: "rolled back: "
    "other answers moved {:.3f} nats/token from the base's (bound {:g})",
    Reason.RECALL: "recall did not rise (gap {:.2f} before, {:.2f} after)",
    Reason.WAITED: "it waited to be learned",
    Reason.UNDONE: "undone",
}


def reason(told: str) -> str:
    """Say why something was not learned; what an earlier version said of it stays as it is."""
    code, *numbers = told.split(" ")
    try:
        return _WHY[Reason(code)].format(*map(float, numbers))
    except (ValueError, IndexError):
        return told


def learned(event: Learned) -> str:
    """Say what became of a message, a fact a line. Nats per token."""
    return "\n".join(_learned(event))


def _learned(event: Learned) -> Iterator[str]:
    if event.accepted:
        yield _taken(event)
        if event.rate < 1.0:
            yield f"at {_part(event.rate)} of the rate: {_cause(event.reason)}"
        elif event.reason:
            yield f"not all of it: {reason(event.reason)}"
    elif event.reason == Reason.UNDONE:
        yield "unlearned: undone"
    else:
        yield f"not learned: {reason(event.reason)}"
    if event.full and event.accepted:
        yield "that is as many facts as one message can teach; say the rest in another"
    if event.secrets and event.accepted:
        yield f"{counted(event.secrets, 'secret')} kept out of learning"


def _taken(event: Learned) -> str:
    said = [f"learned {counted(event.tokens, 'token')}"]
    if event.nll_before is not None and event.nll_after is not None:
        said.append(f"nll {event.nll_before:.2f} → {event.nll_after:.2f}")
    if event.facts:
        said.append(f"remembers: {' '.join(event.facts)}")
    return " · ".join(said)


def _cause(told: str) -> str:
    moved = told.replace(Reason.ROLLED_BACK, Reason.MOVED)  # that it was tried again says so
    return reason(moved) or "the full step was refused"


def _part(rate: float) -> str:
    return {0.5: "half", 0.25: "a quarter"}.get(rate, f"{rate:.0%}")


def studied(event: Studied) -> str:
    """Say what came of a study. Nats per token."""
    if not event.accepted:
        return f"Studied; the memory stays as it was: {reason(event.reason)}."
    nll = ""
    if event.nll_before is not None and event.nll_after is not None:
        nll = f": nll {event.nll_before:.2f} → {event.nll_after:.2f}"
    return f"Studied {counted(event.items, 'item')}{nll}."


def marked(pieces: Iterable[Weighed]) -> list[tuple[str, bool]]:
    """Join the pieces of an answer into runs; True marks what memory made likelier."""
    runs: list[tuple[str, bool]] = []
    for likelier, group in groupby(pieces, key=lambda piece: piece.gain >= LIKELIER):
        text = "".join(piece.text for piece in group)
        words = text.lstrip() if likelier or not runs else text
        if runs:  # the space before a marked word is not marked
            runs[-1] = (runs[-1][0] + text.removesuffix(words), runs[-1][1])
        runs.append((words, likelier))
    return runs


def clipped(text: str, most: int = 40) -> str:
    """Put text on one line of at most so many characters, none of which moves a cursor."""
    words = harmless(" ".join(text.split()))
    return words if len(words) <= most else f"{words[: most - 1]}…"


def counted(number: int, noun: str) -> str:
    """Say how many, as in "1 item" and "2 items"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
