"""Ledgers as the programs before this one left them, made with the schema of their time."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from mlxdyn.memory.store.database import migrate
from mlxdyn.memory.store.migrations import OLDEST
from mlxdyn.model.load import Model

ADAPTER = {
    "adapt": "lora", "rank": 8, "scale": 1.0, "targets": "all", "layers": "all", "seed": 0,
}  # fmt: skip
LEARNER = {
    "optimizer": "adam0", "learning_rate": 1e-5, "beta2": 0.999, "eps": 1e-8,
    "max_gradient_norm": 1.0, "decay": 0.0, "bias_correction": False, "shrink": 0.0,
    "momentum": 0.95, "damping": 0.1,
}  # fmt: skip
STUDY = {
    "optimizer": "adam", "learning_rate": 0.002, "beta2": 0.99, "max_gradient_norm": 1.0,
    "steps": 12, "new": 10, "replayed": 4, "held": 2, "recalled": 24, "pass_steps": 2,
    "most_steps": 200, "words": 64, "max_drift": 0.1, "backoff": [1.0, 0.25],
}  # fmt: skip
ROUNDS = {"rounds": 1, "learned": 0.0}  # since schema 8
LIGHTER = {"lighter": 0.0}  # since schema 10
"""The knobs that memories have today; what comes later was done so before there was the knob."""
ITEMS_STUDY = {"steps": 12, "items": 8, "amid": 0.5}  # some of the oldest schema's


def _study(schema: int) -> dict[str, object]:
    return (LIGHTER if schema >= 10 else {}) | (ROUNDS if schema >= 8 else {}) | STUDY


class Former:
    """The ledger of memory "m" under an earlier schema, to be filled as its programs did."""

    def __init__(self, path: Path, model: Model, schema: int = OLDEST, name: str = "m") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.db = sqlite3.connect(path, isolation_level=None)
        if not self.db.execute("PRAGMA user_version").fetchone()[0]:
            migrate(self.db, 0, schema)
        self.memory = self.insert(
            "memories", name=name, created="2026", model=str(model.path),
            fingerprint=model.fingerprint, adapter=json.dumps(ADAPTER), learner=json.dumps(LEARNER),
            study=json.dumps(
                ITEMS_STUDY if schema == OLDEST else _study(schema)
            ),
        )  # fmt: skip
        self.chat = self.insert("conversations", memory=self.memory, created="2026")

    def close(self) -> None:
        self.db.close()

    def insert(self, table: str, **values: Any) -> int:
        holes = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({holes})"
        return int(self.db.execute(sql, tuple(values.values())).lastrowid or 0)

    def say(self, text: str, learning: str = "done", *, role: str = "user") -> int:
        return self.insert(
            "messages", conversation=self.chat, role=role, text=text, created="2026",
            learning=learning, uid=f"{abs(hash(text)):016x}"[:16],
        )  # fmt: skip

    def learned(self, message: int, *, accepted: bool = True, undone: bool = False) -> None:
        """Write down that a message was learned, in one chunk."""
        chunk = [[1], [5, 6], None]
        update: dict[str, Any] = {
            "tokens": 2, "nll_before": 3.0, "nll_after": 2.0, "gradient_norm": 1.0,
            "accepted": accepted, "reason": "" if accepted else "not finite",
        }  # fmt: skip
        found = self.db.execute("SELECT coalesce(max(position), 0) + 1 FROM events").fetchone()
        event = self.insert(
            "events", memory=self.memory, position=found[0], kind="message", message=message,
            time="2026", chunks=json.dumps([chunk]), steps=1, guarded=0, accepted=accepted,
            reason=update["reason"], undone=undone,
        )  # fmt: skip
        self.insert("updates", event=event, kind="words", steps=1, rate=1.0, **update)

    def item(self, message: int, question: str, answer: str, source: str) -> None:
        self.insert("items", message=message, question=question, answer=answer, source=source)

    def snapshot(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"weights of an earlier version")
        self.insert("snapshots", memory=self.memory, upto=1, file=file.name, sha256="0" * 64)
