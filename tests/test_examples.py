"""Laws of examples: parts are the whole, decoding is greedy, loss is the KL, draws are lots."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm import stream_generate
from mlx_lm.sample_utils import make_sampler
from school import QUICK, as_it_is, as_said, held
from tiny import FAMILIES, OTHERS, random_adapter, tiny_model

from mlxdyn.arrays import leaves
from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.learn import calibration, examples, facts, names, replay, revision
from mlxdyn.learn.base import Asked, Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.decode import Decoded, Support
from mlxdyn.learn.example import (
    Example,
    Kind,
    Likely,
    dump_likely,
    dump_tokens,
    load_likely,
    load_tokens,
    with_floor,
)
from mlxdyn.learn.facts import is_taught
from mlxdyn.learn.learner import UNLISTED, Learner, divergence
from mlxdyn.learn.names import questions_in, tells, words
from mlxdyn.learn.parts import Parts, common_start, lay_out
from mlxdyn.learn.prompts import (
    KNOWN,
    NOTHING_SAID,
    OPEN_QUESTIONS,
    TEACHERS,
    WRITERS,
)
from mlxdyn.learn.steps import run
from mlxdyn.learn.trainer import Trainer
from mlxdyn.memory.calibrated import measured, prepared
from mlxdyn.memory.privacy import Masked
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach, lowest
from mlxdyn.withheld.unlearnable import is_question

KINDS = [*FAMILIES, *OTHERS]
ROWS = [(5, 7, 9, 11, 6, 8, 30, 31), (5, 7, 9), (5, 7, 12, 13, 14)]
LONG = tuple(range(40, 70))  # beyond a sliding window


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


def family(folder: Path, kind: str) -> Model:
    """Give a random model of a kind; where blocks differ, one of each and more."""
    return tiny_model(folder / kind, kind, blocks=7 if kind in OTHERS else 3)


@pytest.fixture(params=KINDS)
def adapted(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Model, Parts]]:
    """A random model of each family, with an adapter that is far from nothing, cut below it."""
    model = family(folder, request.param)
    adapter = AdapterConfig(layers="upper")
    arrays = random_adapter(model, adapter).arrays
    attach(model, adapter)
    model.network.load_weights(list(arrays.items()), strict=False)
    parts = Parts.of(model.network, lowest(model, adapter))
    assert parts is not None and parts.first == (0 if request.param in OTHERS else 1)
    yield model, parts
    detach(model)


def whole(model: Model, tokens: tuple[int, ...]) -> np.ndarray:
    return np.array(model.network(mx.array([tokens]))[0])


def assert_close(found: object, wanted: np.ndarray) -> None:
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(np.array(found) / scale, wanted / scale, atol=2e-5)


@pytest.mark.parametrize("rows", [ROWS, [(*LONG, *row) for row in ROWS]])
def test_the_parts_are_the_whole(adapted: tuple[Model, Parts], rows: list[tuple[int, ...]]):
    """Behind a shared prefix or not, beside longer rows or alone, below and above the cut."""
    model, parts = adapted
    wanted = [whole(model, row) for row in rows]
    for shared in (0, common_start(rows)):
        laid = lay_out(rows, shared)
        prefix = parts.read(laid.shared)
        logits = parts.head(parts.hidden(laid, prefix))
        lower = [parts.lower(row) for row in rows]
        length = max(map(len, rows)) - shared
        padded = [
            mx.pad(low[:, shared:], [(0, 0), (length + shared - low.shape[1], 0), (0, 0)])
            for low in lower
        ]
        above = parts.upper(lower[0][:, :shared], mx.concatenate(padded), laid.padding)
        cut = parts.head(above)
        for i, (row, logit) in enumerate(zip(rows, wanted, strict=True)):
            own = len(row) - shared
            assert_close(logits[i, -own:], logit[shared:])
            assert_close(cut[i, -own:], logit[shared:])


def test_a_network_in_parts_is_put_together_again(adapted: tuple[Model, Parts]):
    model, parts = adapted
    before = whole(model, ROWS[0])
    names = [name for name, _ in leaves(model.network.parameters())]
    parts.upper(parts.lower((5, 7)), parts.lower((9, 11)), (0,))
    assert [name for name, _ in leaves(model.network.parameters())] == names
    np.testing.assert_array_equal(whole(model, ROWS[0]), before)


def test_what_cannot_be_cut_is_no_parts(mite: Model):
    class Other:
        def __call__(self, tokens: mx.array) -> mx.array:
            return mite.network(tokens)

    assert Parts.of(Other()) is None

    class Odd(Other):
        """It scales its logits, which its parts do not know."""

        model = mite.network.model

        def __call__(self, tokens: mx.array) -> mx.array:
            return mite.network(tokens) * 2 + 1

        def __contains__(self, name: str) -> bool:
            return name in mite.network

    assert Parts.of(Odd()) is None


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_is_greedy(folder: Path, kind: str):
    """As mlx-lm decodes each prompt alone; with the log-probabilities of what was said."""
    model = family(folder, kind)
    detach(model)
    model.network.eval()
    base = Base(model, Parts.of(model.network), FALLBACK)
    prompts = [base.student_prompt(text) for text in ("Hi!", "What is my dog called?", "Why so?")]
    for prompt, found in zip(prompts, run(base.decoder.answers(prompts, 8)), strict=True):
        alone = stream_generate(
            model.network, model.tokenizer, list(prompt), max_tokens=8,
            sampler=make_sampler(temp=0.0),
        )  # fmt: skip
        assert found.tokens == tuple(response.token for response in alone)
        scores = run(base.decoder.scores([prompt], [found.tokens]))[0]
        np.testing.assert_allclose(scores, found.logprobs, atol=2e-3)
        assert found.likely.tokens.shape == found.likely.logprobs.shape == (len(found.tokens), 32)
        best = np.take_along_axis(
            found.likely.tokens, found.likely.logprobs.argmax(axis=1)[:, None], axis=1
        )
        assert tuple(best[:, 0].tolist()) == found.tokens
        assert found.ended == (found.tokens[-1] in base.decoder.ends)


def test_an_answer_ends_with_its_end_and_a_line_before_it(mite: Model):
    base = Base(mite, Parts.of(mite.network), FALLBACK)
    prompt = base.student_prompt("Hello!")
    (free,) = run(base.decoder.answers([prompt], 6))
    stop = free.tokens[3]
    (stopped,) = run(base.decoder.answers([prompt], 6, stops=frozenset({stop})))
    first = free.tokens.index(stop)
    assert stopped.ended and stopped.tokens == free.tokens[:first]
    assert len(stopped.likely.tokens) == len(stopped.logprobs) == first
    ender = replace(base.decoder, ends=frozenset({stop}))
    (ended,) = run(ender.answers([prompt], 6))
    assert ended.ended and ended.tokens == free.tokens[: first + 1]


# the loss


def reference(likely: Likely, logits: np.ndarray) -> float:
    """Mean over places of KL(target || now), unlisted tokens as one bucket, in float64."""
    now = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    total = 0.0
    for tokens, target, row in zip(likely.tokens, likely.logprobs, now, strict=True):
        listed, mine = np.exp(target.astype(np.float64)), row[tokens]
        rest, rest_now = 1 - listed.sum(), 1 - np.exp(mine).sum()
        total += (listed * (target - mine)).sum()
        total += rest * math.log(rest / rest_now)
    return total / len(likely.tokens)


def example(rng: np.random.Generator, size: int, prompt: int, kept: int = 5) -> Example:
    tokens = np.stack([rng.choice(2048, kept, replace=False) for _ in range(size)])
    shares = rng.dirichlet(np.ones(kept + 1), size)[:, :kept]
    drawn = rng.integers(4, 2048, prompt + size).tolist()
    likely = Likely(tokens.astype(np.int32), np.log(shares).astype(np.float32))
    return Example(Kind.FACT, (1, *drawn[:prompt]), tuple(drawn[prompt:]), likely)


def trainer(model: Model, adapter: AdapterConfig) -> Trainer:
    attach(model, adapter)
    parts = Parts.of(model.network, lowest(model, adapter))
    learner = Learner(model.network, LearnerConfig(), model.new_cache, parts)
    return Trainer(learner, parts, QUICK)


def test_the_loss_is_the_divergence_from_the_target(tall: Model):
    """Of examples of any length and of lists of any width, side by side or alone."""
    rng = np.random.default_rng(0)
    examples = [example(rng, 3, 4), example(rng, 1, 9, kept=2), example(rng, 6, 2, kept=8)]
    teacher = trainer(tall, AdapterConfig(layers="upper"))
    tall.network.load_weights(list(random_adapter_of(tall).items()), strict=False)
    wanted = [
        reference(e.likely, whole(tall, e.inputs)[-len(e.target) :].astype(np.float64))
        for e in examples
    ]
    together = run(teacher.measure(examples))
    np.testing.assert_allclose(together, wanted, rtol=1e-4)
    alone = [run(teacher.measure([one]))[0] for one in examples]
    np.testing.assert_allclose(alone, wanted, rtol=1e-4)


def random_adapter_of(model: Model) -> dict[str, mx.array]:
    mx.random.seed(3)
    shapes = {name: a.shape for name, a in leaves(model.network.trainable_parameters())}
    return {name: mx.random.normal(shape) * 0.1 for name, shape in sorted(shapes.items())}


def test_what_fills_up_a_list_counts_for_nothing():
    target, now = mx.log(mx.array([[0.6, 0.3]])), mx.log(mx.array([[0.2, 0.5]]))
    filled = mx.concatenate([target, mx.full((1, 3), UNLISTED)], axis=1)
    other = mx.concatenate([now, mx.log(mx.array([[0.1, 0.1, 0.05]]))], axis=1)
    assert divergence(filled, other).item() == pytest.approx(divergence(target, now).item())
    assert divergence(target, target).item() == pytest.approx(0, abs=1e-6)


def test_a_text_is_a_target_that_is_certain(mite: Model):
    teacher = trainer(mite, AdapterConfig())
    said = as_said(mite, "What is my dog called?", "Rex.").example
    logits = whole(mite, said.inputs)[-len(said.target) :].astype(np.float64)
    now = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    nll = -np.mean([row[token] for row, token in zip(now, said.target, strict=True)])
    assert run(teacher.measure([said]))[0] == pytest.approx(nll, rel=1e-3)


def test_what_is_said_has_its_least_share_and_the_rest_its_proportions():
    """Listed or not; where it has more, the distribution stays."""
    rng = np.random.default_rng(4)
    soft = example(rng, 6, 2).likely
    said = tuple(int(rng.choice(row)) for row in soft.tokens)
    before = np.exp(soft.logprobs)
    own = soft.tokens == np.array(said)[:, None]
    least = float(np.median(before[own]))
    after = np.exp(with_floor(soft, said, least).logprobs)
    np.testing.assert_allclose(after[own], np.maximum(before[own], least), rtol=1e-5)
    ample = before[own] >= least
    assert 0 < ample.sum() < len(said)
    np.testing.assert_allclose(after[ample], before[ample], rtol=1e-5)
    for mine, *both in zip(own, before, after, strict=True):
        one, other = (np.append(shares[~mine], 1 - shares.sum()) for shares in both)
        np.testing.assert_allclose(one / one.sum(), other / other.sum(), rtol=1e-3)


def test_what_else_is_asked_changes_no_answer(wren: Model):
    """A teacher leans to the words of a question, and not to those of the one beside it."""
    detach(wren)
    base = Base(wren, Parts.of(wren.network), FALLBACK)
    said, questions = (
        ["My dog is called Rex."],
        ["What is my dog called?", "What is my cat called?"],
    )
    alone = [run(base.teach(said, [question]))[0] for question in questions]
    beside = run(base.teach(said, [*questions, "Where does my brother Tom live?"]))
    for one, other in zip(alone, beside, strict=False):
        assert one.tokens == other.tokens
        np.testing.assert_allclose(one.logprobs, other.logprobs, atol=1e-3)


def test_what_worked_examples_tell_is_no_way_to_put_an_answer(wren: Model):
    """Leaning to it, SmolLM2 let a baker work at "the Green Hill bakery in Kent"."""
    detach(wren)
    base = Base(wren, Parts.of(wren.network), FALLBACK)
    said, question = ["I work at a bakery."], "Where do I work?"
    for told, plain in (("You work in the", True), ("Kent", False), ("mushrooms", False)):
        (answer,) = run(base.teach(said, [question], openings=[told]))
        (found,) = run(base.support(said, [NOTHING_SAID], [question], [answer]))
        opening = found.plain[: len(base.begun(told))]
        assert all(opening) if plain else not any(opening), told


def test_a_fact_is_likeliest_as_it_is_said(wren: Model):
    """However close the teacher's choice was: what is learned nearly so is said word for word."""
    detach(wren)
    base = Base(wren, Parts.of(wren.network), FALLBACK)
    question = "What is my dog called?"
    answer = run(base.teach(["My dog is called Rex."], [question]))[0]
    fact = facts.fact(base, question, answer).example
    said = fact.likely.tokens == np.array(fact.target)[:, None]
    assert np.exp(answer.likely.logprobs)[said].min() < 0.7
    assert np.exp(fact.likely.logprobs)[said].min() > 0.74


