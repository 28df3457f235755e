"""What people tell in another's name, guess or take back is not learned as about them."""

import time

import pytest
from test_privacy import founded, told

from mlxdyn.memory.privacy import masked
from mlxdyn.withheld.framed import forgets, strip_framed, strip_reported, takes_back

FRAMED = (
    "From the article: I live in Rome and my name is Giulia.",
    "In my story, my dog is called Rex.",
    "Just kidding!",
    "Maybe I live in Rome.",
    "In the story I'm writing the narrator says 'as a boy I wound clocks for my father'.",
    "I live on the moon. Just kidding!",
    "Translate to French: I live in Rome.",
    "translate I am a nurse into German",
    "Summarize: My name is Ann. I live in Rome.",
    "Suppose I have two dogs.",
    "What if I lived in Oslo?",
    "I live in Oslo, maybe.",
    "Here is an email: I work at Siemens.",
    "If I were a doctor I would live in Oslo.",
    "My cat is Fig, jk",
    "In meiner Geschichte heißt mein Hund Rex.",
    "Vielleicht ziehe ich nach Rom.",
    "Nur Spaß!",
    "Dans mon histoire, mon chien s'appelle Rex.",
    "Según el artículo, vivo en Roma.",
    "Es broma.",
    "Forse abito a Roma.",
    "Misschien woon ik in Rome.",
    "Subject: I live in Rome and my dog is called Rex.",
    "Q: Where do you live? A: I live in Rome.",
    "As the poem says, I live on a lonely hill.",
    "Review this cover letter: I have worked as a nurse in Leeds.",
    "Forget that my dog is called Rex.",
    "Please forget what I said about my sister.",
    "Vergiss, dass mein Hund Rex heißt.",
    "Oublie que mon chien s'appelle Rex.",
    "Olvida que mi perro se llama Rex.",
    "忘记我的狗叫雷克斯。",
    "我的故事里，我的狗叫雷克斯。",
    "开玩笑的",
    "Let's play a game. You are a dragon, I am a knight and my horse is called Thunder.",
    "You're the doctor and I'm the patient, my name is Ada.",
    "Act as my landlord: I live in flat 12.",
    "Is this sentence correct: My wife is called Olga.",
    "Could you please proofread this. I am a doctor.",
    "Don't remember that my boss is called Greg.",
    "Could you spell-check this? I am a baker and I lives in York.",
    "Improve this sentence. I am work in bank.",
    "Make this shorter: I am a nurse who works nights in a hospital in Leeds.",
    "For example, my name is John.",
    "Say my name is John, what would my initials be.",
    "Assuming I live in Rome, which bus do I take?",
    "I live in Rome (not true).",
    "I live in Rome. I take that back.",
    "Off the record, I live in Rome.",
    "Ignore what I said about my dog.",
    "Remove the fact that I live in Rome.",
    "I'd like you to forget where I live.",
    "Ignoriere, was ich über meinen Hund gesagt habe.",
    "Please erase what I told you about my job.",
    "Can you delete everything you know about my sister? She is called Anna.",
    "Unlearn that I live in Oslo.",
    "Merk dir nicht, dass mein Chef Greg heißt.",
    "From: anna@example.com\nTo: bob@example.com\nSubject: Hello\n\nI live in Lisbon.\n\nAnna",
    "Von: Anna\nBetreff: Hallo\n\nIch wohne in Köln.",
)
PLAIN = (
    "My favourite story is Momo.",
    "Don't forget that my dog is called Rex.",
    "Forget-me-nots grow in my garden.",
    "Vergiss bitte nicht, dass mein Hund Rex heißt.",
    "N'oublie pas que mon chien s'appelle Rex.",
    "As a nurse I work at night.",
    "I review books for the Herald.",
    "I'm writing a novel.",
    "sorry, typo: Iggy, not Ziggy",
    "For the record: I'm 6 foot 5.",
    "About me: I am a nurse.",
    "In my book club we read Momo.",
    "In my letter box I found a cat called Moe",
    "quit in a huff, long story, tuesdays are free again",
    "coming on saturday: Aunt Perpetue",
    "I'm not really hungry but my dog Rex is.",
    "I correct exams for a living.",
    "My brother plays chess; he's kidding all day",
    "Ich wohne im Haus am See.",
    "J'habite dans le Jura.",
    "Vivo en la calle Mayor.",
    "我住在罗马。",
    "As I said: I live in Rome.",
    "I told you: my dog is called Rex.",
    "You are right, I am a nurse.",
    "Don't remember if I told you, my dog is Rex.",
    "I play chess and my brother plays the lute.",
    "Can you remember this: my dog is called Rex.",
    "Name: Bob\nCity: Leeds",
    "From: Leeds\nNow: Oslo",
    "I deleted my account.",
    "My boss said no.",
    "I make this cake for a living.",
    "Say hello to my dog Rex.",
    "I ignore my neighbour.",
    "Is this the right time? I work nights.",
    "You're a good listener, I'm a nurse in Leeds.",
    "You're an assistant and I'm the owner of a bakery.",
    "Ignore my typos, I live in Ghent.",
)


