"""Read the common statements people make of themselves, by rule: questions and answers without a model."""
# ruff: noqa: E501, SIM905  (a pattern or a phrasing is read best in one line)

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlxdyn.secret import PLACEHOLDER
from mlxdyn.study.topic import key

WHO_IS = r"(?P<x>(?:[\w-]+(?:['’]s)? ){0,3}?[\w-]+)"
VALUE = r"(?P<v>[^,;:!?]{1,60}?)"
NAME = r"(?P<v>[\w'’.-]+(?: [A-Z][\w'’.-]*){0,3})"
BLANKS = {"x": WHO_IS, "v": VALUE, "name": NAME}
DONE = r"(?: now| though| too| by the way| btw|,? please(?: remember(?: that| it)?)?| lol| haha| as well| at the moment| these days| actually)*(?:,? (?:and|but) (?:it|he|she|they|we|his|her)\b.*)?\W*"
LEAD_IN = re.compile(
    r"(?:(?:hi|hello|hey|oh|ok|okay|so|well|yes|yeah|btw|also|and|but|thanks|listen|guess what|you know(?: what)?|fun fact|fyi"
    r"|by the way|for the record|just so you know|in case you (?:ever )?(?:need it|wonder)|remember(?: this)?(?: that)?|please remember(?: that)?"
    r"|don['’]?t forget(?: that)?|you should know(?: that)?|i (?:wanted|want) to (?:say|tell you)(?: that)?|did i (?:tell you|mention)(?: that)?"
    r"|can you remember that|i should (?:tell you|mention)(?: that)?|actually|no|nope|wait|sorry|correction|i meant(?: to say)?|i mean"
    r"|things have changed|that was wrong|one thing about me)\b[\s,.:!—-]*)+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A sentence that tells something: how it is told, asked for ({x}) and answered ({x}, {v})."""

    told: re.Pattern[str]
    asks: tuple[str, ...]
    answer: str


def _rule(told: str, asks: str, answer: str) -> _Rule:
    pattern = re.sub(r"(?<!P)<(x|v|name)>", lambda m: BLANKS[m[1]], told)
    return _Rule(re.compile(pattern + DONE, re.IGNORECASE), tuple(asks.split(" / ")), answer)


NAMING = "What is my {x} called? / What's my {x}'s name? / What is the name of my {x}? / Do you remember what my {x} is called?"
RULES = (
    _rule(r"(?:my name(?: is|['’]s)|(?:you can |please |people )?call me|everyone calls me) <name>", "What is my name? / What's my name? / Who am I? / What am I called?", "Your name is {v}."),
    _rule(r"(?:i(?: am|['’]?m)|this is) (?!(?-i:AI|HR|IT|PM|UK|US|EU|French|German|Dutch|Greek|Welsh|Swiss|Czech|Thai|Iraqi|Israeli|Pakistani|Christian|Catholic|Muslim|Jewish|Hindu|Buddhist|Protestant|Orthodox)\b|[\w-]+(?:ish|ese|ican|ian|dian)\b)(?P<v>(?-i:[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2}))", "What is my name? / What's my name? / Who am I? / What am I called?", "Your name is {v}."),
    _rule(r"(?:my|our) <x>(?: is|['’]s|s?) (?:called|named) <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:my|our) <x>(?:['’]s|s) name(?: is|['’]s) <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"the name of (?:my|our) <x> is <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we)(?: have|['’]ve got| got| adopted| bought) an? (?:new |pet )?<x>(?: and (?:i |we )?(?:named|called) (?:him|her|it|them)| called| named| and (?:its|his|her) name is| and it(?: is|['’]s) called) <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we) (?:named|called) (?:my|our) <x> <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"i(?: am|['’]?m) (?P<v>\d{1,3})(?: years old| yrs old| y/?o)?", "How old am I? / What is my age? / Do you know how old I am?", "You are {v} years old."),
    _rule(r"(?:i just |i )turned (?P<v>\d{1,3})", "How old am I? / What is my age? / Do you know how old I am?", "You are {v} years old."),
    _rule(r"my <x> is (?P<v>\d{1,3}) years old", "How old is my {x}? / What is my {x}'s age? / Do you know how old my {x} is?", "Your {x} is {v} years old."),
    _rule(r"my birthday(?: is|['’]s)(?: on)? <v>", "When is my birthday? / What is my birthday? / Do you remember my birthday? / When was I born?", "Your birthday is on {v}."),
    _rule(r"i was born on <v>", "When is my birthday? / What is my birthday? / Do you remember my birthday? / When was I born?", "Your birthday is on {v}."),
    _rule(r"my <x>(?:['’]s|s) birthday is(?: on)? <v>", "When is my {x}'s birthday? / What is my {x}'s birthday? / Do you remember when my {x}'s birthday is?", "Your {x}'s birthday is on {v}."),
    _rule(r"(?:i|we)(?: now)?(?: live|(?:['’]m| am|['’]re| are) living| moved| just moved| have moved)(?: from [\w .]+?)?(?: in| to) <v>(?: (?:last|this|two|a few) \w+(?: ago)?)?", "Where do I live? / Which city do I live in? / What is my home town? / Do you know where I live?", "You live in {v}."),
    _rule(r"my <x> (?:lives in|moved to) <v>", "Where does my {x} live? / Do you know where my {x} lives? / Which city does my {x} live in?", "Your {x} lives in {v}."),
    _rule(r"i(?: am|['’]?m)(?: originally)? from <v>|i come from (?P<w>.+?)", "Where am I from? / Where do I come from? / What is my home country?", "You come from {v}."),
    _rule(r"i was born in (?P<v>[^\d,;:!?]{1,40}?)", "Where was I born? / What is my birthplace? / In which city was I born?", "You were born in {v}."),
    _rule(r"i(?:['’]m| am)? work(?:ing)? as (?P<v>an? [^,;:!?]{1,40}?)(?: (?:at|for|in) .{1,40})?", "What do I do for a living? / What is my job? / What do I work as? / What is my profession?", "You work as {v}."),
    _rule(r"i(?: am|['’]?m) (?P<v>an? (?:[\w-]+ ){0,2}(?:\w+(?:eer|ist|ian|tect|grapher|cher)|nurse|doctor|lawyer|chef|cook|driver|student|writer|baker|manager|developer|designer|farmer|painter|pilot|plumber|carpenter|waiter|waitress|professor|gardener|dancer|singer|actor|lawyer|paramedic|vet|barista))", "What do I do for a living? / What is my job? / What do I work as? / What is my profession?", "You are {v}."),
    _rule(r"i(?:['’]m| am)? work(?:ing)? (?:at|for) <v>(?: as .{1,40})?", "Where do I work? / Which company do I work for? / Who do I work for? / Who is my employer?", "You work at {v}."),
    _rule(r"my <x> works as (?P<v>an? [^,;:!?]{1,40}?)", "What does my {x} do for a living? / What is my {x}'s job? / Do you know what my {x} does for a living?", "Your {x} works as {v}."),
    _rule(r"my <x> works (?:at|for) <v>", "Where does my {x} work? / Do you know where my {x} works? / Who does my {x} work for?", "Your {x} works at {v}."),
    _rule(r"my fav(?:ou?rite)? <x> (?:is|are|has always been) <v>", "What is my favourite {x}? / What's my favourite {x}? / Which {x} do I like most? / Do you remember my favourite {x}?", "Your favourite {x} is {v}."),
    _rule(r"i(?: am|['’]?m) (?:very |really |super )?allergic to <v>", "What am I allergic to? / What is my allergy? / Do you know what I'm allergic to?", "You are allergic to {v}."),
    _rule(r"my <x> is allergic to <v>", "What is my {x} allergic to? / What is my {x}'s allergy? / Do you know what my {x} is allergic to?", "Your {x} is allergic to {v}."),
    _rule(r"i drive (?P<v>an? .{1,40}?)", "What car do I drive? / What do I drive? / What is my car?", "You drive {v}."),
    _rule(r"i play the <v>", "What instrument do I play? / Which instrument do I play? / What is my instrument?", "You play the {v}."),
    _rule(r"i speak <v>", "Which language do I speak? / What language do I speak? / What do I speak?", "You speak {v}."),
    _rule(r"i(?: study|(?:['’]m| am) studying) <v>", "What do I study? / Which subject do I study? / What am I studying?", "You study {v}."),
    _rule(r"i (?:really |also )*(?:hate|can['’]?t stand|dislike|despise) <v>", "How do I feel about {v}? / What do I think of {v}? / What is my opinion on {v}?", "You hate {v}."),
    _rule(r"i (?:really |also |absolutely )*(?P<y>like|love|enjoy|prefer) <v>", "How do I feel about {v}? / What do I think of {v}? / What is my opinion on {v}?", "You {y} {v}."),
    _rule(r"i have (?P<v>one|two|three|four|five|six|seven|\d{1,2}) (?P<x>kids|children|sons|daughters|brothers|sisters|siblings|dogs|cats|grandchildren)", "How many {x} do I have? / Do you know how many {x} I have? / Remind me, how many {x} do I have?", "You have {v} {x}."),
    _rule(r"my <x>(?P<b> is| are) (?P<v>(?:in|on|under|behind) the .{1,40}?)", "Where{b} my {x}? / Do you know where my {x}{b}? / Where did I put my {x}?", "Your {x}{b} {v}."),
    _rule(r"my <x> is (?P<v>(?:on|at) (?:\d|mon|tues|wednes|thurs|fri|satur|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|the \d).{0,30}?)", "When is my {x}? / Do you remember when my {x} is? / I forgot when my {x} is.", "Your {x} is {v}."),
    _rule(r"my <x> is (?P<v>(?:dark |light )?(?:red|blue|green|yellow|orange|purple|pink|black|white|grey|gray|brown|turquoise|teal|gold|silver|beige|violet|crimson))", "What colour is my {x}? / Which colour is my {x}? / What is the colour of my {x}?", "Your {x} is {v}."),
    _rule(r"my (?P<x>(?:[\w-]+(?:['’]s)? ){0,2}(?:name|surname|nickname|job|hobby|address|phone number|number|employer|school|home ?town|birthplace|profession|major|subject|goal|dream|pronouns|size|team|editor|husband|wife|partner|diet)) (?:is|are) <v>", "What is my {x}? / What's my {x}? / Do you remember my {x}? / Tell me my {x}.", "Your {x} is {v}."),
)  # fmt: skip
SECOND = {"my": "your", "our": "your", "me": "you", "mine": "yours", "myself": "yourself"}
ASIDE = re.compile(r"\?\W*$")
TELLING = re.compile(
    r"\b(?:tell|told|remember|know|mention\w*|forget|say|said)\b.{0,20}\b(?:that|my|i|i'm|how)\b",
    re.IGNORECASE,
)
SHARED = re.compile(
    r"(\b(i)(?: (?:really|also))? (?:love|like|hate|enjoy|prefer|live|work|play|speak|drive|study)\b[^.!?;,\n]{1,60}?),? (?:and|but) (?=(?:love|like|hate|enjoy|prefer|live|work|play|speak|drive|study)\b)()",
    re.IGNORECASE,
)
"""A second verb after one "I"."""
VAGUE = re.compile(
    r"(?:so|very|too|really|not|that|this|it|you|them|him|her|there|here|a bit|kind of|just|like|to|when|how|what|if|your|the same|such)\b.*|.*\b(?:because|which|when|that|if|those|these)\b.*|.*[\[\](){}<>\"].*",
    re.IGNORECASE,
)
PLAIN_VERB = re.compile(
    r"\b(?:is|was|are|were|says?|has|have|had|does|will|would|and|but)\b", re.IGNORECASE
)
RETRACTS = re.compile(
    r"\W*(?:actually|no|nope|wait|sorry|correction|i meant?|oh no|scratch that)\b", re.IGNORECASE
)
INSTEAD = re.compile(
    rf"(?:(?:it|he|she|that|they)(?: is|['’]s| are|['’]re)|(?:its|his|her|their|the) name is|make (?:it|that)|(?:it|that) should be)?\s*(?:called |named |not .{{1,30}}(?:,| but) )?{NAME}(?:,? not .{{1,30}})?{DONE}",
    re.IGNORECASE,
)
NO_VALUE = frozenset(
    "thanks thank idea problem worries way please not why what it that this i you we he she they never need yes no ok okay sure sorry wait really maybe nothing wrong right fine good bad".split()
)