def test_what_a_base_says_of_itself_is_no_distance(mite: Model):
    teacher = trainer(mite, AdapterConfig())
    kept = [draft.example for draft in held(mite)]
    assert max(run(teacher.measure(kept))) == pytest.approx(0, abs=1e-5)


def test_training_brings_the_answer_nearer_and_keeps_the_rate_falling(mite: Model):
    teacher = trainer(mite, AdapterConfig())
    facts = [as_said(mite, "Who am I?", "Me.").example]
    facts.append(as_it_is(mite, "Hello!", "Hello!", Kind.NEAR_MISS).example)
    before = run(teacher.measure(facts))
    norm, refused = run(teacher.train(facts, [[0, 1], [0], [1, 0]], 1.0))
    after = run(teacher.measure(facts))
    assert after[0] < before[0] and norm > 0 and refused == ""


# draws


def test_a_draw_hangs_on_the_keys_and_nothing_else():
    keys = [f"{n:x}" for n in range(20)]
    drawn = [keys[i] for i in replay.draw("seed", keys, 6)]
    assert len(set(drawn)) == 6
    assert {keys[::-1][i] for i in replay.draw("seed", keys[::-1], 6)} == set(drawn)
    assert drawn != [keys[i] for i in replay.draw("another", keys, 6)]
    assert replay.draw("seed", keys, 99) == list(range(20))


