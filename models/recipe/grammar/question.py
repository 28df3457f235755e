"""The same question in other words: direct, indirect, and framed; the topic stays."""
# ruff: noqa: E501  (a pattern is read best in one line)

import re
from collections.abc import Callable, Iterator

from .topic import key
from .verb import BASE_OF_PAST, BASE_OF_THIRD, VERBS, past, third

ASKED = r"(?P<w>(?:[Oo]n |[Aa]t |[Ii]n )?\b(?:[Ww]hat|[Ww]ho|[Ww]here|[Ww]hen|[Ww]hich|[Hh]ow)\b(?:(?! (?:is|are|was|were|am|do|does|did|will) ).)*?)"
SOMEONE = r"(?P<s>(?:[Mm]y|[Oo]ur) [\w' -]+?|I|we)"
BASES = "|".join(sorted({*VERBS, "do", "have"}))
PASTS = "|".join(sorted(BASE_OF_PAST))
THIRDS = "|".join(sorted(BASE_OF_THIRD))
REST = r"(?P<r>(?: [\w' -]+?)?)"
STATES = r"(?P<r>(?: (?:called|named|allergic to|afraid of|scared of|from|born|going to .+?))?)"

TO_INDIRECT = (
    (re.compile(rf"{ASKED} (?P<v>is|are|was|were|am|will) {SOMEONE}{STATES}\?"), "{w} {s} {v}{r}"),
    (re.compile(rf"{ASKED} will (?P<s>I|we) (?P<v>.+)\?"), "{w} {s} will {v}"),
    (re.compile(rf"{ASKED} do (?P<s>I|we) (?P<v>.+)\?"), "{w} {s} {v}"),
    (re.compile(rf"{ASKED} does {SOMEONE} (?P<third>{BASES}){REST}\?"), "{w} {s} {third}{r}"),
    (re.compile(rf"{ASKED} did {SOMEONE} (?P<past>{BASES}){REST}\?"), "{w} {s} {past}{r}"),
)
TO_DIRECT = (
    (re.compile(rf"{ASKED} {SOMEONE} (?P<v>is|are|was|were|am){STATES}"), "{w} {v} {s}{r}?"),
    (re.compile(rf"{ASKED} (?P<s>I|we) will (?P<v>.+)"), "{w} will {s} {v}?"),
    (re.compile(rf"{ASKED} {SOMEONE} (?P<base>{PASTS}){REST}"), "{w} did {s} {base}{r}?"),
    (re.compile(rf"{ASKED} (?P<s>I|we) (?P<v>(?:{BASES})(?: .+)?)"), "{w} do {s} {v}?"),
    (re.compile(rf"{ASKED} {SOMEONE} (?P<one>{THIRDS}){REST}"), "{w} does {s} {one}{r}?"),
)
FORMS: dict[str, Callable[[str], str | None]] = {
    "third": third,
    "past": past,
    "base": BASE_OF_PAST.get,
    "one": BASE_OF_THIRD.get,
}
INDIRECT = re.compile(
    r"(?:do you (?:still )?(?:remember|know)|(?:can|could) you (?:tell me|remind me of)|i forgot|tell me"
    r"|what did i say about) (?P<q>(?:what|who|where|when|which|how|on|at)\b.*?)[?.]?",
    re.IGNORECASE,
)
NAMED = re.compile(
    r"(?:do you (?:still )?(?:remember|know)|(?:can you )?tell me|could you remind me of) (?P<s>my [\w' -]+)[?.]",
    re.IGNORECASE,
)
FRAMED = re.compile(r"(?:remind me|quick question|tell me)[,:] (?P<q>.*\?)", re.IGNORECASE)
PLAIN = re.compile(
    r"(?:What is|What's|Who is|What are) "
    r"(?P<s>my (?!.*\b(?:called|named|allergic|afraid|scared|from|born)\b)[\w' -]+)\?"
)
LONGEST = 200  # characters of a question that is reworded
LATER = re.compile(
    r"(?P<q>.+) (?P<t>yesterday|tomorrow|today|tonight|(?:last|next|this) \w+|on \w+day|some day"
    r"|(?:a|two|three|four|five|a few) \w+ ago)\?"
)


def rewordings(question: str) -> list[str]:
    """List other wordings of `question` that ask for the same, as far as its `key` tells."""
    if len(question) > LONGEST or ". " in question:
        return []
    same = key(question)
    found = dict.fromkeys(said for said in _said(question) if said != question)
    return [said for said in found if key(said) == same]


def _said(question: str) -> Iterator[str]:
    """Yield what may be the same question."""
    direct = question if question.endswith("?") else ""
    told = INDIRECT.fullmatch(question)
    framed = FRAMED.fullmatch(question)
    named = NAMED.fullmatch(question)
    if framed:
        direct = _capital(framed["q"])
        yield direct
    elif named:
        direct = f"What is {named['s']}?"
        yield direct
    elif told:
        direct = _turned(told["q"], TO_DIRECT)
        if direct:
            yield direct
    if not direct:
        return
    low = direct[:1].lower() + direct[1:]
    yield from (f"Remind me, {low}", f"{direct[:-1]} again?", f"Quick question: {low}")
    plain = PLAIN.fullmatch(direct)
    if plain:
        topic = plain["s"]
        yield from (f"Do you remember {topic}?", f"Tell me {topic}.", f"Do you know {topic}?")
        yield from (f"What did I say {topic} was?", f"I forgot {topic}. What is it?")
    indirect = _turned(direct, TO_INDIRECT)
    if indirect:
        low = indirect[:1].lower() + indirect[1:]
        yield from (f"Do you remember {low}?", f"Do you know {low}?", f"Can you tell me {low}?")
        yield f"I forgot {low}."
    later = LATER.fullmatch(direct)
    if later:
        yield f"{_capital(later['t'])}, {later['q'][:1].lower()}{later['q'][1:]}?"


def _turned(question: str, shapes: tuple[tuple[re.Pattern[str], str], ...]) -> str:
    """Turn a question by the first shape that fits; "" when none does."""
    for pattern, shape in shapes:
        found = pattern.fullmatch(question)
        if found:
            parts = {name: text or "" for name, text in found.groupdict().items()}
            parts = {n: FORMS[n](text) or text if n in FORMS else text for n, text in parts.items()}
            return _capital(shape.format_map({"r": "", **parts}))
    return ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
