"""The chat's colours, warm on near black; the palette offers Textual's other themes too."""

from textual.theme import Theme

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
