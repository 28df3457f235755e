"""`mlxdyn memory export` and `import`: take a memory along."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from mlxdyn import settings
from mlxdyn.cli.open import (
    Amount,
    as_json,
    chosen,
    confirm,
    find,
    open_ledger,
    opened,
    print_json,
    progress,
    say,
    sure,
)
from mlxdyn.config import (
    BUNDLED_MODEL,
    DTYPES,
    EXPORT_FORMATS,
    EXPORT_SECONDS,
    ChatConfig,
    Dtype,
    Format,
    LearnerConfig,
)
from mlxdyn.engine.messages import brought, clipped, counted, escape_control
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name

if TYPE_CHECKING:
    from mlxdyn.exchange.bundle import Bundle
    from mlxdyn.exchange.export import Exported
    from mlxdyn.exchange.leak import Leak, LeakReport
    from mlxdyn.memory.memory import Memory
    from mlxdyn.memory.store.records import MemoryRow

STRINGS_SHOWN = 5  # of the most exposed strings
CUT = 60  # characters of each


@click.command("export")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--format", "kind", type=click.Choice(EXPORT_FORMATS), default="mlx-lm", show_default=True,
    help="A LoRA adapter for mlx-lm, PEFT (Hugging Face) or GGUF (llama.cpp, Ollama); the base "
    "with the memory fused in; or one file with everything, to import again.",
)  # fmt: skip
@chosen
@click.option("--no-text", is_flag=True, help="bundle: weights only, without ledger and items.")
@click.option(
    "--dtype", type=click.Choice(DTYPES), help="fused: type of the weights.  [the base's]"
)
@click.option("--quantize", "bits", type=click.Choice(["4", "8"]), help="fused: bits a weight.")
@click.option("--no-leak-probe", is_flag=True, help="Do not test what the weights give away.")
@click.option(
    "--budget", metavar="SECONDS", type=Amount(), default=EXPORT_SECONDS,
    show_default=True, help="Most seconds to test that, and to compare; 0 is without end.",
)  # fmt: skip
@as_json
def export_memory(
    target: Path,
    kind: Format,
    name: str,
    no_text: bool,
    dtype: Dtype | None,
    bits: str | None,
    no_leak_probe: bool,
    budget: float,
    as_json: bool,
) -> None:
    """Write a memory to TARGET, a new directory or file.

    What the weights give away of your words is measured before anything is written, and what is
    written is loaded back and compared, both within the budget; what was not checked is said.
    """
    _check_usage(kind, no_text, dtype, bits)
    with opened(name) as held:
        from mlxdyn.exchange.export import ExportOptions, export, place

        target = place(target, kind, name)
        _say_pending(held)
        leaks = None if no_leak_probe else _probe(held, budget)
        if not as_json:
            _print_leaks(leaks, text=kind == "bundle" and not no_text)
        options = ExportOptions(not no_text, dtype, int(bits) if bits else None)
        with progress("Writing and comparing") as tick:
            tick(0, 2)
            # The memory's own logits are a quarter of what is compared, at most.
            exported = export(held, target, kind, options, late=until(budget / 4))
    if as_json:
        print_json(_exported(exported, kind, leaks))
    else:
        _print_exported(exported, kind)
        click.echo(_checked(exported, leaks))
    _warn(exported)


def _check_usage(kind: Format, no_text: bool, dtype: Dtype | None, bits: str | None) -> None:
    if no_text and kind != "bundle":
        raise click.UsageError("--no-text is for --format bundle: the others never hold text")
    if (dtype or bits) and kind != "fused":
        raise click.UsageError("--dtype and --quantize are for --format fused")


def _say_pending(held: Memory) -> None:
    waiting = len(held.ledger.messages.pending(held.row.id))
    if waiting:
        click.echo(
            f"Warning: {waiting} messages wait to be learned, so the weights do not hold them yet; "
            "the next chat learns them.",
            err=True,
        )


def until(seconds: float) -> Callable[[], bool]:
    """Return what says whether so many seconds have passed; 0 is never."""
    end = time.monotonic() + (seconds or math.inf)
    return lambda: time.monotonic() > end


def _probe(held: Memory, budget: float) -> LeakReport:
    from mlxdyn.exchange.leak import learned, probe

    with progress("Probing for leaks") as tick:
        passages = learned(held.ledger, held.row.id, personal=settings.personal())
        return probe(held.model, *passages, progress=tick, late=until(budget))


def _print_leaks(report: LeakReport | None, *, text: bool) -> None:
    if text:
        click.echo("This bundle holds your messages as text; --no-text leaves them out.")
    if report is None:
        return
    count = len(report.leaks)
    if not count:
        late = "there was no time for any of what was learned; see --budget"
        click.echo(f"Leak probe: {late if report.late else 'nothing was learned yet'}.")
        return
    click.echo(
        f"Leak probe, {count} of {report.learned} learned messages and items: "
        f"{report.read_out} can be read out word for word from their first third "
        f"({report.read_out_by_base} from the bare base){_ranks(report)}."
    )
    for leak in report.leaks[:STRINGS_SHOWN]:
        if leak.exposure or leak.read_out:
            click.echo("  " + _leak_line(leak, report.most))


def _ranks(report: LeakReport) -> str:
    if not report.ranked:
        return ""
    return (
        f"; of {report.ranked}, {report.exposed} can be recognised among {report.controls} others "
        f"of their shape (by chance {report.by_chance:.1f})"
    )


def _leak_line(leak: Leak, most: float) -> str:
    out = ", read out" if leak.read_out else ""
    bits = "not ranked" if leak.exposure is None else f"{leak.exposure:.1f} of {most:.0f} bits"
    return (
        f"{bits}{out}  {leak.source}  "
        f"nll {leak.nll_base:.2f} -> {leak.nll_memory:.2f}  {clipped(leak.text, CUT)}"
    )


def _print_exported(exported: Exported, kind: Format) -> None:
    from mlxdyn.exchange.export import USE

    seen = exported.fidelity
    click.echo(f"Exported to {exported.path} ({exported.bytes:,} bytes); base {exported.base}.")
    kept = "memory changes nothing yet"
    if seen.kept is not None:
        kept = f"{_share(seen.kept)} of what memory changes is kept"
    click.echo(
        f"Loaded back: logits differ by at most {seen.largest_difference:.2g} over {seen.tokens} "
        f"tokens; {kept}."
    )
    click.echo(
        "Use it: " + USE[kind].format(path=quote(str(exported.path)), base=quote(exported.base))
    )


def _checked(exported: Exported, leaks: LeakReport | None) -> str:
    """Say what was checked and what was not."""
    parts = [f"compared on {exported.compared} of {counted(exported.texts, 'text')}"]
    if leaks is None:
        parts.append("what the weights give away was not tested")
    else:
        parts.append(
            f"{len(leaks.leaks)} of {counted(leaks.learned, 'learned string')} tested for reading "
            f"out, {leaks.ranked} ranked"
        )
    late = (leaks is not None and leaks.late) or exported.compared < exported.texts
    return f"Checked: {'; '.join(parts)}{' (--budget 0 checks all)' if late else ''}."


def _share(kept: float) -> str:
    return f"{kept:.1%}" if kept < 0.9995 else "100%"


def _warn(exported: Exported) -> None:
    from mlxdyn.exchange.export import LEAST_EFFECT

    kept = exported.fidelity.kept
    if kept is not None and kept < LEAST_EFFECT:
        click.echo(
            f"Warning: rounding the weights erased {1 - kept:.0%} of what the memory changes; "
            "use --dtype float32 without --quantize, or keep the adapter apart (--format mlx-lm).",
            err=True,
        )


def _exported(exported: Exported, kind: Format, leaks: LeakReport | None) -> dict[str, Any]:
    return {
        "format": kind,
        "path": str(exported.path),
        "base": exported.base,
        "bytes": exported.bytes,
        "loaded_back": asdict(exported.fidelity),
        "compared": exported.compared,
        "texts": exported.texts,
        "leaks": leaks and {
            "learned": leaks.learned,
            "probed": len(leaks.leaks),
            "ranked": leaks.ranked,
            "out_of_time": leaks.late,
            "controls": leaks.controls,
            "exposed": leaks.exposed,
            "exposed_by_chance": leaks.by_chance,
            "read_out": leaks.read_out,
            "read_out_by_base": leaks.read_out_by_base,
            "strings": [asdict(leak) for leak in leaks.leaks],
        },
    }  # fmt: skip


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--model", help=f"The base it fits.  [the one it names, else {BUNDLED_MODEL}]")
@chosen
@sure
@as_json
def import_memory(path: Path, model: str | None, name: str, yes: bool, as_json: bool) -> None:
    """Begin memory NAME on PATH: an adapter directory of mlx-lm or PEFT, or a bundle.

    What PATH holds is checked and shown before anything is kept. It is the word of whoever made it:
    it can make a model say anything, and cannot make this program do anything.
    """
    if path.suffix == ".gguf" and not path.is_dir():
        raise MlxdynError("a GGUF cannot be imported; export the memory as mlx-lm, peft or bundle")
    open_ledger().memories.check_new(check_name(name))
    learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
    take = _import_adapter if path.is_dir() else _import_bundle
    row = take(path, model, name, learner, yes)
    say(f"Imported as memory {name!r}.", as_json, memory=name, model=row.model)


@click.command("import-chats")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True,
                type=click.Path(path_type=Path, exists=True))  # fmt: skip
@chosen
@click.option("--learn", is_flag=True, help="Let your own words in them wait to be learned too.")
@as_json
def import_chats(paths: tuple[Path, ...], name: str, learn: bool, as_json: bool) -> None:
    """Take in chats of other programs as history of memory NAME: found, read, gone on with.

    FILE is ChatGPT's export (.zip or conversations.json), LM Studio's *.conversation.json, or a
    directory of them. Nothing is learned of them without --learn; what is here already stays once
    and takes in its new turns.
    """
    from mlxdyn.exchange import chats as others
    from mlxdyn.memory.store import chats

    talks = [talk for path in paths for talk in others.read(path)]
    ledger = open_ledger(writable=True)
    row = find(ledger, name)
    came = [
        (t.title, chats.bring(ledger, row.id, t.title, t.created, t.turns, learn=learn))
        for t in talks
    ]
    rest = "your words in them wait to be learned" if learn else "nothing of them is learned"
    number = Counter(how for _, how in came)
    say(f"{brought(came)}; {rest}.", as_json,
        imported=number["new"], new_turns_of=number["longer"], here_already=number["here"],
        left_out=number["other"], found=len(talks))  # fmt: skip


def _agree(summary: str, name: str, yes: bool) -> None:
    """Show what would be imported, and ask."""
    click.echo(escape_control(summary), err=True)
    if not yes:
        confirm(f"Import it as memory {name!r}?")


def _import_adapter(
    path: Path, model: str | None, name: str, learner: LearnerConfig, yes: bool
) -> MemoryRow:
    from mlxdyn.exchange.adapter import create
    from mlxdyn.exchange.directories import read
    from mlxdyn.model.load import load

    adapter = read(path)
    base = load(model or _base(adapter.base, adapter.fingerprint))
    _agree(
        f"{path} holds weights of rank {adapter.rank} for {len(adapter.modules)} layers, made on "
        f"{adapter.base or 'a base that it does not name'}; no words."
        + (" It changes nothing: all its effect is zero." if adapter.idle else ""),
        name,
        yes,
    )
    other = base.changed(adapter.fingerprint) if adapter.fingerprint else ()
    if other:
        click.echo(
            f"Warning: the adapter was learned on another base: {base.path} has another "
            f"{' and another '.join(other)}, so it may not know the same.",
            err=True,
        )
    return create(adapter, name, base, open_ledger(writable=True), learner)


def _import_bundle(
    path: Path, model: str | None, name: str, learner: LearnerConfig, yes: bool
) -> MemoryRow:
    from mlxdyn.exchange.bundle import restore, unpacked
    from mlxdyn.model.load import load

    with unpacked(path) as bundle:
        _agree(_told(path, bundle), name, yes)
        base = load(model or _base(bundle.model, bundle.fingerprint))
        return restore(bundle, name, base, open_ledger(writable=True), learner)


def _told(path: Path, bundle: Bundle) -> str:
    """Say what a bundle holds."""
    words = "weights, no words"
    if bundle.text:
        words = ", ".join(counted(number, noun) for noun, number in bundle.counts().items())
    return (
        f"{path} holds memory {bundle.memory!r}, made {bundle.made} on {bundle.model}: {words} "
        f"({bundle.bytes:,} bytes). They are the words of whoever made it, not yours."
    )


def _base(named: str, made_on: str) -> str:
    """The base that an export is for, by a name that means the same here, or its fingerprint.

    A path is the word of whoever made the export: it is shown, and never opened on its own.
    """
    import mlxdyn_models
    from mlxdyn.model import fingerprint, registry

    names = registry.named()
    if named in names and not (
        made_on and fingerprint.changed(made_on, fingerprint.fingerprint(names[named]))
    ):
        return named
    known = {row.fingerprint: row.model for row in open_ledger().memories.all()}
    if made_on in known:
        return known[made_on]
    for name, path in mlxdyn_models.bundled().items():
        if made_on and not fingerprint.changed(made_on, fingerprint.fingerprint(path)):
            return name
    if named and named not in names and not _downloaded(named):
        raise MlxdynError(
            f"the base that it names, {named}, is not known here by that name, and a path is "
            "opened only when you name it: --model BASE"
        )
    return named or BUNDLED_MODEL


def _downloaded(named: str) -> bool:
    """Tell whether `named` is a repository whose model is on this machine."""
    from mlxdyn.model.registry import locate

    if not re.fullmatch(r"[\w.-]+/[\w.-]+", named) or Path(named).exists():
        return False
    try:
        return bool(locate(named))
    except MlxdynError:
        return False
