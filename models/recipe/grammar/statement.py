"""Read the common statements people make of themselves, by rule: questions and answers without a model."""
# ruff: noqa: E501, SIM905  (a pattern or a phrasing is read best in one line)

import re
from collections.abc import Iterator
from dataclasses import replace

from .item import Item
from .rules import DONE, NAMED, NATION, ONE_NAME, RELATION, Rule, rules
from .topic import key, words

LEAD_IN = re.compile(
    r"(?:(?:hi|hello|hey|now|oh|ok|okay|so|well|yes|yeah|btw|also|and|but|thanks|listen|guess what|you know(?: what)?|fun fact|fyi"
    r"|by the way|for the record|just so you know|in case you (?:ever )?(?:need it|wonder)|remember(?: this)?(?: that)?|please remember(?: that)?"
    r"|don['’]?t forget(?: that)?|you should know(?: that)?|i (?:just )?(?:wanted|want) to (?:say|tell you)(?: that)?|did i (?:tell you|mention)(?: that)?"
    r"|can you remember that|i should (?:tell you|mention)(?: that)?|actually|no|nope|wait|sorry|correction|i meant(?: to say)?|i mean"
    r"|things have changed|change of plans|(?:(?:big|great|good|bad|some) )?(?:news|update|decision)|that was wrong|one thing about me|i think i (?:never|haven['’]t) told you|you won['’]t believe (?:it|this)|keep in mind(?: that)?"
    r"|let me tell you(?: something)?|i have something to tell you|it['’]s decided|note to self|reminder|i was just thinking(?: about how)?|as you know|did you know(?: that)?)\b[\s,.:!–—-]*)+",
    re.IGNORECASE,
)
ABBREVIATIONS = "Dr Mr Ms Mrs Prof St Sgt Rev Gen Gov Sen vs approx".split()
SENTENCE_END = (
    "".join(rf"(?<!\b{one}\.)" for one in (*ABBREVIATIONS, "(?-i:[A-Z])")) + r"(?<=[.!?;\n])\s+|\n+"
)
SECOND = {"my": "your", "our": "your", "me": "you", "mine": "yours", "myself": "yourself"}
ASIDE = re.compile(r"\?\W*$")
ASKING = re.compile(
    r"\W*(?:is|are|was|were|did|do|does|can|could|will|would|should|has|have|what|where|who|why|how|which)\b",
    re.IGNORECASE,
)
SUPPOSING = re.compile(r"\W*(?:if|unless|suppose)\b(?! you\b| i had to\b)", re.IGNORECASE)
OTHERS = re.compile(
    r"```.*?(?:```|\Z)|^[ \t]*>.*?$|[\"“][^\"”\n]{12,}[\"”]?", re.DOTALL | re.MULTILINE
)
TASK = re.compile(
    r"\A\W*(?:please |can you |could you )?(?:summari[sz]e|translate|rewrite|proofread|fix|correct|improve|write"
    r"|imagine|pretend|suppose|let['’]?s (?:pretend|role[- ]?play)|role[- ]?play|repeat|count|capitali[sz]e|edit|classify|explain|act as"
    r"|here(?:['’]s| is)[^\n:]{0,40}\b(?:letter|e-?mail|text|essay|message|story|script|poem|wrote|said|sent)|(?:e-?mail|letter|message) from"
    r"|from(?=:)|i['’]?m playing an? (?:character|role|game)|in the (?:game|story|book|film|movie))\b.*\Z",
    re.DOTALL | re.IGNORECASE,
)
TELLING = re.compile(
    r"\b(?:tell|told|remember|know|mention\w*|forget|say|said)\b.{0,20}\b(?:that|my|i|i'm|how)\b",
    re.IGNORECASE,
)
SHARING = "love|like|hate|enjoy|prefer|live|work|play|speak|drive|study|quit|left|moved|bought|sold|adopted|started|lost|married|met"
SHARED = re.compile(
    rf"(\b(i)(?: (?:really|also))? (?:{SHARING})\b[^.!?;,\n]{{1,60}}?),? (?:and|but) (?=(?:{SHARING})\b)",
    re.IGNORECASE,
)
"""A second verb after one "I"."""
HAVE_TWO = re.compile(
    r"(\b(i|we)(?: have|['’]ve got| own) an? [^.!?;,\n]{1,40}? (?:called|named) [\w'’-]+),? and (?=an? )",
    re.IGNORECASE,
)
NEGATED = r"(?:is|are|was|were|do|does|did|has|have|had|ca|could|wo|would|sha|should|must|might|need|ai)n['’]?t"
VAGUE = re.compile(
    rf"(?:no longer|no more|neither|nothing|nobody|none|up|in with|used to|so|very|too|really|not|of|correct|wrong|right|fine|good|great|nice|bad|over|done|ready|that|this|it|me|us|you|them|him|her|there|here|a bit|kind of|just|like|to|when|how|what|if|your|the same|such)\b.*|.*\b(?:because|which|when|that|if|those|these|{NEGATED}|never|used to|not)\b.*|.*[\[\](){{}}<>\"].*",
    re.IGNORECASE,
)
PLAIN_VERB = re.compile(
    rf"\b(?:is|was|are|were|wa|says?|said|told|tells?|thinks?|thought|asked|wants?|has|have|had|does|will|would|and|but|{NEGATED}|not|never|no longer|called|goes|after|leaves|arrives|departs|died|comes|starts|ends|i|me|my|our|you|your|he|she|they)\b",
    re.IGNORECASE,
)
RETRACTS = re.compile(
    r"\W*(?:actually|no|nope|wait|sorry|correction|i meant?|oh no|scratch that)\b", re.IGNORECASE
)
INSTEAD = re.compile(
    rf"(?P<it>(?:(?:it|he|she|that|they)(?: is|['’]s| are|['’]re)|(?:its|his|her|their|the) name is|make (?:it|that)|(?:it|that) should be)\s+)?"
    rf"(?:called |named |(?P<not>not) .{{1,30}}(?:,| but) )?(?P<v>(?-i:[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*){{0,3}}|\d[\w:.-]*))(?P<other>,? not .{{1,30}})?{DONE}",
    re.IGNORECASE,
)
ADVERBS = re.compile(
    r"(?: (?:now|also|still|just|only|already|finally|recently|currently|always|usually|often|normally|sometimes|really|actually|mostly))+$",
    re.IGNORECASE,
)
ONE_OF = re.compile(rf"(?P<who>{RELATION}) (?P<name>{ONE_NAME})(?P<rest>['’]s .+)?", re.IGNORECASE)
"""Somebody by relation and by name: "sister Anna", "sister Anna's dog"."""
ONE_OF_MANY = re.compile(r"friend|colleague|co-?worker|cousin|neighbou?r|niece|nephew", re.I)
"""Who is hardly ever the only one."""
NO_VALUE = frozenset(
    "thanks thank idea problem worries way please not why what it that this i you we he she they never need yes no ok okay sure sorry wait really maybe nothing wrong right fine good bad stop shorter longer monday tuesday wednesday thursday friday saturday sunday christmas easter".split()
)


