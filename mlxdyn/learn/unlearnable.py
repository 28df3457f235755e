"""What of a text is never learned: thoughts, tool calls and their output (secrets: redact)."""

import re

UNLEARNABLE = re.compile(
    r"<(?P<tag>think|thinking|thought|reasoning|tool_response|tool_result|tool_call|tool_output"
    r"|function_results?|function_calls?|search_results)\b[^>]*>.*?(?:</(?P=tag)>|\Z)"
    r"|```(?:tool_output|tool_outputs|tool_code|tool_call|tool_response|output)\b"
    r".*?(?:\n[ \t]*```|\Z)"
    r"|\[(?P<call>TOOL_RESULTS|TOOL_CALLS|THINK)\].*?(?:\[/(?P=call)\]|\Z)"
    r"|<\|channel\|>(?:analysis|commentary).*?"
    r"(?:<\|end\|>|<\|message\|>final|(?=<\|channel\|>final)|\Z)"
    r"|<\|python_tag\|>.*?(?:<\|eom_id\|>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
BEFORE = re.compile(r"\A.*</(?:think|thinking)>\s*", re.DOTALL | re.IGNORECASE)


def strip_unlearnable(text: str) -> str:
    """Take out thoughts, tool calls and tool output, also those never closed.

    A closing mark alone ends a thought that the template had opened.
    """
    return BEFORE.sub("", UNLEARNABLE.sub("", text))
