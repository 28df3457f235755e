"""Two pages over the chat to choose from: models, and settings with their values."""

from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList

from mlxdyn.engine.events import ModelRow, Models, SettingsList
from mlxdyn.engine.messages import value
from mlxdyn.settings import BY_NAME, SETTINGS
from mlxdyn_app.dialogs import Entry
from mlxdyn_app.records import MUTED, Records


class ModelList(Records):
    """Models that are here or can be fetched; Enter lets one answer."""

    @dataclass
    class Wanted(Message):
        """The user wants another model."""

        row: ModelRow

    def __init__(self, models: Models) -> None:
        super().__init__("Models", "Enter lets it answer · Esc closes", "There is no model.")
        self._models, self._current = {row.name: row for row in models.models}, models.current
        self.fill([(row.name, row.name, _model(row, models.current)) for row in models.models])

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def use(self) -> None:
        """Hand on the model under the cursor."""
        if self.chosen and self.chosen != self._current:
            self.post_message(self.Wanted(self._models[self.chosen]))
        if self.chosen:
            self.dismiss()


class SettingList(Records):
    """Every setting; Enter changes one for good."""

    @dataclass
    class Wanted(Message):
        """The user wants a setting to be so."""

        name: str
        text: str

    def __init__(self, settings: SettingsList) -> None:
        super().__init__("Settings", "Enter changes · Esc closes", "")
        self.show_settings(settings)

    def show_settings(self, settings: SettingsList) -> None:
        """List these."""
        self._settings = settings
        self.fill([
            (one.name, f"{one.name} {one.meaning}", _setting(one.name, settings))
            for one in SETTINGS
        ])  # fmt: skip

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def change(self) -> None:
        """Ask for a value, or turn a switch over."""
        setting = BY_NAME.get(self.chosen or "")
        if setting is None:
            return
        now = self._settings.values[setting.name]
        if setting.kind is bool:
            self.post_message(self.Wanted(setting.name, "off" if now else "on"))
            return
        asked = f"{setting.meaning}\n{setting.takes}; empty: the default"
        shown = "" if now is None else value(now).removeprefix("-")
        self.app.push_screen(
            Entry(setting.name, asked, shown, empty=True),
            lambda text: self._changed(setting.name, text),
        )

    def _changed(self, name: str, text: str | None) -> None:
        if text is not None:
            self.post_message(self.Wanted(name, text))


def _model(row: ModelRow, current: str) -> Content:
    size = f"{row.bytes / 1e6:,.0f} MB"
    where = "answers now" if row.name == current else "here" if row.here else "to fetch"
    misfit = f" · {row.misfit}" if row.misfit else ""
    return Content.assemble((row.name, "bold"), (f"  {size} · {where}{misfit}", MUTED))


def _setting(name: str, settings: SettingsList) -> Content:
    now = value(settings.values[name])
    shown = " ".join(now.split())
    return Content.assemble(
        (f"{name:<19}", "bold"), f" {shown}\n", (f"  {BY_NAME[name].meaning}", MUTED)
    )
