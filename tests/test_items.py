"""Study items are read, checked, keyed and reworded without losing or inventing a fact."""
# ruff: noqa: E501  (a case is one line)

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxdyn.study import items
from mlxdyn.study.item import Item
from mlxdyn.study.items import (
    about,
    from_template,
    in_own_words,
    paraphrases,
    parse,
    prompt,
    retractions,
    strip_unlearnable,
    told_back,
)
from mlxdyn.study.question import wordings
from mlxdyn.study.statement import unread
from mlxdyn.study.topic import key
from mlxdyn_models import corpus
from mlxdyn_models.exchanges import Fact, ask, kinds, pick_facts, told
from mlxdyn_models.kinds import OWN
from mlxdyn_models.values import draw

DOG = Item("What is my dog called?", "Your dog is called Pixel.")
HOME = Item("Where do I live?", "You live in Porto.")


# reading


@pytest.mark.parametrize(
    "text",
    [
        "Q: What is my dog called?\nA: Your dog is called Pixel.\nQ: Where do I live?\nA: You live in Porto.",
        "1. **Q:** What is my dog called?\n   **A:** Your dog is called Pixel.\n2. **Q:** Where do I live?\n   **A:** You live in Porto.",
        "**Question 1:** What is my dog called?\n**Answer 1:** Your dog is called Pixel.\n\n**Question 2:** Where do I live?\n**Answer 2:** You live in Porto.",
        "Here are the cards:\n\n1) What is my dog called?\n   - Your dog is called Pixel.\n2) Where do I live?\n   - You live in Porto.",
        "- What is my dog called? Your dog is called Pixel.\n- Where do I live? — You live in Porto.",
        "Q: What is my dog called? A: Your dog is called Pixel.\nQ: Where do I live? A: You live in Porto.",
        "| Question | Answer |\n|---|---|\n| What is my dog called? | Your dog is called Pixel. |\n| Where do I live? | You live in Porto. |",
        '```json\n[{"question": "What is my dog called?", "answer": "Your dog is called Pixel."}, {"question": "Where do I live?", "answer": "You live in Porto."}]\n```',
        '{"items": [["What is my dog called?", "Your dog is called Pixel."], ["Where do I live?", "You live in Porto."]]}',
        '{"What is my dog called?": "Your dog is called Pixel.", "Where do I live?": "You live in Porto."}',
        '[{"q": "What is my dog called?", "a": "Your dog is called Pixel."}, {"q": "Where do I live?", "a": "You live in Porto."}, {"q": "Who is',
        "<think>Q: What is x?\nA: It is y.</think>Q: What is my dog called?\nA: Your dog is called Pixel.\nQ: Where do I live?\nA: You live in Porto.",
        "Q: What is the user's dog called?\nA: The user's dog is called Pixel.\nQ: Where does the user live?\nA: The user lives in Porto.",
        "Q: What is your dog called?\nA: My dog is called Pixel.\nQ: Where do you live?\nA: I live in Porto.",
        "Q: What is my dog called?\nA: Your dog is called Pixel.\nQ: Where do I live?\nA: You live in Porto.\nQ: What is my cat called?\nA: Your cat is cal",
    ],
)
def test_items_are_read_from_whatever_form_a_model_writes(text: str) -> None:
    assert parse(text) == [DOG, HOME]


@pytest.mark.parametrize(
    "text",
    ["", items.NOTHING, "Sure! I'd love to help.", "Q: What?\nA:", "[]", "It's a lot of fun!"],
)
def test_nothing_to_learn_is_no_item(text: str) -> None:
    assert parse(text) == []


def test_repetitions_echoes_placeholders_and_excess_are_left_out() -> None:
    pair = "Q: What is my dog called?\nA: Your dog is called Pixel.\n"
    echo = "Q: What is my dog called?\nA: Your dog.\n"
    hidden = "Q: What is my code?\nA: Your code is [secret].\n"
    assert parse(pair + pair.lower() + pair + echo + hidden) == [DOG]
    many = "".join(
        f"Q: What is my {i}th cat called?\nA: Your {i}th cat is called Tofu{i}.\n"
        for i in range(40)
    )
    assert len(parse(many)) == items.MOST


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from('QA:?.\n"[]{}\\, aWhy*1-|'), max_size=200))
def test_reading_never_fails_and_every_item_says_something(text: str) -> None:
    assert all(item.question and item.answer for item in parse(text))


