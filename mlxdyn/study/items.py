"""Study items: what a message teaches, as questions and answers; plain text in, plain values out.

It knows how items are asked for, read, checked against their message and reworded; it knows neither
models nor the ledger.
"""
# ruff: noqa: E501, SIM905  (a pattern or a phrasing is read best in one line)

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from mlxdyn.secret import PLACEHOLDER
from mlxdyn.study import question, statement
from mlxdyn.study.item import Item, ItemRow
from mlxdyn.study.rules import RELATION
from mlxdyn.study.statement import (
    ABBREVIATIONS,
    NEGATED,
    SENTENCE_END,
    SPEAKER,
    own_words,
    tells,
    without_lead,
)
from mlxdyn.study.topic import FRAMES, TOKEN, content, stem, words

MOST = 12
"""Items kept of one message."""
STUDY = "Write questions and answers from this message:"
"""What the bundled model was trained to answer; `mlxdyn_models.corpus` has the same words."""
NOTHING = "Nothing to learn."
EXAMPLES = f"""You turn a person's message into flash cards about what it says of them.
Ask as that person would ("my", "I"), answer to them ("your", "you"), in one short sentence that holds the fact.
Two or three differently worded questions for each fact. Use only what the message says.
If it states no lasting fact, write: {NOTHING}

Message: Ugh, Monday. By the way my sister Nina moved to Oslo and I got a hamster called Fig.
Q: Where does my sister Nina live?
A: Your sister Nina lives in Oslo.
Q: Which city did my sister move to?
A: Your sister Nina moved to Oslo.
Q: What is my hamster called?
A: Your hamster is called Fig.
Q: Do you remember the name of my hamster?
A: Your hamster's name is Fig.

Message: Can you write a poem about rain?
{NOTHING}

Message: """


def prompt(message: str, *, trained: bool = True) -> str:
    """Ask a model for the items of `message`; `trained` if STUDY alone is what it was trained on."""
    return f"{STUDY} {message}" if trained else f"{EXAMPLES}{message}"


# What is not the speaker's own words.

UNLEARNABLE = re.compile(
    r"<(?P<tag>think|thinking|thought|reasoning|tool_response|tool_result|tool_call|tool_output|function_results?"
    r"|function_calls?|search_results)\b[^>]*>.*?(?:</(?P=tag)>|\Z)"
    r"|```(?:tool_output|tool_outputs|tool_code|tool_call|tool_response|output)\b.*?(?:\n[ \t]*```|\Z)"
    r"|\[(?P<call>TOOL_RESULTS|TOOL_CALLS|THINK)\].*?(?:\[/(?P=call)\]|\Z)"
    r"|<\|channel\|>(?:analysis|commentary).*?(?:<\|end\|>|<\|message\|>final|(?=<\|channel\|>final)|\Z)"
    r"|<\|python_tag\|>.*?(?:<\|eom_id\|>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
BEFORE = re.compile(r"\A.*</(?:think|thinking)>\s*", re.DOTALL | re.IGNORECASE)


def strip_unlearnable(text: str) -> str:
    """Take out thoughts, tool calls and tool output, also those never closed.

    A closing mark alone ends a thought that the template had opened.
    """
    return BEFORE.sub("", UNLEARNABLE.sub("", text))


# Reading what a model wrote.

STRING = r'"((?:[^"\\]|\\.)*)"'
JSON_PAIRS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf'"(?:q|question)"\s*:\s*{STRING}\s*,\s*"(?:a|answer)"\s*:\s*{STRING}',
        rf"\[\s*{STRING}\s*,\s*{STRING}\s*\]",
        r'"((?:[^"\\]|\\.)*\?)"\s*:\s*' + STRING,
    )
)
BULLET = re.compile(r"^[\s>|]*(?:[-*•+]\s+)?(?:\(?\d{1,3}[.):]\s*)?")
ASKS = re.compile(r"^(?:q|question)\s*\d*\s*[.:)]\s*", re.IGNORECASE)
SAYS = re.compile(r"^(?:a|answer)\s*\d*\s*[.:)]\s*", re.IGNORECASE)
INLINE = re.compile(r"\s*[|/–—-]*\s*\b(?:a|answer)\s*\d*\s*[:)]\s*", re.IGNORECASE)


