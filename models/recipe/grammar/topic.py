"""Name the topic of a question, so that the newest statement on it can win; words and their stems."""
# ruff: noqa: E501, SIM905  (a pattern is read best in one line)

import re
from functools import lru_cache

from .verb import IRREGULAR

TOKEN = re.compile(r"[^\W_]+(?:[-.][^\W_]+)*")
EMPTY = frozenset(
    """a an the my your our his her its their i you he she we they me him us them it this that these those
    is are am was were be been being do does did have has had can could will would shall should may might must
    of in on at to for from with by about as into up out and or but so if then than there here too also very really just
    yes no not what which who whom whose where when why how s t m re ve ll d""".split()
)


def words(text: str) -> list[str]:
    """List the words in lower case, without possessive endings."""
    plain = re.sub(r"['’](?:s|m|re|ve|ll|d|t)\b|['’](?=\s|$)", " ", text.lower())
    return TOKEN.findall(plain)


def stem(word: str) -> str:
    """Cut the common endings, so that "lives", "lived" and "living" meet."""
    word = PAST.get(word, word)
    for ending in ("ies", "es", "s", "ing", "ed", "e", "y"):
        rest = word.removesuffix(ending)
        if (
            rest != word
            and len(rest) > 2
            and re.search("[aeiouy]", rest)
            and not word.endswith("ss")
        ):
            return rest[:-1] if rest[-1] == rest[-2] and ending in ("ing", "ed") else rest
    return word


PAST = {past: verb for verb, past in IRREGULAR.items()} | dict(
    pair.split(":")
    for pair in """cooked:cook seen:see eaten:eat broken:break drawn:draw drunk:drink gone:go given:give written:write
    born:born ran:run taken:take favorite:favourite favorites:favourite color:colour colors:colour
    kids:child kid:child children:child neighbor:neighbour mom:mother mum:mother dad:father
    birthdays:birthday""".split()
)
"""Words that count as another: past forms, participles and spellings."""


# The topic of a question.

