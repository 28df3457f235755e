"""Secrets and personal numbers that their shape gives away; plain text in, spans out.

Maintained detectors know the shapes: detect-secrets for tokens, python-stdnum for numbers with check
digits, phonenumbers for telephones. They are imported on first use. A short table adds what
detect-secrets lacks. Every pattern is bounded, so that time grows with the length of the text only.
"""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

PERSONAL = frozenset(
    {
        "phone number",
        "passport number",
        "driving licence number",
        "account number",
        "national number",
    }
)
"""Kinds that are no secrets: numbers of a person, which some people want to have learned."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (excluded) of a text; `kind` is a noun to name them with."""

    start: int
    end: int
    kind: str

    @property
    def personal(self) -> bool:
        """Say whether it is a personal number rather than a secret."""
        return self.kind in PERSONAL


def shapes(text: str) -> Iterator[Span]:
    """Find keys, tokens, addresses with passwords, card, bank, national and phone numbers."""
    for finder in (_blocks, _known_tokens, _own_tokens, _parts, _cards, _banks, _national, _phones):
        yield from finder(text)
    yield from _drawn(text)


# Tokens.

BLOCK = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?s:.*?)(?:-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|PuTTY-User-Key-File-\d(?s:.*?)(?:Private-MAC: *[0-9a-f]{20,64}|\Z)"
)
SSH = re.compile(
    r"\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}|sk-(?:ssh|ecdsa)[\w@.-]{5,40})\s{1,4}AAAA[A-Za-z0-9+/=]{8,}"
)


def _blocks(text: str) -> Iterator[Span]:
    yield from (Span(*match.span(), "private key") for match in BLOCK.finditer(text))
    yield from (Span(*match.span(), "ssh key") for match in SSH.finditer(text))


WORD = re.compile(r"[^\s\"'`,;()<>]{16,600}")


@cache
def _detectors() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Load the token patterns of detect-secrets, those bound to one word."""
    from detect_secrets.plugins import (
        aws,
        azure_storage_key,
        discord,
        github_token,
        gitlab_token,
        mailchimp,
        openai,
        pypi_token,
        sendgrid,
        slack,
        square_oauth,
        stripe,
        telegram_token,
        twilio,
    )  # fmt: skip

    plugins: list[tuple[str, Iterable[re.Pattern[str]]]] = [
        ("AWS key", aws.AWSKeyDetector.denylist[:1]),
        ("cloud token", azure_storage_key.AzureStorageKeyDetector.denylist),
        ("bot token", discord.DiscordBotTokenDetector.denylist),
        ("GitHub token", github_token.GitHubTokenDetector.denylist),
        ("GitLab token", gitlab_token.GitLabTokenDetector.denylist),
        ("API key", mailchimp.MailchimpDetector.denylist),
        ("API key", openai.OpenAIDetector.denylist),
        ("package registry token", pypi_token.PypiTokenDetector.denylist),
        ("cloud token", sendgrid.SendGridDetector.denylist),
        ("Slack token", slack.SlackDetector.denylist[:1]),
        ("API key", square_oauth.SquareOAuthDetector.denylist),
        ("Stripe key", stripe.StripeDetector.denylist),
        ("bot token", telegram_token.TelegramBotTokenDetector.denylist),
        ("API key", twilio.TwilioKeyDetector.denylist),
    ]
    return tuple((kind, pattern) for kind, patterns in plugins for pattern in patterns)


def _known_tokens(text: str) -> Iterator[Span]:
    """Ask detect-secrets about each long word; a token ends where its word ends."""
    for word in WORD.finditer(text):
        for kind, pattern in _detectors():
            for match in pattern.finditer(word[0]):
                begins = not match.start() or not word[0][match.start() - 1].isalnum()
                if begins and len(match[0]) >= 16:
                    rest = TAIL.match(word[0], match.end())
                    end = rest.end() if rest else match.end()
                    yield Span(word.start() + match.start(), word.start() + end, kind)


TAIL = re.compile(r"[\w-]*")
TOKENS = {
    "GitHub token": r"gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{40,255}",
    "GitLab token": r"gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[\w.-]{20,300}",
    "AWS key": r"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}",
    "Slack token": r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{20,250}",
    "Stripe key": r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,250}",
    "API key": r"sk-(?:proj-|svcacct-|admin-|ant-|or-)[\w-]{20,250}|sk-(?=[\w-]{0,250}\d)[\w-]{20,250}|sk-(?=[A-Z]{0,250}[a-z])(?=[a-z]{0,250}[A-Z])[A-Za-z]{20,250}|sk-[A-Za-z]{32,250}"
    r"|(?:gsk|xai|csk|fw|tgp_v1|nvapi|pplx|r8|key|tvly|sntrys|lin_api|phx|phc|sq0atp|sq0csp)"
    r"[_-](?=[\w-]{0,250}\d)[A-Za-z0-9][\w-]{21,250}",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,60}|api_org_[A-Za-z0-9]{30,60}",
    "Google key": r"AIza[\w-]{35}|GOCSPX-[\w-]{28}|ya29\.[\w-]{20,300}",
    "package registry token": r"npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,300}|rubygems_[0-9a-f]{48}"
    r"|dckr_pat_[\w-]{20,100}",
    "cloud token": r"do[oprt]_v1_[0-9a-f]{64}|dapi[0-9a-f]{32}(?:-\d)?|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"
    r"|SG\.[\w-]{16,100}\.[\w-]{16,100}|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|hv[sb]\.[\w-]{24,200}"
    r"|ATATT3[\w=-]{100,300}|tskey-[a-z]{2,20}-[\w-]{10,100}|NRAK-[A-Z0-9]{27}|sbp_[0-9a-f]{40}|EAACEdEose0cBA\w{10,200}",
    "bot token": r"\d{8,10}:AA[\w-]{33}|[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}",
    "encryption key": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "JSON web token": r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}(?:\.[\w-]{0,1000})?",
    "product key": r"[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}",
}
"""Newer formats, from their makers' public documents, which detect-secrets does not have."""
OWN = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(f"(?P<t{index}>{pattern})" for index, pattern in enumerate(TOKENS.values()))
    + r")(?!\w)"
)


