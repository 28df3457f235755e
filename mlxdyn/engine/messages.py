"""What came of learning, in words: the same in every front end; knows no terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from shlex import quote

from mlxdyn import settings
from mlxdyn.chat.events import Going, Knew, Learned, Moment, Replied, Stage, Studied, Weighed
from mlxdyn.engine.events import Working
from mlxdyn.memory.store.records import Brought, Reason
from mlxdyn.spelling import folded

MOVED = (Reason.MOVED, Reason.ROLLED_BACK, "rolled back:")
TOLD = 3.0  # seconds after which it is told how long something takes
LEFT = 3  # parts of a message, or chats, that are named where they were left out
LISTED = 10  # facts, or ids, in a question
QUOTED = 200  # characters of a message in a question
LIKELIER = 0.5  # nats from which on a piece counts as made likelier by memory: e^0.5 = 1.6 times
WISHED = (
    "a wish to forget is not learned, and forgets nothing yet:"
    " /log shows what told it, and /forget ID asks"
)
LOOPED = "stopped: it went round in circles"

_MOVES = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160))}
_MOVES |= {ord("\n"): "\n", ord("\t"): "\t"}


def escape_control(text: str) -> str:
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


def learned(event: Learned, *, numbers: bool = False) -> str:
    """Say what became of a message; `numbers` are nats per token."""
    said = [*_learned(event)]
    if numbers and event.nll_before is not None:
        said.append(_numbers(event))
        if event.reason and event.reason != Reason.UNDONE:
            said.append(reason(event.reason))
    return "\n".join(said)


def _learned(event: Learned) -> Iterator[str]:
    if not event.accepted:
        asks = event.reason == Reason.NOTHING and (event.repeats or event.everything or event.wish)
        yield _nothing(event) if asks else _why_not(event)
        return
    if event.facts:
        yield f"remembers: {' · '.join(event.facts)}"
    elif not event.corrections:
        yield _nothing(event)
    if event.corrections:
        yield f"corrected: {' · '.join(event.corrections)}"
    if event.repeats and event.facts:
        yield "it still knows what this may take back; /forget asks whether it is to forget it"
    elif event.wish and event.facts:
        yield WISHED
    if event.rate < 1.0:
        yield f"learned at {_part(event.rate)} of the rate, to leave other answers as they are"
    elif event.reason:
        yield f"not all of it: {reason(event.reason)}"
    if event.hurried and event.studied:
        yield "learned in fewer steps, to keep to the budget"
    if event.full:
        yield f"it said a lot: {_left(event.left)} can be told again in a message of its own"
    elif event.left:
        yield f"not kept: {_left(event.left)}; said by itself, it may be"
    if event.secrets:
        yield f"{counted(event.secrets, 'secret')} kept out of learning"
    if event.quoted:
        yield "what you quoted was not learned: it may not be about you"


def _left(parts: tuple[str, ...]) -> str:
    """Name what no fact holds, the first of it."""
    named = ", ".join(f"“{clipped(part)}”" for part in parts[:LEFT])
    more = f" and {len(parts) - LEFT} more" if len(parts) > LEFT else ""
    return f"{named}{more}" if parts else "what is not listed"


def _nothing(event: Learned) -> str:
    if event.everything:
        return "is all of it to be forgotten? /reset asks, and begins an empty memory"
    if event.repeats:
        return (
            "nothing kept of it: it still knows what this says again or takes back;"
            " /forget asks whether it is to forget it"
        )
    if event.wish:
        return WISHED
    if event.known:
        return "nothing new: it knew that"
    if not event.studied:
        only = " only, to keep to the budget"
        return f"learned its words{only if event.hurried else ', without looking for facts'}"
    return "a question: nothing to remember" if event.asked else "found no fact in it to be sure of"


def _why_not(event: Learned) -> str:
    if event.reason == Reason.UNDONE:
        return "unlearned: undone"
    if event.reason.startswith(MOVED):
        return (
            "not learned: it would have changed other answers too much; /study makes room,"
            " then /forget it and tell it again"
        )
    if event.secrets:
        return "not learned: it holds a secret and nothing else"
    if event.quoted and event.reason == Reason.NOTHING:
        return "not learned: it reads as quoted, supposed or a task, and may not be about you"
    return f"not learned: {reason(event.reason)}"


def _numbers(event: Learned) -> str:
    said = [counted(event.tokens, "token")]
    if event.nll_before is not None and event.nll_after is not None:
        said.append(f"nll {event.nll_before:.2f} → {event.nll_after:.2f}")
    if event.drift is not None:
        said.append(f"drift {event.drift:.3f}")
    return " · ".join(said)


def _part(rate: float) -> str:
    return {0.5: "half", 0.25: "a quarter"}.get(rate, f"{rate:.0%}")


def outcome(replied: Replied) -> list[str]:
    """Say what a user should know of how a reply came about."""
    lines = []
    if replied.stopped:
        lines.append("stopped; what is here is kept, and /continue goes on")
    if replied.ended == "length":
        lines.append("cut short by the token limit; /continue goes on")
    if replied.ended == "loop":
        lines.append(f"{LOOPED}; /retry answers again")
    if replied.dropped_turns:
        lines.append(
            f"context full: the oldest {replied.dropped_turns} turns were left out of the prompt"
        )
    return lines


def value(found: str | float | None) -> str:
    """Write the value of a setting as a user would."""
    if isinstance(found, bool):
        return "on" if found else "off"
    if found is None:
        return "default"
    if found == "":
        return "-"
    return found if isinstance(found, str) else f"{found:g}"


def stage(now: Stage) -> str:
    """Say where a lesson is, and how long it may still take."""
    doing = {
        "preparing": "getting ready, once for this memory", "reading": "reading it",
        "writing": "writing questions about it",
        "answering": "answering them", "learning": "learning it", "studying": "studying all",
    }[now.doing]  # fmt: skip
    if now.steps is not None:
        doing += f", {now.steps[0]} of {counted(now.steps[1], 'step')}"
    if now.seconds is not None:
        time = f", {lasting(now.seconds)}"
    else:
        time = f", {now.spent:.0f} s so far" if now.spent >= TOLD else ""
    return f"{doing}…{time}"


def going(event: Going) -> str:
    """Ask whether messages are to be forgotten, with what would go."""
    lines = [f"“{clipped(text, QUOTED)}”" for text in event.said]
    lines += ["", "What it then no longer knows:", *event.facts] if event.facts else []
    for line in staying(event):
        lines += ["", line]
    what = "this" if len(event.said) == 1 else "these"
    return "\n".join([f"Forget {what} for good, with the replies, as if never said?", "", *lines])


def staying(event: Going) -> list[str]:
    """Name what else holds the words of what goes, each with what takes it away."""
    lines = []
    if event.again:
        lines.append(f"It is told again, and stays known, in message {_named(event.again)}.")
    if event.items:
        named = _named(event.items)
        lines.append(f"Words of it stay in study item {named}: F2 corrects or deletes it.")
    if event.titles:
        named = _named(event.titles)
        lines.append(f"Words of it stay in the title of chat {named}: Ctrl+O renames it.")
    for memory, ids in event.copies:
        each = _named(ids) if len(ids) == 1 else f"one by one: {_named(ids)}"
        lines.append(f"Memory {memory!r} holds a copy: /memory {memory}, then /forget {each}.")
    if event.settings:
        lines.append(f"Words of it stay in the settings: edit {settings.path()}.")
    return lines


def set_aside(weights: Path) -> str:
    """Say that weights no ledger knows may know what was forgotten, with what takes them away."""
    return (
        f"Weights of memory {weights.parent.name!r} whose ledger was lost are set aside, and may "
        f"know it: rm -r {quote(str(weights))}"
    )


def said_at(text: str, words: str) -> int:
    """Give where the first of `words` stands in a text, however written; 0 where it does not."""
    wanted = folded(words.split()[0])
    if (found := text.lower().find(wanted)) >= 0:
        return found
    reach = 3 * len(wanted)  # one letter may be written as three
    places = range(len(text) if wanted in folded(text) else 0)
    return next((at for at in places if folded(text[at : at + reach]).startswith(wanted)), 0)


def _named(ids: Sequence[int]) -> str:
    """Name the first of some ids, and say how many more there are."""
    more = f" and {len(ids) - LISTED:,} more" if len(ids) > LISTED else ""
    return ", ".join(map(str, ids[:LISTED])) + more


def moment(one: Moment) -> str:
    """Name a moment of a memory's life by what was learned last."""
    if not one.position:
        return "the beginning"
    return f"“{clipped(one.said, 60)}”" if one.said else "a study of everything"


