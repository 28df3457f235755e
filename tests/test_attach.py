"""A file that goes along with a message is nobody's own words, whatever is written in it."""

import pytest
from markdown_it import MarkdownIt
from test_privacy import founded, told

from mlxdyn.memory.privacy import masked
from mlxdyn.withheld.unlearnable import strip_quoted
from mlxdyn_app.attach import attach
from mlxdyn_app.transcript import Turn

FENCES = ("```", "````", "~~~", "`````", "```bash", "~~~~")


def learnable(text: str) -> str:
    ledger, memory = founded()
    (message,) = told(ledger, memory, text)
    return masked(ledger, memory, [message])[message].learnable


@pytest.mark.parametrize(
    "inside",
    [
        "```bash\nmake chat\n```",
        "````\n```\n````",
        "~~~\nmake\n~~~",
        "```",
        "`````text",
        "the template ends with </think>",
        "<tool_call>",
        "Ann says: I am tired.",
        "```output",
    ],
)
def test_nothing_of_a_file_is_learned_whatever_fences_and_marks_it_has(tmp_path, inside):
    for name, town in (("a.md", "Oslo"), ("b.md", "Lima")):
        (tmp_path / name).write_text(f"# Setup\n\n{inside}\n\nMy name is Bob. I live in {town}.\n")
    (tmp_path / "c.md").write_text(inside)
    text = attach(
        f"My cat is called Tinta.\n@{tmp_path}/a.md @{tmp_path}/c.md @{tmp_path}/b.md"
    ).text
    assert "Oslo" in text and "Lima" in text and "Tinta" in learnable(text)
    assert not any(word in learnable(text) for word in ("Bob", "Oslo", "Lima", "Setup"))


@pytest.mark.parametrize("first", FENCES)
@pytest.mark.parametrize("second", FENCES)
def test_what_is_quoted_is_what_is_shown_as_a_block(first, second):
    text = f"before\n\n{first}\nheld one\n{second}\nheld two\n{first}\nheld three\n"
    blocks = [one.content for one in MarkdownIt().parse(text) if one.type == "fence"]
    for word in ("one", "two", "three"):
        assert (word in strip_quoted(text)) != any(word in block for block in blocks)


def test_the_code_of_a_longer_fence_is_copied_whole():
    assert Turn("assistant", "````md\n```\nx\n```\n````").code == "```\nx\n```\n"
