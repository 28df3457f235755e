"""Turns become tokens through a chat template, with the place of each turn's own words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from mlxdyn.errors import MlxdynError

MARK = "\u2063{}\u2063"
"""Stands for the text of turn {} while the template runs, so no text can pose as template."""
_DAY = {
    "%Y": "2024", "%y": "24", "%B": "July", "%b": "Jul", "%-m": "7", "%m": "07", "%-d": "26",
    "%d": "26", "%e": "26", "%j": "208", "%A": "Friday", "%a": "Fri", "%F": "2024-07-26",
    "%H": "12", "%-H": "12", "%I": "12", "%p": "PM", "%M": "00", "%S": "00", "%T": "12:00:00",
}  # fmt: skip
_CLOCK = (
    "{%- macro strftime_now(format) -%}{{ format"
    + "".join(f' | replace("{part}", "{said}")' for part, said in _DAY.items())
    + " }}{%- endmacro %}\n"
)
"""A clock that stands still, put before a template that asks for the date (Llama 3.2's, and its
own date where there is no clock). With a real one, what a message teaches would hang on the day.
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """Who said what; role is system, user or assistant."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as tokens; `spans[i]` is where the words of turn i stand, end excluded."""

    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


def render(tokenizer: Any, turns: Sequence[Turn], *, reply: bool) -> Rendered:
    """Put `turns` through the chat template, followed by the opening of a reply if asked.

    A base model without a template gets "User: ..." lines. Words of a turn that look like control
    tokens are encoded as plain text. The same turns are the same tokens on any day.
    """
    marks = [Turn(turn.role, MARK.format(index)) for index, turn in enumerate(turns)]
    frame = _frame(tokenizer, marks, reply)
    tokens: list[int] = []
    spans: list[tuple[int, int]] = []
    for turn, mark in zip(turns, marks, strict=True):
        before, found, frame = frame.partition(mark.text)
        if not found:
            raise MlxdynError("this model's chat template drops turns, which mlxdyn cannot follow")
        tokens += _control(tokenizer, before)
        own = words(tokenizer, turn.text)
        spans.append((len(tokens), len(tokens) + len(own)))
        tokens += own
    return Rendered((*tokens, *_control(tokenizer, frame)), tuple(spans))


def _frame(tokenizer: Any, turns: Sequence[Turn], reply: bool) -> str:
    if not tokenizer.has_chat_template:
        names = {"system": "System", "user": "User", "assistant": "Assistant"}
        lines = "".join(f"{names[turn.role]}: {turn.text}\n" for turn in turns)
        return (tokenizer.bos_token or "\n") + lines + ("Assistant:" if reply else "")
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    dated = isinstance(template, str) and "strftime_now" in template
    how = {"chat_template": f"{_CLOCK}{template}"} if dated else {}
    return str(
        tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=reply, enable_thinking=False, **how
        )
    )


def words(tokenizer: Any, text: str) -> list[int]:
    """Encode what a person wrote: control tokens spelled out in it are cut in two."""
    spelled = _spelled(tokenizer)
    return [
        token
        for part in (spelled.split(text) if spelled else [text])
        if part
        for token in tokenizer.encode(part, add_special_tokens=False, split_special_tokens=True)
    ]


def _spelled(tokenizer: Any) -> re.Pattern[str] | None:
    """Give what finds the first letter of a control token spelled out; None where there are none.

    Made once for a tokenizer: Gemma 3 has 6,000 such tokens, and listing them takes 12 ms.
    """
    if tokenizer not in _SPELLED:
        added = (token for token in tokenizer.get_added_vocab() if token[:1] in "<[" and token[1:])
        control = sorted(added, key=len, reverse=True)
        starts = "|".join(f"{re.escape(t[:1])}(?={re.escape(t[1:])})" for t in control)
        _SPELLED[tokenizer] = re.compile(f"({starts})") if control else None
    return _SPELLED[tokenizer]


_SPELLED = WeakKeyDictionary[Any, re.Pattern[str] | None]()  # it goes when its tokenizer does


def line_ends(tokenizer: Any) -> dict[int, str]:
    """Give each token whose text holds a line break, with its text before that.

    Qwen2.5 and Llama 3 write "?" and the break after it as one token. Made once for a tokenizer, of
    the tokens that may hold one only.
    """
    if tokenizer not in _LINE_ENDS:
        spelled = (  # as it is, as bytes are spelled in BPE, or as a byte alone
            token
            for text, token in tokenizer.get_vocab().items()
            if "\n" in text or "\u010a" in text or text == "<0x0A>"
        )
        parted = ((token, tokenizer.decode([token]).partition("\n")) for token in spelled)
        _LINE_ENDS[tokenizer] = {token: before for token, (before, found, _) in parted if found}
    return _LINE_ENDS[tokenizer]


_LINE_ENDS = WeakKeyDictionary[Any, dict[int, str]]()


def _control(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False)) if text else []