def test_the_bundled_model_is_asked_as_it_was_trained() -> None:
    assert prompt("I like tea.") == f"{corpus.STUDY} I like tea."
    assert items.NOTHING == corpus.NOTHING
    long = prompt("I like tea.", trained=False)
    assert long.endswith("Message: I like tea.")
    assert len(parse(items.EXAMPLES)) == 4


# checking


@pytest.mark.parametrize(
    ("message", "question", "answer"),
    [
        ("My dog Pixel loves the beach.", "What is my dog called?", "Your dog's name is Pixel."),
        ("I have a dog. His name is Pixel.", "What is my dog called?", "Your dog is called Pixel."),
        ("I'm 34 and I work as a nurse.", "What is my job?", "You work as a nurse."),
        (
            "I would love to see Greece.",
            "What is my dream destination?",
            "You want to travel to Greece.",
        ),
        ("Did I tell you that my name is Ana?", "Who am I?", "Your name is Ana."),
        (
            "my girlfriends birthday is on may 3rd",
            "When is my girlfriend's birthday?",
            "Your girlfriend's birthday is on May 3rd.",
        ),
        (
            "The office closes at 5 on Fridays.",
            "When does the office close on Fridays?",
            "The office closes at 5 on Fridays.",
        ),
    ],
)
def test_an_item_the_message_supports_is_kept(message: str, question: str, answer: str) -> None:
    assert about(Item(question, answer), message)


@pytest.mark.parametrize(
    ("message", "question", "answer"),
    [
        ("My dog is called Pixel.", "What is my dog called?", "Your dog is called Rex."),
        ("My dog is called Pixel.", "What is my cat called?", "Your cat is called Pixel."),
        (
            "My dog is called Sir Barks Much Pixel.",
            "What is my dog called?",
            "Your dog is called Sir Barks Much Rex.",
        ),
        (
            "My dog Pixel loves the beach.",
            "What is my dog called?",
            "Your dog's name is Pixel loves.",
        ),
        (
            "My kitchen is grey and my door is white.",
            "What colour is my door?",
            "Your door is grey.",
        ),
        ("Should I call my dog Pixel?", "What is my dog called?", "Your dog is called Pixel."),
        ("Pixel is a phone by Google.", "What is my dog called?", "Your dog is called Pixel."),
        ("I moved from New York to Oslo.", "Where do I live?", "You live in New York."),
        ("I'm 34.", "How old am I?", "You are 43 years old."),
        (
            "What do I tend to prioritize most?",
            "What do I eat for breakfast?",
            "You eat prioritize most for breakfast.",
        ),
        ("I cooked paella yesterday.", "What did I cook today?", "You cooked paella."),
        ("I like tea.", "What do I like?", "You like."),
    ],
)
def test_an_invented_or_mixed_up_item_is_dropped(message: str, question: str, answer: str) -> None:
    assert not about(Item(question, answer), message)


def test_most_true_items_pass_and_few_false_ones() -> None:
    rng = random.Random(3)
    true, invented, swapped = [], [], []
    for _ in range(150):
        facts = pick_facts(rng, 2, unseen=True)
        message = told(rng, facts)[0][1]
        for fact, other in (facts, facts[::-1]):
            question, answer = ask(rng, fact.kind), fact.kind.answers[0]
            true.append(about(Item(question, fact.fill(answer)), message))
            new = Fact(fact.kind, draw(fact.kind.value, rng))
            if new.value.lower() not in message.lower():
                invented.append(about(Item(question, new.fill(answer)), message))
            swapped.append(
                about(Item(question, Fact(fact.kind, other.value).fill(answer)), message)
            )
    assert sum(true) > 0.9 * len(true)
    assert sum(invented) < 0.01 * len(invented)
    assert sum(swapped) < 0.25 * len(swapped)


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


def test_rewording_keeps_the_topic_and_the_answer() -> None:
    for kind, question in ((one, asked) for one in OWN for asked in one.asks):
        for told_again in paraphrases(Item(question, "So it is.")):
            assert told_again.answer == "So it is."
            assert told_again.question != question
            assert key(told_again.question) == key(question), (kind.name, told_again)
    asked = [item.question for item in paraphrases(HOME)]
    assert "Do you remember where I live?" in asked
    assert "Where do I live again?" in asked
    assert "Tell me my favourite colour." in [
        item.question for item in paraphrases(Item("What is my favourite colour?", "Teal."))
    ]