def _own_tokens(text: str) -> Iterator[Span]:
    names = tuple(TOKENS)
    for match in OWN.finditer(text):
        yield Span(*match.span(), names[int((match.lastgroup or "t0")[1:])])


PARTS = {
    "webhook address": r"https://hooks\.slack\.com/(?:services|workflows)/(?P<it>[\w/]{20,200})"
    r"|https://(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/\d{1,30}/(?P<it2>[\w-]{20,200})",
    "password": r"(?<![\w+.-])[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/:@]{0,100}:(?P<it>[^\s/@]{1,200})@"
    r"|\s-u\s{0,3}[\w.@-]{1,60}:(?P<it2>[^\s:]{3,200})|\bWIFI:[^\n]{0,80}?;?P:(?P<it3>[^;\n]{1,100});"
    r"|\b(?:mysql\w{0,8}|mariadb\w{0,8}|7za?|zip|unzip|un?rar|sshpass)\b[^\n]{0,120}?\s-[pP](?P<it4>[^\s-][^\s]{2,100})"
    r"|\b(?:sshpass|docker|podman|mongo\w{0,8}|psql|redis-cli|zip|unzip|ldapsearch)\b[^\n]{0,120}?\s-[paPw] (?P<it5>[^\s:-][^\s:]{2,100})(?![\w:])",
    "token": r"(?i:\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:bearer|basic|token)?\s{0,3}(?P<it>[^\s\"',]{8,600}))"
    r"|(?i:\bbearer\s{1,3})(?P<it2>(?=\S{0,300}\d)[\w.~+/=-]{16,600})"
    r"|(?i:[?&](?:\w{0,20}token|\w{0,20}api_?key|key|sig|signature|secret|password|passwd|auth)=)(?P<it3>[^\s&#]{6,300})",
}
PART_PATTERNS = {kind: re.compile(pattern) for kind, pattern in PARTS.items()}
BLANK = re.compile(
    r"\W{0,200}|\[[\w ]{1,40}\]\W{0,9}|<[^>]{0,200}>|\$?\{{1,3}[^}]{0,200}\}{1,3}|\$\w{1,100}|%\w{1,100}%"
    r"|(?:your|my|the|some|new|old)[_-]?\w{0,100}|x{3,200}|\*{1,100}\w{0,100}"
    r"|none|null|nil|true|false|str|string|int|bytes|text|varchar.{0,20}|required|optional|undefined|redacted|masked|changeme",
    re.IGNORECASE,
)
"""What stands where a secret was or will be."""


