"""Runs an experiment by its name."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from mlxdyn.errors import MlxdynError
from mlxdyn.lab import fitting
from mlxdyn.lab.experiment import Lab, open_lab
from mlxdyn.lab.experiments import QUESTIONS
from mlxdyn.lab.findings import Finding, Progress
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.model.load import Model


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
    if name not in QUESTIONS:
        raise MlxdynError(f"no experiment {name!r}; there are {', '.join(QUESTIONS)}")
    fitting.check(model, settings)
    module = import_module(f"mlxdyn.lab.experiments.{name}")
    ask: Callable[[Lab], Finding] = getattr(module, name)
    needs = getattr(module, "NEEDS", 0)
    lab = open_lab(model, streams, settings, tune=tune, needs=needs, progress=progress, store=store)
    return ask(lab)
