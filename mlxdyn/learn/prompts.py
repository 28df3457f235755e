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
class Interview:
    """How a message is read as what somebody told who was asked a question."""

    shots: tuple[Shot, ...]
    heading: str


_INTERVIEW = "People were asked about themselves, and each told this."
INTERVIEWS = (
    Interview(SHOTS[:3], _INTERVIEW),
    Interview((*SHOTS[:2], *FOREIGN), _INTERVIEW),
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
    "What is my name?", "What is my surname?", "How old am I?", "When is my birthday?",
    "Where was I born?", "Where do I live?", "Which city do I live in now?",
    "Where did I grow up?", "Which country am I from?", "What is my address?",
    "Which languages do I speak?", "How tall am I?", "Who do I live with?",
    "What is my flat number?", "Who is my landlord?", "How much rent do I pay?",
    "What kind of house do I live in?", "Where am I moving to?", "Who is my neighbour?",
    "Who is my flatmate?", "What is my job?", "What do I do for a living?", "Where do I work?",
    "Who do I work for?", "Who is my boss?", "Who is my manager?", "When do I start work?",
    "Which shifts do I work?", "What am I working on?", "What was my last job?",
    "Who are my colleagues?", "What is my company called?", "What am I studying?",
    "Which school do I go to?", "What do I teach?", "Which exam am I taking?",
    "Who is my teacher?", "What am I learning?", "When is my exam?", "What is my wife's name?",
    "What is my husband's name?", "What is my partner's name?", "What is my girlfriend's name?",
    "What is my boyfriend's name?", "What is my sister's name?", "What is my brother's name?",
    "What is my mother's name?", "What is my father's name?", "What is my son's name?",
    "What is my daughter's name?", "What is my grandmother's name?",
    "What is my grandfather's name?", "What are my children called?", "What is my baby called?",
    "What are my nephews called?", "What is my niece called?", "What is my uncle called?",
    "What is my cousin called?", "How many children do I have?", "How many siblings do I have?",
    "How old is my son?", "How old is my daughter?", "What does my wife do?",
    "What does my husband do?", "What does my partner do?", "What does my sister do?",
    "What does my brother do?", "What does my mother do?", "What does my father do?",
    "What does my son do?", "What does my daughter do?", "Where does my sister live?",
    "Where does my brother live?", "Where do my parents live?", "Where does my son live?",
    "Where does my daughter live?", "When did I get married?", "When is the wedding?",
    "Am I married?", "Who is my best friend?", "Who is my friend?", "Who am I meeting?",
    "Who is coming to visit?", "Who gave it to me?", "Which pets do I have?",
    "What is my dog called?", "What is my cat called?", "What is my horse called?",
    "What is my rabbit called?", "How many cats do I have?", "What colour is my cat?",
    "How old is my dog?", "What breed is my dog?", "What is my dog afraid of?",
    "What am I allergic to?", "What can't I eat?", "What don't I eat?", "What can't my son eat?",
    "What can't my wife eat?", "What can't my husband eat?",
    "What is my favourite food?", "What do I like to eat?",
    "What do I like to drink?", "How do I take my coffee?", "What did I have for breakfast?",
    "Do I eat meat?", "Do I smoke?", "Do I drink alcohol?", "Who is my doctor?",
    "Who is my dentist?", "Which medicine do I take?", "What hurts?", "When is my appointment?",
    "When was my operation?", "What is wrong with my health?", "Which instrument do I play?",
    "Which sport do I do?", "Which team do I support?", "What is my hobby?", "What do I collect?",
    "Which club am I in?", "What is my favourite book?", "What am I reading?",
    "Which book am I reading?",
    "What is my favourite film?", "What am I watching?", "What music do I like?",
    "What is my favourite colour?", "Which game do I play?", "What am I building?",
    "What am I writing?", "What did I win?", "Which car do I drive?", "What colour is my car?",
    "What is wrong with my car?", "Which bike do I have?", "Which phone do I have?",
    "Which computer do I use?", "What is broken?", "What did I buy?", "What did I sell?",
    "What did I lose?", "What do I need to buy?", "Where do I keep it?", "How much did it cost?",
    "When is my flight?", "Where am I flying to?", "When does my train leave?",
    "Where am I going on holiday?", "Where am I travelling?", "Who is travelling with me?",
    "Which hotel am I staying at?", "Where have I been?", "When do I set off?",
    "When do I come back?", "When is the meeting?", "When is the party?", "When is the deadline?",
    "What time do I get up?", "When do I go to bed?", "What do I do on Fridays?",
    "What do I do at the weekend?", "How often do I train?", "When does it start?",
    "What do I like?", "What do I hate?", "What do I prefer?", "What am I afraid of?",
    "What do I want to learn?", "What do I want to become?", "What am I planning?",
    "What did I give up?", "How should you answer me?", "How many do I have?", "Wie heiße ich?",
    "Wie alt bin ich?", "Wann habe ich Geburtstag?", "Wo wohne ich?", "Woher komme ich?",
    "Mit wem wohne ich zusammen?", "Was bin ich von Beruf?", "Wo arbeite ich?",
    "Wer ist mein Chef?", "Was studiere ich?", "Was lerne ich gerade?", "Wie heißt meine Frau?",
    "Wie heißt mein Mann?", "Wie heißt mein Bruder?", "Wie heißt meine Schwester?",
    "Wie heißt meine Tochter?", "Wie heißt mein Sohn?", "Wie viele Kinder habe ich?",
    "Wo wohnt meine Schwester?", "Was macht mein Bruder beruflich?", "Wie heißt mein Hund?",
    "Wie heißt meine Katze?", "Wogegen bin ich allergisch?", "Was esse ich nicht?",
    "Was esse ich gern?", "Was trinke ich gern?", "Welches Instrument spiele ich?",
    "Welchen Sport mache ich?", "Welches Buch lese ich?", "Welches Auto fahre ich?",
    "Wohin fahre ich in den Urlaub?", "Wann ist mein Termin?", "Wann fährt mein Zug?",
    "Was ist mein Hobby?", "¿Cómo me llamo?", "¿Cuántos años tengo?", "¿Cuándo es mi cumpleaños?",
    "¿Dónde vivo?", "¿De dónde soy?", "¿En qué trabajo?", "¿Dónde trabajo?", "¿Quién es mi jefe?",
    "¿Qué estudio?", "¿Cómo se llama mi mujer?", "¿Cómo se llama mi marido?",
    "¿Cómo se llama mi hermano?", "¿Cómo se llama mi hermana?", "¿Cómo se llama mi hija?",
    "¿Cómo se llama mi hijo?", "¿Cuántos hijos tengo?", "¿Dónde vive mi hermana?",
    "¿Cómo se llama mi perro?", "¿Cómo se llama mi gato?", "¿A qué soy alérgico?",
    "¿Qué no puedo comer?", "¿Qué me gusta comer?", "¿Qué bebo?", "¿Qué instrumento toco?",
    "¿Qué deporte practico?", "¿Qué libro estoy leyendo?", "¿Qué coche tengo?",
    "¿Adónde voy de vacaciones?", "¿Cuándo es mi cita?", "¿A qué hora sale mi tren?",
    "Comment je m'appelle ?", "Quel âge ai-je ?", "Quand est mon anniversaire ?",
    "Où est-ce que j'habite ?", "D'où est-ce que je viens ?", "Quel est mon métier ?",
    "Où est-ce que je travaille ?", "Qui est mon chef ?", "Qu'est-ce que j'étudie ?",
    "Comment s'appelle ma femme ?", "Comment s'appelle mon mari ?",
    "Comment s'appelle mon frère ?", "Comment s'appelle ma sœur ?", "Comment s'appelle ma fille ?",
    "Comment s'appelle mon fils ?", "Combien d'enfants ai-je ?", "Où habite ma sœur ?",
    "Comment s'appelle mon chien ?", "Comment s'appelle mon chat ?", "À quoi suis-je allergique ?",
    "Qu'est-ce que je ne mange pas ?", "Qu'est-ce que j'aime manger ?", "Qu'est-ce que je bois ?",
    "De quel instrument est-ce que je joue ?", "Quel sport est-ce que je fais ?",
    "Quel livre est-ce que je lis ?", "Quelle voiture est-ce que j'ai ?",
    "Où est-ce que je pars en vacances ?", "Quand est mon rendez-vous ?",
    "À quelle heure part mon train ?",
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

WORLD = (
    "Who walked on the moon?", "Who made the first car?", "Who was Mozart?", "Who wrote Emma?",
    "Who was Isaac Newton?", "Who was Cleopatra?", "Who is Zeus?", "Who is Sherlock Holmes?",
    "Where is Mount Everest?", "Where do kangaroos live?", "Where does chocolate come from?",
    "Where was Napoleon born?", "Where is the Sahara?", "When was Rome founded?", "When is Easter?",
    "When do swallows fly south?", "Which animal is the fastest?", "Which metal is liquid?",
    "Which planet has rings?", "What is the capital of Canada?", "Where is Poland?",
    "What language do they speak in Austria?", "What colour is an emerald?",
    "Which ocean is the largest?", "What is a violin?", "What is gold used for?",
    "What do cows eat?", "What does a carpenter do?", "What is a dog?", "What is a hospital?",
    "What is inflation?", "What is an island?", "What does DNA stand for?",
    "What is the plural of 'mouse'?", "What is the opposite of 'early'?", "What is 5 plus 8?",
    "How many hours are in a week?", "How many strings has a guitar?", "How old is the universe?",
    "How tall is a giraffe?", "How is glass made?", "How do cats see in the dark?",
    "How does a fridge work?", "How do I change a tyre?", "How do I get rid of ants?",
    "How can I learn to swim?", "How do you spell 'knife'?", "Why does ice float?",
    "Why do people yawn?", "Why is the sea salty?", "Name four colours.", "Name a famous painter.",
    "Give me a synonym for 'happy'.", "What can I do at home?", "Write a limerick about a goat.",
    "Write a short birthday message.", "Tell me about Rome.", "Tell me something about owls.",
    "Explain what a loan is.", "Is the sun a star?", "Can penguins fly?", "Wer war Goethe?",
    "¿Dónde está Lima?", "Où est Lyon ?",
)  # fmt: skip
"""What is known of the world, asked in the words in which people ask of themselves.

With `GENERAL` alone, ten messages to SmolLM2 moved the answers that guard by 0.100, one message was
refused for it, and of fifty other questions four were answered with the user's own (a sister
discovered penicillin). With sixty-four such questions, some of them longer than these, it was 0.043
of three times as many answers, none was refused, and none of the fifty told of the user; with these
it is 0.047, and the same holds of fifty new ones.
"""
