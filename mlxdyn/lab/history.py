"""The saved chats of this machine's owner as documents; they never leave the machine."""

from collections.abc import Iterator

from mlxdyn.lab.tasks import Document
from mlxdyn.memory.store.ledger import Ledger


def documents(ledger: Ledger) -> Iterator[Document]:
    """Yield what the owner wrote in each saved chat, oldest chat first, a message a paragraph.

    Replies and system text are left out, as the chat does not learn them by default. There is no
    hash: of a short message it could betray the words to whoever is given the report.
    """
    owners = [None, *(memory.id for memory in ledger.memories.all())]
    chats = (chat for owner in owners for chat in ledger.conversations.all(owner))
    for chat in sorted(chats, key=lambda chat: chat.id):
        said = [m.text for m in ledger.messages.of(chat.id) if m.role == "user" and m.text.strip()]
        if said:
            text = "\n\n".join(said)
            yield Document(f"chat {chat.id}", text, "", len(text.encode()))
