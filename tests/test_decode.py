"""Laws of decoding side by side: each answer is the one that its prompt has alone."""

import math
from collections.abc import Generator
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm import stream_generate
from mlx_lm.sample_utils import make_sampler

from mlxdyn.config import LearnerConfig
from mlxdyn.learn import decode
from mlxdyn.learn.base import Base
from mlxdyn.learn.decode import LEAN, Branch, Decoder
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.steps import run
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.chat_template import Turn, render, words
from mlxdyn.model.load import Model

ASKED = ("Hello!", "What is the capital of France, and who are you?", "Tell me a joke.")
MOST = 12


@pytest.fixture
def decoder(wren: Model) -> Decoder:
    parts = Parts.of(wren.network)
    assert parts is not None
    return Decoder(parts, frozenset(wren.tokenizer.eos_token_ids), {})


@pytest.fixture
def prompts(wren: Model) -> list[tuple[int, ...]]:
    return [render(wren.tokenizer, [Turn("user", text)], reply=True).tokens for text in ASKED]


def alone(model: Model, prompt: tuple[int, ...]) -> tuple[int, ...]:
    """Answer greedily as mlx-lm does."""
    found = stream_generate(
        model.network, model.tokenizer, list(prompt), max_tokens=MOST, sampler=make_sampler(temp=0)
    )
    return tuple(response.token for response in found)


def test_answers_are_those_that_mlx_lm_gives(wren: Model, decoder: Decoder, prompts) -> None:
    answers = run(decoder.answers(prompts, MOST))
    assert [answer.tokens for answer in answers] == [alone(wren, prompt) for prompt in prompts]
    for answer in answers:
        assert answer.ended == (answer.tokens[-1] in decoder.ends)


def test_the_likeliest_token_is_the_one_that_is_said(decoder: Decoder, prompts) -> None:
    for answer in run(decoder.answers(prompts, MOST)):
        best = answer.likely.logprobs.argmax(axis=1)
        assert tuple(answer.likely.tokens[np.arange(len(best)), best]) == answer.tokens
        assert answer.likely.logprobs.max(axis=1) == pytest.approx(answer.logprobs)
        assert (np.exp(answer.likely.logprobs).sum(axis=1) <= 1 + 1e-5).all()


def test_an_answer_that_is_begun_goes_on_from_there(wren: Model, decoder: Decoder, prompts) -> None:
    given = [tuple(words(wren.tokenizer, text)) for text in ("Zebras", "", "The sea is")]
    answers = run(decoder.answers(prompts, MOST, given=given))
    for prompt, start, answer in zip(prompts, given, answers, strict=True):
        (rest,) = run(decoder.answers([(*prompt, *start)], MOST - len(start)))
        assert answer.tokens == (*start, *rest.tokens) and answer.ended == rest.ended
        (scores,) = run(decoder.scores([prompt], [answer.tokens]))
        assert answer.logprobs == pytest.approx(scores, abs=1e-3)
        listed = (answer.likely.tokens == np.array(answer.tokens)[:, None]).sum(axis=1)
        assert (listed == 1).all()


def test_scores_are_those_of_the_learner(wren: Model, decoder: Decoder, prompts) -> None:
    targets = [tuple(wren.encode(text)) for text in ("Blue.", "I am wren", "No.")]
    learner = Learner(wren.network, LearnerConfig(), wren.new_cache)
    for found, prompt, target in zip(
        run(decoder.scores(prompts, targets)), prompts, targets, strict=True
    ):
        nll = learner.score(Chunk(context=prompt, targets=target)).nll
        assert found == pytest.approx([-n for n in nll], abs=1e-3)


def test_branches_begin_with_the_likeliest_tokens(wren: Model, decoder: Decoder, prompts) -> None:
    logits = wren.network(mx.array([prompts[1]]))[0, -1]
    likeliest = np.array(mx.argsort(-logits))[:5].tolist()
    found: list[Branch] = run(decoder.branches(prompts[1], 5, 4, stops=frozenset()))
    assert [branch.tokens[0] for branch in found] == likeliest
    assert all(len(branch.tokens) <= 4 for branch in found)


