"""Where the results of an evaluation go: the terminal and files, each whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlxdyn.errors import MlxdynError
from mlxdyn.files import write
from mlxdyn.lab import catalog
from mlxdyn.lab.catalog import STDIN, visible

if TYPE_CHECKING:
    from mlxdyn.lab.findings import Finding

PICTURES = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files that the command line asked for; - is standard output."""

    json: str | None = None
    chunks: str | None = None
    csv: str | None = None
    plot: str | None = None
    html: str | None = None

    def check(self, inputs: Sequence[str] = ()) -> None:
        """Refuse what cannot hold a result before the work, not after.

        `inputs` are files and directories that are read: no result takes the place of one.
        """
        texts = [self.json, self.chunks, self.csv]
        if texts.count(STDIN) > 1:
            raise click.UsageError("only one result can go to standard output")
        if STDIN in (self.plot, self.html):
            raise click.UsageError("a plot or page needs a file, not standard output")
        if self.plot and Path(self.plot).suffix.lower() not in PICTURES:
            raise click.UsageError(f"--plot {self.plot} must end in .png or .svg")
        read = (file for file in catalog.files(inputs) if isinstance(file, str))
        taken = {os.path.realpath(file) for file in read}
        for file in self._files():
            if os.path.realpath(file) in taken:
                raise MlxdynError(f"{file} is read, or written, as something else; name another")
            taken.add(os.path.realpath(file))
            path = Path(file)
            if not _takes_files(path.parent) or (path.exists() and not path.is_file()):
                raise MlxdynError(
                    f"{file} cannot be written; name a file in a directory that can be"
                )

    def _files(self) -> Iterator[str]:
        for file in (self.json, self.chunks, self.csv, self.plot, self.html):
            if file and file != STDIN:
                yield file

    @property
    def quiet(self) -> bool:
        """Standard output belongs to one of the files."""
        return STDIN in (self.json, self.chunks, self.csv)


@dataclass(frozen=True, slots=True)
class Results:
    """One evaluation in every shape that can be asked for."""

    value: dict[str, Any]  # of --json
    found: Finding
    text: str  # for the terminal
    csv: str
    chunks: tuple[dict[str, Any], ...] = ()


def check_folder(folder: str | None) -> None:
    """Refuse a place for finished cells that is none, before the work."""
    if folder and os.path.lexists(folder) and not Path(folder).is_dir():
        raise MlxdynError(f"--out {folder} is no directory; name one, which may be new")


def _takes_files(folder: Path) -> bool:
    """Tell by trying: some places say that they can be written, and cannot."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def publish(results: Results, outputs: Outputs, command: str) -> None:
    """Write what was asked for, then say the rest."""
    warnings = results.found.warnings
    if results.found.loss and outputs.quiet:  # or else it is the first line of the text
        warnings = (results.found.loss, *warnings)
    for warning in warnings:
        click.echo(visible(f"warning: {warning}"), err=True)
    if not outputs.quiet:  # before the files: what was measured is seen though none can be written
        click.echo(visible(results.text))
    if outputs.chunks:
        lines = (json.dumps(row, ensure_ascii=False) for row in results.chunks)
        _write(outputs.chunks, "".join(f"{line}\n" for line in lines))
    if outputs.json:
        value = {**results.value, "command": command}
        _write(outputs.json, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    if outputs.csv:
        _write(outputs.csv, results.csv)
    _draw(results, outputs, command)


def _draw(results: Results, outputs: Outputs, command: str) -> None:
    if outputs.plot and not results.found.figures:
        click.echo(f"warning: there is nothing to draw in {outputs.plot}", err=True)
    elif outputs.plot:
        from mlxdyn.report import plots

        kind = Path(outputs.plot).suffix.lower().lstrip(".")
        title = results.found.experiment
        write(Path(outputs.plot), plots.picture(results.found.figures, title, kind))
    if outputs.html:
        from mlxdyn.report import page

        _write(outputs.html, page.render(results.value, [results.found], command))


def _write(file: str, text: str) -> None:
    if file == STDIN:
        click.echo(text, nl=False)
    else:
        write(Path(file), text.encode("utf-8", "backslashreplace"))  # odd file names