# templates


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
def test_common_statements_become_items_without_a_model(message: str, answer: str) -> None:
    found = [item for item in from_template(message) if item.answer == answer]
    assert 3 <= len(found) <= 5
    assert len({key(item.question) for item in found}) == 1
    assert len({item.question for item in found}) == len(found)
    assert "Rex" not in str(from_template(message)) or "Rex" in answer


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
        "my garage code is [secret]",
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
        "my [secret] is called Tom",
        'She said to me: "My name is Clara. I live in Oslo."',
        "Summarize this email:\n\nHi team,\nMy name is Clara.\nI live in Oslo.",
        "What is wrong here? ```\nmy name is Bob\n```",
        "Write a story: my name is Ada. I live in Rome.",
        "",
    ],
)
def test_templates_stay_silent_where_nothing_is_told(message: str) -> None:
    assert from_template(message) == []


@pytest.mark.parametrize(
    ("before", "message", "answer"),
    [
        ("I live in Rome.", "I no longer live in Rome.", "You no longer live in Rome."),
        ("I work as a nurse.", "I got laid off last week.", "You no longer have a job."),
        ("I'm a nurse.", "I retired last year.", "You no longer have a job."),
        ("I work at Google.", "I left my job at Google.", "You no longer work."),
        ("My wife is called Ada.", "We got divorced.", "You no longer have a wife."),
        ("I live in Rome.", "i dont live in Rome anymore", "You no longer live in Rome."),
        ("I'm a teacher.", "I am not a teacher any more.", "You are no longer a teacher."),
        (
            "I work at Shell.",
            "Sorry, I don't work at Shell any longer",
            "You no longer work at Shell.",
        ),
        (
            "My sister lives in Oslo.",
            "My sister doesn't live in Oslo any more.",
            "Your sister no longer lives in Oslo.",
        ),
        (
            "My sister lives in Oslo.",
            "My sister no longer lives in Oslo.",
            "Your sister no longer lives in Oslo.",
        ),
        (
            "My brother works at Shell.",
            "My brother no longer works at Shell.",
            "Your brother no longer works at Shell.",
        ),
        (
            "My favourite food is pizza.",
            "My favourite food isn't pizza any more.",
            "Your favourite food is no longer pizza.",
        ),
        ("My dog is called Rex.", "I don't have a dog any more.", "You no longer have a dog."),
        ("My dog is 5 years old.", "We no longer have a dog.", "You no longer have a dog."),
        ("My girlfriend is called Mia.", "We broke up.", "You no longer have a girlfriend."),
        ("My wife is called Mia.", "I got divorced from my wife.", "You no longer have a wife."),
        ("I drive a Volvo.", "I sold the car yesterday.", "You no longer have a car."),
        ("My car is red.", "I've sold my car to a friend.", "You no longer have a car."),
    ],
)
def test_a_retraction_answers_what_it_takes_back(before: str, message: str, answer: str) -> None:
    found = {key(item.question): item for item in retractions(message) if item.answer == answer}
    assert found.keys() >= {key(item.question) for item in from_template(before)}
    assert not any(item.answer == answer for item in from_template(message))
    assert not unread(message)


@pytest.mark.parametrize(
    "message",
    [
        "I don't know any more.",
        "I don't have time any more.",
        "I don't love you any more.",
        "I don't live in Rome.",
        "I live in Rome.",
        "Do you think I no longer live in Rome?",
        "He no longer lives here.",
        "We split the bill.",
        "I sold my soul.",
        "We broke up the road.",
        'She said: "I no longer live in Rome."',
        "I no longer live in Rome, I live in Paris.",
        "I live in Paris now, so I no longer live in Rome. I live in Paris.",
    ],
)
def test_what_is_not_taken_back_is_no_retraction(message: str) -> None:
    assert retractions(message) == []


