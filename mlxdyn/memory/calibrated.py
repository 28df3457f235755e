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
    path = kept_at(base.model)
    shipped = mlxdyn_models.calibration(path.stem)
    files = [file for file in (path, shipped) if file is not None and file.is_file()]
    known = (calibration.load(file.read_text("utf-8")) for file in files)
    found = next((one for one in known if one is not None), None)
    if found is None:
        teachers, writers = calibration.own_prompts(base.model.path)
        found = yield from calibration.calibrate(base, (*TEACHERS, *teachers), (*WRITERS, *writers))
        write(path, calibration.dump(found))
    base.prompts, base.priors, base.calibrated = found.prompts, dict(found.priors), True


def kept_at(model: Model) -> Path:
    """Say where what was measured of `model` is kept."""
    named = hashlib.sha256(model.fingerprint.encode()).hexdigest()[:16]
    return data_file("bases", f"{named}.json")