def parse(text: str) -> list[Item]:
    """Read items from what a model wrote: Q and A lines, numbered, bold, in a row, or JSON.

    Repetitions, empty ones, restated questions and all beyond MOST are left out. An answer cut off
    before its full stop is left out too when others end in one.
    """
    said = strip_unlearnable(text)
    found = list(_json(said)) or list(_lines(said))
    items = [_in_person(Item(_clean(q), _clean(a))) for q, a in found]
    if any(item.answer[-1:] in ".!" for item in items[:-1]) and items[-1].answer[-1:] not in ".!?":
        items.pop()
    kept: dict[str, Item] = {}
    for item in items:
        empty = not item.question or not value(item) or item.answer == NOTHING
        if not empty and PLACEHOLDER not in item.question + item.answer:
            kept.setdefault(" ".join(words(f"{item.question} {item.answer}")), item)
    return list(kept.values())[:MOST]


def _json(text: str) -> Iterator[tuple[str, str]]:
    for pattern in JSON_PAIRS:
        pairs = pattern.findall(text)
        if pairs:
            for question, answer in pairs:
                yield _unescaped(question), _unescaped(answer)
            return


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def _lines(text: str) -> Iterator[tuple[str, str]]:
    question = ""
    for raw in text.splitlines():
        line = BULLET.sub("", re.sub(r"\*\*|__|`", "", raw)).strip(" |")
        if ASKS.match(line) or (not question and line.endswith("?")):
            question, line = ASKS.sub("", line), ""
            inline = INLINE.search(question)
            if inline and inline.start():
                question, line = question[: inline.start()], question[inline.end() :]
        elif not question and "?" in line:
            question, _, line = line.partition("?")
            question, line = question + "?", re.sub(r"^[\s|:–—-]+", "", line)
        answer = SAYS.sub("", line).strip()
        if question and answer:
            yield question, answer
            question = ""


def _clean(text: str) -> str:
    text = " ".join(re.sub(r"\*\*|__", "", text).split()).strip("\"'“” |")
    return text[:1].upper() + text[1:]


SWAPS = dict(
    pair.split(":")
    for pair in """i am:you are|i'm:you are|am i:are you|i was:you were|was i:were you|we are:you are|are we:are you
    |you are:I am|you're:I am|are you:am I|you were:I was|were you:was I|your:my|my:your|our:your|yours:mine|mine:yours
    |ours:yours|yourself:myself|myself:yourself|you:I|i:you|we:you|me:you|us:you""".replace(
        "\n", ""
    )
    .replace("    ", "")
    .split("|")
)
SWAP = re.compile(rf"\b(?:{'|'.join(sorted(SWAPS, key=len, reverse=True))})\b", re.IGNORECASE)
IRREGULAR = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}


def _in_person(item: Item) -> Item:
    """Turn items that call the user "the user", or were told the wrong way round, to the user."""
    question, answer = _no_user(item.question, "I", "my"), _no_user(item.answer, "you", "your")
    asked, said = set(words(question)), set(words(answer))
    if (
        asked & {"you", "your"}
        and not asked & {"i", "my", "me"}
        and said & {"i", "my", "our", "we"}
    ):
        question, answer = _swapped(question), _swapped(answer)
    return Item(_clean(question), _clean(answer))


def _no_user(text: str, who: str, whose: str) -> str:
    text = re.sub(r"\b[Tt]he user['’]s\b", whose, text)
    text = re.sub(
        r"\b(does|is|has|was|did) the user\b", lambda m: _verb(m[1], who) + f" {who}", text
    )
    text = re.sub(r"\b[Tt]he user (\w+)", lambda m: f"{who} {_verb(m[1], who)}", text)
    return re.sub(r"\b[Tt]he user\b", "me" if who == "I" else who, text)


