"""How alike texts are by their words: by the token embeddings of a base."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import mlx.core as mx
import numpy as np

from mlxdyn.learn.prompts import OPEN_QUESTIONS
from mlxdyn.model.chat_template import words
from mlxdyn.model.load import Model

FEW = 12  # open questions with a word that tells what they are about, as "sister"


@dataclass(slots=True)
class Wording:
    """The words of messages and questions, as a base embeds them."""

    model: Model
    _middle: np.ndarray | None = field(init=False, default=None)
    _among: Counter[int] | None = field(init=False, default=None)

    def likeness(self, message: str, texts: Sequence[str]) -> list[float]:
        """How alike a message is to each text: cosine of their `vectors`."""
        one, *others = self.vectors([message, *texts])
        return cosines(one, others)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Give the mean token embeddings (N, D) of texts, each of length 1.

        What all questions have in common is taken out, so that it counts for nothing.
        """
        vectors = self._embedded(texts) - self._common()
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return cast(np.ndarray, vectors / (length + 1e-9))

    def alike(self, message: str, count: int) -> list[str]:
        """Give the open questions whose words are most alike those of a message."""
        best = np.argsort(np.negative(self.overlap(message, OPEN_QUESTIONS)), kind="stable")
        return [OPEN_QUESTIONS[i] for i in sorted(best[:count].tolist())]

    def overlap(self, message: str, questions: Sequence[str]) -> list[float]:
        """Say how much of each question a message holds, or something alike; 1 is all of it.

        A token counts by its best cosine with one of the message, and the more the fewer open
        questions hold it (late interaction, Khattab and Zaharia 2020, on token embeddings).
        """
        said = self._unit(self._words(f" {message}") or (0,))
        return [self._covered(self._words(f" {question}"), said) for question in questions]

    def shares(self, message: str, question: str) -> bool:
        """Tell whether a message holds a word of the question that few open questions hold."""
        said = {*self._words(f" {message}"), *self._words(message)}
        return any(t in said and self._asked[t] <= FEW for t in self._words(f" {question}"))

    def _covered(self, question: tuple[int, ...], said: np.ndarray) -> float:
        rare = np.log([len(OPEN_QUESTIONS) / max(self._asked[token], 1) for token in question])
        best = (self._unit(question) @ said.T).max(axis=1)
        return float((best * rare).sum() / max(rare.sum(), 1e-9))

    @property
    def _asked(self) -> Counter[int]:
        """How many open questions hold a token."""
        if self._among is None:
            tokens = (set(self._words(f" {q}")) for q in OPEN_QUESTIONS)
            self._among = Counter(token for question in tokens for token in question)
        return self._among

    def _unit(self, tokens: Sequence[int]) -> np.ndarray:
        """Give the embeddings (N, D) of tokens, each of length 1."""
        embed = self.model.network.model.embed_tokens
        found = np.array(embed(mx.array(list(tokens))).astype(mx.float32))
        return cast(np.ndarray, found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-9))

    def _common(self) -> np.ndarray:
        if self._middle is None:
            self._middle = self._embedded(OPEN_QUESTIONS).mean(axis=0)
        return self._middle

    def _embedded(self, texts: Sequence[str]) -> np.ndarray:
        embed = self.model.network.model.embed_tokens
        means = [
            embed(mx.array(self._words(f" {t}") or (0,))).astype(mx.float32).mean(axis=0)
            for t in texts
        ]
        found = np.array(mx.stack(means))
        return cast(np.ndarray, found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-9))

    def _words(self, text: str) -> tuple[int, ...]:
        return tuple(words(self.model.tokenizer, text))


def cosines(one: np.ndarray, others: Iterable[np.ndarray]) -> list[float]:
    """How alike one text is to each of others, by their vectors (D,) of length 1.

    Each hangs on its two texts only: a product of all at once has other last bits among others.
    """
    return [float((one * other).sum()) for other in others]