FRAMES = re.compile(
    r"\b(?:(?:do|would|could|can|will) you (?:still |happen to |please )*(?:remember|know|recall|tell(?: me)?|remind me(?: of)?)"
    r"|did i (?:ever )?(?:tell you|say|mention)(?: about| that)?|have i (?:ever )?(?:told you|mentioned)(?: about| that)?"
    r"|what (?:do|can) you (?:know|remember|tell me) about|remind me(?: of)?|tell me|i say|i (?:forgot|forget|need)"
    r"|i (?:can't|cannot) (?:find|remember)|i don't (?:know|remember)|help|please|quick (?:quiz|question)|let me test you"
    r"|again|what (?:is|are) (?:it|they)\s*\?|(?:is|was) it that)\b"
)
WHO = r"(?:do|does|did|am|is|are|was|were) (.{1,40}?)"
ASPECTS: tuple[tuple[str, str], ...] = (
    (r"\bwhat (?:kind|sort|type) of\b", "what"),
    (r"\b(?:biggest|greatest|worst) fear\b", "fear"),
    (
        r"\b(?:(?:am i|i am|are we|we are) going to|(?:do i |i |we )(?:want(?:ed)?|plan(?:ned)?) to)\b",
        "will",
    ),
    (r"\b(?:(?:what|who) (?:am i|i am) )?(?:afraid|scared) of\b|\bfears?\b", "biggest fear"),
    (r"\b(?:number of|how many)\b", ""),
    (
        r"\b(?:how do i feel about|what do i think (?:of|about)|what is my opinion (?:of|on|about))\b",
        "opinion",
    ),
    (r"\bfavou?rite hobb(?:y|ies)\b", "favourite-hobby"),
    (
        rf"\b(?:which|what) (\w+) {WHO} (?:like|love|enjoy)s? (?:the )?(?:best|most)\b",
        r"\2 favourite \1",
    ),
    (
        r"\b(?:which|what) (\w+) (.{1,30}?) (?:likes?|loves?|enjoys?) (?:the )?(?:best|most)\b",
        r"\2 favourite \1",
    ),
    (r"\b(?:loves?|likes?) (?:to eat|eating)(?: (?:best|most))?\b", "favourite-eating"),
    (r"\bhow (?:many years )?old\b|\bage\b", "age"),
    (
        rf"\bwhat {WHO} do (?:for a living|for work)\b|\bwhat (.{{1,40}}?) does for (?:a living|work)\b",
        r"\1 \2 job",
    ),
    (
        r"\bprofession\b|\boccupation\b|\bearn \w+ (?:money|living)\b|\bwork as\b|\bwhat work do i do\b|\bemployed as\b",
        "job",
    ),
    (
        r"\b(?:where|who|which (?:company|firm|place)|what company)\b(.{1,40}?)\bworks?\b(?: for| at)?|\bwho pays my salary\b",
        r"\1 employer",
    ),
    (r"\b(?:which|what) street\b.*", "address"),
    (r"\bwhen was i born\b|\b(?:on )?(?:which|what) (?:date|day) was i born\b", "birthday"),
    (r"\b(?:which|what) year (?:was i|i was) born\b(?: in)?", "birth year"),
    (
        r"\bwhen (?:did i get|i got) married\b|\bwhen (?:was|is) my wedding\b|\b(?:on )?(?:which|what) date (?:was|is) my wedding\b",
        "wedding day",
    ),
    (r"\bam i (?:married|single|divorced|engaged)(?=\W*$)", "marital status"),
    (r"\bam i (?:an? )?(?:vegan|vegetarian)(?: or (?:an? )?(?:vegan|vegetarian))?", "diet"),
    (
        r"\b(?:where|(?:in )?(?:which|what) (?:city|town|place)) was i born\b(?: in)?|\bbirth ?place\b|\bwhere (?:did i grow|i grew) up\b",
        "birthplace",
    ),
    (
        r"\b(?:where|(?:which|what) country)\b(.{1,40}?)\b(?:comes? )?from\b|\bhome country\b",
        r"\1 origin",
    ),
    (
        r"\b(?:where|(?:in )?(?:which|what) (?:city|town|place))\b(.{1,40}?)\blives?\b(?: in)?",
        r"\1 home",
    ),
    (
        r"\bwhere is my home\b|\bhome ?town\b|\b(?:which|what) (?:city|town|place) (?:is my home|do i call home)\b",
        "home",
    ),
    (r"\ballerg(?:y|ies|ic)\b", "allergy"),
    (
        r"\bwhat do i (?:do in my free time|enjoy(?: doing)?)\b|\bhow do i like to relax\b|\bhobb(?:y|ies)\b|\benjoys?\b",
        "hobby",
    ),
    (
        r"\bmother tongue\b|\bfirst language\b|\b(?:which|what) language did i grow up with\b",
        "mother-tongue",
    ),
    (rf"\b(?:what|which) colou?r {WHO}\s*\?", r"\1 colour"),
    (
        r"\bwho (?:am i|i am)(?=\W*$)|\bwhat (?:am i|do people) call(?:ed| me)\b|\bhow am i called\b|\bwho is this\b",
        "name",
    ),
    (r"\bwho (?:is|was) my (employer)\b", r"\1"),
    (r"\bwho (?:is|are|was) (my .*)", r"\1 name"),
    (
        r"\bwhat (?:did|do) i (?:name|call)\b|\bwhat (.{1,40}?) (?:is|are) called\b|\bcalled\b|\bnamed\b",
        r"\1 name",
    ),
    (r"\bhow do i (?:open|unlock)\b", "code"),
    (r"\b(?:pass-?word|pass-?code|pin)\b", "code"),
    (
        r"\b(?:on )?(?:what|which) (?:date|day|time)\b|\bat what time\b|\b(?:date|day|time) of\b|\bwhen\b",
        "timing",
    ),
    (r"\btiming\b(?=.*\bbirthdays?\b)", ""),
    (
        r"\bwhere (?:(?:do|did|can|should) )?i (?:always |last )?(?:keep|kept|put|leave|left|find|store|stored|hide|hid)\b|\bwhere\b",
        "placing",
    ),
    (r"\bcars?\b(.{1,40}?)\bdrives?\b|\bdrives?\b", r"\1 car"),
    (r"\binstruments?\b(.{1,40}?)\bplays?\b|\bplays?\b", r"\1 instrument"),
    (r"\blanguages?\b(.{1,40}?)\bspeaks?\b|\bspeaks?\b", r"\1 language"),
    (r"\bsubjects?\b(.{1,40}?)\bstud(?:y|ies)\b|\bstud(?:y|ies|ying)\b", r"\1 subject"),
)
TOPIC = tuple((re.compile(pattern), f" {aspect} ") for pattern, aspect in ASPECTS)
KEYED = (EMPTY | frozenset("still ever yet any call many much kind something".split())) - {
    "will",
    "you",
    "your",
}


@lru_cache(maxsize=16384)  # lessons ask for the same keys at every step
def key(question: str) -> str:
    """Name the topic of a question, however it is worded: equal keys ask for the same fact.

    A bag of stemmed words without frames ("Do you remember ...?"), with one word for all the ways to
    ask for a name, an age, a job, a home. It would rather give one topic two keys than two one.
    """
    text = f" {question.lower().replace('’', chr(39))} "
    text = re.sub(r"\b(what|who|where|when|how|which|it|that)'s\b", r"\1 is", text)
    text = FRAMES.sub(" ", text.replace("i'm", "i am"))
    for pattern, aspect in TOPIC:
        text = pattern.sub(aspect, text)
    said = (word for word in words(text) if word not in KEYED)
    return " ".join(sorted({"you" if word == "your" else stem(word) for word in said}))
