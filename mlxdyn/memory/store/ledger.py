"""The record of every message, example and update: the truth; knows no MLX."""

from contextlib import AbstractContextManager
from pathlib import Path

from mlxdyn.memory.store.conversations import Conversations
from mlxdyn.memory.store.database import Database
from mlxdyn.memory.store.events import Events
from mlxdyn.memory.store.examples import Examples
from mlxdyn.memory.store.memories import Memories
from mlxdyn.memory.store.messages import Messages
from mlxdyn.memory.store.past import Past
from mlxdyn.memory.store.secrets import Secrets


class Ledger:
    """All that is written of memories; every writing method of its stores is durable, or undone."""

    def __init__(self, path: Path | None, *, writable: bool = True) -> None:
        """Open or create the ledger at `path`, as `Database` does."""
        db = self.database = Database(path, writable=writable)
        self.memories, self.conversations = Memories(db), Conversations(db)
        self.messages, self.examples = Messages(db), Examples(db)
        self.events, self.past, self.secrets = Events(db), Past(db), Secrets(db)

    def transaction(self) -> AbstractContextManager[None]:
        """Make everything inside the block one durable step, or none of it; blocks may nest."""
        return self.database.transaction()

    def erase(self) -> None:
        """Leave no deleted text in the files."""
        self.database.erase()

    def close(self) -> None:
        self.database.close()