def _verb(verb: str, who: str) -> str:
    """Give a verb in the third person the form for "I" or "you"."""
    if verb in IRREGULAR:
        plural = IRREGULAR[verb]
        return {"are": "am", "were": "was"}.get(plural, plural) if who == "I" else plural
    return re.sub(r"(?<=[^su])s$", "", re.sub(r"ies$", "y", re.sub(r"(?<=[sxzh])es$", "", verb)))


def _swapped(text: str) -> str:
    """Tell in the first person what the second was told, and the other way round."""
    return SWAP.sub(lambda m: SWAPS[m[0].lower()], text.replace("’", "'"))


ASPECT = frozenset(
    stem(word)
    for word in """called name named call live home town city work job profession living company employer age old
    year birthday born favourite like love enjoy hate best most hobby drive car play speak study learn come country allergic
    allergy number address colour date day time place code keep want plan going remember know tell said afraid scared biggest
    fear travel dream destination leave thing person food treat pet free""".split()
)
"""Words that say which side of a thing is asked for; a message can tell it without them."""


def value(item: Item | ItemRow) -> list[str]:
    """List the words of the answer that the question does not hold: what is to be learned."""
    asked = {stem(word) for word in words(item.question)} | {"user"}
    return [word for word in content(item.answer) if word not in asked]


# Is it what the message said?

SENTENCE = re.compile(
    rf"{SENTENCE_END}|,?\s+(?:and|but|also|plus)\s+(?=(?:[\w'’]+ ){{0,6}}?(?:my|our|i|i['’]m)\b)",
    re.IGNORECASE,
)
POINTS_BACK = re.compile(
    r"\W*(?:his|her|its|their|he|she|it|they|that|this|the name)\b", re.IGNORECASE
)
QUOTED = re.compile(
    r"\b(?!i\b)\w+ (?:said|says|wrote|writes|asked|shouted|told me)[\s,]*[:\"“'‘]", re.IGNORECASE
)
DOUBTFUL = re.compile(
    rf"\b(?:{NEGATED}|not|never|no longer|used to|i wish|wished|(?:i|we) (?:dreamed|dreamt)|doubt|lied|thinks|thought|told me"
    r"|(?:you|they|people) think|wants? (?:an?|my|our)|turned down|declined|refused|nearly|almost|imagine|pretend|formerly"
    r"|email from|wrote)\b|['’]s is\b|^\W*if\b",
    re.IGNORECASE,
)
"""A clause that may say the opposite of its words, or nothing in earnest."""
OWNER = re.compile(
    r"\b(?:my|our) ((?:[\w-]+ )?[\w-]+)['’]s\b(?! (?:an?|the|very|so|not|called)\b)", re.IGNORECASE
)
WHEN = frozenset(
    stem(word)
    for word in """yesterday today tomorrow tonight morning evening week weekend month summer winter night monday tuesday
    wednesday thursday friday saturday sunday breakfast lunch dinner""".split()
)


def about(item: Item, message: str) -> bool:
    """Say whether `message` supports `item`: a check against invented and mixed-up answers.

    Names and numbers of the answer must all stand in the message, and three in four of its other
    words. They must stand in one clause with the words of the question that the message uses, and an
    answer about the user ("your ...") in one where they speak of themselves. Questions tell nothing.
    """
    heard = set(content(message))
    told = [word for word in value(item) if word not in ASPECT or word in heard]
    names = _names(item)
    if not told or not names <= set(words(message)) or _ragged(item, message):
        return False
    asked = set(content(_unframed(item.question)))
    strange = asked - ASPECT - heard
    if len(strange) > 1 or strange & WHEN or _moved_from(item, message):
        return False
    near = thing(item) | (asked & heard)
    return any(_supports(part, told, near, item.answer) for part in _parts(message, len(told)))