@pytest.mark.parametrize("gone", range(0, 20, 3))
def test_a_forgotten_example_leaves_the_lots_of_the_others(gone: int):
    """What is drawn without it is what would have been drawn, had it never been there."""
    keys = [f"{n:x}" for n in range(20)]
    left = [key for key in keys if key != keys[gone]]
    for seed in map(str, range(8)):
        before = [keys[i] for i in replay.draw(seed, keys, 6)]
        after = [left[i] for i in replay.draw(seed, left, 6)]
        assert set(before) - {keys[gone]} <= set(after)


def test_a_plan_takes_so_many_of_each():
    keys = [f"{n:x}" for n in range(12)]
    plan = replay.lesson("s", keys, new=3, replayed=5, steps=4, batch=(2, 3, 1))
    assert len(plan) == 4 and len({tuple(step) for step in plan}) > 1
    for step in plan:
        assert [sum(i < 3 for i in step), sum(3 <= i < 8 for i in step)] == [2, 3]
        assert len(step) == len(set(step)) == 6


def test_the_lots_are_those_of_the_first_version():
    """Frozen: another draw would change the past of every memory."""
    keys = ["a", "b", "c", "d", "e", "f"]
    assert [replay.draw(seed, keys, 2) for seed in "xyz"] == FROZEN_DRAWS
    plan = replay.lesson("x", keys, new=2, replayed=2, steps=2, batch=(1, 1, 1))
    assert plan == FROZEN_PLAN


