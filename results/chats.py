"""Save the conversations of a benchmark as chats, which `--experiment history` reads."""

import json
import sys
from pathlib import Path

from mlxdyn.files import data_dir
from mlxdyn.memory.store.ledger import Ledger


def main(file: str) -> None:
    """Write them once; a home that has chats is left alone."""
    data_dir().mkdir(parents=True, exist_ok=True)
    ledger = Ledger(data_dir() / "mlxdyn.db")
    if not ledger.conversations.all(None):
        for person in json.loads(Path(file).read_text(encoding="utf-8")):
            for session in person["sessions"]:
                chat = ledger.conversations.add(None)
                for turn in session["turns"]:
                    ledger.messages.add(chat, turn["role"], turn["content"], "none")
    ledger.close()


if __name__ == "__main__":
    main(sys.argv[1])