def _parts(message: str, size: int) -> Iterator[str]:
    """Yield the clauses that tell; each that says only "his" or "it" with the one before."""
    told = [
        clause
        for clause in SENTENCE.split(message)
        if tells(clause) and not QUOTED.search(clause) and not DOUBTFUL.search(without_lead(clause))
    ]
    yield from told
    for before, after in pairwise(told):
        if POINTS_BACK.match(after):
            yield f"{before} {after}"
    if size > 3:
        yield " ".join(told)


def _supports(part: str, told: Sequence[str], near: frozenset[str], answer: str) -> bool:
    heard = {stem(word) for word in words(part)}
    stands = sum(word in heard for word in told) >= 0.75 * len(told) and near <= heard
    own = not re.search(r"\byour?\b", answer, re.I) or SPEAKER.search(part)
    return stands and bool(own) and not _of_another(part, answer)


def _of_another(part: str, answer: str) -> bool:
    """Say whether a clause tells of somebody's own whom the answer leaves out: "my mom's car"."""
    owner = OWNER.search(part)
    said = {stem(word) for word in words(answer)}
    return owner is not None and stem(words(owner[1])[-1]) not in said


def _unframed(question: str) -> str:
    return FRAMES.sub(" ", question.lower().replace("’", "'"))


def _moved_from(item: Item, message: str) -> bool:
    """Say whether the answer gives as home the place that was left."""
    home = re.search(r"\b(?:live in|from|town is|home is) ([\w .'-]+?)\W*$", item.answer)
    return bool(home and re.search(rf"\bfrom {re.escape(home[1])} to\b", message, re.IGNORECASE))


def _names(item: Item) -> set[str]:
    """List the names and numbers of an answer, in lower case."""
    tokens = list(TOKEN.finditer(re.sub(r"['’]s\b", "", item.answer)))
    asked = set(words(item.question))
    names = {m[0].lower() for m in tokens[1:] if m[0][0].isupper() or m[0][0].isdigit()}
    return names - asked - {"i"}


def thing(item: Item) -> frozenset[str]:
    """List what the answer calls the user's: the words from "your" to the first plain verb."""
    found = re.search(
        r"\byour ((?:[\w-]+(?:['’]s)? ){1,4}?)(?:is|are|was|has|have|\w+s)\b", item.answer, re.I
    )
    return frozenset(word for word in content(found[1] if found else "") if word not in ASPECT)


def _ragged(item: Item, message: str) -> bool:
    """Say whether a name runs on into a plain word, as in "Your dog is called Pixel loves"."""
    end = re.search(
        r"(?:called|named|name is|live in|lives in|work at|works at) ([A-Z]\S*(?: \S+)*? )?([a-z]+)\W*$",
        item.answer,
    )
    return bool(end and end[1] and message != message.lower())


def paraphrases(item: Item) -> list[Item]:
    """Reword the question of an item by rule; the answer and the topic (`key`) stay."""
    return [Item(text, item.answer) for text in question.wordings(item.question)]


def from_template(message: str, earlier: str = "") -> list[Item]:
    """Write the items of common English statements by rule, three to five wordings each.

    "No, it's Max" corrects the last statement before it, in `message` or in the `earlier` one. In a
    message the last statement on a topic wins.
    """
    return [Item(*pair) for pair in statement.pairs(message, earlier)][: 2 * MOST]


def retractions(message: str) -> list[Item]:
    """Write, by rule, the items of what the message says is no longer so."""
    return [Item(*pair) for pair in statement.withdrawn(message)][:MOST]