def test_a_correction_takes_its_topic_from_the_message_before() -> None:
    for said in ("No, it's Max.", "Actually, Max", "Sorry, I meant Max!"):
        found = from_template(said, earlier="My dog is called Rex.")
        assert {item.answer for item in found} == {"Your dog is called Max."}
        assert {key(item.question) for item in found} == {key(DOG.question)}
    for said in (
        "No, thanks.", "Actually, never mind.", "Max is nice.", "Actually, tell me a joke",
        "No. Can you tell me a joke", "no, shorter", "Wait, can you explain", "Sorry to hear",
        "Actually it's raining", "Wait, it's Monday already", "Sorry, gotta go",
    ):  # fmt: skip
        assert from_template(said, earlier="My dog is called Rex.") == []


def test_rules_never_claim_what_nobody_told() -> None:
    rng = random.Random(5)
    for _ in range(150):
        facts = pick_facts(rng, 2, unseen=True)
        for item in from_template(told(rng, facts)[0][1]):
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
    found = wordings(asked)
    assert also in found and asked not in found
    assert {key(other) for other in found} == {key(asked)}


def test_what_a_rule_asks_is_one_topic_and_holds_for_every_kind_of_fact() -> None:
    """Most ways of telling, held-out values: the right answer, under the topic one asks by."""
    read = told = 0
    for fact in pick_facts(random.Random(11), 60, unseen=True):
        topics = {key(asked) for asked in fact.kind.asks}
        for tell in fact.kind.tells:
            found = from_template(fact.fill(tell))
            right = [i for i in found if fact.value.lower() in i.answer.lower()]
            told, read = told + 1, read + any(key(item.question) in topics for item in right)
    assert read > 0.85 * told


def test_only_what_no_rule_reads_is_left_to_the_model() -> None:
    assert not unread("My dog is called Rex. Nice weather, isn't it?")
    assert unread("My dog is called Rex, and I keep worrying about his paw.")


def test_a_switch_is_asked_for_from_both_sides() -> None:
    found = from_template("I'm switching from VS Code to Neovim to fit in.")
    assert {item.answer for item in found} == {"You switched from VS Code to Neovim."}
    before = told_back("I use VS Code for everything.")[0]
    assert key(before.question) in {key(item.question) for item in found}


def test_named_things_are_told_back_where_nothing_else_can_be_made() -> None:
    found = told_back("I use VS Code for everything and I'm on a MacBook. What about you, Bob?")
    assert Item("What did I say about VS Code?", "You use VS Code for everything.") in found
    assert not any("Bob" in item.question for item in found)
    for said in (
        "I am so tired of all this today.",
        "I told Anna that my password is [secret] for her GitHub login.",
        "Do you know that I live in Rome, near the Forum?",
        'My sister said to me "I live in Rome near Termini".',
        "Imagine my name is Bob and I live in Rome.",
        "Tell me 2 drinks for my guests, Wren.",
        "Please book me a table at Nobu.",
        "I want a story about a girl called Mina.",
    ):
        assert told_back(said) == []


def test_only_sentences_that_gave_no_item_are_told_back() -> None:
    """Else the correction of an item would leave what was told back as it was."""
    assert told_back("I moved from Rome to Oslo last year.") == []
    assert told_back("I work as a nurse in Leeds. I am a teacher in Rome now.") == []
    said = "I teach the piano in Leeds these days. By the way, we went to Ravenna by boat."
    assert told_back(said, [Item("Where do I teach?", "You teach in Leeds.")]) == [
        Item("What did I say about Ravenna?", "You went to Ravenna by boat."),
        Item("What do you know about Ravenna?", "You went to Ravenna by boat."),
    ]


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
    assert Item(asked, answer) in from_template(message)


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("My dog is called Pixel.", "No, she is German."),
        ("My dog is called Pixel.", "Sorry, it's 11:30."),
        ("My dog is called Pixel.", "Oh no, it's Christmas!"),
        ("My sister lives in Rome.", "No, she's Italian."),
    ],
)
def test_only_what_can_take_its_place_corrects_a_value(before: str, message: str) -> None:
    assert from_template(message, before) == []


