"""Messages are read and questions reworded by rule without losing or inventing a fact."""
# ruff: noqa: E501  (a case is one line)

import random
from itertools import product

import pytest

from models.recipe.exchanges import kinds, pick_facts, told
from models.recipe.grammar.item import Item
from models.recipe.grammar.question import rewordings
from models.recipe.grammar.statement import items
from models.recipe.grammar.topic import key
from models.recipe.kinds import OWN

# keys


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is my dog called?", "What's my dog's name?", True),
        ("Who is my sister?", "Do you remember what my sister is called?", True),
        ("Do you know where I live?", "Which city do I live in?", True),
        ("What's my home town?", "Where do I live?", True),
        ("What do I do for a living?", "Tell me my job.", True),
        ("How old am I?", "What's my age?", True),
        ("When was I born?", "Remind me, when is my birthday?", True),
        ("What is my favourite colour?", "Which color do I like best?", True),
        ("Where are my keys?", "Where did I put my keys?", True),
        ("I forgot my project. What is it?", "Could you remind me of my project?", True),
        ("What is my dog called?", "What is my cat called?", False),
        ("What is my dog called?", "How old is my dog?", False),
        ("What is your name?", "What is my name?", False),
        ("Where do I live?", "Where does my sister live?", False),
        ("Where do I live?", "Where do I work?", False),
        ("What is my job?", "Where do I work?", False),
        ("When is my exam?", "Where is my exam?", False),
        ("What is my sister called?", "What is my sister's dog called?", False),
        ("What is my favourite food?", "What is my least favourite food?", False),
        ("What did I eat on Monday?", "What will I eat on Monday?", False),
        ("What colour is my car?", "What is my car?", False),
    ],
)
def test_a_key_names_the_topic_and_not_the_wording(one: str, other: str, same: bool) -> None:
    assert (key(one) == key(other)) is same


def test_kinds_of_facts_keep_one_key_each_and_never_share_it() -> None:
    some = [*OWN, *kinds()[::3]]
    keys = {kind.name: {key(question) for question in kind.asks} for kind in some}
    assert sum(len(found) == 1 for found in keys.values()) > 0.95 * len(keys)
    owners: dict[str, set[str]] = {}
    for kind in some:
        for found in keys[kind.name]:
            owners.setdefault(found, set()).add(kind.topic.replace("password", "code"))
    shared = [found for found, topics in owners.items() if len(topics) > 1]
    assert len(shared) < 0.005 * len(owners), shared


def test_rewording_keeps_the_topic() -> None:
    for kind, question in ((one, asked) for one in OWN for asked in one.asks):
        for other in rewordings(question):
            assert other != question
            assert key(other) == key(question), (kind.name, other)
    asked = rewordings("Where do I live?")
    assert "Do you remember where I live?" in asked
    assert "Where do I live again?" in asked
    assert "Tell me my favourite colour." in rewordings("What is my favourite colour?")


