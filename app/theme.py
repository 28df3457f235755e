"""The chat's colours, warm on near black or on paper; the palette offers Textual's others too."""

from textual.theme import BUILTIN_THEMES, Theme

WREN = Theme(
    name="wren",
    dark=True,
    foreground="#e6e2d8",
    background="#15161a",
    surface="#1d1f25",
    panel="#2a2d35",
    primary="#c98f4a",
    secondary="#7fb0b5",
    accent="#e0a458",
    success="#8fbf86",
    warning="#e3b85f",
    error="#e2727b",
)
PAPER = Theme(
    name="wren-light",
    dark=False,
    foreground="#2a2722",
    background="#faf8f3",
    surface="#f1ede4",
    panel="#e2dccf",
    primary="#9a5f1c",
    secondary="#2f6f76",
    accent="#a8651a",
    success="#3c6e35",
    warning="#8a6100",
    error="#a8323d",
)
NAMES = {"dark": WREN.name, "light": PAPER.name}
"""What a user writes, and the theme that is meant; others go by their own names."""
KNOWN = (*NAMES, *sorted({*BUILTIN_THEMES, *NAMES.values()}))
"""All that a user may write."""
