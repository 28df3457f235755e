"""What a pupil studies, as a plain value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """A question, asked by the user in an empty context, and the answer to learn."""

    question: str
    answer: str
