"""What was measured of a base: tests find it on disk, as everybody does after the first lesson."""

from mlxdyn.files import write_text
from mlxdyn.learn import calibration
from mlxdyn.learn.base import Prompts
from mlxdyn.learn.calibration import Calibration
from mlxdyn.learn.prompts import TEACHERS, WriterPrompt
from mlxdyn.memory.calibrated import kept_at
from mlxdyn.model.load import Model

OWN = WriterPrompt(request="Write questions and answers from this message:", heading="Q:")
CHOSEN = Prompts(TEACHERS[1], OWN, answered=-10.0)
WREN = Calibration(CHOSEN, priors={}, recall=(), told_apart=())
"""What calibrating the bundled model chooses; it takes 15 s."""


def measured(model: Model) -> None:
    """Keep a calibration of `model` in this test's home."""
    write_text(kept_at(model), calibration.dump(WREN))
