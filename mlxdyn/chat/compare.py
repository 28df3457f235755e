"""What memory does to an answer, and how surprising a message is: two readings, side by side."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from mlxdyn.chat.events import Compared, Scored, Surprise, Weighed
from mlxdyn.chat.generate import Talker
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.memory.store.records import sanitize
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_scaled


def compare(
    talker: Talker, learner: Learner, text: str, stopped: Callable[[], bool] = lambda: False
) -> Compared:
    """Answer `text` alone with the bare base and with memory, greedily.

    Each token of the memory's answer is weighed: how much likelier memory made it, in nats.
    Both answers end early once `stopped()` is true.
    """
    text = sanitize(text)
    prompt, _ = talker.prompt([Turn("user", text)])
    base, answer = (talker.greedy(prompt, scale, stopped) for scale in (0.0, 1.0))
    chunk = Chunk(context=prompt, targets=answer)
    before, now = (_nll(talker.model, learner, chunk, s) if answer else () for s in (0.0, 1.0))
    gains = [was - is_ for was, is_ in zip(before, now, strict=True)]
    pieces = _pieces(talker.model, answer)
    said = talker.model.decode(list(base)).strip()
    return Compared(text, said, tuple(map(Weighed, pieces, gains)))


def surprise(talker: Talker, learner: Learner, turns: Sequence[Turn]) -> Surprise:
    """Score the last of `turns` in its place, token by token, with and without memory."""
    rendered = render(talker.model.tokenizer, turns, reply=False)
    start, end = rendered.spans[-1]
    begin = max(0, start - talker.context_size // 2)
    targets = rendered.tokens[start:end][: talker.context_size // 2]
    if not targets:
        return Surprise(turns[-1].text, ())
    chunk = Chunk(rendered.tokens[begin:start], targets)
    before, now = (_nll(talker.model, learner, chunk, scale) for scale in (0.0, 1.0))
    pieces = _pieces(talker.model, targets)
    gains = [was - is_ for was, is_ in zip(before, now, strict=True)]
    return Surprise(turns[-1].text, tuple(map(Scored, pieces, now, gains)))


def _nll(model: Model, learner: Learner, chunk: Chunk, scale: float) -> tuple[float, ...]:
    with adapter_scaled(model, scale):
        return tuple(learner.score(chunk).nll)


def _pieces(model: Model, tokens: Sequence[int]) -> list[str]:
    """Cut the text of `tokens` where the tokens end."""
    texts = [model.decode(list(tokens[:end])) for end in range(len(tokens) + 1)]
    return [text[len(before) :] for before, text in pairwise(texts)]
