"""What a model thinks before it answers: folded on screen, and never sent back to it."""

import re

THOUGHT = re.compile(
    r"<(?P<tag>think|thinking|thought|reasoning)\b[^>]*>(?P<inside>.*?)(?:</(?P=tag)>|\Z)\s*",
    re.DOTALL | re.IGNORECASE,
)
UNTIL_CLOSED = re.compile(r"\A(?P<inside>.*?)</(?:think|thinking)>\s*", re.DOTALL | re.IGNORECASE)
"""A closing mark alone ends a thought that the template had opened."""


def split(text: str) -> tuple[str, str]:
    """Part a reply into its thoughts and its words."""
    thoughts = [found["inside"].strip() for found in THOUGHT.finditer(text)]
    rest = THOUGHT.sub("", text)
    if opened := UNTIL_CLOSED.match(rest):
        thoughts.append(opened["inside"].strip())
        rest = rest[opened.end() :]
    return "\n\n".join(filter(None, thoughts)), rest