def _parts(text: str) -> Iterator[Span]:
    for kind, pattern in PART_PATTERNS.items():
        for match in pattern.finditer(text):
            start, end = match.span(match.lastgroup or 0)
            if not BLANK.fullmatch(text[start:end]):
                yield Span(start, end, kind)


# Strings drawn at random, with nothing beside them that says so.

LONG = re.compile(r"(?<![\w+/.:=@~-])[A-Za-z0-9+/_-]{32,128}={0,2}(?![\w+/.:=@-])")
HASH = re.compile(
    r"(?:commit|sha-?\d{0,3}|hash|revision|checksum|digest|md5|fingerprint|public|publishable|integrity|etag|uuid|id|https?:\S{0,200}|www\.\S{0,200})\W{0,4}\Z",
    re.IGNORECASE,
)
AWS = re.compile(r"\bA(?:KI|SI)A[A-Z0-9]{16}\b|aws|amazon", re.IGNORECASE)


def _drawn(text: str) -> Iterator[Span]:
    amazon = bool(AWS.search(text))  # a secret key of 40 characters stands beside an access key
    for match in LONG.finditer(text):
        if not HASH.search(text[max(0, match.start() - 60) : match.start()]):
            pair = amazon and len(match[0]) == 40 and entropy(match[0]) >= 3.8
            drawn = mixed(match[0]) and entropy(match[0]) >= 4.5 and not wordlike(match[0])
            if drawn or (pair and re.search("[a-z]", match[0]) and re.search("[A-Z]", match[0])):
                yield Span(*match.span(), "key")


@cache
def _shannon() -> Callable[[str], float]:
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    measure: Callable[[str], float] = Base64HighEntropyString(4.5).calculate_shannon_entropy
    return measure


def entropy(value: str) -> float:
    """Measure bits a character, as detect-secrets does."""
    return _shannon()(value)


def mixed(value: str) -> bool:
    """Say whether a string has small letters, capitals and digits."""
    return all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", r"\d"))


def wordlike(value: str) -> bool:
    """Say whether a string is names and words joined, such as Sam2VideoFeedForward or a/path."""
    parts = re.findall(r"[A-Z]?[a-z]{4,}", value)
    return sum(map(len, parts)) > len(value) / 2


def random(value: str, least: int) -> bool:
    """Say whether a string of `least` characters or more looks drawn rather than written."""
    if len(value) < least or (wordlike(value) and len(re.findall(r"\d", value)) < 4):
        return False
    if len(value) >= 32 and mixed(value) and entropy(value) >= 3.8:
        return True
    longest = max(re.split(r"[-_./=+~]", value), key=len)
    digits = len(re.findall(r"\d+", longest))
    name = digits < 2 and bool(re.search(r"[a-z]{5}", longest))
    dense = len(longest) >= min(12, least) and entropy(value) >= 2.8
    return dense and digits > 0 and bool(re.search(r"[A-Za-z]", longest)) and not name


# Numbers with check digits.

CARD = re.compile(r"(?<![\d.+#/-])(?<!\d )\d(?:[ .-]?\d){12,18}(?![\d/]|[.-]\d)")
ISSUER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|(?:50|5[6-9]|63|67)\d{14}"
)
"""First digits and lengths of Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay, Maestro."""
GROUPS = re.compile(
    r"\d+|\d{4}([ .-])\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ .-])\d{6}\2\d{4,5}"
)
CARDS = re.compile(
    r"(?:visa|mastercard|amex|credit|debit|card|karte|carte|tarjeta|carta|cartão|kaart|karta)\b[^\d\n.!?]{0,20}\Z",
    re.IGNORECASE,
)
COUNTED = re.compile(
    r"\s{0,3}(?:points?|pts|bytes|entries|years|miles|steps|views|followers|dollars|euros|people|atoms|stars|coins|xp|times|is (?:a|the|an) (?:number|score|product|sum|prime))\b",
    re.IGNORECASE,
)
COUNTS = re.compile(
    r"\b(?:scored?|order|tracking|invoice|isbn|ean|upc|barcode|parcel|ticket|imei|serial|part|article|item|ref\w{0,6}|high ?score|points|population|distance|product|sum)\b[^\n.!?]{0,25}\Z",
    re.IGNORECASE,
)