FROZEN_DRAWS = [[1, 3], [0, 2], [1, 2]]
FROZEN_PLAN = [[0, 3, 5], [1, 3, 4]]


# what is kept


@pytest.mark.parametrize("tokens", [(), (0,), (1, 2, 70_000)])
def test_tokens_are_read_as_they_were_written(tokens: tuple[int, ...]):
    assert load_tokens(dump_tokens(tokens)) == tokens
    assert len(dump_tokens(tokens)) == 4 * len(tokens)


def test_distributions_are_read_as_they_were_written():
    likely = example(np.random.default_rng(1), 4, 1).likely
    found = load_likely(dump_likely(likely))
    np.testing.assert_array_equal(found.tokens, likely.tokens)
    np.testing.assert_array_equal(found.logprobs, likely.logprobs)
    assert load_likely(None) is dump_likely(None) is None


@pytest.mark.parametrize("bad", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\5\0\0\0" + bytes(8)])
def test_bytes_that_are_no_distribution_are_refused(bad: bytes):
    with pytest.raises(ValueError):
        load_likely(bad)


# calibration


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_prompts_that_serve_a_base_are_chosen(wren: Model):
    """A prompt that shows nothing of the message is never the one."""
    base = Base(wren, Parts.of(wren.network), FALLBACK)
    found = run(calibration.calibrate(base, TEACHERS, WRITERS))
    assert max(found.recall) == found.recall[TEACHERS.index(found.prompts.teacher)] > 0
    assert found.prompts.writer == WRITERS[found.told_apart.index(max(found.told_apart))]
    assert base.prompts == found.prompts
    assert KNOWN


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_ships_with_a_base_is_what_is_measured_of_it(wren: Model):
    base = Base(wren, Parts.of(wren.network), FALLBACK)
    teachers, writers = calibration.own_prompts(wren.path)
    found = run(calibration.calibrate(base, (*TEACHERS, *teachers), (*WRITERS, *writers)))
    shipped = measured(wren)
    assert shipped is not None
    near = {"abs": 0.07}  # a question more or less, where kernels round otherwise
    assert found.recall == pytest.approx(shipped.recall, **near)
    assert found.told_apart == pytest.approx(shipped.told_apart, **near)
    assert found.about == pytest.approx(shipped.about, **near)
    assert found.prompts.interview == shipped.prompts.interview
    assert found.prompts.teacher == shipped.prompts.teacher
    assert found.prompts.writer == shipped.prompts.writer
    assert found.prompts.steady == shipped.prompts.steady
    assert found.prompts.answered == pytest.approx(shipped.prompts.answered, abs=0.5)


@pytest.mark.parametrize(
    "text,found",
    [
        ("What is my dog called?", ["What is my dog called?"]),
        ("1. Where do I live?\n2) Who am I?", ["Where do I live?", "Who am I?"]),
        ("- Wo wohne ich? Ich wohne hier.\n* Y tú, ¿dónde vives?",
         ["Wo wohne ich?", "Y tú, ¿dónde vives?"]),
        ("Q: Who? \u2022 Quel âge ai-je ?", ["Who?", "Quel âge ai-je ?"]),
        ("我住在哪里？", ["我住在哪里？"]),
        ("ما اسم كلبي؟", ["ما اسم كلبي؟"]),
        ("谁？\n- 為什麼？", ["谁？", "為什麼？"]),
        ("왜?", ["왜?"]),
        ("מי? من؟", ["מי?", "من؟"]),
        ("No question here.\n- ?", []),
        ("A? Q: B?\n1? ??", []),
    ],
)  # fmt: skip
def test_questions_are_found_by_their_mark(text: str, found: list[str]):
    assert questions_in(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("כֶּלֶב שָׁלוֹם", {"כֶּלֶב", "שָׁלוֹם"}),
        ("كَلْبٌ جَمِيل", {"كَلْبٌ", "جَمِيل"}),
        ("मेरी बिल्ली", {"मेरी", "बिल्ली"}),
        ("ᠮᠣᠩᠭᠣᠯ ܫܠܳܡܳܐ", {"ᠮᠣᠩᠭᠣᠯ", "ܫܠܳܡܳܐ"}),
        ("Jose\u0301 a lu", {"jos\u00e9", "a", "lu"}),
        ("I ❤\ufe0f 1\ufe0f\u20e3 cat", {"i", "1", "cat"}),
        ("แมว", {"แม", "มว"}),
    ],
)
def test_a_word_is_whole_with_its_marks(text: str, found: set[str]):
    """Points, vowel signs and accents belong to it; what makes an emoji of a sign is no word."""
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("ကျွန်တော့်ခွေးနာမည် ရဲရင့်", "မိုးရွာ"),
        ("ឆ្កែរបស់ខ្ញុំឈ្មោះ ម៉ាក់", "មេឃភ្លៀង"),
        ("הַכֶּלֶב שֶׁלִּי", "יָרַד גֶּשֶׁם"),
        ("اِسْمُ كَلْبِي", "نَزَلَ المَطَرُ"),
    ],
)
def test_texts_that_say_nothing_of_each_other_share_no_word(text: str, other: str):
    """Burmese, Khmer, pointed Hebrew and Arabic fell apart into letters, which all texts share."""
    assert words(text) and not words(text) & words(other)


