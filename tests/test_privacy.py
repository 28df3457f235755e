"""What was a secret once is masked in all later turns, in what is learned and in what is shown."""

from dataclasses import asdict

from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.memory.privacy import Masked, masked
from mlxdyn.memory.store.ledger import Ledger


def founded() -> tuple[Ledger, int]:
    ledger = Ledger(None)
    return ledger, found(ledger, "m")


def found(ledger: Ledger, name: str) -> int:
    recipe = (AdapterConfig(), LearnerConfig(), StudyConfig())
    return ledger.add_memory(name, "model", "print", *map(asdict, recipe)).id


def told(ledger: Ledger, memory: int, *turns: str) -> list[int]:
    """Save a conversation, user first."""
    chat = ledger.add_conversation(memory)
    roles = ("user", "assistant")
    return [
        ledger.add_message(chat, roles[place % 2], text, "none").id
        for place, text in enumerate(turns)
    ]


def texts(ledger: Ledger, memory: int, ids: list[int], *, personal: bool = False) -> list[str]:
    hidden = masked(ledger, memory, ids, personal=personal)
    return [hidden[message].text for message in ids]


def test_a_secret_is_masked_in_the_reply_that_repeats_it_and_ever_after() -> None:
    ledger, memory = founded()
    first = told(ledger, memory, "The alarm code is 5519.", "So 55 19 it is.", "5519, yes.")
    later = told(ledger, memory, "Is 5519 a good number?")
    assert texts(ledger, memory, first) == [
        "The alarm code is [secret].", "So [secret] it is.", "[secret], yes.",
    ]  # fmt: skip
    assert texts(ledger, memory, later) == ["Is [secret] a good number?"]


def test_what_was_said_before_a_secret_was_told_stays() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "I like otters.", "Otters are nice.", "My password is otters.")
    assert texts(ledger, memory, ids)[:2] == ["I like otters.", "Otters are nice."]


def test_a_label_in_one_message_tells_of_the_next_one_of_the_user() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "my password is", "Go on.", "otterpond", "I see.")
    assert texts(ledger, memory, ids) == ["my password is", "Go on.", "[secret]", "I see."]


def test_a_question_of_the_assistant_tells_of_the_answer() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "I can't get in.", "What is your PIN?", "4821")
    assert texts(ledger, memory, ids)[-1] == "[secret]"


def test_personal_numbers_stay_for_those_who_want_them() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "My phone number is 415 555 2671 and my pin is 5519.")
    assert texts(ledger, memory, ids) == ["My phone number is [secret] and my pin is [secret]."]
    assert texts(ledger, memory, ids, personal=True) == [
        "My phone number is 415 555 2671 and my pin is [secret]."
    ]


def test_a_secret_in_a_thought_is_known_and_its_thought_is_not_learned() -> None:
    ledger, memory = founded()
    thought = "<think>the gate code is 4821</think>Hello, 4821!"
    ids = told(ledger, memory, "Hi", thought)
    assert masked(ledger, memory, ids)[ids[1]] == Masked(
        "<think>the gate code is [secret]</think>Hello, [secret]!", "Hello, [secret]!", 1
    )


def test_nothing_of_another_memory_is_known() -> None:
    ledger, memory = founded()
    other = found(ledger, "n")
    told(ledger, other, "My password is otters.")
    ids = told(ledger, memory, "I like otters.")
    assert texts(ledger, memory, ids) == ["I like otters."]
