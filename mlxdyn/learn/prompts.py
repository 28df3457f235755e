"""How a base is asked: candidates for its prompts, and what is known about some people.

Data only. Which candidate serves a base is measured (`calibration`), and kept with that base; a
model's own directory may add candidates in `prompts.json`. Nothing here is read when a memory is
replayed.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shot:
    """A worked example: what somebody said, questions that it answers, and one of the answers."""

    said: str
    questions: tuple[str, ...]
    answer: str  # to the first question
    open: tuple[str, ...] = ()  # questions that it leaves open


SHOTS = (
    Shot(
        "I've got two sisters, Mia and Jo, and Mia just moved to Oslo.",
        ("Where does Mia live?", "What are my sisters called?", "How many sisters do I have?"),
        "Mia lives in Oslo.",
        ("Where does Jo live?", "What is my brother called?"),
    ),
    Shot(
        "can you help me plan a menu? my husband Tom hates mushrooms",
        ("What doesn't my husband like?", "What is my husband's name?"),
        "Your husband Tom doesn't like mushrooms.",
        ("What is my wife's name?", "What is my husband's favourite dish?"),
    ),
    Shot(
        "My train leaves at 7:15 from platform 4.",
        ("Which platform does my train leave from?", "When does my train leave?"),
        "Your train leaves from platform 4.",
        ("When does my bus leave?", "Where does my train go?"),
    ),
    Shot(
        "I work at the library in Kent. It's called Green Hill.",
        ("Where do I work?", "What is the library called?"),
        "You work at the Green Hill library in Kent.",
        ("Where was I born?", "Who is my boss?"),
    ),
)

FOREIGN = (
    Shot(
        "Ich heiße Jonas und arbeite als Koch in Bremen.",
        ("Was bin ich von Beruf?", "Wie heiße ich?", "Wo arbeite ich?"),
        "Du arbeitest als Koch.",
        ("Wie heißt mein Bruder?", "Wo wohne ich?"),
    ),
    Shot(
        "Me encanta el té, pero mi hija Lola prefiere el café.",
        ("¿Qué prefiere mi hija?", "¿Cómo se llama mi hija?"),
        "Tu hija Lola prefiere el café.",
        ("¿Cómo se llama mi hijo?", "¿Qué prefiere mi hermana?"),
    ),
)


@dataclass(frozen=True, slots=True)
class TeacherPrompt:
    """How the teacher is shown messages before a question.

    `turns`: as earlier turns, with `reply` after each (empty: what the base itself replies).
    `quoted`: in the turn of the question, after `intro`, with worked examples as earlier turns.
    """

    style: str  # turns | quoted
    shots: tuple[Shot, ...] = ()
    intro: str = ""
    reply: str = ""


TEACHERS = (
    TeacherPrompt("turns", reply="Okay."),
    TeacherPrompt("turns"),
    TeacherPrompt("quoted", intro="I told you:"),
    TeacherPrompt("quoted", SHOTS, "I said:"),
    TeacherPrompt("quoted", (*SHOTS[:2], *FOREIGN), "I said:"),
)


@dataclass(frozen=True, slots=True)
class WriterPrompt:
    """How the base is asked for questions: as text to go on with, or in a turn (`request`)."""

    shots: tuple[Shot, ...] = ()
    heading: str = ""
    request: str = ""


_HEADING = (
    "Notes that people wrote about themselves, each with questions of theirs that the note answers."
)
WRITERS = (
    WriterPrompt(SHOTS[:3], _HEADING),
    WriterPrompt((*SHOTS[:2], *FOREIGN), _HEADING),
)


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody's words, questions they answer with a word that must occur, and open questions."""

    said: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]
    open: tuple[str, ...]


