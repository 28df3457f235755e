"""Find secrets in what people write, so that they are never learned; plain text in, spans out.

A short list of token formats from their makers' public documents, checksums where a number has one,
and the sentences people use to tell a password. No list finds every secret. Where words alone
decide, this one would rather mask the password of a game than learn that of a bank; a secret that
is only mentioned ("I forgot my password", "my dog's name is Secret") is not one.
"""

# ruff: noqa: E501, SIM905  (a pattern is read best in one line)

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PLACEHOLDER = "[secret]"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (excluded) of a text; `kind` is a noun to name them with."""

    start: int
    end: int
    kind: str


def find(text: str) -> tuple[Span, ...]:
    """Find keys, tokens, passwords, PINs, codes, card and account numbers, in order, none overlapping.

    Of overlapping finds the union is kept, under the kind that began first.
    """
    finders = (_formats, _numbers, _told, _near, _phrases)
    spans = [span for finder in finders for span in finder(text)]
    return tuple(_joined(sorted(spans, key=lambda span: span.start)))


def mask(text: str, spans: Sequence[Span]) -> str:
    """Put PLACEHOLDER in place of each span that `find` returned."""
    for span in sorted(spans, reverse=True):
        text = text[: span.start] + PLACEHOLDER + text[span.end :]
    return text


def weights(offsets: Sequence[tuple[int, int]], spans: Sequence[Span]) -> tuple[float, ...]:
    """Weigh tokens for the loss: 0 for a token with any character of a secret, 1 for all others.

    `offsets` are (start, end) in characters; an empty token counts as the character it stands at.
    """
    return tuple(
        float(not any(start < s.end and max(end, start + 1) > s.start for s in spans))
        for start, end in offsets
    )


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    held: Span | None = None
    for span in spans:
        if held and span.start < held.end:
            held = Span(held.start, max(held.end, span.end), held.kind)
            continue
        if held:
            yield held
        held = span
    if held:
        yield held


# Formats that give themselves away.

TOKENS = {
    "GitHub token": r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{40,255}",
    "GitLab token": r"gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[\w.-]{20,300}",
    "AWS key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    "Slack token": r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{20,250}",
    "Stripe key": r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,}",
    "API key": r"sk-(?=[\w-]{0,250}\d)(?:proj-|svcacct-|admin-|ant-|or-)?[\w-]{20,250}"
    r"|(?:gsk|xai|csk|fw|tgp_v1|nvapi|pplx|r8|key|tvly|sntrys|lin_api|phx|phc)"
    r"[_-](?=[\w-]{0,250}\d)[A-Za-z0-9][\w-]{27,250}",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,60}|api_org_[A-Za-z0-9]{30,60}",
    "Google key": r"AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,}",
    "package registry token": r"npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|rubygems_[0-9a-f]{48}"
    r"|dckr_pat_[\w-]{20,}",
    "cloud token": r"do[oprt]_v1_[0-9a-f]{64}|dapi[0-9a-f]{32}(?:-\d)?|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|hv[sb]\.[\w-]{24,}"
    r"|ATATT3[\w=-]{100,}|tskey-[a-z]+-[\w-]{10,}|NRAK-[A-Z0-9]{27}|sbp_[0-9a-f]{40}",
    "bot token": r"\d{8,10}:AA[\w-]{33}|[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}",
    "encryption key": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "JSON web token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?",
}
LABELLED = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?s:.*?)(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    "webhook address": r"https://hooks\.slack\.com/(?:services|workflows)/(?P<it>[\w/]{20,})"
    r"|https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d+/(?P<it2>[\w-]{20,})",
    "password": r"\b[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/:@]{0,100}:(?P<it>[^\s/@]{1,200})@"
    r"|\s-u\s*[\w.@-]{1,60}:(?P<it2>[^\s:]{3,})|\bWIFI:[^\n]{0,80}?;?P:(?P<it3>[^;\n]+);",
    "token": r"(?i:\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)?\s*(?P<it>[^\s\"',]{8,}))"
    r"|(?i:\bbearer\s+)(?P<it2>(?=\S*\d)[\w.~+/=-]{16,})"
    r"|(?i:[?&](?:\w*token|\w*api_?key|key|sig|signature|secret|password|passwd|auth)=)(?P<it3>[^\s&#]{6,})",
}
WHOLE = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(f"(?P<t{index}>{pattern})" for index, pattern in enumerate(TOKENS.values()))
    + r")(?!\w)"
)
PARTS = {kind: re.compile(pattern) for kind, pattern in LABELLED.items()}


def _formats(text: str) -> Iterator[Span]:
    names = tuple(TOKENS)
    for match in WHOLE.finditer(text):
        yield Span(*match.span(), names[int((match.lastgroup or "t0")[1:])])
    for kind, pattern in PARTS.items():
        for match in pattern.finditer(text):
            start, end = match.span(match.lastgroup or 0)
            if not BLANK.fullmatch(text[start:end]):
                yield Span(start, end, kind)


# Numbers with a shape or a checksum.

CARD = re.compile(r"(?<![\d.+#/-])(?<!\d )\d(?:[ -]?\d){12,18}(?![\d/]|[.-]\d)")
ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|(?:50|5[6-9]|63|67)\d{14}"
)
"""First digits and lengths of Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro."""
GROUPS = re.compile(r"\d+|\d{4}([ -])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}")
IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}")
IBAN_LENGTHS = {
    length: frozenset(countries.split())
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "FR GR IT MC MR SM BI DJ",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
}
"""Lengths by country, from SWIFT's IBAN registry."""
SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")
SSN_TOLD = re.compile(
    r"\b(?:ssn|social security(?: (?:number|no\.?|#))?)\b[^\d\n]{0,30}(?P<it>\d{3}[ .-]?\d\d[ .-]?\d{4})\b",
    re.IGNORECASE,
)
PIN = re.compile(
    r"\bpin(?: ?code| number)?\b(?:(?:[^.!?\n\d]{0,40}?(?:\bis\b|\bwas\b|\bto\b|[:=]))?[^\w\n]{0,3}|\s+(?:now|still) )"
    r"(?P<it>\d(?:[ -]?\d){3,7})(?!\d|[.-]\d)",
    re.IGNORECASE,
)
CVV = re.compile(r"\b(?:cvv2?|cvc2?|csc|card security code)\b[^\d\n]{0,15}(?P<it>\d{3,4})\b", re.I)
OPEN = (
    "2fa|access|activation|alarm|apartment|authentication|authenticator|backup|bike|briefcase|building"
    "|card|confirmation|disarm|door|email|entry|entrance|flat|front|garage|gate|gym|house|key|keypad"
    "|kitchen|laptop|lobby|lock|locker|lockbox|login|mailbox|mfa|office|one-time|otp|padlock|pass|pass-?code"
    "|phone|room|safe|secret|security|shed|signin|sign-in|sms|storage|suitcase|tablet|unlock|vault|verification|wifi|wi-fi"
)
CODE = re.compile(
    rf"\b(?:(?:{OPEN})[\s-]+(?:pin[\s-]+)?code|(?<!dress )(?<!zip )(?<!area )code (?:for|of|to|on) (?:my|our|the|his|her)"
    r"|(?<=the )code(?= is \d{4})|combination|otp|passcode)\b"
    r"[^.!?\n\d]{0,50}?(?:\bis\b|\bwas\b|\bto\b|[:=])[^\w\n]{0,3}(?:now |still )?"
    r"(?P<it>[*#]?\d(?:[ -]{0,3}\d){2,9}[*#]?)(?!\d|[.,:%/]\d|[ -]?(?:characters|digits|numbers|days|years)\b)",
    re.IGNORECASE,
)
CODE_FIRST = re.compile(
    rf"\b(?P<it>\d{{3}}[ -]?\d{{1,5}})\s+is\s+(?:your|my|the|our)\s+(?:[\w-]+\s+){{0,3}}?(?:(?:{OPEN})\s+code|pin|passcode|otp)\b",
    re.IGNORECASE,
)