@pytest.mark.parametrize(
    ("message", "asked", "answer"),
    [
        ("My sister is not called Anna.", "What is my sister's name?", "Your sister's name is Anna."),
        ("I don't think my sister lives in Rome.", "Where does my sister live?", "Your sister lives in Rome."),
        ("I turned down a job at Meta.", "Where do I work?", "You work at Meta."),
        ("I wish my dog was called Rex.", "What is my dog called?", "Your dog is called Rex."),
        ("My brother told me I was born in Rome.", "Where was I born?", "You were born in Rome."),
        ("My mom's favorite food is lasagna.", "What is my favorite food?", "Your favorite food is lasagna."),
    ],
)  # fmt: skip
def test_what_is_denied_or_unearnest_or_somebody_elses_is_no_item(
    message: str, asked: str, answer: str
) -> None:
    item = Item(asked, answer)
    assert not about(item, message) and not in_own_words(item, message)


def test_a_correction_reaches_whoever_was_named() -> None:
    found = from_template("No, it's Bergen.", "My sister Anna lives in Oslo.")
    asked = {item.question for item in found if item.answer == "Your sister Anna lives in Bergen."}
    assert {"Where does my sister live?", "Where does my sister Anna live?"} <= asked


def test_what_a_name_is_said_of_is_told_back() -> None:
    assert told_back("My daughter Emma started school today.")[0] == Item(
        "What did I say about Emma?", "Your daughter Emma started school today."
    )


def test_what_is_told_back_is_named_by_names() -> None:
    said = "I'm TAing for Prof. Zhang. We got 0.92 AUROC on Tox21 on January 30th."
    assert [item.question for item in told_back(said)][::2] == [
        "What did I say about TAing?",
        "What did I say about Prof. Zhang?",
        "What did I say about AUROC?",
        "What did I say about Tox21?",
    ]


# what is nobody's own words


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>They like tea.</think>Tea it is.", "Tea it is."),
        ("Tea. <think>unfinished", "Tea. "),
        ("opened by the template</think>\nTea it is.", "Tea it is."),
        ("<THINKING>x</THINKING>Tea", "Tea"),
        ("See:\n```tool_output\n42\n```\nSo 42.", "See:\n\nSo 42."),
        ('<tool_call>{"name": "f"}</tool_call>ok<tool_response>7</tool_response>', "ok"),
        ("<function_results>9</function_results>nine", "nine"),
        ("[TOOL_RESULTS] 3 [/TOOL_RESULTS]three", "three"),
        ("```python\nprint(1)\n```", "```python\nprint(1)\n```"),
        ("I think <b>this</b> is fine; think of it.", "I think <b>this</b> is fine; think of it."),
    ],
)
def test_thoughts_and_tool_output_are_taken_out_and_nothing_else(text: str, rest: str) -> None:
    assert strip_unlearnable(text) == rest


def test_every_function_takes_any_text() -> None:
    odd = ["", " ", "?", "no", "No,", "A: ", "\u2063", "my is ", "I'm", "what's?", "🙂 is my dog"]
    for one, other in product(odd, odd):
        item = Item(one, other)
        assert about(item, other) in (True, False)
        assert all(reworded.answer == other for reworded in paraphrases(item))
        assert all(found.question and found.answer for found in from_template(one, other))
        assert key(one + other) == key(one + other).strip()


WEDDING = Item("When was my wedding?", "Your wedding day is May 24.")


def test_what_is_learned_must_be_told_by_the_speaker() -> None:
    assert in_own_words(WEDDING, "I got married on May 24.")
    assert in_own_words(WEDDING, "Hello there. I got married on May 24.")
    assert not in_own_words(WEDDING, "I got married in June.")
    assert not in_own_words(Item("Where do I live?", "You live."), "I live in Rome.")


@pytest.mark.parametrize(
    "message",
    [
        "Translate 'I got married on May 24' into French.",
        "My friend said he got married on May 24.",
        "If I got married on May 24, what should I wear?",
        "Pretend I got married on May 24.",
        "The king got married on May 24.",
    ],
)
def test_what_others_say_or_nobody_means_is_not_the_speakers(message: str) -> None:
    assert not in_own_words(WEDDING, message)


@pytest.mark.parametrize("said", ["said: I", "says: I", 'wrote, "I', "told me: I"])
def test_a_quotation_is_not_about_the_user(said: str) -> None:
    assert not about(HOME, f"My friend {said} live in Porto.")
    assert about(HOME, "I said: I live in Porto.") and about(HOME, "Like I said, I live in Porto.")
