"""The tokenizer: SentencePiece BPE with byte fallback, and its Hugging Face files."""

import argparse
import json
import random
from itertools import islice
from pathlib import Path
from typing import Any

from . import corpus, public

VOCABULARY = 2048
BOS, END, PAD, SYSTEM, USER, ASSISTANT = (
    "<|bos|>",
    "<|end|>",
    "<|pad|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
)
ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}
WREN = Path(__file__).parents[1] / "wren"
CONTEXT = 1024
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def texts(seed: int = 7) -> list[str]:
    """Collect the text the vocabulary is learned from: mostly generated, some public."""
    rng = random.Random(seed)
    generated = [text for turns in islice(corpus.stream(seed), 12_000) for _, text in turns]
    chats = [text for turns in islice(public.persona(rng), 1_500) for _, text in turns]
    tasks = [text for turns in public.instructions() for _, text in turns]
    return generated + chats + tasks + "\n".join(islice(public.prose(rng), 250)).splitlines()


def train(path: Path) -> None:
    """Learn the vocabulary and write `tokenizer.model`."""
    import sentencepiece

    path.mkdir(parents=True, exist_ok=True)
    with (path / "tokenizer.model").open("wb") as out:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts()),
            model_writer=out,
            model_type="bpe",
            vocab_size=VOCABULARY,
            byte_fallback=True,
            character_coverage=0.9995,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            split_digits=True,
            unk_id=0,
            bos_id=1,
            eos_id=2,
            pad_id=3,
            unk_piece="<unk>",
            bos_piece=BOS,
            eos_piece=END,
            pad_piece=PAD,
            num_threads=2,
            control_symbols=[SYSTEM, USER, ASSISTANT],
            minloglevel=1,
        )


def pieces(path: Path) -> list[str]:
    """List the vocabulary of a trained `tokenizer.model`, by token id."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(path / "tokenizer.model"))
    return [processor.id_to_piece(index) for index in range(processor.get_piece_size())]


def merges(vocabulary: list[str]) -> list[list[str]]:
    """List every pair that makes a piece, in the order in which SentencePiece prefers the piece."""
    known = set(vocabulary)
    return [
        [piece[:cut], piece[cut:]]
        for piece in vocabulary
        if not piece.startswith("<")
        for cut in range(1, len(piece))
        if piece[:cut] in known and piece[cut:] in known
    ]


def special(index: int, text: str) -> dict[str, Any]:
    return {
        "id": index,
        "content": text,
        "special": True,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
    }


def fast(vocabulary: list[str]) -> dict[str, Any]:
    """Describe the same tokenizer in the format of Hugging Face `tokenizers`."""
    controls = ["<unk>", BOS, END, PAD, SYSTEM, USER, ASSISTANT]
    sequence = [
        {"SpecialToken": {"id": BOS, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [special(vocabulary.index(text), text) for text in controls],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": sequence,
            "pair": [*sequence, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {BOS: {"id": BOS, "ids": [vocabulary.index(BOS)], "tokens": [BOS]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {piece: index for index, piece in enumerate(vocabulary)},
            "merges": merges(vocabulary),
        },
    }


def write(path: Path) -> None:
    """Write the Hugging Face tokenizer files beside `tokenizer.model`."""
    names = {"bos_token": BOS, "eos_token": END, "pad_token": PAD, "unk_token": "<unk>"}
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **names,
        "add_bos_token": True,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT,
        "chat_template": TEMPLATE,
        "extra_special_tokens": [SYSTEM, USER, ASSISTANT],
    }
    files = {
        "tokenizer.json": fast(pieces(path)),
        "tokenizer_config.json": config,
        "special_tokens_map.json": {
            **names,
            "additional_special_tokens": [SYSTEM, USER, ASSISTANT],
        },
    }
    for name, value in files.items():
        (path / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    (path / "chat_template.jinja").write_text(TEMPLATE)


def main() -> None:
    """Train the tokenizer and write its files."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    train(options.out)
    write(options.out)


if __name__ == "__main__":
    main()
