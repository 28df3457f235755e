"""Laws of the template: words stay words, and a lesson has the words of one turn as targets."""

import copy
import gc
import weakref
from pathlib import Path

import pytest
from mlx_lm.tokenizer_utils import TokenizerWrapper

from mlxdyn.learn.stream import lesson
from mlxdyn.model.chat_template import _CLOCK, MARK, Turn, line_ends, render
from mlxdyn.model.chat_template import words as encoded

TOKENIZERS = Path(__file__).parents[2] / "shared" / "data" / "tokenizers"
MODELS = TOKENIZERS.parent / "models"


@pytest.fixture(scope="module", params=["wren", "qwen2.5-0.5b-instruct", "tinystories-656k"])
def tokenizer(request, loaded_wren):
    """A tokenizer trained for chat here, one of the world's, and one without a template."""
    if request.param == "wren":
        return loaded_wren.tokenizer
    from transformers import AutoTokenizer

    found = [d / request.param for d in (TOKENIZERS, MODELS) if (d / request.param).is_dir()]
    if not found:
        pytest.skip(f"{request.param} is not on this machine")
    return TokenizerWrapper(AutoTokenizer.from_pretrained(str(found[0])))


def words(tokenizer, rendered, index: int) -> str:
    start, end = rendered.spans[index]
    return tokenizer.decode(list(rendered.tokens[start:end]))


def test_words_that_look_like_control_tokens_stay_words(tokenizer):
    added = tokenizer.added_tokens_decoder
    for token in added.values():
        text = f"a{token.content} b {token.content}"
        rendered = render(tokenizer, [Turn("user", text)], reply=True)
        start, end = rendered.spans[0]
        controls = set(rendered.tokens[start:end]) & {
            i for i, t in added.items() if not t.content.isspace() and t.content != "<unk>"
        }
        assert not controls, token.content


class Listed(TokenizerWrapper):
    """A tokenizer that counts how often its control tokens are listed."""

    lists = 0

    def get_added_vocab(self) -> dict[str, int]:
        type(self).lists += 1
        return self._tokenizer.get_added_vocab()


def test_control_tokens_are_listed_once_for_a_tokenizer_and_hold_on_to_none(loaded_wren):
    """Gemma 3 has 6,000 of them, and a message is encoded some hundred times."""
    Listed.lists, whole = 0, loaded_wren.tokenizer
    first, second = (Listed(whole._tokenizer) for _ in range(2))
    for text in ("Hello", "<|user|> again", "Hello"):
        assert encoded(first, text) == encoded(second, text) == encoded(whole, text)
    assert Listed.lists == 2
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_every_token_that_holds_a_line_break_ends_a_line(tokenizer):
    every = {token: tokenizer.decode([token]) for token in range(len(tokenizer))}
    wanted = {token: text.partition("\n")[0] for token, text in every.items() if "\n" in text}
    assert line_ends(tokenizer) == wanted
    assert encoded(tokenizer, "Who?\n")[-1] in wanted


def test_a_turn_cannot_open_another_turn(tokenizer):
    plain = render(tokenizer, [Turn("user", "x")], reply=True)
    control = set(tokenizer.all_special_ids)
    if not tokenizer.has_chat_template:
        pytest.skip("a base model has no turns to protect")
    forged = tokenizer.apply_chat_template(
        [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], tokenize=False
    )
    rendered = render(tokenizer, [Turn("user", forged)], reply=True)
    assert [t for t in rendered.tokens if t in control] == [t for t in plain.tokens if t in control]


def test_the_frame_is_the_models_own_template(tokenizer):
    if not tokenizer.has_chat_template:
        pytest.skip("no template")
    turns = [Turn("user", "Hello"), Turn("assistant", "Hi there"), Turn("user", "Bye")]
    whole = tokenizer.apply_chat_template(
        [{"role": t.role, "content": t.text} for t in turns],
        tokenize=False,
        add_generation_prompt=True,
    )
    rendered = render(tokenizer, turns, reply=True)
    assert tokenizer.decode(list(rendered.tokens)) == whole


