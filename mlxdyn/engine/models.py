"""What can be asked of the engine about models and settings; each function runs on its thread."""

from dataclasses import replace

from mlxdyn import settings
from mlxdyn.engine.events import ModelRow, Models, Notice, Working
from mlxdyn.engine.workspace import Workspace
from mlxdyn.errors import MlxdynError


def listed(workspace: Workspace) -> None:
    """List the models that are here and those that can be fetched; answered by Models."""
    import mlxdyn_models
    from mlxdyn.model import registry

    here = mlxdyn_models.bundled() | registry.added() | registry.downloaded()
    entries = registry.entries()
    rows = [
        ModelRow(name, True, sum(f.stat().st_size for f in path.rglob("*") if f.is_file()), "")
        for name, path in here.items()
    ]
    rows += [
        ModelRow(entry.name, False, entry.bytes, registry.misfit(entry))
        for entry in entries.values()
        if entry.name not in here
    ]
    workspace.emit(Models(tuple(rows), workspace.model.name))


def use(workspace: Workspace, name: str) -> None:
    """Let another model answer, with its own memory, and keep the choice.

    One that is known by name and not here is fetched first.
    """
    if workspace.session.temporary:
        raise MlxdynError("a temporary chat keeps its model; leave it first")
    if name == workspace.model.name:
        raise MlxdynError(f"{name} is the model in use")
    from mlxdyn.model import fetch, registry
    from mlxdyn.model.load import load

    if not registry.here(name) and name in registry.entries():
        fetch.add(
            name,
            say=lambda sentence: workspace.emit(Notice(sentence)),
            progress=lambda done, of: workspace.emit(Working(f"fetching {name}", done, of, "MB")),
        )
        workspace.emit(Working("", 1, 1))
    model = load(name)
    workspace.change(replace(workspace.options, model=name), model)
    settings.put("model", name)
    workspace.tell_settings()
    memory = workspace.memory.row.name
    workspace.emit(Notice(f"{workspace.model.name} answers from now on, with memory {memory!r}."))


def put(workspace: Workspace, name: str, text: str) -> None:
    """Set something for good, or with no text as it is by default; answered by Settings."""
    if name == "model":
        use(workspace, text)
        return
    settings.known(name)
    if name == "system":
        text = settings.presets().get(text.strip(), text)
    value = settings.parse(name, text) if text.strip() else None
    settings.put(name, value)
    now = settings.values()[name] if value is None else value
    options, session = workspace.options, workspace.session
    chat = settings.chat({name: now}, options.chat)
    workspace.options = replace(options, chat=chat, values=options.settings | {name: now})
    session.config = chat
    if name == "learn" and not session.temporary:
        session.learn = chat.learn
    workspace.set_dial()
    workspace.tell_settings()
    workspace.emit(session.lessons())  # what is masked may be another
    workspace.emit(session.status())


def shown(workspace: Workspace) -> None:
    """Tell the settings; answered by Settings."""
    workspace.tell_settings()