def test_a_stop_ends_an_answer_and_is_no_part_of_it(decoder: Decoder, prompts) -> None:
    whole, *_ = run(decoder.answers(prompts[1:2], MOST))
    stop = whole.tokens[3]
    cut, *_ = run(decoder.answers(prompts[1:2], MOST, stops=frozenset({stop})))
    assert cut.tokens == whole.tokens[: whole.tokens.index(stop)] and cut.ended
    assert len(cut.tokens) == len(cut.logprobs) == len(cut.likely.tokens)
    assert math.isfinite(cut.logprob)


def test_an_answer_leans_to_words_that_it_is_given(
    wren: Model, decoder: Decoder, prompts: list[tuple[int, ...]]
) -> None:
    logits = np.array(wren.network(mx.array([prompts[1]]))[0, -1].astype(mx.float32))
    best, other = (int(i) for i in np.argsort(-logits)[:2])
    given = [t for t in range(len(logits)) if t != best]  # all but the likeliest
    (free,) = run(decoder.answers(prompts[1:2], 1))
    (leaning,) = run(decoder.answers(prompts[1:2], 1, lean=[given]))
    assert logits[best] < logits[other] + LEAN  # else this prompt shows nothing
    assert free.tokens == (best,) and leaning.tokens == (other,)
    (sure,) = run(decoder.answers(prompts[1:2], 1, lean=[[best]]))
    assert sure.tokens == (best,) and sure.logprob > free.logprob
    twice = [prompts[1], prompts[1]]
    apart = run(decoder.answers(twice, 1, lean=[[best], given]))
    assert [one.tokens for one in apart] == [(best,), (other,)], "each row leans to its own"


def test_nothing_asked_is_nothing_answered(decoder: Decoder) -> None:
    assert run(decoder.answers([], MOST)) == [] and run(decoder.scores([], [])) == []


@pytest.mark.parametrize("count", [1, 2])
def test_a_long_prompt_is_read_in_short_steps(
    wren: Model, decoder: Decoder, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Law 8: a reply waits for one of them at most. Answers are those of reading all at once."""
    texts = ["We walked along the river. " * 90, "So it goes, and on it goes. " * 40][:count]
    prompts = [render(wren.tokenizer, [Turn("user", text)], reply=True).tokens for text in texts]
    targets = [(40, 50, 60)] * count

    def longest(work: Generator[None, None, list[Any]]) -> tuple[int, list[Any]]:
        """Give the most operations of a step, and what the steps come to."""
        most, before = 0, decoder.parts.flops
        while True:
            try:
                next(work)
            except StopIteration as done:
                return max(most, decoder.parts.flops - before), done.value
            finally:
                most, before = max(most, decoder.parts.flops - before), decoder.parts.flops

    token = 2 * sum(decoder.parts._sizes)
    works = [
        lambda: decoder.answers(prompts, MOST),
        lambda: decoder.branches(prompts[0], 4, MOST, stops=frozenset()),
        lambda: decoder.scores(prompts[:1], targets[:1]),
    ]
    found = []
    for read in (decode.READ, 100_000):
        monkeypatch.setattr(decode, "READ", read)
        decoder.prefixes.clear()
        most, said = zip(*(longest(work()) for work in works), strict=True)
        assert (max(most) < 2 * 256 * token) == (read == 256)
        found.append(said)
    for one, other in zip(found[0][:2], found[1][:2], strict=True):
        assert [a.tokens for a in one] == [a.tokens for a in other]
        for a, b in zip(one, other, strict=True):
            assert a.logprob == pytest.approx(b.logprob, abs=1e-2)
    assert found[0][2][0] == pytest.approx(found[1][2][0], abs=1e-2)


def test_a_token_with_a_line_break_ends_a_question_and_keeps_what_is_before_it(
    wren: Model, asking: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In wren as in Qwen2.5, "?" and the break after it are one token."""
    joined, *more = words(wren.tokenizer, "?\n")
    assert wren.decode([joined]) == "?\n" and not more
    question = words(wren.tokenizer, "Who is it")
    said = [*question, joined, *words(wren.tokenizer, "- What else?\n")]

    def head(parts: Parts, hidden: mx.array) -> mx.array:
        """Let the base say the tokens of `said`, whatever it thinks."""
        token = said[min(head.place, len(said) - 1)]
        head.place += 1
        return mx.zeros((*hidden.shape[:-1], 2048)).at[..., token].add(50.0)

    head.place = 0
    monkeypatch.setattr(Parts, "head", head)
    assert run(asking.write("My dog is called Rex.", 1, 16)) == ["Who is it?"]
    assert head.place == len(question) + 1, "the next line is not begun"