# statements


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("My dog is called Pixel.", "Your dog is called Pixel."),
        ("my cat is called tofu", "Your cat is called tofu."),
        ("We named our puppy Biscuit!", "Your puppy is called Biscuit."),
        ("I have a dog and his name is Rex.", "Your dog is called Rex."),
        ("Hi, I'm Sarah Chen.", "Your name is Sarah Chen."),
        ("you can call me Bo", "Your name is Bo."),
        ("By the way, I am 34 years old.", "You are 34 years old."),
        ("I moved from New York to San Francisco last month.", "You live in San Francisco."),
        ("i live in Porto now", "You live in Porto."),
        ("I work as a nurse at St. Mary", "You work as a nurse."),
        ("I'm a software engineer.", "You are a software engineer."),
        ("I work at Fox Studio.", "You work at Fox Studio."),
        ("my favorite food is ramen lol", "Your favourite food is ramen."),
        ("my girlfriends birthday is on may 3rd", "Your girlfriend's birthday is on may 3rd."),
        ("I'm allergic to peanuts, please remember.", "You are allergic to peanuts."),
        ("I love my sister's cooking.", "You love your sister's cooking."),
        ("I love hiking and hate mushrooms.", "You hate mushrooms."),
        ("Did I tell you that my brother works at Mill Cafe?", "Your brother works at Mill Cafe."),
        ("I have two kids.", "You have two kids."),
        ("My keys are in the drawer.", "Your keys are in the drawer."),
        ("My exam is on Friday.", "Your exam is on Friday."),
        ("My burnt toast is black.", "Your burnt toast is black."),
        ("My lawyer is J. R. Smith. He is nice.", "Your lawyer is called J. R. Smith."),
        ("My advisor is Prof. Lisa Zhang.", "Your advisor is Prof. Lisa Zhang."),
        ("I'm a data engineer at a bank in Leeds.", "You are a data engineer at a bank in Leeds."),
        (
            "Yes! Also I just got promoted to Staff Engineer!",
            "You were promoted to Staff Engineer.",
        ),
        ("Big news — I accepted an offer at Mill Cafe!", "Your new job is at Mill Cafe."),
        ("I mostly use PyTorch for my models.", "You use PyTorch for models."),
        ("I have a big exam on June 3rd and I worry.", "Your exam is on June 3rd."),
        ("Deadline is June 15th.", "Your deadline is on June 15th."),
        ("My mother is 70.", "Your mother is 70 years old."),
        ("My daughter turned 7 yesterday!", "Your daughter is 7 years old."),
        ("Our baby is 6 weeks old.", "Your baby is 6 weeks old."),
        ("My father is an engineer at Siemens.", "Your father is an engineer at Siemens."),
        ("My wife is German.", "Your wife is German."),
        ("My boss is Brian.", "Your boss is called Brian."),
        ("I've got a cat called Luna and she's black", "Your cat is called Luna."),
        (
            "my girlfriend's name is Sara and shes allergic to cats",
            "Your girlfriend is called Sara.",
        ),
        ("my name is ada lovelace", "Your name is ada lovelace."),
        ("If you must know, my name is Ana.", "Your name is Ana."),
        ("I'm Julian.", "Your name is Julian."),
        ("I'm German.", "You are German."),
        ("My dog is called Rex. No, it's Brian.", "Your dog is called Brian."),
        ("Now I live in Madrid.", "You live in Madrid."),
        ("I used to live in Berlin but now I live in Madrid.", "You live in Madrid."),
        ("My grandma died on Friday.", "Your grandma died on Friday."),
        ("my train leaves at 5", "Your train leaves at 5."),
        ("our anniversary is on May 5th", "Your anniversary is on May 5th."),
        ("yoga class on Tuesday", "Your yoga class is on Tuesday."),
        ("My boss is Karen.", "Your boss is called Karen."),
        ("My dog is a golden retriever.", "Your dog is a golden retriever."),
        ("My cat passed away last week.", "Your cat passed away last week."),
        ("My phone is a Pixel 8.", "Your phone is a Pixel 8."),
        ("My parents live in Spain.", "Your parents live in Spain."),
        ("My grandparents are from Poland.", "Your grandparents are from Poland."),
        ("I have three kids: Tom, Eva and Max.", "Your kids are called Tom, Eva and Max."),
        ("I have a dog named Fig and a cat named Luna.", "Your cat is called Luna."),
        ("I moved to Berlin three years ago and started a band.", "You live in Berlin."),
        ("My sister moved to Rome and met a man.", "Your sister lives in Rome."),
        ("I'm moving to Paris next month.", "You are moving to Paris next month."),
        ("I quit my job and moved to Rome.", "You live in Rome."),
        ("I grew up in Kansas.", "You grew up in Kansas."),
        ("I was born in 1990.", "You were born in 1990."),
        ("I live with my mother.", "You live with your mother."),
        ("I'm divorced.", "You are divorced."),
        ("I'm married to Paul.", "You are married to Paul."),
        ("I got married in 2019.", "You got married in 2019."),
        ("I don't have any siblings.", "You have no siblings."),
        ("I am a vegetarian.", "You are vegetarian."),
        ("I can no longer eat nuts.", "You can no longer eat nuts."),
        ("I never drink alcohol.", "You never drink alcohol."),
        ("I have asthma.", "You have asthma."),
        ("I was diagnosed with celiac disease last year.", "You have celiac disease."),
        ("I take metformin every morning.", "You take metformin every morning."),
        ("I go to the gym on Tuesdays.", "You go to the gym on Tuesdays."),
        ("I'm currently reading War and Peace.", "You are reading War and Peace."),
        ("I'm writing a novel about bees.", "You are writing a novel about bees."),
        ("I want to learn how to cook.", "You want to learn to cook."),
        ("I weigh 80 kg.", "You weigh 80 kg."),
        ("I'm 180 cm tall.", "You are 180 cm tall."),
        ("I usually go to bed at 11.", "You go to bed at 11."),
        ("I study at MIT.", "You study at MIT."),
        ("My dog is called Rex. Actually, it's Max.", "Your dog is called Max."),
        ("My dog is called Rex. No, sorry, my dog is called Max.", "Your dog is called Max."),
    ],
)
def test_common_statements_become_items(message: str, answer: str) -> None:
    found = [item for item in items(message) if item.answer == answer]
    assert 3 <= len(found) <= 5
    assert len({key(item.question) for item in found}) == 1
    assert len({item.question for item in found}) == len(found)
    assert "Rex" not in str(items(message)) or "Rex" in answer


