"""What of a text is never learned: thoughts, tool calls and their output, and secrets (law 11)."""

import re

from mlxdyn import secret

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


def redact(text: str) -> tuple[str, int]:
    """Take out what is never learned; return the rest and how many secrets were in it."""
    plain = strip_unlearnable(text)
    spans = secret.find(plain)
    return secret.mask(plain, spans), len(spans)


def redacted(text: str) -> str:
    return redact(text)[0]
