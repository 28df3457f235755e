"""Measure an exported model through mlx-lm: recall, bits per byte, speed, and words to read."""

import argparse
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlxdyn.model import blas

from . import corpus, public
from .exchanges import Dialogue
from .prompts import PROMPTS
from .tokenizer import WREN

Numbers = dict[str, float]
WINDOW = 512
STUDY = 192  # tokens of a study reply
PEER = public.DATA / "models" / "tinystories-656k"


class Speaker:
    """An exported model, in float32, answering greedily."""

    def __init__(self, path: Path) -> None:
        import mlx.core as mx
        from mlx_lm import load

        began = time.perf_counter()
        loaded: Any = load(str(path))
        self.model, self.tokenizer = loaded[0], loaded[1]
        self.model.set_dtype(mx.float32)
        mx.eval(self.model.parameters())
        self.load_seconds = time.perf_counter() - began

    def prompt(self, turns: Dialogue) -> list[int]:
        messages = [{"role": role, "content": text} for role, text in turns]
        tokens: list[int] = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False
        )
        return tokens

    def reply(self, turns: Dialogue, most: int = 96) -> str:
        from mlx_lm import stream_generate

        prompt = self.prompt(turns)
        return "".join(
            part.text
            for part in stream_generate(self.model, self.tokenizer, prompt, max_tokens=most)
        )

    def nats(self, tokens: list[int]) -> float:
        """Sum the nll of every token but the first."""
        import mlx.core as mx
        import mlx.nn as nn

        row = mx.array([tokens])
        loss = nn.losses.cross_entropy(self.model(row[:, :-1]), row[:, 1:], reduction="sum")
        nats: Any = loss.item()
        return float(nats)


def exact(reply: str, answer: str) -> bool:
    return answer.lower() in reply.lower()


def ignorant(reply: str) -> bool:
    return any(mark in reply.lower() for mark in ("don't know", "haven't told", "do not know"))


def recall(speaker: Speaker, probes: list[corpus.Probe]) -> float:
    """Measure how often the told value is in the reply."""
    return sum(exact(speaker.reply(probe.turns, 40), probe.answer) for probe in probes) / len(
        probes
    )