@pytest.mark.parametrize("text", FRAMED)
def test_what_is_told_in_anothers_name_guessed_or_taken_back_is_left_out(text: str):
    assert not strip_framed(text).strip()
    ledger, memory = founded()
    (message,) = told(ledger, memory, text)
    hidden = masked(ledger, memory, [message])[message]
    assert not hidden.studied and hidden.quoted and hidden.text == text


REPORTED = (
    ("There is a song that goes: my name is Luka, I live on the second floor.", ""),
    ("Write a letter that begins with: Dear landlord, my name is Oscar.", ""),
    ("My friend wrote to me: I live in Boston. I have a cat.\n\nI am a nurse.", "I am a nurse."),
    ("I have a cat. She said: I live in Boston.", "I have a cat."),
    ("Sie sagte: ich wohne in Köln.", ""),
    ("Elle a dit : j'habite à Lyon.", ""),
    ("他说：我住在罗马。", ""),
    ('Tom wrote: "I live in Boston, my cat is Felix" and I am glad.', "Tom wrote: and I am glad."),
    ("As I said: I live in Rome.", "As I said: I live in Rome."),
)


@pytest.mark.parametrize(("text", "left"), REPORTED)
def test_what_another_says_after_a_colon_is_left_out(text: str, left: str):
    ledger, memory = founded()
    (message,) = told(ledger, memory, text)
    hidden = masked(ledger, memory, [message])[message]
    assert " ".join(hidden.learnable.split()) == left and hidden.quoted == (left != text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('What is this? {"name": "Kevin", "city": "Leeds"}', "What is this?"),
        ('I have a cat.\n{\n  "name": "Kevin"\n}', "I have a cat."),
        ("<p>My name is Olga and I live in Rome.</p>", ""),
        ('<div class="a"><b>I live in Rome.</b></div>\nI have a cat.', "I have a cat."),
        ("I <3 my cat", "I <3 my cat"),
        ("{I live in Rome}", "{I live in Rome}"),
    ],
)
def test_markup_and_data_are_nobodys_words(text: str, left: str):
    ledger, memory = founded()
    (message,) = told(ledger, memory, text)
    assert masked(ledger, memory, [message])[message].learnable.strip() == left


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_told_plainly_stays(text: str):
    assert strip_framed(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Text: I am a nurse.\n\nI live in Oslo.", "I live in Oslo."),
        ("I live in Oslo. Maybe I will move to Rome. My dog is Rex.", "Oslo. My dog is Rex."),
        ("My dog is Rex. In my story, he is called Zorro. He can fly.", "My dog is Rex."),
    ],
)
def test_what_stands_beside_it_stays(text: str, left: str):
    assert strip_framed(text).strip().endswith(left)
    assert "Rome" not in strip_framed(text) and "Zorro" not in strip_framed(text)


def test_what_the_assistant_says_is_no_frame():
    ledger, memory = founded()
    _, reply = told(ledger, memory, "Hello", "Maybe you live in Rome.")
    assert masked(ledger, memory, [reply])[reply].learnable == "Maybe you live in Rome."


def test_a_wish_to_forget_is_told_from_its_opposite():
    assert forgets("My dog is Rex. Please erase what I told you about my job.")
    assert forgets("Vergiss bitte, dass mein Hund Rex heißt.")
    assert not forgets("Don't forget that my dog is called Rex.")
    assert not forgets("I forget everything.")


def test_only_the_end_of_a_message_takes_it_back():
    assert takes_back("I was born on Mars, just kidding :)")
    assert not takes_back("Just kidding aside, I was born in Oslo.")


@pytest.mark.parametrize(
    "text",
    [
        "a ",
        "in my ",
        "maybe ",
        "。",
        "x",
        "wenn ich ",
        "text ",
        "said ",
        "said: ",
        "To: x\n",
        "can you ",
    ],
)
def test_a_long_text_takes_no_time(text: str):
    began = time.process_time()
    strip_framed(strip_reported(text * 20_000))
    assert time.process_time() - began < 5
