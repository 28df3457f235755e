"""What of a text is never learned: thoughts, tool calls and their output, what is quoted or asked.

Secrets are found by `redact`. What is quoted is told by its marks alone, in any language.
"""

import re

TAGS = (
    "think|thinking|thought|reasoning|tool_response|tool_result|tool_call|tool_output"
    "|function_results?|function_calls?|search_results"
)
UNLEARNABLE = re.compile(
    rf"<(?P<tag>{TAGS})\b[^<>]*(?:<(?!(?:{TAGS})\b)[^<>]*)*>"  # not beyond where another begins
    r".*?(?:</(?P=tag)>|\Z)"
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


FENCED = re.compile(
    r"^[ \t]{0,3}(?P<ticks>`{3,}+)[^\n]*+\n(?s:.*?)(?:^[ \t]{0,3}(?P=ticks)`*[ \t]*$|\Z)"
    r"|^[ \t]{0,3}(?P<tildes>~{3,}+)[^\n]*+\n(?s:.*?)(?:^[ \t]{0,3}(?P=tildes)~*[ \t]*$|\Z)",
    re.MULTILINE,
)
"""As in Markdown, a fence is closed by one that is at least as long."""


def strip_fenced(text: str) -> str:
    """Take out fenced blocks, what they hold among it: nothing in them is a mark of its own."""
    return FENCED.sub("", text)


QUOTED = re.compile(
    r"^[ \t]{0,3}>.*$"
    r"|^[ \t]{0,3}(?:<[\w.-]{1,30}>|\[?(?:[\d/.-]{6,10},? )?\d{1,2}:\d\d(?::\d\d)?\]?(?: -)?"
    r" <?[\w .-]{1,30}[>:])[ \t].*$"  # a line of a chat log
    r"|^[ \t]{0,9}</?[A-Za-z][\w-]{0,20}(?:[ \t][^<>\n]*)?>[^\n]*>[ \t]*$"  # of markup
    r"|\{\s{0,9}\"[^{}]{1,4000}\}"  # an object of a program
    r"|(?:^|(?<=[:,：，]))[ \t\n]{0,9}"  # speech: its last sentence ends before the closing mark
    r"(?:\"[^\"\n]{2,2000}?[.!?…。！？]\"|\"[^\"\n]{1,900} [^\"\n]{1,900},\""
    r"|“[^”]{2,2000}?[.!?…。！？]”|„[^“”]{2,2000}?[.!?…。！？][“”]"
    r"|«[^»]{2,2000}?[.!?…。！？]\s{0,2}»|「[^」]{2,2000}?[.!?…。！？]」|『[^』]{2,2000}?[.!?…。！？]』)",
    re.MULTILINE,
)
"""Lines that begin with > or a speaker, markup, data, speech; no name or title."""


def strip_quoted(text: str) -> str:
    """Take out what somebody quotes or pastes with marks around it: it is not said of oneself."""
    return QUOTED.sub("", strip_fenced(text))


ASKED = re.compile(r"[?？؟]+[\s\"'”’»)]*\Z")


def is_question(sentence: str) -> bool:
    """Tell by its end whether a sentence asks: then it tells nothing."""
    return ASKED.search(sentence) is not None