@pytest.mark.parametrize(
    "message",
    [
        "My head is killing me.",
        "I'm a bit tired.",
        "I like that a lot.",
        "I love you",
        "Is my dog called Pixel?",
        "Can you help me with my essay?",
        "No, thanks.",
        "No, it's Max.",
        "I would like a coffee.",
        "My name is [your name].",
        "I like both of those.",
        "My dog isn't called Rex.",
        "My dog isnt called Rex",
        "My parents dont know is Oslo",
        "I no longer live in Rome.",
        "I can't stand up.",
        "Nothing scares me.",
        "I collect nothing.",
        "I'M TIRED",
        "I'm Sorry",
        "Call me later",
        "Nothing here",
        "My husband said my sister lives in Rome.",
        "My sister told me she lives in Rome now.",
        "When I was small my dog was called Rex",
        "I called my sister yesterday",
        "I called my mom on Sunday",
        "I called my boss an idiot",
        "I named my daughter after my mother",
        "I called my friend Anna",
        "No school on Monday",
        "Set an alarm at 7",
        "Good luck on Friday",
        "Meeting Anna on Friday",
        "My sister arrives on Monday",
        "My boss is Catholic.",
        "My doctor is OK.",
        "My brother is a terrible driver.",
        "My mother is 5 minutes late.",
        "My wife is pregnant.",
        "My dog is a good boy.",
        "My phone is a mess.",
        "We're moving to a new office.",
        "I can't eat another bite.",
        "I don't eat at restaurants.",
        "I have no idea.",
        "I suffer from my boss.",
        "If I get a dog, my dog is called Rex.",
        "Here's what my colleague wrote:\nHi all, my name is Erik and I live in Oslo.",
        "Here is my cover letter:\n\nMy name is Jane Doe and I work at Acme.",
        "From: Bob\nI live in Paris. My cat is called Miau.",
        "I'm playing a character. My name is Gandalf. I live in Rome.",
        "Let's role play. My name is Sam.",
        "Act as if you were my doctor. I am 50 years old.",
        "In the game I'm 34 and I work as a wizard",
        "I add",
        "I take the bus every day.",
        "I have to work every weekend.",
        "I go crazy every time.",
        "I'm working on it.",
        "I'm working on a Saturday.",
        "I'm writing an email to my boss.",
        "I'd like to learn what this error means.",
        "I weigh my options.",
        "I live with anxiety.",
        "I grew up in the 80s.",
        "I'm getting married on Saturday.",
        "I am getting married to the idea.",
        "I'm engaged in a project.",
        "I am single-handedly building this.",
        "My kids live in their rooms.",
        "If I quit my job, would it matter?",
        "My name is hard to spell",
        "I live in fear.",
        "I moved in with my boyfriend.",
        "I work for free.",
        "I'm a bad driver.",
        "My birthday is tomorrow.",
        "My address was 5 Elm Street.",
        "the war is on Monday",
        "Today is my birthday.",
        "I was born on a farm.",
        "I moved from the couch to the bed.",
        "I took a position at the window.",
        "I got a job from my uncle.",
        "I'm a driver in need of coffee.",
        "I use it for now.",
        "I have an idea on this.",
        "Is my sister Anna coming today",
        "My meeting is called off.",
        "I made a joke.",
        'She said to me: "My name is Clara. I live in Oslo."',
        "Summarize this email:\n\nHi team,\nMy name is Clara.\nI live in Oslo.",
        "What is wrong here? ```\nmy name is Bob\n```",
        "Write a story: my name is Ada. I live in Rome.",
        "",
    ],
)
def test_rules_stay_silent_where_nothing_is_told(message: str) -> None:
    assert items(message) == []


