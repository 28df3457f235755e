"""A study item as plain values: all that the ledger needs, which reads no text."""

from dataclasses import dataclass

CONTRAST = "contrast"
"""The source of a near miss: its answer is what the base says, not to be learned but to be kept."""
RETRACTION = "retraction"
"""The source of an item that says what is no longer so: "You no longer live in Rome."."""


@dataclass(frozen=True, slots=True)
class Item:
    """A question, asked by the user in an empty context, and the answer to learn."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A saved study item with the message that it comes from."""

    id: int
    message: int
    question: str
    answer: str
    source: str  # who wrote it: model | template | user | retraction | contrast
