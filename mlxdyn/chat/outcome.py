"""What came of lessons, for people: a message, a fact, a row of the log, a whole memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mlxdyn import settings
from mlxdyn.chat.events import Fact, Going, Knew, Learned, Lessons, Logged, Moment, Panel
from mlxdyn.chat.facts import Grouped, group
from mlxdyn.learn.example import Kind
from mlxdyn.learn.examples import FACTS
from mlxdyn.memory.echoes import known_from, untold
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.privacy import Masked
from mlxdyn.memory.remains import Trail, remains, trail
from mlxdyn.memory.store.records import ExampleRow, Filter, Reason, UpdateRow
from mlxdyn.withheld.framed import forgets

UPDATES_RECALLED = 400  # updates whose messages are told of when a conversation is opened
POINTS = 120  # lessons of which a panel draws the course
QUESTION = ("?", "？", "؟", ";")  # marks that end a question, whatever the language


def lessons(memory: Memory, conversation: int, pending: Iterable[int]) -> Lessons:
    """Say what became of the newest messages of a conversation."""
    wanted = Filter(conversation=conversation, newest=UPDATES_RECALLED)
    by_message: dict[int, list[UpdateRow]] = {}
    for update in memory.ledger.events.log(memory.row.id, wanted):
        by_message.setdefault(update.message or 0, []).append(update)
    hidden = memory.masked(by_message)
    told = tuple(of_message(memory, m, rows, hidden[m]) for m, rows in by_message.items())
    return Lessons(told, tuple(pending))


def of_message(memory: Memory, message: int, updates: list[UpdateRow], hidden: Masked) -> Learned:
    """Sum up what one message taught."""
    examples = memory.ledger.examples
    rows = examples.facts(message)
    before = _before(memory, message)
    facts = group([row for row in rows if row.question not in before], hidden.learnable)
    told = sum_up(message, updates, tuple(one.answer for one in facts), hidden.secrets)
    otherwise = [
        row.answer for row in rows if row.answer not in before.get(row.question, {row.answer})
    ]
    near = [row for m in examples.depends_on(message) for row in examples.facts(m)]
    left = untold(hidden.studied, [(row.question, row.answer) for row in (*rows, *near)])
    studied = bool(rows) or memory.ledger.messages.examined(message)
    full = len(facts) >= FACTS or (studied and len(left) > FACTS)  # each value has its turn
    return replace(
        told,
        known=bool(rows) and not facts and not otherwise,
        corrections=tuple(dict.fromkeys(otherwise)) if told.accepted else (),
        questions=tuple(one.rows[0].question for one in facts),
        full=full,
        left=tuple(left) if full or (facts and "user" not in {r.source for r in rows}) else (),
        asked=hidden.learnable.rstrip().endswith(QUESTION),
        studied=studied,
        quoted=hidden.quoted,
        wish=forgets(hidden.text),
        repeats=tuple(known_from(memory.ledger, message)),
    )


def going(memory: Memory, messages: Sequence[int]) -> Going:
    """Say what would go with messages; those of no such id are left out.

    One that only repeats others is about those: they would go with it.
    """
    ledger, id = memory.ledger, memory.row.id
    there = [m for m in messages if m.bit_length() < 64 and ledger.messages.find(m, id)]
    repeated = [one for m in there for one in known_from(ledger, m)]
    known = list(dict.fromkeys((*repeated, *there)))
    hidden = memory.masked(known)
    facts = [fact for m in known for fact in taught(memory, m)]
    left = trail(ledger, id, known)
    return replace(
        staying(memory, left, [*known, *left.again]),
        messages=tuple(known),
        said=tuple(hidden[m].text for m in known),
        facts=tuple(dict.fromkeys(facts)),
    )


def staying(memory: Memory, left: Trail, gone: Sequence[int]) -> Going:
    """Say what has the words of messages and is none of them; what `gone` taught is not named."""
    rest = remains(memory.ledger, memory.row.id, left.words, gone)
    set_too = left.words.held_by(settings.written())
    return Going((), (), (), left.again, rest.items, rest.titles, left.copies, set_too)


def taught(memory: Memory, message: int) -> list[str]:
    """List what is known from a message."""
    active = {row.id for row in memory.known_facts()}
    rows = [row for row in memory.ledger.examples.of(message) if row.id in active]
    return [one.answer for one in group(rows, memory.masked([message])[message].learnable)]


def _before(memory: Memory, message: int) -> dict[str, set[str]]:
    """Give the answers of earlier lessons to the questions of a message, as it found them."""
    found: dict[str, set[str]] = {}
    for question, answer in memory.ledger.database.run(
        "SELECT o.question, o.answer FROM examples x JOIN examples o ON o.memory = x.memory"
        " AND o.question = x.question JOIN events n ON n.message = x.message"
        " JOIN events e ON e.message = o.message AND e.accepted AND NOT e.undone"
        " AND e.position < n.position AND NOT EXISTS (SELECT 1 FROM supersedes s"
        " JOIN events l ON l.message = s.message AND l.accepted AND NOT l.undone"
        " WHERE s.example = o.id AND l.position < n.position)"
        " WHERE x.message = ? AND x.kind = 'fact' AND o.kind = 'fact'",
        (message,),
    ):
        found.setdefault(question, set()).add(answer)
    return found


def sum_up(
    message: int, updates: list[UpdateRow], facts: tuple[str, ...] = (), secrets: int = 0
) -> Learned:
    """Sum up the updates of one message; nll is of its own words."""
    words = [update for update in updates if update.kind == "words"]
    accepted = [update for update in updates if update.accepted and not update.undone]
    taken = [update for update in words if update in accepted]
    refused = [Reason.UNDONE if u.undone else u.reason for u in updates if u not in accepted]
    shown = taken or words
    why = refused[0] if refused else ""
    return Learned(
        message=message,
        tokens=sum(update.tokens for update in taken),
        nll_before=_mean([(u.nll_before, u.tokens) for u in shown]),
        nll_after=_mean([(u.nll_after, u.tokens) for u in shown]),
        accepted=bool(accepted),
        reason=why if updates else Reason.NOTHING,
        update=updates[-1].update if updates else None,
        facts=facts if accepted else (),
        secrets=secrets,
        rate=min((update.rate for update in accepted), default=1.0),
        drift=updates[-1].drift if updates else None,
    )


def logged(memory: Memory) -> tuple[Logged, ...]:
    """List every update of the memory, oldest first, secrets masked."""
    rows = memory.ledger.events.log(memory.row.id)
    hidden = memory.masked(row.message for row in rows if row.message)
    return tuple(_logged(row, hidden) for row in rows)


def facts(memory: Memory) -> tuple[Fact, ...]:
    """List what the memory learned by fact, the newest first, those that stand before others."""
    known = {row.id for row in memory.known_facts()}
    by_message: dict[int, list[ExampleRow]] = {}
    for row in _told(memory):
        by_message.setdefault(row.message or 0, []).append(row)
    hidden = memory.masked(by_message)
    found: dict[tuple[str, bool], Fact] = {}
    for message, rows in by_message.items():
        for active in (True, False):
            mine = [row for row in rows if (row.id in known) == active]
            for one in group(mine, hidden[message].text):
                fact = _fact(one, hidden[message], active)
                key = (fact.answer, active)
                found[key] = _joined(found[key], fact) if key in found else fact
    return tuple(sorted(reversed(found.values()), key=lambda fact: not fact.active))


def _joined(first: Fact, again: Fact) -> Fact:
    """Make one of a fact and what a later message said of it again."""
    return replace(
        first,
        items=(*first.items, *again.items),
        questions=tuple(dict.fromkeys((*first.questions, *again.questions))),
        yours=first.yours or again.yours,
    )


def panel(memory: Memory) -> Panel:
    """Gather what a memory knows and how it came to."""
    rows = [row for row in memory.ledger.events.log(memory.row.id) if not row.undone]
    drifts = {row.event: row.drift for row in rows if row.drift is not None and row.accepted}
    gaps = [
        (row.nll_before, row.nll_after)
        for row in rows
        if row.kind == "study" and row.accepted and None not in (row.nll_before, row.nll_after)
    ]
    return Panel(
        memory=memory.row.name,
        model=memory.model.name,
        facts=facts(memory),
        lessons=len({row.message for row in rows if row.accepted and row.message}),
        gaps=tuple((before or 0.0, after or 0.0) for before, after in gaps[-POINTS:]),
        drifts=tuple(drift for drift in drifts.values() if drift is not None)[-POINTS:],
        bound=memory.study_config.max_drift,
        pending=len(memory.ledger.messages.pending(memory.row.id)),
    )


def timeline(memory: Memory) -> tuple[Moment, ...]:
    """List the moments that one can go to, the newest first."""
    events = memory.ledger.events.reachable(memory.row.id)
    hidden = memory.masked(event.lesson.message for event in events if event.lesson.message)
    here = max((event.position for event in events if not event.undone), default=0)
    told = [
        Moment(
            event.position, event.time,
            hidden[event.lesson.message].text if event.lesson.message else "",
            not event.undone, event.position == here,
        )
        for event in reversed(events)
    ]  # fmt: skip
    return (*told, Moment(0, memory.row.created, "", True, here == 0))


def knew(memory: Memory, moment: Moment) -> Knew:
    """Say what was known at a moment that stands."""
    by_message: dict[int, list[ExampleRow]] = {}
    for row in memory.ledger.examples.active(memory.row.id, upto=moment.position):
        if row.kind == Kind.FACT:
            by_message.setdefault(row.message or 0, []).append(row)
    hidden = memory.masked(by_message)
    facts = [one.answer for m, rows in by_message.items() for one in group(rows, hidden[m].text)]
    return Knew(moment, tuple(dict.fromkeys(reversed(facts))))


def _told(memory: Memory) -> list[ExampleRow]:
    return [row for row in memory.ledger.examples.told(memory.row.id) if row.kind == Kind.FACT]


def _fact(one: Grouped, hidden: Masked, active: bool) -> Fact:
    return Fact(
        items=tuple(row.id for row in one.rows),
        message=one.rows[0].message or 0,
        said=hidden.text,
        answer=one.answer,
        questions=tuple(row.question for row in one.rows),
        yours=any(row.source == "user" for row in one.rows),
        active=active,
    )


def _logged(row: UpdateRow, hidden: dict[int, Masked]) -> Logged:
    return Logged(
        update=row.update,
        time=row.time,
        message=row.message,
        text=hidden[row.message].text if row.message else row.text,
        kind=row.kind,
        tokens=row.tokens,
        rate=row.rate,
        nll_before=row.nll_before,
        nll_after=row.nll_after,
        drift=row.drift,
        accepted=row.accepted and not row.undone,
        reason=Reason.UNDONE if row.undone else row.reason,
    )


def _mean(values: list[tuple[float | None, int]]) -> float | None:
    known = [(value, tokens) for value, tokens in values if value is not None]
    return sum(v * n for v, n in known) / sum(n for _, n in known) if known else None