def test_a_correction_takes_its_topic_from_the_statement_before() -> None:
    for said in ("No, it's Max.", "Actually, Max", "Sorry, I meant Max!"):
        found = items(f"My dog is called Rex. {said}")
        assert {item.answer for item in found} == {"Your dog is called Max."}
        assert {key(item.question) for item in found} == {key("What is my dog called?")}
    for said in (
        "No, thanks.", "Actually, never mind.", "Max is nice.", "Actually, tell me a joke",
        "No. Can you tell me a joke", "no, shorter", "Wait, can you explain", "Sorry to hear",
        "Actually it's raining", "Wait, it's Monday already", "Sorry, gotta go",
        "No, she is German.", "Sorry, it's 11:30.", "Oh no, it's Christmas!",
    ):  # fmt: skip
        found = items(f"My dog is called Rex. {said}")
        assert {item.answer for item in found} == {"Your dog is called Rex."}


def test_rules_never_claim_what_nobody_told() -> None:
    rng = random.Random(5)
    for _ in range(150):
        facts = pick_facts(rng, 2, unseen=True)
        for item in items(told(rng, facts)[0][1]):
            assert any(fact.value.lower() in item.answer.lower() for fact in facts), item


@pytest.mark.parametrize(
    ("asked", "also"),
    [
        ("What does my aunt do for a living?", "Do you know what my aunt does for a living?"),
        ("Do you know who I met last month?", "Who did I meet last month?"),
        ("What did I cook two days ago?", "Two days ago, what did I cook?"),
        ("Can you tell me where my keys are?", "Where are my keys?"),
        ("Where do I keep my keys?", "I forgot where I keep my keys."),
        ("Tell me my name.", "What is my name?"),
        ("Which language does my uncle speak?", "Do you remember which language my uncle speaks?"),
        ("What will I buy tomorrow?", "Can you tell me what I will buy tomorrow?"),
    ],
)
def test_a_question_has_other_words_and_one_topic(asked: str, also: str) -> None:
    found = rewordings(asked)
    assert also in found and asked not in found
    assert {key(other) for other in found} == {key(asked)}


def test_what_a_rule_asks_is_one_topic_and_holds_for_every_kind_of_fact() -> None:
    """Most ways of telling, held-out values: the right answer, under the topic one asks by."""
    read = told = 0
    for fact in pick_facts(random.Random(11), 60, unseen=True):
        topics = {key(asked) for asked in fact.kind.asks}
        for tell in fact.kind.tells:
            found = items(fact.fill(tell))
            right = [i for i in found if fact.value.lower() in i.answer.lower()]
            told, read = told + 1, read + any(key(item.question) in topics for item in right)
    assert read > 0.85 * told


@pytest.mark.parametrize(
    ("message", "asked", "answer"),
    [
        ("My sister Anna lives in Oslo.", "Where does my sister live?", "Your sister Anna lives in Oslo."),
        ("My sister Anna lives in Oslo.", "Where does my sister Anna live?", "Your sister Anna lives in Oslo."),
        ("My sister Anna lives in Oslo.", "What is my sister called?", "Your sister is called Anna."),
        ("My boss Karen's birthday is on 3 May.", "When is my boss's birthday?", "Your boss Karen's birthday is on 3 May."),
        ("My cat Luna loves to eat tuna.", "What does my cat love to eat?", "Your cat Luna loves to eat tuna."),
        ("My cat Luna loves to eat tuna.", "What is my cat called?", "Your cat is called Luna."),
        ("My aunt Rosa's dog is called Rex.", "What is my aunt's dog called?", "Your aunt Rosa's dog is called Rex."),
        ("My brother-in-law Jim works at NASA.", "Where does my brother-in-law work?", "Your brother-in-law Jim works at NASA."),
        ("My sister now lives in Oslo.", "Where does my sister live?", "Your sister lives in Oslo."),
    ],
)  # fmt: skip
def test_who_is_named_is_asked_for_by_relation_too(message: str, asked: str, answer: str) -> None:
    assert Item(asked, answer) in items(message)


def test_a_correction_reaches_whoever_was_named() -> None:
    found = items("My sister Anna lives in Oslo. No, it's Bergen.")
    asked = {item.question for item in found if item.answer == "Your sister Anna lives in Bergen."}
    assert {"Where does my sister live?", "Where does my sister Anna live?"} <= asked


def test_every_function_takes_any_text() -> None:
    odd = ["", " ", "?", "no", "No,", "A: ", "\u2063", "my is ", "I'm", "what's?", "🙂 is my dog"]
    for one, other in product(odd, odd):
        assert all(found.question and found.answer for found in items(f"{one} {other}"))
        assert all(rewordings(one + other))
        assert key(one + other) == key(one + other).strip()