def in_context(speaker: Speaker, count: int, seed: int) -> Numbers:
    """Measure recall in context by group, and on seen kinds by the turns between."""
    out = {
        f"recall, {name}": recall(speaker, corpus.probes(count, seed, kind=kind))
        for name, kind in (
            ("seen kinds", "seen"),
            ("held-out phrasings", "phrasing"),
            ("held-out kinds", "kind"),
        )
    }
    for between in range(1, 7):
        out[f"recall, {between} between"] = recall(
            speaker, corpus.probes(max(count // 4, 10), seed, between=between)
        )
    return out


def false_recall(speaker: Speaker, count: int, seed: int) -> Numbers:
    """Measure how often it claims to know what was never told, among facts and in silence."""
    probes = corpus.ignorance(count, seed)
    told = [not ignorant(speaker.reply(probe.turns, 40)) for probe in probes]
    empty = [not ignorant(speaker.reply(probe.turns[-1:], 40)) for probe in probes]
    return {
        "false recall, other facts told": sum(told) / count,
        "false recall, empty context": sum(empty) / count,
    }


def bits_per_byte(speaker: Speaker, text: str) -> float:
    """Score `text` in windows of 512 tokens, each after a beginning-of-sequence token."""
    plain = speaker.tokenizer.encode(text, add_special_tokens=False)
    start = [speaker.tokenizer.bos_token_id]
    windows = [
        start + plain[place : place + WINDOW - 1] for place in range(0, len(plain), WINDOW - 1)
    ]
    return sum(map(speaker.nats, windows)) / (len(text.encode()) * math.log(2))


def chat_bits_per_byte(speaker: Speaker, dialogues: list[Dialogue]) -> float:
    """Score dialogues in the chat format: every token counts, bytes are those of the words."""
    nats = sum(speaker.nats(speaker.prompt(turns)) for turns in dialogues)
    size = sum(len(text.encode()) for turns in dialogues for _, text in turns)
    return nats / (size * math.log(2))


def plain(turns: Dialogue) -> str:
    return "\n".join(text for _, text in turns) + "\n"


def peer(path: Path) -> Speaker:
    """Load tinystories-656k, whose file stores only the tied `lm_head.weight`."""
    import mlx.core as mx

    with tempfile.TemporaryDirectory() as room:
        copy = Path(shutil.copytree(path, Path(room) / "peer"))
        weights: Any = mx.load(str(path / "model.safetensors"))
        weights["model.embed_tokens.weight"] = weights.pop("lm_head.weight")
        mx.save_safetensors(str(copy / "fixed.safetensors"), weights)
        (copy / "fixed.safetensors").rename(copy / "model.safetensors")
        return Speaker(copy)


def passages() -> dict[str, str]:
    """Read the held-out public text: a novel and a PG-19 book, 40,000 characters each."""
    paths = {
        "Treasure Island (held-out novel)": public.DATA / "text" / "novels" / public.HELD_OUT_NOVEL,
        "PG-19 book 349": public.DATA / "text" / "pg19" / public.HELD_OUT_BOOK,
    }
    return {
        name: path.read_text(errors="replace")[20_000:60_000]
        for name, path in paths.items()
        if path.exists()
    }


def compression(speaker: Speaker, seed: int) -> Numbers:
    """Measure bits per byte on held-out text, beside tinystories-656k where it is at hand."""
    dialogues = corpus.held_out_dialogues(60, seed)
    out = {"bits/byte, own dialogue, chat format": chat_bits_per_byte(speaker, dialogues)}
    texts = {"own dialogue, plain text": "".join(map(plain, dialogues))} | passages()
    other = peer(PEER) if PEER.exists() else None
    for name, text in texts.items():
        out[f"bits/byte, {name}"] = bits_per_byte(speaker, text)
        if other:
            out[f"bits/byte, {name}, tinystories-656k"] = bits_per_byte(other, text)
    return out


def speed(speaker: Speaker) -> Numbers:
    """Measure the first token and the rate on a short conversation, after one warm-up."""
    from mlx_lm import stream_generate

    turns = [
        ["user", "My dog is called Rex."],
        ["assistant", "Got it."],
        ["user", "What are the months of the year?"],
    ]
    speaker.reply(turns)
    began = time.perf_counter()
    moments = [
        time.perf_counter()
        for _ in stream_generate(
            speaker.model, speaker.tokenizer, speaker.prompt(turns), max_tokens=64
        )
    ]
    rate = (len(moments) - 1) / max(moments[-1] - moments[0], 1e-9)
    return {
        "load, seconds": speaker.load_seconds,
        "first token, seconds": moments[0] - began,
        "tokens/s": rate,
    }


def lines(reply: str, mark: str) -> list[str]:
    return [line for line in reply.splitlines() if line.startswith(mark)]


def studied(speaker: Speaker, count: int, seed: int) -> Numbers:
    """Measure study replies: told values, different questions, nothing from small talk."""
    kept = different = questions = 0
    for probe in corpus.study_probes(count, seed):
        reply = speaker.reply(probe.turns, STUDY)
        asks, answers = lines(reply, "Q: "), lines(reply, "A: ")
        kept += bool(answers) and all(exact(line, probe.answer) for line in answers)
        different += len(set(asks)) == len(asks) > 1
        questions += len(set(asks))
    both = 0
    for turns, values in corpus.study_pairs(count, seed):
        reply = "\n".join(lines(speaker.reply(turns, STUDY), "A: "))
        both += all(exact(reply, value) for value in values)
    idle = corpus.idle(count, seed)
    nothing = sum(speaker.reply(turns).strip() == corpus.NOTHING for turns in idle)
    return {
        "study items that keep the value": kept / count,
        "study replies of several questions, none twice": different / count,
        "different questions a study reply": questions / count,
        "study of two facts in a message: both values": both / count,
        "study of small talk: nothing to learn": nothing / count,
    }


def transcript(speaker: Speaker) -> str:
    """Write out the fifty prompts with greedy replies."""
    parts = [
        "# Transcript\n\n"
        "Fifty prompts, greedy replies, written by `python -m models.recipe.evaluate`."
    ]
    for number, asks in enumerate(PROMPTS, 1):
        turns: Dialogue = []
        for ask in asks:
            turns.append(["user", ask])
            turns.append(["assistant", speaker.reply(turns)])
        parts.append(f"**{number}.**\n\n" + "\n".join(f"- {role}: {text}" for role, text in turns))
    return "\n\n".join(parts) + "\n"


def measured(speaker: Speaker, count: int, seed: int) -> Numbers:
    sections: list[Callable[[], Numbers]] = [
        lambda: speed(speaker),
        lambda: in_context(speaker, count, seed),
        lambda: false_recall(speaker, count, seed),
        lambda: studied(speaker, count, seed),
        lambda: compression(speaker, seed),
    ]
    out: Numbers = {}
    for section in sections:
        found = section()
        out |= found
        print("\n".join(f"| {name} | {value:.3f} |" for name, value in found.items()), flush=True)
    return out


def main() -> None:
    """Measure the model in `--model`, print a table, and write its transcript beside it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", type=Path, default=WREN)
    parser.add_argument("--count", type=int, default=200, help="probes in each group")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--no-transcript", action="store_true")
    options = parser.parse_args()
    blas.load()
    speaker = Speaker(options.model)
    if not options.no_transcript:
        (options.model / "transcript.md").write_text(transcript(speaker))
    numbers = measured(speaker, options.count, options.seed)
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "model": options.model.name,
                    "count": options.count,
                    "seed": options.seed,
                    "numbers": numbers,
                },
                indent=2,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
