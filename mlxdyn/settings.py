"""What the user set for good: config.toml in the platform's configuration directory."""

import difflib
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import platformdirs

from mlxdyn.config import ChatConfig, Learn, SamplingConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import expanded, write

FILE = "config.toml"
PRESETS, KEYS = "presets", "keys"
ENVIRONMENT_PREFIX = "MLXDYN_"
Value = str | int | float | bool
Theme = Literal["dark", "light"]
CHAT, SAMPLING = ChatConfig(), SamplingConfig()
ON = {"on": True, "true": True, "yes": True, "1": True}
ON |= {"off": False, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that can be set for good."""

    name: str
    kind: type
    meaning: str
    default: Value | None = None  # None: what the model's makers advise, or nothing
    least: float = 0.0
    most: float = float("inf")
    choices: tuple[str, ...] = ()

    @property
    def takes(self) -> str:
        """Say what may be written."""
        if self.kind is bool:
            return "on or off"
        if self.choices:
            return ", ".join(self.choices)
        if self.kind is str:
            return "text"
        whole = "a whole number" if self.kind is int else "a number"
        least = f"{self.least:g}"
        return f"{whole} from {least}" + (f" to {self.most:g}" if self.most < 1e12 else "")


SETTINGS = (
    Setting("model", str, "which model answers"),
    Setting("system", str, "system prompt: said to the model before all else, never learned", ""),
    Setting("temperature", float, "how freely words are drawn; 0 takes the likeliest", most=5),
    Setting("top_p", float, "draw from the likeliest words with this share together", most=1),
    Setting("top_k", int, "draw from so many of the likeliest words; 0 is off", most=1_000_000),
    Setting("min_p", float, "least share of the likeliest word's probability", SAMPLING.min_p,
            most=1),
    Setting("repetition_penalty", float, "above 1, words just said become less likely",
            SAMPLING.repetition_penalty, least=0.1, most=10),
    Setting("max_tokens", int, "most tokens of a reply", SAMPLING.max_tokens, least=1,
            most=1_000_000),
    Setting("seed", int, "the same seed draws the same replies", most=2**63 - 1),
    Setting("context", int, "most tokens of conversation that are read", CHAT.context, least=64,
            most=10_000_000),
    Setting("learn", str, "whose words are learned", CHAT.learn, choices=get_args(Learn)),
    Setting("personal", bool, "phone, passport, account and tax numbers are learned and shown",
            False),
    Setting("dial", int, "how strongly the memory speaks, in per cent", CHAT.dial, most=100),
    Setting("idle", float, "seconds of quiet before the memory studies; 0 never",
            CHAT.idle_seconds, most=1e9),
    Setting("budget", float, "most seconds that learning one message may take; 0 any",
            CHAT.budget_seconds),
    Setting("theme", str, "colours of the app", "dark"),
    Setting("numbers", bool, "show nll and tokens under a message", False),
)  # fmt: skip
BY_NAME = {setting.name: setting for setting in SETTINGS}


def path() -> Path:
    """Return where the settings are: in MLXDYN_HOME if that is set, so that a home is whole."""
    home = os.environ.get("MLXDYN_HOME")
    room = expanded(home) if home else Path(platformdirs.user_config_path("mlxdyn"))
    return room / FILE


def read() -> dict[str, Any]:
    """Read all settings; {} where none are.

    Raises MlxdynError for a file that is no TOML, an unknown name or a value that cannot be.
    """
    try:
        found = tomllib.loads(path().read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise MlxdynError(f"{path()} cannot be read ({error}); mend it or remove it") from error
    tables = {name: _texts(name, found.pop(name)) for name in (PRESETS, KEYS) if name in found}
    told = {name: _checked(known(name, str(path())), value) for name, value in found.items()}
    return told | tables


def written() -> str:
    """Give the file as it is, sound or not; "" where it cannot be read."""
    try:
        return path().read_text("utf-8", errors="replace")
    except OSError:
        return ""


def personal() -> bool:
    """Tell whether phone, passport, account and tax numbers are learned, and shown as learned."""
    return values()["personal"] is True


def presets() -> dict[str, str]:
    """Give the system prompts that have a name, from the table [presets]."""
    return dict(read().get(PRESETS, {}))


def keys() -> dict[str, str]:
    """Give the keys of the app that are not as usual, by what they do, from the table [keys]."""
    return dict(read().get(KEYS, {}))


def _texts(name: str, table: object) -> dict[str, str]:
    if isinstance(table, dict) and all(isinstance(text, str) for text in table.values()):
        return table
    raise MlxdynError(f"{path()}: [{name}] holds texts by name")


def known(name: str, where: str = "") -> Setting:
    """Find a setting; raise MlxdynError that names the nearest one otherwise."""
    if name in BY_NAME:
        return BY_NAME[name]
    near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.5)
    fix = f"did you mean {near[0]}?" if near else f"there is: {', '.join(BY_NAME)}"
    raise MlxdynError(f"{where + ': ' if where else ''}there is no setting {name!r}; {fix}")


def parse(name: str, text: str) -> Value:
    """Read what a user wrote for a setting; raise MlxdynError with what it takes."""
    setting, text = known(name), text.strip().encode("utf-8", "replace").decode()
    if setting.kind is str:
        return _checked(setting, text)
    if setting.kind is bool:
        return _checked(setting, ON.get(text.lower(), text))
    try:
        return _checked(setting, setting.kind(text))
    except ValueError:
        return _checked(setting, text)


def _checked(setting: Setting, value: Any) -> Value:
    """Return a value that the setting can have."""
    wanted = (int, float) if setting.kind is float else setting.kind
    fits = isinstance(value, wanted) and (setting.kind is bool or not isinstance(value, bool))
    if fits and setting.kind in (int, float):
        fits = setting.least <= value <= setting.most and math.isfinite(value)
    if not fits or (setting.choices and value not in setting.choices):
        raise MlxdynError(f"{setting.name} cannot be {value!r}; it takes {setting.takes}")
    return value  # type: ignore[no-any-return]


def values() -> dict[str, Value | None]:
    """Give every setting its value: the environment's (MLXDYN_NAME), the file's, the default."""
    named = {name: os.environ.get(ENVIRONMENT_PREFIX + name.upper()) for name in BY_NAME}
    spoken = {name: parse(name, text) for name, text in named.items() if text}
    told = {name: value for name, value in read().items() if name in BY_NAME}
    return {setting.name: setting.default for setting in SETTINGS} | told | spoken


DRAWN = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "seed")
HELD = {"learn": "learn", "personal": "personal", "context": "context", "system": "system",
        "dial": "dial", "idle": "idle_seconds", "budget": "budget_seconds"}  # fmt: skip


def chat(found: Mapping[str, Any], config: ChatConfig = CHAT) -> ChatConfig:
    """Change the settings of a conversation to those that are found."""
    drawn = {name: found[name] for name in DRAWN if name in found}
    held = {field: found[name] for name, field in HELD.items() if name in found}
    return replace(config, **held, sampling=replace(config.sampling, **drawn))


def put(name: str, value: Value | None) -> None:
    """Set one key above all tables, or with None no more; the rest of the file stays as it is."""
    if value is not None:
        _checked(known(name), value)
    read()  # a broken file is not written over
    import tomlkit  # here: reading, which is all that a start does, goes without

    file = path()
    document = tomlkit.parse(file.read_text("utf-8") if file.exists() else "")
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(file.resolve(), tomlkit.dumps(document))
    file.chmod(0o600)
