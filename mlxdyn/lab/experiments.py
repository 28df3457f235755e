"""The questions of the paper, each a short function from text to a Finding."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mlxdyn.errors import MlxdynError
from mlxdyn.lab import evaluate
from mlxdyn.lab.experiment import Lab, open_lab
from mlxdyn.lab.findings import Finding, Progress
from mlxdyn.lab.passages import order, position, precision, prefit
from mlxdyn.lab.race import TUNING
from mlxdyn.lab.recall import recall
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.lab.sweeps import cost, history, interval, kv, optimizer, placement, window
from mlxdyn.model.load import Model

SUMMARIES = {
    "position": "gain along the stream; tokens until it is significant; regret",
    "window": "how many tokens of window learning is worth",
    "placement": "which weights to adapt: rank, kind, depth, all",
    "interval": "chunk sizes, the rate scaled with them or not",
    "optimizer": "update rules, each with a curve of rates",
    "order": "drift: order of documents, resets, forgetting, anchors",
    "prefit": "what is left to gain when the base was fine-tuned first",
    "cost": "loss against operations, time and memory",
    "recall": "do planted facts come back in an empty context, and at what drift",
    "kv": "what keys and values from older weights cost",
    "precision": "4-bit, 8-bit and float bases: does learning repair quantisation",
    "history": "would learning have helped in these conversations",
}
NAMES = tuple(SUMMARIES)
NEEDS = {"placement": TUNING, "optimizer": TUNING, "prefit": 8 * TUNING}  # tokens to choose on


def run(
    name: str,
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    *,
    tune: Sequence[Stream] = (),
    progress: Progress | None = None,
    store: Path | None = None,
) -> Finding:
    """Run the experiment `name` on `streams`; choices are made on `tune`, never on `streams`.

    Where text to choose on is needed and `tune` is empty, the first tokens are taken off the
    streams for it, and the finding says so. With `store`, cells that are finished there are not run
    again. Ctrl-C gives a finding of the cells done. Raises MlxdynError for an unknown name and for
    settings that do not fit the model.
    """
    doors: dict[str, Callable[[Lab], Finding]] = {
        "position": position, "window": window, "placement": placement, "interval": interval,
        "optimizer": optimizer, "order": order, "prefit": prefit, "cost": cost, "recall": recall,
        "kv": kv, "precision": precision, "history": history,
    }  # fmt: skip
    if name not in doors:
        raise MlxdynError(f"no experiment {name!r}; there are {', '.join(NAMES)}")
    evaluate.check(model, settings)
    needs = NEEDS.get(name, 0)
    lab = open_lab(model, streams, settings, tune=tune, needs=needs, progress=progress, store=store)
    return doors[name](lab)