MOST = 24  # items of one message
MOST_WORDS = 12  # of a value


def items(message: str) -> list[Item]:
    """Write the items of common English statements by rule, three to five wordings each.

    "No, it's Max" corrects the statement before it; the last statement on a topic wins.
    """
    found: dict[str, list[Item]] = {}
    for rule, parts in _facts(message):
        answer = _fill(rule.answer, parts)
        asked = [Item(_fill(ask, parts), answer) for ask in rule.asks]
        found[key(asked[0].question)] = asked
    return [item for asked in found.values() for item in asked][:MOST]


def _replaces(new: re.Match[str], parts: dict[str, str]) -> bool:
    """Say whether what stands alone after "No," can be the other value: a name for a name."""
    kind = not re.search(r"\d", new["v"]) or re.search(r"\d", parts["v"])
    nation = re.match(NATION, new["v"]) and not re.match(NATION, parts["v"])
    return bool(kind) and not nation and not NO_VALUE & set(words(new["v"]))


_Fact = tuple[Rule, dict[str, str]]


def _facts(message: str) -> Iterator[_Fact]:
    last: _Fact | None = None
    for clause, retracts in _clauses(message):
        fact = next((fact for rule in rules(clause) if (fact := _fact(rule, clause))), None)
        new = INSTEAD.fullmatch(clause) if retracts and last and not fact else None
        if new and last and _replaces(new, last[1]):
            fact = (last[0], {**last[1], "v": new["v"].rstrip(".")})
        if fact:
            last = fact
            yield from _by_relation(*fact)
            yield fact