# what a message is about


@pytest.mark.parametrize(
    ("message", "about", "other"),
    [
        ("My dog is called Pixel.", "What is my dog called?", "What is my cat called?"),
        ("my sister moved away", "Where does my sister live?", "Where does my brother live?"),
    ],
)
def test_of_twins_a_message_is_about_the_one_that_it_covers_more(
    asking: Base, message: str, about: str, other: str
):
    covered = dict(
        zip((about, other), asking.wording.overlap(message, (about, other)), strict=True)
    )
    assert covered[about] > covered[other] + examples.COVERED
    assert examples._better_twins(asking, covered) == {other: about}


def test_one_answer_belongs_to_the_question_that_the_message_is_most_about(mite: Model):
    def taught(value: int) -> examples._Taught:
        return examples._Taught(as_said(mite, "Who?", "Ana."), value)

    asked = [Asked("baby", 0.0, 16.0), Asked("child", 0.0, 15.0), Asked("cousin", 0.0, 12.0)]
    asked += [Asked("town", 0.0, 11.0), Asked("open", 0.0, 20.0)]
    given = {"baby": taught(1), "child": taught(1), "cousin": taught(1), "town": taught(2)}
    assert examples._beaten(given, asked) == {"cousin"}


def test_a_message_shares_a_rare_word_with_a_question(asking: Base):
    said = "my sister moved away"
    assert asking.wording.shares(said, "What does my sister do?")
    assert not asking.wording.shares(said, "What does my brother do?")