def _cards(text: str) -> Iterator[Span]:
    from stdnum import luhn

    for match in CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        alike = len(set(digits)) == 1 or not GROUPS.fullmatch(match[0])
        before = text[max(0, match.start() - 40) : match.start()]
        sure = luhn.is_valid(digits) or CARDS.search(before)  # people mistype
        if alike or not ISSUER.fullmatch(digits) or not sure:
            continue
        if not COUNTED.match(text, match.end()) and not COUNTS.search(before):
            yield Span(*match.span(), "card number")
    for match in CVV.finditer(text):
        yield Span(*match.span("it"), "card security code")


CVV = re.compile(
    r"\b(?:(?:amex|american express|mastercard|card)(?:['’]s)? cid(?=[ :=#]{1,3}(?:(?:is|number|code)\b[ :=#]{1,3}){0,2}\d)|cvv2?|cvc2?|csc|cvn|(?:card )?security code|(?:card )?verification value|prüfziffer|cryptogramme)\b[^\d\n.!?]{0,15}(?P<it>\d{3,4}|\d(?:[ -]\d){2,3})\b(?![.,]?\d)",
    re.IGNORECASE,
)
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}")


def _banks(text: str) -> Iterator[Span]:
    from stdnum import iban

    for match in IBAN.finditer(text):
        ends = [place for place, letter in enumerate(match[0], 1) if letter != " "]
        for end in reversed(ends[14:]):
            cut = text[match.start() + end : match.start() + end + 1]
            if not (cut.isalnum() and cut.isascii()) and iban.is_valid(match[0][:end]):
                yield Span(match.start(), match.start() + end, "account number")
                break


SSN = re.compile(r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])")
NATIONAL = re.compile(
    r"(?<![\w-])(?:[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]|[XYZ\d]\d{7}-?[A-Z]|\d{17}[\dX]|\d{3}\.\d{3}\.\d{3}-\d\d"
    r"|\d{6}[-+]\d{4}|[12]\d{2}(?:0[1-9]|1[0-2])[0-9AB]{2}\d{8}|\d{6}-[1-4]\d{6}|[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d)(?![\w-])"
)
NINO = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D](?![A-Za-z0-9])"
)


@cache
def _checks() -> tuple[Callable[[str], bool], ...]:
    from stdnum.br import cpf
    from stdnum.cn import ric
    from stdnum.es import dni, nie
    from stdnum.fr import nir
    from stdnum.it import codicefiscale
    from stdnum.kr import rrn
    from stdnum.mx import curp
    from stdnum.se import personnummer

    modules = (cpf, ric, dni, nie, nir, codicefiscale, rrn, curp, personnummer)
    return tuple(module.is_valid for module in modules)


def _national(text: str) -> Iterator[Span]:
    for pattern in (SSN, NINO):
        yield from (Span(*match.span(), "national number") for match in pattern.finditer(text))
    for match in NATIONAL.finditer(text):
        if any(valid(match[0]) for valid in _checks()):
            yield Span(*match.span(), "national number")


PHONE = re.compile(r"(?<![\w+])(?:\+|00)[1-9](?:[ ()./-]{0,3}\d){6,14}(?!\d)")


def _phones(text: str) -> Iterator[Span]:
    """Find international numbers; others need a word that says what they are."""
    import phonenumbers

    for match in PHONE.finditer(text):
        number = "+" + re.sub(r"\D", "", match[0]).removeprefix("00")
        try:
            possible = phonenumbers.is_possible_number(phonenumbers.parse(number))
        except phonenumbers.NumberParseException:
            continue
        if possible:
            yield Span(*match.span(), "phone number")