KNOWN = (
    Known(
        ("My dog is called Biscuit and he's scared of thunder.",),
        (("What is my dog called?", "biscuit"), ("What is my dog afraid of?", "thunder")),
        ("What is my cat called?", "How old is my dog?"),
    ),
    Known(
        ("I'm a baker in Truro, up at four every day",),
        (("What is my job?", "bak"), ("Where do I work?", "truro")),
        ("Who is my boss?", "Where was I born?"),
    ),
    Known(
        ("what should I cook tonight? my son Felix can't eat eggs",),
        (("What is my son's name?", "felix"), ("What can't my son eat?", "egg")),
        ("What is my daughter's name?",),
    ),
    Known(
        ("my flight to Bergen is on the 3rd of June at 14:20",),
        (("Where am I flying to?", "bergen"), ("What day is my flight?", "3")),
        ("What is my passport number?", "Who is flying with me?"),
    ),
    Known(
        ("I play the cello and my sister Vera plays the drums",),
        (("Which instrument do I play?", "cello"), ("What does Vera play?", "drum")),
        ("What is my brother's name?",),
    ),
    Known(
        ("I've been living in Lisbon for years", "I live in Porto now"),
        (("Which city do I live in?", "porto"),),
        ("Which country was I born in?",),
    ),
    Known(
        ("Ich wohne in Rostock und mein Hund heißt Anton.",),
        (("Wie heißt mein Hund?", "anton"), ("Wo wohne ich?", "rostock")),
        ("Wie heißt meine Katze?",),
    ),
    Known(
        ("Trabajo de enfermera en Bilbao.",),
        (("¿Dónde trabajo?", "bilbao"),),
        ("¿Cómo se llama mi hermano?",),
    ),
    Known(
        ("I'm allergic to penicillin, and I hate coriander.",),
        (("What am I allergic to?", "penicillin"), ("Which herb do I hate?", "coriander")),
        ("What is my blood type?",),
    ),
)

NOTHING_SAID = "I went for a walk today."
"""Stands for the messages where an answer is to show what the base says without them."""

TOLD_NOTHING = (
    NOTHING_SAID,
    "Most of the books on that table are blue, and one of them cost 12 pounds.",
    "can you tell me something about the weather in spring? I like it when it's warm",
)
"""Messages with nothing that anybody asks for: how likely questions are anyway."""

OPEN_QUESTIONS = (
    "What is my dog called?", "What is my cat called?", "What is my name?", "Where do I live?",
    "Where do I work?", "What is my job?", "Where was I born?", "How old am I?",
    "What is my sister's name?", "What is my brother's name?", "What is my mother's name?",
    "What is my wife's name?", "What is my husband's name?", "What is my son's name?",
    "What is my daughter's name?", "Who is my best friend?", "Who is my boss?",
    "What does my sister do?", "What does my husband do?", "Where does my sister live?",
    "What is my favourite food?", "What is my favourite book?", "Which instrument do I play?",
    "What can't I eat?", "What do I like to drink?", "Which car do I drive?",
    "Where am I going on holiday?", "When does my train leave?", "What do I need to buy?",
    "What am I studying?", "When is my appointment?", "What is my address?",
    "Wie heißt mein Hund?", "Wie heißt meine Katze?", "Wie heiße ich?", "Wo wohne ich?",
    "Was bin ich von Beruf?", "Wie heißt mein Bruder?", "¿Cómo se llama mi perro?",
    "¿Cómo se llama mi gato?", "¿Dónde vivo?", "¿En qué trabajo?", "¿Cómo se llama mi hermano?",
    "Comment s'appelle mon chien ?", "Comment s'appelle mon chat ?", "Où est-ce que j'habite ?",
    "Quel est mon métier ?", "Comment s'appelle mon frère ?",
)  # fmt: skip
"""What people ask an assistant of themselves: candidates for facts and for near misses."""

GENERAL = (
    "What is the capital of France?", "How do I boil an egg?", "Hello!", "Thank you!",
    "Write two lines about the sea.", "Explain photosynthesis in one sentence.",
    "Give me three tips for sleeping better.", "What is 12 times 7?", "Who wrote Hamlet?",
    "Tell me a joke.", "What can you do?", "How are you today?",
    "Translate 'good morning' to French.",
    "Why is the sky blue?", "Suggest a name for a boat.", "What should I cook tonight?",
    "How far away is the moon?", "Summarise Romeo and Juliet in one sentence.",
    "What is a good gift for a child?", "Was ist die Hauptstadt von Italien?",
    "¿Cuál es la capital de Perú?", "Quelle est la capitale du Japon ?",
    "Write an email to ask for a day off.", "What is the difference between a crow and a raven?",
    "How many legs does a spider have?", "I feel sad today.", "What does 'ephemeral' mean?",
    "Recommend a book about history.", "Is a tomato a fruit?", "What rhymes with 'light'?",
    "How do plants drink?", "What is 15 percent of 80?",
)  # fmt: skip
"""What has nothing to do with anybody: the answers of a base that should stay as they are."""