@pytest.mark.parametrize("text", ["Hello", "", " two  spaces ", "né 🙂\n\n", MARK.format(1), "{0}"])
def test_a_span_holds_exactly_the_words_of_its_turn(tokenizer, text):
    rendered = render(tokenizer, [Turn("user", text), Turn("assistant", "yes")], reply=False)
    direct = tokenizer.encode(text, add_special_tokens=False)
    start, end = rendered.spans[0]
    assert list(rendered.tokens[start:end]) == list(direct)
    assert words(tokenizer, rendered, 1).strip() == "yes"


@pytest.mark.parametrize("chunk,window", [(1, 4), (4, 8), (64, 64)])
def test_a_lesson_has_each_word_of_the_last_turn_once_and_nothing_else(tokenizer, chunk, window):
    turns = [Turn("user", "What is it?"), Turn("assistant", "It is a long tale of nine old men.")]
    rendered = render(tokenizer, turns, reply=False)
    chunks = list(lesson(rendered, chunk=chunk, window=window))
    start, end = rendered.spans[1]
    assert [t for c in chunks for t in c.targets] == list(rendered.tokens[start:end])
    assert all(len(c.targets) <= chunk and len(c.inputs) <= window for c in chunks)
    position = start
    for c in chunks:  # each target is predicted by what stands just before it
        first = position - len(c.context)
        assert c.context == rendered.tokens[first:position]
        position += len(c.targets)


LLAMA = (
    "{{- bos_token }}\n{%- if not date_string is defined %}\n"
    "    {%- if strftime_now is defined %}\n"
    '        {%- set date_string = strftime_now("%d %b %Y") %}\n'
    '    {%- else %}\n        {%- set date_string = "26 Jul 2024" %}\n    {%- endif %}\n'
    "{%- endif %}\n"
)
TURNS = (
    "{% for m in messages %}{{ m['role'] + '\n' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant\n' }}{% endif %}"
)
DATED = {
    "llama": (f"{LLAMA}Today Date: {{{{ date_string }}}}\n{TURNS}", "Today Date: 26 Jul 2024\n"),
    "direct": (f"{{{{ strftime_now('%Y-%m-%d') }}}}\n{TURNS}", "2024-07-26\n"),
    "in a macro": (
        "\n  {% macro day() %}{{ strftime_now('%A, %-d. %B %y, %H:%M') }}{% endmacro %}"
        f"{{{{ day() }}}} {TURNS}",
        "\nFriday, 26. July 24, 12:00 ",
    ),
}


@pytest.mark.parametrize("name", DATED)
def test_turns_are_the_same_tokens_on_any_day(loaded_wren, name):
    """Law 6: what is learned of a message that was told hangs on no day (as with Llama 3.2)."""
    tokenizer = copy.deepcopy(loaded_wren.tokenizer)
    template, opening = DATED[name]
    tokenizer._tokenizer.chat_template = template
    turns = [Turn("user", "What day is it? %d"), Turn("assistant", "I don't know.")]
    rendered = render(tokenizer, turns, reply=True)
    said = tokenizer.decode(list(rendered.tokens))
    assert said.removeprefix(tokenizer.bos_token) == (
        f"{opening}user\nWhat day is it? %d\nassistant\nI don't know.\nassistant\n"
    )


def test_a_template_that_asks_for_no_date_is_given_as_it_is(tokenizer):
    if not tokenizer.has_chat_template:
        pytest.skip("no template")
    told = [{"role": "user", "content": "Hello"}]
    with_clock = tokenizer.apply_chat_template(
        told, tokenize=False, chat_template=_CLOCK + tokenizer.chat_template
    )
    assert with_clock == tokenizer.apply_chat_template(told, tokenize=False)


def test_an_empty_turn_has_nothing_to_learn(tokenizer):
    assert list(lesson(render(tokenizer, [Turn("user", "")], reply=False), chunk=8, window=8)) == []
