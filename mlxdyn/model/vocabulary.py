"""A tokenizer out of a GGUF's metadata, as tokenizer.json and tokenizer_config.json."""

import json
from collections.abc import Mapping
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing

from mlxdyn.errors import MlxdynError
from mlxdyn.model.gguf import Gguf

CONTROL, USER_DEFINED, UNUSED = 3, 4, 5
PREFIX = "tokenizer.ggml."

QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA = QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
SPLITS = {"qwen2": QWEN, "deepseek-r1-qwen": QWEN, "llama-bpe": LLAMA, "llama3": LLAMA}
"""How words are cut before merges, by tokenizer.ggml.pre; as the models' own tokenizer.json."""

ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|end_of_text|>", "<|endoftext|>")
"""Control tokens that end an answer whatever the metadata says: llama.cpp stops at them too."""


def tokenizer(file: Gguf) -> Tokenizer:
    """Build the tokenizer; raise MlxdynError where the metadata holds none that is known here."""
    kind, pieces = file.metadata.get(f"{PREFIX}model"), _pieces(file)
    if kind not in ("gpt2", "llama"):
        raise MlxdynError(f"{file.path} has a tokenizer of kind {str(kind)[:40]!r}, unknown here")
    try:
        made = _byte_level(file, pieces) if kind == "gpt2" else _sentencepiece(file, pieces)
    except MlxdynError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exceptions
        raise MlxdynError(f"the tokenizer in {file.path} is damaged: {error}") from error
    _add(made, file, pieces)
    _frame(made, file, pieces)
    return made


def config(file: Gguf) -> dict[str, Any]:
    """Make tokenizer_config.json's content, chat template apart."""
    pieces = _pieces(file)
    special = {"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}
    named = {
        f"{short}_token": pieces[index]
        for long, short in special.items()
        if (index := _id(file, long, len(pieces))) is not None
    }
    context = file.metadata.get(f"{file.metadata.get('general.architecture')}.context_length")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": context,
        **named,
    }


def chat_template(file: Gguf) -> str | None:
    """Return the chat template; None for a model that has none."""
    found = file.metadata.get("tokenizer.chat_template")
    return found if isinstance(found, str) and found.strip() else None


def ends(file: Gguf) -> list[int]:
    """List the tokens that end an answer, the one that the metadata names first."""
    pieces, kinds = _pieces(file), file.metadata.get(f"{PREFIX}token_type")
    named = [_id(file, key, len(pieces)) for key in ("eos", "eot")]
    known = [
        index
        for index, piece in enumerate(pieces)
        if piece in ENDS and isinstance(kinds, list) and kinds[index] == CONTROL
    ]
    return list(dict.fromkeys(index for index in [*named, *known] if index is not None))


def begin(file: Gguf) -> int | None:
    """Return the token that begins a text, if the metadata names one."""
    return _id(file, "bos", len(_pieces(file)))


def _pieces(file: Gguf) -> list[str]:
    return _strings(file, "tokens")


def _strings(file: Gguf, key: str) -> list[str]:
    found = file.metadata.get(f"{PREFIX}{key}")
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise MlxdynError(f"{file.path} holds no tokenizer ({PREFIX}{key} is missing)")
    return found


def _numbers(file: Gguf, key: str, count: int, default: float) -> list[Any]:
    """Return a number for each token."""
    found = file.metadata.get(f"{PREFIX}{key}", [default] * count)
    if not isinstance(found, list) or len(found) != count or isinstance(found[0], str):
        raise MlxdynError(f"the tokenizer in {file.path} is damaged: {key} do not fit its tokens")
    return found


def _id(file: Gguf, name: str, count: int) -> int | None:
    found = file.metadata.get(f"{PREFIX}{name}_token_id")
    if found is None:
        return None
    if not isinstance(found, int) or not 0 <= found < count:
        raise MlxdynError(f"the tokenizer in {file.path} is damaged: {name} token {found!r}")
    return found


def _byte_level(file: Gguf, pieces: list[str]) -> Tokenizer:
    kinds = _numbers(file, "token_type", len(pieces), 1)
    vocabulary = {p: i for i, p in enumerate(pieces) if kinds[i] != UNUSED}
    merges = [_pair(file, merge) for merge in _strings(file, "merges")]
    pre = str(file.metadata.get(f"{PREFIX}pre", "default"))
    made = Tokenizer(BPE(vocabulary, merges, ignore_merges=SPLITS.get(pre) == LLAMA))
    made.pre_tokenizer = _cuts(file, pre)
    if SPLITS.get(pre) == QWEN:
        made.normalizer = normalizers.NFC()
    made.decoder = decoders.ByteLevel()
    return made


