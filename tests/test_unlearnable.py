"""What is nobody's own words is never learned: thoughts, tool calls and their output (law 11)."""

import pytest

from mlxdyn.withheld.unlearnable import strip_unlearnable


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>They like tea.</think>Tea it is.", "Tea it is."),
        ("Tea. <think>unfinished", "Tea. "),
        ("opened by the template</think>\nTea it is.", "Tea it is."),
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