def knew(event: Knew) -> str:
    """Say what a memory knew at a moment, and ask whether it is to be so again."""
    one = event.moment
    if one.now:
        return "The memory is as it was then."
    if not one.standing:
        return f"Learn again up to {moment(one)}?"
    known = [f"· {fact}" for fact in event.facts[:LISTED]]
    if len(event.facts) > LISTED:
        known.append(f"and {len(event.facts) - LISTED} more")
    told = ["It knew then:", *known] if known else ["It knew nothing then."]
    return "\n".join([
        f"Go back to after {moment(one)}?" if one.position else "Go back to the beginning?", "",
        *told, "", "What came later is undone; the timeline brings it back until it learns again.",
    ])  # fmt: skip


def abandoned(message: int, taught: list[str] | None) -> str:
    """Say what becomes of the lesson of a message that is said otherwise; "" if there is none."""
    if taught is None:
        return "The version before was not learned yet, and will not be."
    if not taught:
        return ""
    known = " · ".join(taught)
    return f"The version before taught: {known} To have that forgotten: /forget {message}"


def working(event: Working) -> str:
    """Say how far something is; "" when it is done."""
    if event.of and event.done >= event.of:
        return ""
    of = f"/{event.of:,}" if event.of else ""
    return f"{event.doing} {event.done:,}{of} {event.unit}".rstrip() + "…"