NAMED = re.compile(
    rf"(?<=[\w,;:'’] )(?:(?:(?:{'|'.join(ABBREVIATIONS)})\. )?(?!I\b)[A-Z][\w'’+#.-]*[\w+#](?: (?!I\b)[A-Z][\w'’+#-]*)*|(?=[\w.,-]*[A-Za-z])[\w-]*\d[\w-]*)"
)
HEARSAY = re.compile(
    r"[\"“”:?]|^\W*(?:please\W+)?(?:if|maybe|perhaps|pretend|imagine|suppose|say|let['’]?s|remind|do you|can you|tell|give|show"
    r"|write|help|explain|make|find|list|name|send|translate|describe|create|draw|check|fix|look|read|play|sing|count|guess|think)\b"
    r"|\bi wish\b|\b(?:said|says|told me|thinks|wants? to know|wonders|asks|asked|dream\w*|dreamt|lied|doubt|not true|forget|don['’]?t remember|email from|wrote|role-?play)\b|\byou (?:think|thought|said|told)\b|\bis you\b"
    r"|\b(?:i|we)(?:['’]d| would)? (?:want|like|love|need) (?:you|to (?:know|hear|see|ask)|(?:an?|another|some|\d+) (?:[\w-]+ )?"
    r"(?:story|poem|song|joke|riddle|recipe|list|summary|letter|email|essay|code|function|script|names?|ideas?|tips?|examples?|advice|help))\b",
    re.IGNORECASE,
)
SOMEONE = re.compile(rf"^\W*(?:\w+ )?(?:my|our) ({RELATION})\b(?!['’]s)", re.IGNORECASE)
NOT_NAMES = re.compile(
    r"(?:my|our|we|also|and|but|so|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july"
    r"|august|september|october|november|december|\d+(?:st|nd|rd|th|am|pm))\b.*",
    re.IGNORECASE,
)


def _sound(sentence: str) -> bool:
    """Say whether somebody speaks of themselves here, in earnest and in their own words."""
    own = tells(sentence) and SPEAKER.search(sentence) and not HEARSAY.search(sentence)
    return bool(own) and PLACEHOLDER not in sentence


def in_own_words(item: Item, message: str) -> bool:
    """Say whether all that is to be learned stands in one sentence that tells of the speaker.

    A weaker check than `about`: it does not ask what the words are said of.
    """
    learned = set(value(item)) - ASPECT
    sentences = SENTENCE.split(own_words(message))
    return bool(learned) and any(
        learned <= set(content(one))
        for one in sentences
        if _sound(one)
        and not DOUBTFUL.search(without_lead(one))
        and not _of_another(one, item.answer)
    )


OWN = re.compile(r"\b(?:i|im|ive|i['’]\w+|my|mine|we|we['’]\w+|our)\b", re.IGNORECASE)
"""Who is spoken of, not only to whom: "Book me a table at Nobu" tells nothing."""
ABOUT = ("What did I say about {}?", "What do you know about {}?")


def told_back(message: str, kept: Sequence[Item] = ()) -> list[Item]:
    """Tell back the sentences that name something, where neither a rule nor `kept` has them.

    The first two names of a sentence are asked for, "What did I say about Rust?"; the answer is all
    of it. Where nothing has a name, somebody of the speaker's counts: "my sister".
    What became an item is left out: a correction of the item would not reach it.
    """
    learned = [set(value(item)) - ASPECT for item in kept]
    found = []
    for sentence in SENTENCE.split(own_words(message)):
        said = set(content(sentence))
        if (
            not _sound(sentence)
            or not OWN.search(sentence)
            or not 4 <= len(words(sentence)) <= 30
            or retractions(sentence)
        ):
            continue
        told = any(one and one <= said for one in learned) or from_template(sentence)
        if told and not statement.in_passing(sentence):
            continue
        names = [name for name in NAMED.findall(sentence) if not NOT_NAMES.fullmatch(name)]
        names = names or [f"my {one.lower()}" for one in SOMEONE.findall(sentence)]
        answer = re.sub(r"[\s,;:–—-]*$", "", _clean(_swapped(without_lead(sentence))))
        answer += "" if answer[-1:] in ".!" else "."
        asked = product(dict.fromkeys(names[:2]), ABOUT)
        found += [Item(ask.format(name), answer) for name, ask in asked]
    return found[:MOST]