def test_a_number_and_a_colour_are_answers():
    for text, question in (
        ("My son is 7 years old.", "How old is my son?"),
        ("My favourite colour is blue.", "What is my favourite colour?"),
    ):
        assert tells(text, question, text)
    assert not tells("You can do it.", "What is it?", "It is what you do.")


def test_a_word_is_whole_in_any_script():
    assert words("मेरा भाई") == {"मेरा", "भाई"}
    assert words("nai\u0308ve") == words("na\u00efve") == {"na\u00efve"}, "however written"
    assert words("q\u0308y") == {"q\u0308y"}, "of which no letter is composed"


def test_the_open_questions_most_alike_a_message_are_looked_at(asking: Base):
    found = asking.wording.alike("I play the piano every day", 5)
    assert len(found) == 5 and "Which instrument do I play?" in found


@pytest.mark.parametrize(
    ("earlier", "question", "answer", "message", "gone"),
    [
        ("I work at Tesco.", "Where do I work?", "You work at Tesco.", "I work at Aldi now.", True),
        (
            "I work as a nurse at St Mary's hospital in Leeds.", "What is my job?",
            "You work as a nurse.", "My dog is called Pixel.", False,
        ),
    ],
)  # fmt: skip
def test_only_what_a_message_brings_up_is_answered_anew(
    asking: Base, earlier: str, question: str, answer: str, message: str, *, gone: bool
):
    """With a dog in its context, the base no longer knows the job."""
    run(prepared(asking))
    told = facts.Told(1, earlier, ((7, question, answer),))
    found = run(examples.examine(asking, message, [told]))
    assert bool(found.superseded) == gone


def given(value: object) -> Callable[..., Iterator[None]]:
    """Give a value as what comes of some steps, whatever is asked."""

    def gives(*_: object) -> Iterator[None]:
        yield
        return value

    return gives


def test_what_a_correction_answers_is_not_given_to_a_question_it_is_less_about(
    asking: Base, monkeypatch: pytest.MonkeyPatch
):
    """A new name of the baby's is no cousin's, though the baby's question was answered before."""
    baby, cousin = "What is my baby called?", "What is my cousin called?"
    ana = {q: examples._Taught(as_said(asking.model, q, "Ana."), 1) for q in (baby, cousin)}
    candidates = [Asked(baby, 3.0, 16.0), Asked(cousin, 3.0, 12.0)]
    revised = revision.Revised((ana[baby].draft,), (7,), (), ())
    assert facts_of(asking, monkeypatch, candidates, ana, revised) == [baby]