def _numbers(text: str) -> Iterator[Span]:
    for match in CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if GROUPS.fullmatch(match[0]) and ISSUER.fullmatch(digits) and _luhn(digits):
            yield Span(*match.span(), "card number")
    yield from _accounts(text)
    yield from (Span(*match.span(), "social security number") for match in SSN.finditer(text))
    labelled = ((SSN_TOLD, "social security number"), (PIN, "PIN"), (CVV, "card security code"))
    for pattern, kind in (*labelled, (CODE, "code"), (CODE_FIRST, "code")):
        for match in pattern.finditer(text):
            yield Span(*match.span("it"), kind)


def _luhn(digits: str) -> bool:
    doubled = (int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0 and len(set(digits)) > 1


def _accounts(text: str) -> Iterator[Span]:
    for match in IBAN.finditer(text):
        country = match[0][:2].upper()
        length = next((n for n, names in IBAN_LENGTHS.items() if country in names), 0)
        places = [place for place, letter in enumerate(match[0]) if letter != " "][:length]
        letters = "".join(match[0][place] for place in places).upper()
        if length and len(letters) == length and _mod97(letters):
            yield Span(match.start(), match.start() + places[-1] + 1, "bank account number")


def _mod97(letters: str) -> bool:
    return int("".join(str(int(c, 36)) for c in letters[4:] + letters[:4])) % 97 == 1


# Passwords told in words.

WORD = r"(?:pass-?word|pass-?phrase|passcode|passwd|pwd|passwort|kennwort|contraseña|mot de passe)"
BE = r"(?:is|are|was|ist|es|est)"
LEAD = re.compile(
    rf"{WORD}s?[\"']?\)?(?:[ \t]*(?:=>|[:=])(?:[ \t]*|[ \t]*\n)"
    rf"|(?:\s+(?:for|of|to|on|at|in|i|we|he|she|they|that|which|para|für|pour)\b[^.!?\n:=]{{1,60}}?)?"
    rf"\s*(?:\b{BE}\b|[:=])\s*(?::[ \t]*)?)",
    re.IGNORECASE,
)
PW = re.compile(r"\b(?:pw|pass)[:=][ \t]*", re.IGNORECASE)
SET = re.compile(
    rf"\b(?:set|change|changed|reset|update|updated|switched)\b[^.!?\n]{{0,40}}\b{WORD}\b[^.!?\n]{{0,50}}?\bto\s+",
    re.IGNORECASE,
)
FLAG = re.compile(r"(?<!\w)--(?:password|passwd|pass)(?:=|\s+)", re.IGNORECASE)
HEDGE = re.compile(
    r"(?:(?:now|still|just|simply|currently|actually|literally|always|probably|set to|called|spelled|:)\s+)*",
    re.IGNORECASE,
)
BESIDE = re.compile(
    rf"\b{WORD}[ \t]+(?P<it>\S{{4,100}})"
    rf"|\b(?:user(?:name)?|login|account)[ \t]+\S{{1,100}}[ \t]+(?:and |with )?(?:the )?{WORD}[ \t]+(?P<word>\S{{1,100}})",
    re.IGNORECASE,
)
AFTER = re.compile(
    rf"(?<![^\s\"'])(?P<it>[^\s\"']{{3,100}})[\"']?\s+is\s+(?:my|our|the|his|her|their)\s+(?:[\w'-]+\s+){{0,3}}{WORD}(?=\s*(?:$|[.,;!?\n]|for\b|to\b|and\b|but\b))"
    rf"|\buse[sd]?\s+[\"']?(?P<used>[^\s\"']{{3,100}})[\"']?\s+as\s+(?:my|our|the|a|his|her|their)\s+(?:[\w'-]+\s+){{0,3}}{WORD}\b",
    re.IGNORECASE,
)
OPENED = re.compile(
    r"\b(?:open|unlock|disarm|enter|get into|log (?:in )?(?:to|into))\s+(?:my|our|the)\s+(?:[\w-]+\s+){1,3}(?:with|using)\s+(?:the (?:code|pin|password)\s+)?(?P<it>(?=[^\s\d]*\d)\S{3,100})",
    re.IGNORECASE,
)
BLANK = re.compile(
    r"\W*|\[[\w ]+\]|<[^>]*>|\$?\{+[^}]*\}+|\$\w+|%\w+%|(?:your|my|the|some|new|old)[_-]?\w*|x{3,}|\*+\w*"
    r"|none|null|nil|true|false|str|string|int|bytes|text|varchar.*|required|optional|undefined|redacted|masked",
    re.IGNORECASE,
)
QUOTED = re.compile(r"([\"'`“‘«*_]{1,3})(\S[^\n]{0,78}?)(?:[\"'`”’»*_]{1,3}(?!\w))")
LONGEST = re.compile(r"\S{1,200}")
SHAPE = re.compile(r"<[^>\n]*>|\[[^\]\n]*\]|\$?\{")
CALL = re.compile(
    r"[A-Za-z_][\w.]*[(\[].*|[A-Za-z_]+\.[A-Za-z_.]+\W*|[a-z]+(?:_[a-z]+)+\W*|self\W*|\(.*"
)
FUNCTION = frozenset(
    """a an the my your our his her its their this that these those it he she they we you i me
    not no never none nothing something anything everything someone who what when where why how which whose
    also too very really quite pretty rather so as at in on of for from with without by about under over to into
    if whether because since until unless than then there here again already always only even ever yet more most less
    today yesterday tomorrow enough and or but can could will would should must may might do does did
    has have had is are was were be been being am""".split()
)
REMARKS = frozenset(
    """one same different similar case-sensitive wrong right correct incorrect invalid valid weak strong secure
    insecure safe unsafe long short easy hard difficult simple complex complicated unique random terrible bad good
    great fine ok okay important secret private public hidden written kept known stolen broken lost gone set sent
    shown taken given forgotten rotten empty blank missing available unknown visible ready due old new next crucial
    essential key required mandatory optional useless worthless sorted better worse best worst boring silly stupid
    dumb ridiculous impossible necessary awful annoying useful like fun""".split()
)
UNITS = re.compile(
    r"[\s-]*(?:or more |\+ )?(?:characters?|chars?|letters?|digits?|numbers?|words?|symbols?|days?|years?|months?|weeks?|times?|attempts?|minutes?|hours?|bits?|long\b)",
    re.IGNORECASE,
)
BREAK = re.compile(
    r"[.!?,;](?=\s|$)|\n|\s(?:and|but|so|because|which|if|for|on|in|at|or|when|since)\s|\s[-–(]"
)


def _told(text: str) -> Iterator[Span]:
    for pattern in (LEAD, PW, SET, FLAG):
        for match in pattern.finditer(text):
            after = HEDGE.match(text, match.end())
            value = _value(text, after.end() if after else match.end())
            if value and (pattern is not PW or _odd(text[slice(*value)])):
                yield Span(*value, "password")
    yield from _beside(text)


def _beside(text: str) -> Iterator[Span]:
    """Find passwords that stand beside the word, or before it, without a "my password is"."""
    for match in BESIDE.finditer(text):
        group = match.lastgroup or "it"
        start, end = _trimmed(text, *match.span(group))
        odd = _odd(text[start:end]) and not UNITS.match(text, end)
        if odd or (group == "word" and _plain(match[group])):
            yield Span(start, end, "password")
    for match in AFTER.finditer(text):
        start, end = match.span(match.lastgroup or "it")
        if _plain(text[start:end]):
            yield Span(start, end, "password")
    for match in OPENED.finditer(text):
        yield Span(*_trimmed(text, *match.span("it")), "password")


def _value(text: str, start: int) -> tuple[int, int] | None:
    """Take what is told from `start` on: a quoted text, one odd word, or a clause of a few words."""
    quote = QUOTED.match(text, start)
    if quote:
        start, end = quote.span(2)
        return None if _code(text[start:end]) else (start, end)
    word = LONGEST.match(text, start)
    if not word or SHAPE.match(text, start):
        return None
    first = _trimmed(text, *word.span())
    if _code(word[0]) or UNITS.match(text, first[1]):
        return None
    if _odd(text[slice(*first)]):
        return first
    line = text[start : start + 80]
    cut = BREAK.search(line)
    clause = line[: cut.start()] if cut else line
    words = clause.split()
    whole = bool(cut) or len(text) <= start + 80
    test = _plain if len(words) < 3 else _wordy
    said = whole and 1 <= len(words) <= 6 and all(map(test, words))
    return (start, start + len(clause.rstrip(" )\"'"))) if said else None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    return start, start + len(text[start:end].rstrip(".,;:?)]}\"'`")) if end > start else end


def _odd(word: str) -> bool:
    """Say whether a word looks made up: a digit, a sign or a capital inside it."""
    body = word.rstrip("!")
    mixed = bool(re.search(r"[^\W\d_]", body)) and bool(re.search(r"[a-z][A-Z]", body))
    signs = bool(re.search(r"[\w][^\w\s'’.…-]+[\w]|[^\w\s'’]$", body))
    return len(body) >= 3 and (bool(re.search(r"\d", body)) or mixed or signs)


def _code(value: str) -> bool:
    return bool(BLANK.fullmatch(value) or CALL.fullmatch(value))


def _plain(word: str) -> bool:
    """Say whether a word could be a password rather than a remark about one."""
    low = _bare(word)
    return _wordy(word) and low not in REMARKS and not re.search(r"\w{3}(?:ed|ing|able|ly)$", low)


def _wordy(word: str) -> bool:
    """Say whether a word could be part of a pass phrase."""
    low = _bare(word)
    return len(low) > 1 and low.partition("'")[0] not in FUNCTION and not _code(low)


def _bare(word: str) -> str:
    return word.lower().strip(".,;:!?()\"'“”")


# Random strings beside a word that says what they are.

NEAR = re.compile(
    r"(?:\b|_|(?<=[a-z]))(?:api|access|secret|private|auth\w*|client|encryption|signing|license|licence|account|session|ssh|aws|app)?[\s_-]*"
    r"(?:key|token|secret|credential)s?\b",
    re.IGNORECASE,
)
STRING = re.compile(r"(?<![A-Za-z0-9_+/.~-])[A-Za-z0-9_+/][A-Za-z0-9_+/=.~-]{7,299}")
PUBLIC = re.compile(
    r"(?:commit|sha-?\d*|hash|revision|checksum|digest|md5|fingerprint|public|publishable|version|https?:\S*|www\.\S*|github\.com\S*)\W*$",
    re.IGNORECASE,
)


def _near(text: str) -> Iterator[Span]:
    for label in NEAR.finditer(text):
        for match in STRING.finditer(text, label.end(), min(label.end() + 400, len(text))):
            between = text[label.end() : match.start()]
            if len(between) > 40 or "\n\n" in between:
                break
            start, end = _trimmed(text, *match.span())
            set_to = re.fullmatch(r"[\"']?\s*(?:[:=]|=>|is)\s*[\"'`]?", between)
            if not PUBLIC.search(text[:start][-60:]) and _random(
                text[start:end], 8 if set_to else 16
            ):
                yield Span(start, end, "key")


def _random(value: str, least: int) -> bool:
    """Say whether a string of `least` characters or more looks drawn rather than written."""
    longest = max(re.split(r"[-_./=+~]", value), key=len)
    dense = len(value) >= least and len(longest) >= min(12, least) and _entropy(value) >= 2.8
    digits = len(re.findall(r"\d+", longest))
    name = digits < 2 and re.search(r"[a-z]{5}", longest)  # such as Sam2VideoFeedForward
    return dense and digits > 0 and bool(re.search(r"[A-Za-z]", longest)) and not name


def _entropy(value: str) -> float:
    """Measure bits a character."""
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)