def pairs(message: str, earlier: str = "") -> list[tuple[str, str]]:
    """Write questions and answers for common English statements by rule, three to five wordings each.

    "No, it's Max" corrects the last statement before it, in `message` or in the `earlier` one. In a
    message the last statement on a topic wins.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    last = next(reversed(list(_facts(earlier, None))), None) if earlier else None
    for rule, parts in _facts(message, last):
        answer = _fill(rule.answer, parts)
        found[key(_fill(rule.asks[0], parts))] = [(_fill(ask, parts), answer) for ask in rule.asks]
    return [pair for asked in found.values() for pair in asked]


_Fact = tuple[_Rule, dict[str, str]]


def _facts(message: str, last: _Fact | None) -> Iterator[_Fact]:
    for clause, retracts in _clauses(message):
        fact = next((fact for rule in RULES if (fact := _fact(rule, clause))), None)
        new = INSTEAD.fullmatch(clause) if retracts and last and not fact else None
        if new and last and new["v"].split()[0].lower() not in NO_VALUE:
            fact = (last[0], {**last[1], "v": new["v"].rstrip(".")})
        if fact:
            last = fact
            yield fact


def _fact(rule: _Rule, clause: str) -> _Fact | None:
    match = rule.told.fullmatch(clause)
    if not match:
        return None
    parts = {
        name: text.strip(" .") for name, text in match.groupdict(default="").items() if name != "b"
    }
    parts |= {"v": parts["v"] or parts.get("w", ""), "b": match.groupdict().get("b") or ""}
    vague = not parts["v"] or VAGUE.fullmatch(parts["v"]) or PLAIN_VERB.search(parts.get("x", ""))
    long = len(parts["v"].split()) > 8
    return None if vague or long or PLACEHOLDER[1:-1] in parts["v"] else (rule, parts)


def _clauses(message: str) -> Iterator[tuple[str, bool]]:
    """Cut a message where a new statement begins; say of each part whether it takes something back."""
    for sentence in re.split(r"(?<=[.!?;\n])\s+|\n+", SHARED.sub(r"\1, \2 \3", message)):
        if not tells(sentence):
            continue
        for part in re.split(
            r",?\s+(?:and|but|also|plus)\s+(?=(?:my|i|i['’]m|our|we)\b)|,\s+(?=my\b|i\b|i['’]m\b)",
            sentence,
            flags=re.IGNORECASE,
        ):
            lead = LEAD_IN.match(part)
            clause = part[lead.end() :] if lead and lead.end() < len(part) else part
            yield clause.strip(), bool(RETRACTS.match(part))


def tells(sentence: str) -> bool:
    """Say whether a sentence states something: a question does only as "Did I tell you that ...?"."""
    return not ASIDE.search(sentence) or bool(TELLING.search(sentence))


def _fill(shape: str, parts: dict[str, str]) -> str:
    second = {
        name: _second(text) if name == "v" and "?" not in shape else text
        for name, text in parts.items()
    }
    second["x"] = (
        second.get("x", "").lower() if second.get("x", "").istitle() else second.get("x", "")
    )
    text = shape.format_map(second)
    return text[:1].upper() + text[1:]


def _second(text: str) -> str:
    """Turn what the user says of themselves to them: "my sister" becomes "your sister"."""
    return re.sub(
        r"\b(my|me|mine|our|myself)\b", lambda m: SECOND[m[0].lower()], text, flags=re.IGNORECASE
    )