def test_a_correction_does_not_teach_again_what_it_corrects(
    asking: Base, monkeypatch: pytest.MonkeyPatch
):
    """With the old message before it a base may still say the old name, to another question."""
    said = {"Who is my boss?": "Your boss is Priya.", "Who leads us?": "Tomasz leads you."}
    taught = {
        q: examples._Taught(as_said(asking.model, q, a), i) for i, (q, a) in enumerate(said.items())
    }
    candidates = [Asked(question, 3.0, 16.0) for question in said]
    revised = revision.Revised((), (7,), (), ({"priya"},))
    assert facts_of(asking, monkeypatch, candidates, taught, revised) == ["Who leads us?"]


def facts_of(
    base: Base,
    monkeypatch: pytest.MonkeyPatch,
    candidates: Sequence[Asked],
    taught: dict[str, examples._Taught],
    revised: revision.Revised,
) -> list[str]:
    """Give the questions that a message teaches where all before that went as given."""
    monkeypatch.setattr(Base, "write", given([]))
    monkeypatch.setattr(Base, "candidates", given((candidates, [])))
    monkeypatch.setattr(examples, "_taught", given(taught))
    monkeypatch.setattr(examples, "revise", given(revised))
    found = run(examples.examine(base, "It is as I say."))
    return [draft.question for draft in found.drafts if draft.example.kind == Kind.FACT]


@pytest.mark.parametrize(
    ("said", "answer", "made_up"),
    [
        ("I moved to Leeds", "You live in Kent.", True),  # of a worked example
        ("my sister moved to a flat", "Mia lives in a flat.", True),
        ("I moved to kent", "You live in Kent.", False),
        ("my manager is Emrisk, lovely bloke", "Your manager is Emrink.", True),
        ("mein Chef isst keine Haselnüsse", "Dein Chef verträgt keine Haselnuss.", False),
        ("mein Hund heißt Anton", "Der Name deines Hundes ist Anton.", False),
        ("I'm reading 'Emma', by Jane Austen", "You are reading Emma.", False),
        ("Je viens d'Espagne", "Tu es née en Espagne.", False),
        ("мой брат Иван", "Имя моего брата Ивана", False),
        ("we leave on the 23.", "Your trip is on the 23rd.", False),
        ("we leave on 23 June", "Your trip is on 23 June 2022.", True),
        ("the report is due 2024-05-03", "Your report is due on 2024-05-09.", True),
        ("the train leaves at 6:52", "Your train leaves at 6:25.", True),
        ("我的航班6点出发", "你的航班在6点出发。", False),
        ("It costs 1,500.", "It costs 1500.", False),
        ("It costs 1500.", "It costs 1,500.", False),
        ("es kostet 1.500 Euro", "Es kostet 1500 Euro.", False),
        ("ça coûte 1\u202f500\u202f000 euros", "Ça coûte 1 500 000 euros.", False),
        ("It costs ₹1,50,000.", "It costs ₹150000.", False),
        ("It costs 1,500.", "It costs 15,00.", True),
        ("It costs 1,500.", "It costs 1,600.", True),
        ("call 030 123 456", "The number is 030 123.", False),
    ],
)
def test_numbers_and_names_that_nobody_said_are_made_up(said: str, answer: str, *, made_up: bool):
    assert bool(names.made_up(answer, [said])) == made_up


def test_an_answer_says_a_word_of_its_messages_and_nothing_made_up():
    def is_said(answer: str) -> bool:
        return facts.is_said(["My dog Rex is 12."], "How old is my dog?", answer)

    assert is_said("Your dog is 12.") and is_said("Rex is 12.")
    assert not is_said("I do not know.") and not is_said("Rex is 11.")