# Recovery phrases and codes.

SEED = re.compile(
    r"\b(?:seed|recovery|mnemonic|backup|secret|wallet)\s+(?:recovery\s+)?(?:phrase|words|seed|mnemonic)\b"
    r"[^\n]{0,40}?(?::|\bis\b|\bare\b|\n)\s*[\"'“]?"
    r"(?P<it>(?:\d{1,2}[.)]\s*)?[A-Za-z]{3,8}(?:[\s,]+(?:\d{1,2}[.)]\s*)?[A-Za-z]{3,8}){11,23})\b",
    re.IGNORECASE,
)
PROSE = re.compile(r"\b(?:the|and|for|was|are|with|from|have|has|but|not|his|her|were)\b", re.I)
RECOVERY = re.compile(
    r"\b(?:recovery|backup|2fa|two-factor|one-time|scratch|emergency)\s+(?:recovery\s+|backup\s+)?codes?\b[^\n\d]{0,40}?(?::|\bis\b|\bare\b|\n)\s*"
    r"(?P<it>(?=\S*\d)[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{3,12}){0,4}"
    r"(?:(?:\s+|\s*,\s*|\s+and\s+)(?=\S*\d)[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{3,12}){0,4})*)",
    re.IGNORECASE,
)


def _phrases(text: str) -> Iterator[Span]:
    for match in SEED.finditer(text):
        if not PROSE.search(match["it"]):
            yield Span(*match.span("it"), "recovery phrase")
    for match in RECOVERY.finditer(text):
        yield Span(*match.span("it"), "recovery code")
