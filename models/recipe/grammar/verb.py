"""Forms of common English verbs: what questions and statements need, and no more."""
# ruff: noqa: E501, SIM905  (a list of words is read best in one line)

import re

IRREGULAR = dict(
    pair.split(":")
    for pair in """find:found lose:lost buy:bought sell:sold see:saw break:broke read:read draw:drew write:wrote
    meet:met eat:ate drink:drank make:made build:built get:got bring:brought catch:caught choose:chose drive:drove
    feed:fed feel:felt forget:forgot give:gave hear:heard hide:hid hurt:hurt keep:kept know:knew leave:left lend:lent
    pay:paid put:put ride:rode send:sent show:showed spend:spent steal:stole sing:sang take:took teach:taught
    tell:told throw:threw wear:wore win:won begin:began go:went fly:flew say:said come:came grow:grew cut:cut
    quit:quit speak:spoke study:studied try:tried carry:carried plan:planned drop:dropped stop:stopped""".split()
)
"""Past forms that a rule would get wrong."""
REGULAR = frozenset(
    """paint repair visit cook watch plant bake order borrow miss learn start finish play call clean fix invite help
    download rent book return wash sew knit climb move open pass pick record remove replace receive ruin attend collect
    need want like love enjoy support prefer hate work live use own join celebrate explore photograph adopt install
    unpack print smoke taste discover mend damage marry interview paint practise practice organise organize""".split()
)
VERBS = REGULAR | IRREGULAR.keys()
STATES = frozenset(
    """feel know forget hear hurt need want like love enjoy support prefer hate work live use own go get give grow come
    say tell speak keep study try plan show put return start finish begin learn play help call stop collect have quit join
    support pay spend explore""".split()
)
DEEDS = VERBS - STATES  # of which one asks "What did I ...?"
WHO = frozenset("meet marry call invite interview".split())  # what is done to people


def past(verb: str) -> str:
    """Give the past form of a verb."""
    if verb in IRREGULAR:
        return IRREGULAR[verb]
    return verb + ("d" if verb.endswith("e") else "ed")


def third(verb: str) -> str:
    """Give the form that goes with "she"."""
    if verb in ("go", "do") or re.search(r"(?:s|x|z|sh|ch)$", verb):
        return verb + "es"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return "has" if verb == "have" else verb + "s"


BASE_OF_PAST = {past(verb): verb for verb in sorted(VERBS)}
BASE_OF_THIRD = {third(verb): verb for verb in sorted(VERBS | {"do", "have"})}
