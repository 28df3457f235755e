"""Ledgers as the programs before this one left them, made with the schema of their time."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from mlxdyn.memory.store.migrations import MIGRATIONS
from mlxdyn.model.load import Model

EXAMPLES = 6
"""The first schema with examples; what was learned under an earlier one is learned anew."""
ADAPTER = {
    "adapt": "lora", "rank": 8, "scale": 1.0, "targets": "all", "layers": "all", "seed": 0,
}  # fmt: skip
STUDIES: dict[int, dict[str, Any]] = {  # the knobs that the programs of a schema stored
    2: {
        "optimizer": "adam", "learning_rate": 0.0015, "beta2": 0.99, "max_gradient_norm": 1.0,
        "shrink": 0.0, "steps": 12, "items": 8, "recalled": 48, "asks": 8, "near": 0.5, "talks": 2,
        "ask_weight": 1.0, "talk_weight": 1.0, "framed": 0.2, "pass_steps": 3, "most_steps": 600,
        "words": 64, "max_drift": 0.02, "max_divergence": 0.1, "backoff": [1.0, 0.25],
    },
    3: {
        "optimizer": "adam", "learning_rate": 0.002, "beta2": 0.99, "max_gradient_norm": 1.0,
        "decay": True, "shrink": 0.0, "steps": 24, "items": 8, "recalled": 48, "asks": 8,
        "near": 0.5, "talks": 1, "ask_weight": 3.0, "talk_weight": 1.0, "opening": 3.0,
        "framed": 0.3, "pass_steps": 5, "most_steps": 400, "words": 64, "max_drift": 0.06,
        "max_divergence": 1.0, "backoff": [1.0, 0.25],
    },
    EXAMPLES: {
        "optimizer": "adam", "learning_rate": 0.002, "beta2": 0.99, "max_gradient_norm": 1.0,
        "steps": 12, "new": 10, "replayed": 4, "held": 2, "recalled": 24, "pass_steps": 2,
        "most_steps": 200, "words": 64, "max_drift": 0.1, "backoff": [1.0, 0.25],
    },
}  # fmt: skip
STUDIES[7] = STUDIES[EXAMPLES]
STUDIES[4] = STUDIES[5] = STUDIES[3] | {"ask_weight": 4.0, "steps": 12, "amid": 0.5}
FIRST_LEARNER = {
    "optimizer": "adam0", "learning_rate": 1e-5, "beta2": 0.999, "eps": 1e-8,
    "max_gradient_norm": 1.0,
}  # fmt: skip
LEARNER = FIRST_LEARNER | {
    "decay": 0.0,
    "bias_correction": False,
    "shrink": 0.0,
    "momentum": 0.95,
    "damping": 0.1,
}
"""The knobs that memories have today; what came later was done so before there was the knob."""


class Former:
    """The ledger of memory "m" under an earlier schema, to be filled as its programs did."""

    def __init__(self, path: Path, model: Model, schema: int, name: str = "m") -> None:
        self.schema, self.path = schema, path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self.db = sqlite3.connect(path, isolation_level=None)
        if not self.db.execute("PRAGMA user_version").fetchone()[0]:
            self.db.executescript(";".join(MIGRATIONS[:schema]))
            self.db.execute(f"PRAGMA user_version = {schema}")
        knobs = json.dumps(FIRST_LEARNER if schema < 3 else LEARNER)
        row = {"adapter": json.dumps(ADAPTER), "learner": knobs}
        if schema > 1:
            row["study"] = json.dumps(STUDIES[schema])
        self.memory = self.insert(
            "memories", name=name, created="2026", model=str(model.path),
            fingerprint=model.fingerprint, **row,
        )  # fmt: skip
        self.chat = self.insert("conversations", memory=self.memory, created="2026")

    def close(self) -> None:
        self.db.close()

    def insert(self, table: str, **values: Any) -> int:
        holes = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({holes})"
        return int(self.db.execute(sql, tuple(values.values())).lastrowid or 0)

    def say(self, text: str, learning: str = "done", *, role: str = "user") -> int:
        uid = {"uid": f"{abs(hash(text)):016x}"[:16]} if self.schema > 1 else {}
        return self.insert(
            "messages", conversation=self.chat, role=role, text=text, created="2026",
            learning=learning, **uid,
        )  # fmt: skip

    def learned(self, message: int, *, accepted: bool = True, undone: bool = False) -> None:
        """Write down that a message was learned, in one chunk."""
        chunk = [[1], [5, 6], None]
        update: dict[str, Any] = {
            "tokens": 2, "nll_before": 3.0, "nll_after": 2.0, "gradient_norm": 1.0,
            "accepted": accepted, "reason": "" if accepted else "not finite",
        }  # fmt: skip
        if self.schema == 1:
            self.insert(
                "updates", memory=self.memory, message=message, time="2026",
                lesson=json.dumps(chunk), undone=undone, **update,
            )  # fmt: skip
            return
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