def _pair(file: Gguf, merge: str) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    if not left or not right or " " in right:
        raise MlxdynError(f"the tokenizer in {file.path} is damaged: a merge is no pair")
    return left, right


def _cuts(file: Gguf, pre: str) -> Any:
    if pre in ("default", "gpt-2"):
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pre == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    if pre not in SPLITS:
        known = ", ".join(["default", "gpt-2", "smollm", *SPLITS])
        raise MlxdynError(f"{file.path} cuts words as {pre[:40]!r}; known here are {known}")
    split = pre_tokenizers.Split(Regex(SPLITS[pre]), "isolated")
    return pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def _sentencepiece(file: Gguf, pieces: list[str]) -> Tokenizer:
    """Llama 2's and Gemma's kind: words keep their spaces as ▁, rare characters become bytes."""
    gemma = str(file.metadata["general.architecture"]).startswith("gemma")
    if gemma:  # stored as spaces, looked up as ▁
        pieces[:] = ["▁" * len(p) if p and not p.strip(" ") else p for p in pieces]
    unknown = _id(file, "unknown", len(pieces))
    made = Tokenizer(
        BPE(
            {piece: index for index, piece in enumerate(pieces)},
            _merges(file, pieces, gemma=gemma),
            unk_token=None if unknown is None else pieces[unknown],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    prefixed = bool(file.metadata.get(f"{PREFIX}add_space_prefix", not gemma))
    spaces = normalizers.Replace(" ", "▁")
    before = [normalizers.Prepend("▁"), spaces] if prefixed else [spaces]
    made.normalizer = normalizers.Sequence(before)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if prefixed else steps)
    return made


def _merges(file: Gguf, pieces: list[str], *, gemma: bool) -> list[tuple[str, str]]:
    """Recover merges from the vocabulary: best first, by score, of Gemma by place."""
    from transformers.convert_slow_tokenizer import generate_merges

    scores = _numbers(file, "scores", len(pieces), 0.0)
    kinds = _numbers(file, "token_type", len(pieces), 1)
    best = {p: -i if gemma else scores[i] for i, p in enumerate(pieces)}
    control = {p for i, p in enumerate(pieces) if kinds[i] in (CONTROL, UNUSED)}
    found = generate_merges({p: i for i, p in enumerate(pieces)}, best, skip_tokens=control)
    return list(found)


def _add(made: Tokenizer, file: Gguf, pieces: list[str]) -> None:
    """Keep control tokens, and those that their makers added, in one piece."""
    kinds = _numbers(file, "token_type", len(pieces), 1)
    for kind, special in ((CONTROL, True), (USER_DEFINED, False)):
        added = [p for i, p in enumerate(pieces) if kinds[i] == kind]
        tokens = [AddedToken(piece, normalized=False, special=special) for piece in added]
        (made.add_special_tokens if special else made.add_tokens)(tokens)
    if made.get_vocab_size() > len(pieces):
        raise MlxdynError(f"the tokenizer in {file.path} is damaged: it names a token twice")


def _frame(made: Tokenizer, file: Gguf, pieces: list[str]) -> None:
    """Let a text begin and end with the tokens that the metadata asks for."""
    model, pre = (file.metadata.get(f"{PREFIX}{key}") for key in ("model", "pre"))
    usual = {"bos": model == "llama" or SPLITS.get(str(pre)) == LLAMA, "eos": False}
    asked = {
        side: _id(file, side, len(pieces))
        for side, always in usual.items()
        if file.metadata.get(f"{PREFIX}add_{side}_token", always)
    }
    ids: Mapping[str, int] = {pieces[i]: i for i in asked.values() if i is not None}
    if not ids:
        return
    first, last = ([] if (i := asked.get(side)) is None else [pieces[i]] for side in ("bos", "eos"))
    made.post_processor = TemplateProcessing(
        single=[*first, "$A", *last], pair=[*first, "$A", *last, *first, "$B", *last],
        special_tokens=list(ids.items()),
    )  # fmt: skip


def dumped(made: Tokenizer) -> str:
    """Write a tokenizer as tokenizer.json has it."""
    return json.dumps(json.loads(made.to_str()), ensure_ascii=False)