def _by_relation(rule: Rule, parts: dict[str, str]) -> Iterator[_Fact]:
    """Ask for what is told of "my sister Anna" as "my sister" too, and for her name."""
    one = ONE_OF.fullmatch(parts["x"])
    if one and not ONE_OF_MANY.fullmatch(one["who"]):
        yield NAMED, {**parts, "x": one["who"], "v": one["name"]}
        answer = rule.answer.replace("{x}", "{whole}")
        whose = f"{one['who']}{one['rest'] or ''}"
        yield replace(rule, answer=answer), {**parts, "x": whose, "whole": parts["x"]}


def _fact(rule: Rule, clause: str) -> _Fact | None:
    match = rule.read(clause)
    if not match:
        return None
    parts = _parts(match)
    vague = not parts["v"] or VAGUE.fullmatch(parts["v"]) or PLAIN_VERB.search(parts["x"])
    long = len(parts["v"].split()) > MOST_WORDS
    return None if vague or long else (rule, parts)


def _parts(match: re.Match[str]) -> dict[str, str]:
    """Read the blanks of a sentence; those named v2, v3 ... are v in another of its shapes."""
    parts: dict[str, str] = {"x": "", "v": "", "t": ""}
    for name, text in match.groupdict().items():
        if text:
            parts[name.rstrip("0123456789")] = text if name == "b" else text.strip(" .,")
    parts["x"] = ADVERBS.sub("", parts["x"])
    time = parts["t"]
    parts["t"] = f" {time[:1].lower()}{time[1:]}" if time else ""
    parts["at"] = (
        "at" if re.match(r"\d{1,2}(?:[:.]\d\d| ?[ap]\.?m|$)|noon|midnight", parts["v"]) else "on"
    )
    parts["be"] = "are" if re.search(r"[^su]s$", parts["x"]) else "is"
    return {"b": "", **parts}


def _clauses(message: str) -> Iterator[tuple[str, bool]]:
    """Cut a message where a new statement begins; say of each part whether it takes something back."""
    spoken = SHARED.sub(r"\1, \2 ", HAVE_TWO.sub(r"\1, \2 have ", own_words(message)))
    for sentence in re.split(SENTENCE_END, spoken):
        if not tells(sentence):
            continue
        for part in re.split(
            r",?\s+(?:and|but|also|plus)\s+(?=(?:now )?(?:my|i|i['’]m|our|we)\b)|,\s+(?=my\b|i\b|i['’]m\b)",
            sentence,
            flags=re.IGNORECASE,
        ):
            yield without_lead(part).strip(), bool(RETRACTS.match(part))


def without_lead(part: str) -> str:
    """Leave out words that only lead to what is said: "By the way, ...", "I should mention ..."."""
    lead = LEAD_IN.match(part)
    return part[lead.end() :] if lead and lead.end() < len(part) else part


def tells(sentence: str) -> bool:
    """Say whether a sentence states something: a question does only as "Did I tell you that ...?".

    What follows an "if" does not, but for "If you must know, ...".
    """
    asks = ASIDE.search(sentence) or ASKING.match(sentence)
    return not SUPPOSING.match(sentence) and (not asks or bool(TELLING.search(sentence)))


def own_words(message: str) -> str:
    """Leave out quotations, code, and what a task is to be done with: they say nothing of the user."""
    return OTHERS.sub(" ", TASK.sub("", message))


def _fill(shape: str, parts: dict[str, str]) -> str:
    second = {
        name: _second(text) if name == "v" and "?" not in shape else text
        for name, text in parts.items()
    }
    if re.fullmatch(r"[A-Z][a-z]+", second["x"]):
        second["x"] = second["x"].lower()
    text = shape.format_map(second)
    return text[:1].upper() + text[1:]


def _second(text: str) -> str:
    """Turn what the user says of themselves to them: "my sister" becomes "your sister"."""
    return re.sub(
        r"\b(my|me|mine|our|myself)\b", lambda m: SECOND[m[0].lower()], text, flags=re.IGNORECASE
    )
