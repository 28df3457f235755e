"""What is nobody's own words is never learned: thoughts, tool calls and their output (law 11)."""

import time
from collections.abc import Callable

import pytest

from mlxdyn.withheld.unlearnable import strip_quoted, strip_unlearnable


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>They like tea.</think>Tea it is.", "Tea it is."),
        ("Tea. <think>unfinished", "Tea. "),
        ("opened by the template</think>\nTea it is.", "Tea it is."),
        ('<think about="1 < 2">They like tea.</think>Tea', "Tea"),
        ("<think <think>They like tea.</think>Tea", "<think Tea"),
        ("<THINKING>x</THINKING>Tea", "Tea"),
        ("See:\n```tool_output\n42\n```\nSo 42.", "See:\n\nSo 42."),
        ('<tool_call>{"name": "f"}</tool_call>ok<tool_response>7</tool_response>', "ok"),
        ("<function_results>9</function_results>nine", "nine"),
        ("[TOOL_RESULTS] 3 [/TOOL_RESULTS]three", "three"),
        ("```python\nprint(1)\n```", "```python\nprint(1)\n```"),
        ("I think <b>this</b> is fine; think of it.", "I think <b>this</b> is fine; think of it."),
    ],
)
def test_thoughts_and_tool_output_are_taken_out_and_nothing_else(text: str, rest: str) -> None:
    assert strip_unlearnable(text) == rest


PARTS = (
    "<think ", "<think", "<tool_call a='<' ", "</think ", "[THINK]", "<|channel|>analysis", "```",
    "~", "```\n", "> ", "\n<b ", '{"', ": “a", "```output ",
)  # fmt: skip


@pytest.mark.parametrize("strip", [strip_unlearnable, strip_quoted])
@pytest.mark.parametrize("part", PARTS)
def test_the_time_grows_with_the_length(strip: Callable[[str], str], part: str) -> None:
    """Whatever is never closed: eight times the text takes no sixty-four times as long."""

    def seconds(length: int) -> float:
        begun = time.process_time()
        strip((part * length)[:length])
        return time.process_time() - begun

    short = max(min(seconds(8_000) for _ in range(3)), 0.002)
    assert min(seconds(64_000) for _ in range(2)) < 24 * short
