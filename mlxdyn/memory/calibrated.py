"""What was measured of each base, kept beside the ledger under the base's fingerprint."""

import hashlib
from collections.abc import Generator
from pathlib import Path

import mlxdyn_models
from mlxdyn.files import data_file, write
from mlxdyn.learn import calibration
from mlxdyn.learn.base import Base
from mlxdyn.learn.prompts import TEACHERS, WRITERS
from mlxdyn.model.load import Model


def prepared(base: Base) -> Generator[None, None, None]:
    """Give `base` the prompts that serve it, measuring them if nobody has.

    Bases that ship or are fetched by name come with what was measured of them.
    """
    if base.calibrated:
        return
    found = measured(base.model)
    if found is None:
        teachers, writers = calibration.own_prompts(base.model.path)
        found = yield from calibration.calibrate(base, (*TEACHERS, *teachers), (*WRITERS, *writers))
        write(kept_at(base.model), calibration.dump(found))
    base.prompts, base.priors, base.calibrated = found.prompts, dict(found.priors), True


def measured(model: Model) -> calibration.Calibration | None:
    """Read what was measured of `model`, here or before it shipped; None if nobody has."""
    path = kept_at(model)
    files = [file for file in (path, mlxdyn_models.calibration(path.stem)) if file is not None]
    known = (calibration.load(file.read_text("utf-8")) for file in files if file.is_file())
    return next((one for one in known if one is not None), None)


def kept_at(model: Model) -> Path:
    """Say where what was measured of `model` is kept."""
    named = hashlib.sha256(model.fingerprint.encode()).hexdigest()[:16]
    return data_file("bases", f"{named}.json")