def lasting(seconds: float) -> str:
    """Say roughly how long something takes."""
    if seconds < 2:
        return "a moment"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def studied(event: Studied, *, numbers: bool = False) -> str:
    """Say what came of a study; `numbers` are nats per token."""
    if not event.accepted:
        why = f": {reason(event.reason)}" if numbers else ", which was better"
        return f"Studied; the memory stays as it was{why}."
    known = f"Studied {counted(event.items, 'question')} anew; what was learned sits better now"
    if numbers and event.nll_before is not None and event.nll_after is not None:
        known += f": {event.nll_before:.2f} → {event.nll_after:.2f}"
    return f"{known}."


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


def unlearned(count: int) -> str:
    """Say what a comparison does not show yet; "" if that is nothing."""
    if not count:
        return ""
    waits = "message is" if count == 1 else "messages are"
    return f"{count} {waits} not learned yet, and not in it."


def local(time: str) -> str:
    """Show a time of the ledger's in the user's own zone."""
    try:
        return f"{datetime.fromisoformat(time).astimezone():%d %b %H:%M}"
    except (ValueError, OverflowError, OSError):  # what came from elsewhere may say any
        return time


def brought(came: Sequence[tuple[str, Brought]]) -> str:
    """Say what came of the chats of another program, by their titles."""
    number = Counter(how for _, how in came)
    parts = [f"Imported: {counted(number['new'], 'chat')} of {len(came)}"]
    if number["longer"]:
        parts.append(f"new turns of {number['longer']}")
    if number["here"]:
        parts.append(f"{number['here']} here already")
    if left := [clipped(title or "one without a title") for title, how in came if how == "other"]:
        more = f" and {len(left) - LEFT} more" if len(left) > LEFT else ""
        named = ", ".join(left[:LEFT])
        parts.append(f"{len(left)} left out, of which other turns are here: {named}{more}")
    return "; ".join(parts)


def clipped(text: str, most: int = 40) -> str:
    """Put text on one line of at most so many characters, none of which moves a cursor."""
    words = escape_control(" ".join(text.split()))
    return words if len(words) <= most else f"{words[: most - 1]}…"


def counted(number: int, noun: str) -> str:
    """Say how many, as in "1 item" and "2 items"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