def test_what_should_stay_is_asked_in_many_ways_and_is_of_one_length(asking: Base):
    drafts = run(examples.regularization(asking))
    asked = [draft.question for draft in drafts]
    assert len(set(asked)) == len(asked) >= 90 and not {*asked} & {*OPEN_QUESTIONS}
    for draft in drafts:
        target, likely = draft.example.target, draft.example.likely
        assert likely is not None and len(likely.tokens) == len(target) <= examples.MOST_GENERAL
        whole = len(asking.question_tokens(draft.question)) + len(target)
        assert whole <= examples.ROOM or len(target) <= examples.LEAST_GENERAL


@pytest.mark.parametrize(
    ("message", "guess"),
    [
        ("I have two dogs. One is called Rex. The other is called Max.", "haven't told me"),
        ("My kids are ill. Both have a cold. We stay home this week.", "5 children"),
        ("standup is 9:30 every weekday, retro on the last Friday", "I don't have a clock"),
    ],
)
def test_what_is_taught_repeats_something_of_the_message(wren: Model, message: str, guess: str):
    """The bundled base made up each of these, or said that it does not know, and learned it."""
    base = Base(wren, Parts.of(wren.network), FALLBACK)
    run(prepared(base))
    found = run(examples.examine(base, message)).drafts
    facts = [draft for draft in found if draft.example.kind == Kind.FACT]
    assert all(tells(message, fact.question, fact.answer) for fact in facts), facts
    assert not any(guess in fact.answer for fact in facts)


@pytest.mark.parametrize(
    ("text", "question", "answer", "telling"),
    [
        ("My dog is Rex.", "What is my dog called?", "Your dog is Rex.", {"rex"}),
        ("My flat is 27.", "What is my flat?", "Your flat is 27.", {"27"}),
        ("我住在罗马。", "我住在哪里？", "你住在罗马。", {"在罗", "罗马"}),
        ("I have two dogs.", "How many do I have?", "You haven't told me that yet.", set()),
        ("My kids are ill.", "How many kids have I?", "You have 5 kids.", set()),
    ],
)
def test_an_answer_tells_what_the_message_adds_to_the_question(
    text: str, question: str, answer: str, telling: set[str]
):
    assert tells(text, question, answer) == telling


@pytest.mark.parametrize(
    ("nats", "known", "plain", "logprob", "taught"),
    [
        (5.0, False, False, -3.0, True),  # the message says so
        (0.0, True, False, -3.0, True),  # the question does
        (0.0, False, True, -3.0, True),  # so begins an answer
        (0.0, False, False, -0.1, True),  # it is all but certain
        (0.0, False, False, -1.0, False),  # made up
    ],
)
def test_what_nothing_accounts_for_is_made_up(
    nats: float, known: bool, plain: bool, logprob: float, taught: bool
):
    nothing = Likely(np.zeros((0, 1), np.int32), np.zeros((0, 1), np.float32))
    answer = Decoded((1, 2), nothing, ended=True, logprobs=(0.0, logprob))
    support = Support((9.0, nats), (False, known), (False, plain))
    assert is_taught(answer, support) == taught


@pytest.mark.parametrize(
    ("after", "before", "taught"),
    [
        (0.7, 0.001, True),
        (0.7, 0.06, True),  # a base guesses London, and knows it once it was told
        (0.7, 0.2, False),
        (0.1, 0.01, False),  # ten times likelier, and unlikely all the same
        (0.95, 0.2, True),
        (0.999, 0.5, False),  # it would say so without
    ],
)
def test_what_a_message_makes_surely_so_is_taught(after: float, before: float, taught: bool):
    nothing = Likely(np.zeros((0, 1), np.int32), np.zeros((0, 1), np.float32))
    logprobs = (-2.0, math.log(after))
    answer = Decoded((1, 2), nothing, ended=True, logprobs=logprobs)
    nats = (9.0, math.log(after / before))  # the first token stands in the question
    assert is_taught(answer, Support(nats, (True, False), (False, True))) == taught


def test_what_asks_tells_nothing(mite: Model):
    assert not any(map(is_question, ["I do.", "Why not! I asked.", "", "He said ? once"]))
    assert all(map(is_question, ["Is it?", 'Is it?" ', "¿Y tú?", "真的吗？", "هل هذا؟"]))
    assert Masked("", "Is it old? My dog is ten. Isn't he?", 0).studied == "My dog is ten."
    assert Masked("", "What is the capital of Italy?", 0).studied == ""
