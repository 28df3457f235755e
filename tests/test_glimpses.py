"""A secret is masked in titles and in what a search finds, as wherever a message is shown."""

from dataclasses import replace

import pytest
from test_engine import GREEDY, Front
from test_privacy import founded, told

from mlxdyn.engine import talks
from mlxdyn.engine.events import Chats, Opened, Replied, SearchResult
from mlxdyn.memory.privacy import Glimpses
from mlxdyn.withheld import redact

SECRET = "hunter2secretQ9"


@pytest.fixture
def front():
    fronts = []

    def start(options) -> Front:
        fronts.append(one := Front(options))
        one.until(Opened)
        return one

    yield start
    for one in fronts:
        one.close()


def test_titles_and_hits_show_no_secret(front):
    one = front(replace(GREEDY, chat=replace(GREEDY.chat, learn="off")))
    for text in (f"My password is {SECRET}", f"Is {SECRET} a good one? {'I walk. ' * 200}"):
        one.engine.send(text)
        one.until(Replied)
        one.engine.open(talks.new)
        one.until(Opened)
    one.engine.ask(talks.listed)
    titles = [chat.title for chat in one.until(Chats).chats]
    one.engine.ask(talks.search, "is")
    found = one.until(SearchResult).hits
    shown = [*titles, *(hit.title for hit in found), *(hit.text for hit in found)]
    assert len(titles) == 2 and len(found) >= 2
    assert not any(SECRET[:9] in text for text in shown)
    assert all(any(redact.PLACEHOLDER in text for text in part) for part in (titles, shown))


def test_what_was_looked_at_is_not_looked_at_again(monkeypatch):
    ledger, memory = founded()
    told(ledger, memory, "The alarm code is 5519.", "Yes.")
    glimpses, looked = Glimpses(), []
    find = redact.find
    monkeypatch.setattr(
        "mlxdyn.memory.privacy.find", lambda text, **how: looked.append(text) or find(text, **how)
    )
    for _ in range(2):
        glimpses.read(ledger, memory, personal=False)
        assert glimpses.shown("Is 5519 a number?", personal=False) == "Is [secret] a number?"
    assert len(looked) == 3
    told(ledger, memory, "The gate code is 7734.")
    glimpses.read(ledger, memory, personal=False)
    assert glimpses.shown("7734?", personal=False) == "[secret]?" and len(looked) == 5
