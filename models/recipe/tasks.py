"""Short instructions with answers that can be checked: counting, spelling, opposites, sums, lists."""
# ruff: noqa: E501  (a phrasing is one line, however long)

import random
from collections.abc import Callable

from . import values
from .values import DAYS, MONTHS, coined, words

Turn = list[str]
Pair = tuple[str, str]


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Parse "a: b, c: d"."""
    return tuple(
        (left.strip(), right.strip()) for left, right in (item.split(":") for item in words(text))
    )


OPPOSITES = pairs("""hot: cold, big: small, fast: slow, happy: sad, up: down, left: right, light: dark, old: young,
rich: poor, strong: weak, early: late, open: closed, full: empty, hard: soft, high: low, loud: quiet, wet: dry,
clean: dirty, good: bad, long: short, thick: thin, near: far, easy: difficult, day: night, black: white, in: out,
start: stop, push: pull, win: lose, buy: sell, love: hate, true: false, first: last, sweet: sour, sharp: blunt,
brave: afraid, cheap: expensive, deep: shallow, wide: narrow, heavy: light, noisy: quiet, friend: enemy, yes: no""")
CAPITALS = pairs("""France: Paris, Germany: Berlin, Italy: Rome, Spain: Madrid, Portugal: Lisbon, England: London,
Ireland: Dublin, Norway: Oslo, Sweden: Stockholm, Denmark: Copenhagen, Finland: Helsinki, Poland: Warsaw,
Austria: Vienna, Hungary: Budapest, Greece: Athens, Turkey: Ankara, Egypt: Cairo, Kenya: Nairobi, India: New Delhi,
China: Beijing, Japan: Tokyo, South Korea: Seoul, Thailand: Bangkok, Australia: Canberra, Canada: Ottawa,
Mexico: Mexico City, Brazil: Brasilia, Argentina: Buenos Aires, Chile: Santiago, Peru: Lima, Russia: Moscow,
Switzerland: Bern, Belgium: Brussels, the Netherlands: Amsterdam, the United States: Washington, Cuba: Havana""")
RHYMES = pairs("""cat: hat, dog: fog, house: mouse, tree: bee, moon: spoon, star: car, cake: lake, light: night, rain: train,
sun: fun, day: way, ring: king, ball: wall, book: hook, fish: dish, boat: goat, chair: bear, sea: tea, bed: red,
sand: hand, snow: slow, rose: nose, song: long, wind: pinned, bird: word, clock: sock, door: floor, bell: well""")
PLURALS = pairs("""mouse: mice, child: children, foot: feet, tooth: teeth, man: men, woman: women, goose: geese, leaf: leaves,
knife: knives, wolf: wolves, city: cities, baby: babies, box: boxes, dog: dogs, tree: trees, book: books, house: houses,
sheep: sheep, fish: fish, potato: potatoes, berry: berries, glass: glasses, bus: buses, person: people""")
PASTS = pairs("""go: went, see: saw, eat: ate, run: ran, sing: sang, write: wrote, think: thought, buy: bought, take: took,
give: gave, come: came, make: made, find: found, swim: swam, drink: drank, sleep: slept, fly: flew, know: knew,
speak: spoke, teach: taught, walk: walked, play: played, break: broke, draw: drew, fall: fell, sit: sat, win: won""")
SOUNDS = pairs("""dog: woof, cat: meow, cow: moo, sheep: baa, duck: quack, pig: oink, horse: neigh, rooster: cock-a-doodle-doo,
bee: buzz, owl: hoot, mouse: squeak, snake: hiss, lion: roar, crow: caw, frog: croak""")
YOUNG = pairs("""dog: puppy, cat: kitten, cow: calf, sheep: lamb, horse: foal, duck: duckling, pig: piglet, goat: kid,
bear: cub, chicken: chick, frog: tadpole, lion: cub, swan: cygnet, kangaroo: joey, deer: fawn, goose: gosling""")
HOMES = pairs("""bird: nest, bee: hive, fish: water, bear: den, rabbit: burrow, spider: web, horse: stable, dog: kennel,
snail: shell, lion: savanna, penguin: ice, camel: desert, monkey: jungle, squirrel: tree, ant: anthill""")
HELLOS = pairs("""French: Bonjour, Spanish: Hola, German: Hallo, Italian: Ciao, Portuguese: Olá, Swedish: Hej, Dutch: Hallo,
Polish: Cześć, Finnish: Hei, Turkish: Merhaba, Norwegian: Hei, Danish: Hej""")
THANKS = pairs("""French: Merci, Spanish: Gracias, German: Danke, Italian: Grazie, Portuguese: Obrigado, Swedish: Tack,
Dutch: Dank je, Polish: Dziękuję, Finnish: Kiitos, Norwegian: Takk, Danish: Tak""")
SIMILAR = pairs("""happy: glad, big: large, small: little, fast: quick, smart: clever, sad: unhappy, begin: start, end: finish,
beautiful: pretty, angry: cross, tired: sleepy, rich: wealthy, strange: odd, brave: bold, quiet: silent, hard: difficult,
easy: simple, scared: afraid, ill: sick, nice: kind, wet: damp, cold: chilly, look: see, speak: talk, jump: leap""")
TINTS = pairs("""grass: green, snow: white, a banana: yellow, the sky: blue, a tomato: red, coal: black, a lemon: yellow,
milk: white, a carrot: orange, a strawberry: red, the sun: yellow, a frog: green, an elephant: grey, chocolate: brown,
blood: red, a flamingo: pink, salt: white, a cucumber: green, a blueberry: blue, a pumpkin: orange""")
GROUPS = {
    "fruits": words(
        "apple, banana, cherry, mango, grape, peach, pear, plum, orange, kiwi, fig, melon"
    ),
    "vegetables": words(
        "carrot, potato, onion, tomato, cucumber, spinach, cabbage, pea, bean, leek, pumpkin, pepper"
    ),
    "colours": words("red, blue, green, yellow, purple, orange, pink, brown, black, white, grey"),
    "animals": words(
        "cat, dog, horse, cow, lion, tiger, bear, fox, owl, rabbit, elephant, mouse, sheep"
    ),
    "birds": words("wren, robin, eagle, owl, sparrow, swan, crow, duck, parrot, penguin, dove"),
    "countries": words(
        "France, Spain, Japan, Brazil, Egypt, Canada, India, Norway, Kenya, Mexico, Italy"
    ),
    "cities": words(
        "Paris, London, Tokyo, Rome, Berlin, Madrid, Cairo, Lima, Oslo, Sydney, Vienna"
    ),
    "instruments": words("piano, guitar, violin, flute, drum, trumpet, harp, cello, clarinet"),
    "sports": words("football, tennis, swimming, golf, hockey, rugby, cricket, boxing, running"),
    "drinks": words("water, tea, coffee, milk, juice, lemonade, cocoa"),
    "trees": words("oak, pine, birch, maple, willow, beech, elm, apple tree"),
    "flowers": words("rose, tulip, daisy, lily, sunflower, violet, poppy, daffodil"),
    "planets": words("Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune"),
    "tools": words("hammer, saw, screwdriver, drill, wrench, pliers, axe, knife"),
    "jobs": words("baker, teacher, nurse, farmer, doctor, pilot, cook, painter, lawyer"),
    "clothes": words("shirt, coat, hat, scarf, sock, shoe, dress, glove, jacket"),
    "pets": words("dog, cat, hamster, rabbit, goldfish, parrot, turtle"),
    "languages": words("French, Spanish, German, Arabic, Hindi, Japanese, Greek, Swedish"),
}
SPELLED = words("""apple, bread, cloud, dance, eagle, flower, garden, house, island, jungle, kitchen, lemon, music, night, ocean,
paper, queen, river, summer, table, water, yellow, zebra, friend, school, winter, animal, bottle, candle, dinner, window""")
COUNTED = words(
    "zero, one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, "
    "fifteen, sixteen, seventeen, eighteen, nineteen, twenty"
)


def series(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def looked_up(
    table: tuple[tuple[str, str], ...], asks: tuple[str, ...], says: tuple[str, ...]
) -> Callable[[random.Random], Pair]:
    """Make a task from a table: {x} is looked up, {y} is found."""

    def make(rng: random.Random) -> Pair:
        left, right = rng.choice(table)
        fields = {"x": left, "y": right, "ax": f"{art(left)} {left}", "ay": f"{art(right)} {right}"}
        said = rng.choice(says).format(**fields)
        return rng.choice(asks).format(**fields), said[:1].upper() + said[1:]

    return make


def count_up(rng: random.Random) -> Pair:
    start, length = rng.choice((1, 1, 1, rng.randint(2, 20))), rng.randint(3, 12)
    numbers = [str(n) for n in range(start, start + length)]
    ask = rng.choice(
        (
            "Count from {a} to {b}.",
            "Can you count from {a} to {b}?",
            "Please count from {a} to {b}.",
        )
    )
    if start == 1:
        ask = rng.choice((ask, "Count to {b}.", "Can you count to {b}?"))
    return ask.format(a=numbers[0], b=numbers[-1]), ", ".join(numbers) + "."


def count_down(rng: random.Random) -> Pair:
    top = rng.randint(3, 12)
    ask = rng.choice(
        (
            "Count down from {t}.",
            "Count backwards from {t}.",
            "Can you count down from {t}?",
            "Count down from {t} to 1.",
        )
    )
    return ask.format(t=top), ", ".join(str(n) for n in range(top, 0, -1)) + "."


def spell(rng: random.Random) -> Pair:
    word = rng.choice(SPELLED) if rng.random() < 0.5 else coined(rng).lower()
    ask = rng.choice(
        (
            "Spell {w}.",
            "How do you spell {w}?",
            "Spell the word {w}.",
            "Can you spell {w}?",
            'Spell "{w}".',
        )
    )
    return ask.format(w=word), "-".join(word.upper()) + "."


def repeat(rng: random.Random) -> Pair:
    """Copying in its purest form."""
    said = " ".join(
        coined(rng).lower() if rng.random() < 0.3 else rng.choice(SPELLED)
        for _ in range(rng.randint(1, 5))
    )
    ask = rng.choice(
        (
            "Repeat after me: {s}",
            "Say this: {s}",
            "Please repeat: {s}",
            "Say: {s}",
            "Repeat these words: {s}",
        )
    )
    return ask.format(s=said), said[:1].upper() + said[1:] + "."


def plus(rng: random.Random) -> Pair:
    a, b = rng.randint(0, 12), rng.randint(0, 12)
    sign, result, word = rng.choice((("+", a + b, "plus"), ("-", a, "minus"), ("+", a + b, "plus")))
    a = a + b if sign == "-" else a
    ask = rng.choice(
        (
            "What is {a} {s} {b}?",
            "{a} {s} {b}?",
            "What is {a} {w} {b}?",
            "How much is {a} {w} {b}?",
            "Calculate {a} {s} {b}.",
        )
    )
    return ask.format(a=a, b=b, s=sign, w=word), f"{a} {word} {b} is {result}."


def times(rng: random.Random) -> Pair:
    a, b = rng.randint(1, 10), rng.choice((1, 2, 2, 3, 4, 5, 10))
    ask = rng.choice(
        (
            "What is {a} times {b}?",
            "How much is {a} times {b}?",
            "What is {a} x {b}?",
            "Multiply {a} by {b}.",
        )
    )
    return ask.format(a=a, b=b), f"{a} times {b} is {a * b}."


def bigger(rng: random.Random) -> Pair:
    a, b = rng.sample(range(1, 100), 2)
    if rng.random() < 0.5:
        return rng.choice(("Which is bigger, {a} or {b}?", "What is larger, {a} or {b}?")).format(
            a=a, b=b
        ), f"{max(a, b)} is bigger."
    return rng.choice(("Which is smaller, {a} or {b}?", "What is less, {a} or {b}?")).format(
        a=a, b=b
    ), f"{min(a, b)} is smaller."


def parity(rng: random.Random) -> Pair:
    n = rng.randint(1, 50)
    ask = rng.choice(
        (
            "Is {n} even or odd?",
            "Is {n} an odd number or an even number?",
            "Is the number {n} even or odd?",
        )
    )
    return ask.format(n=n), f"{n} is {'odd' if n % 2 else 'even'}."


def after(rng: random.Random) -> Pair:
    pool, thing = rng.choice(((DAYS, "day"), (MONTHS, "month")))
    place, step = rng.randrange(len(pool)), rng.choice((1, -1))
    word = "after" if step == 1 else "before"
    ask = rng.choice(
        (
            "Which {t} comes {w} {x}?",
            "What {t} comes {w} {x}?",
            "What {t} is {w} {x}?",
            "Which {t} is {w} {x}?",
        )
    )
    return ask.format(
        t=thing, w=word, x=pool[place]
    ), f"{pool[(place + step) % len(pool)]} comes {word} {pool[place]}."


def whole(rng: random.Random) -> Pair:
    pool, name = rng.choice(
        (
            (DAYS, "days of the week"),
            (MONTHS, "months of the year"),
            (values.SEASONS, "seasons"),
            (GROUPS["planets"], "planets"),
        )
    )
    ask = rng.choice(
        (
            "What are the {n}?",
            "List the {n}.",
            "Name the {n}.",
            "Tell me the {n}.",
            "Can you list the {n}?",
        )
    )
    said = series(list(pool))
    return ask.format(n=name), said[:1].upper() + said[1:] + "."


def how_many(rng: random.Random) -> Pair:
    return rng.choice(
        (
            ("How many days are in a week?", "There are seven days in a week."),
            ("How many months are in a year?", "There are twelve months in a year."),
            ("How many hours are in a day?", "There are twenty-four hours in a day."),
            ("How many minutes are in an hour?", "There are sixty minutes in an hour."),
            ("How many seconds are in a minute?", "There are sixty seconds in a minute."),
            (
                "How many days are in a year?",
                "There are 365 days in a year, and 366 in a leap year.",
            ),
            ("How many legs does a spider have?", "A spider has eight legs."),
            ("How many legs does a dog have?", "A dog has four legs."),
            ("How many fingers do people have?", "Most people have ten fingers."),
            (
                "How many letters are in the alphabet?",
                "There are twenty-six letters in the English alphabet.",
            ),
            ("How many planets are there?", "There are eight planets in our solar system."),
            ("How many continents are there?", "There are seven continents."),
            ("How many wheels does a car have?", "A car has four wheels."),
            ("What comes after A, B, C?", "D comes next."),
            (
                "Say the alphabet.",
                "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z.",
            ),
        )
    )


def listed(rng: random.Random) -> Pair:
    group, pool = rng.choice(list(GROUPS.items()))
    count = rng.randint(2, 5)
    ask = rng.choice(
        (
            "List {n} {g}.",
            "Name {n} {g}.",
            "Tell me {n} {g}.",
            "Give me {n} {g}.",
            "Can you name {n} {g}?",
            "Write down {n} {g}.",
            "I need the names of {n} {g}.",
        )
    )
    said = series(rng.sample(pool, count))
    return ask.format(n=rng.choice((str(count), COUNTED[count])), g=group), said[:1].upper() + said[
        1:
    ] + "."


def example(rng: random.Random) -> Pair:
    group, pool = rng.choice(
        [item for item in GROUPS.items() if item[0] not in ("clothes", "countries", "cities")]
    )
    one = "country" if group == "countries" else group[:-1]
    article = "an" if one[0] in "aeiou" else "a"
    ask = rng.choice(
        (
            "Name {a} {o}.",
            "Tell me {a} {o}.",
            "Give me an example of {a} {o}.",
            "Can you name {a} {o}?",
        )
    )
    said = rng.choice(pool)
    return ask.format(a=article, o=one), said[:1].upper() + said[1:] + "."


def member(rng: random.Random) -> Pair:
    group = rng.choice(
        ("fruits", "vegetables", "colours", "animals", "instruments", "drinks", "tools")
    )
    other = rng.choice((group, group, "fruits", "tools", "animals"))
    word, one = rng.choice(GROUPS[group]), other[:-1]
    lead, tail = (
        (f"{art(word)} {word}", f"{art(one)} {one}")
        if group not in ("colours", "drinks")
        else (word, f"{art(one)} {one}")
    )
    right = word in GROUPS[other] or (group, other) == ("animals", "animals")
    said = f"Yes, {lead} is {tail}." if right else f"No, {lead} is {art(group)} {group[:-1]}."
    return rng.choice(("Is {l} {t}?", "Would you say {l} is {t}?")).format(l=lead, t=tail), said


def art(word: str) -> str:
    return "an" if word[0].lower() in "aeiou" else "a"


def first_letter(rng: random.Random) -> Pair:
    word = rng.choice(SPELLED)
    place, letter = rng.choice((("first", word[0]), ("last", word[-1])))
    return (
        f"What is the {place} letter of {word}?",
        f"The {place} letter of {word} is {letter.upper()}.",
    )


def capitals(rng: random.Random) -> Pair:
    word = rng.choice(SPELLED)
    return rng.choice(
        ("Write {w} in capital letters.", "Put {w} in capitals.", "Write {w} in upper case.")
    ).format(w=word), word.upper()


def next_number(rng: random.Random) -> Pair:
    start, step = rng.randint(1, 10), rng.choice((1, 2, 5, 10))
    run = [start + step * i for i in range(4)]
    ask = rng.choice(("What comes next: {r}?", "Continue: {r}", "Which number comes next: {r}?"))
    return ask.format(r=", ".join(map(str, run[:3]))), f"{run[3]} comes next."


def number_word(rng: random.Random) -> Pair:
    n = rng.randint(0, 20)
    return rng.choice(
        ("Write {n} as a word.", "Write the number {n} in words.", "How do you write {n} in words?")
    ).format(n=n), f"{COUNTED[n].capitalize()}."


def story(rng: random.Random) -> Pair:
    """A story about somebody the user names."""
    hero = rng.choice(
        (
            "a cat",
            "a dog",
            "a fox",
            "a bear",
            "a bird",
            "a mouse",
            "a girl",
            "a boy",
            "an old man",
            "a robot",
        )
    )
    name, place = (
        values.draw("person", rng),
        rng.choice(("in a forest", "by the sea", "on a hill", "in a big city", "near a river")),
    )
    want, end = rng.choice(
        (
            ("see the moon up close", "climbed the highest tree and smiled at the light"),
            ("find a friend", "met someone who was looking for a friend too"),
            ("learn to sing", "practised every day, and soon everybody listened"),
            ("go home", "followed the stars and found the way"),
            ("bake the best bread", "shared it with everyone in the street"),
            ("sail across the lake", "built a small boat and crossed it at sunrise"),
        )
    )
    ask = rng.choice(
        (
            "Tell me a story about {h} called {n}.",
            "Write a story about {h} named {n}.",
            "I want a story about {h} called {n}.",
        )
    )
    return (
        ask.format(h=hero, n=name),
        f"Once there was {hero} called {name} who lived {place}. {name} wanted to {want}. In the end, {name} {end}.",
    )


def poem(rng: random.Random) -> Pair:
    thing = rng.choice(
        (
            "rain",
            "snow",
            "the sea",
            "the moon",
            "spring",
            "a cat",
            "the wind",
            "a tree",
            "the stars",
            "a friend",
        )
    )
    said = rng.choice(
        (
            "Oh {t}, so gentle and so near, how good it is that you are here.",
            "I think of {t} by day and night, and everything is warm and bright.",
            "Of {t} I sing a little song, it makes me happy all day long.",
        )
    )
    return rng.choice(
        (
            "Write a poem about {t}.",
            "Make a short poem about {t}.",
            "Can you write a poem about {t}?",
        )
    ).format(t=thing), said.format(t=thing)


TASKS: tuple[Callable[[random.Random], Pair], ...] = (
    count_up,
    count_down,
    spell,
    repeat,
    repeat,
    plus,
    plus,
    times,
    bigger,
    parity,
    after,
    after,
    whole,
    how_many,
    listed,
    listed,
    listed,
    example,
    member,
    first_letter,
    capitals,
    next_number,
    number_word,
    story,
    poem,
    looked_up(
        OPPOSITES,
        (
            "What is the opposite of {x}?",
            "Tell me the opposite of {x}.",
            'What is the opposite of "{x}"?',
            "Give me the opposite of {x}.",
        ),
        ("The opposite of {x} is {y}.",),
    ),
    looked_up(
        CAPITALS,
        (
            "What is the capital of {x}?",
            "What's the capital of {x}?",
            "Which city is the capital of {x}?",
            "Tell me the capital of {x}.",
        ),
        ("The capital of {x} is {y}.",),
    ),
    looked_up(
        CAPITALS,
        ("In which country is {y}?", "Where is {y}?", "Which country is {y} in?"),
        ("{y} is in {x}.",),
    ),
    looked_up(
        RHYMES,
        ("What rhymes with {x}?", "Tell me a word that rhymes with {x}.", "Find a rhyme for {x}."),
        ("{y} rhymes with {x}.",),
    ),
    looked_up(
        PLURALS,
        (
            "What is the plural of {x}?",
            "Give me the plural of {x}.",
            "How do you say {x} in the plural?",
        ),
        ("The plural of {x} is {y}.",),
    ),
    looked_up(
        PASTS,
        (
            "What is the past tense of {x}?",
            "Put {x} in the past tense.",
            "What is the past of {x}?",
        ),
        ("The past tense of {x} is {y}.",),
    ),
    looked_up(
        SOUNDS,
        ("What sound does {ax} make?", "What does {ax} say?", "How does {ax} sound?"),
        ("{ax} says {y}.",),
    ),
    looked_up(
        YOUNG,
        (
            "What is a young {x} called?",
            "What do you call a baby {x}?",
            "What is a baby {x} called?",
        ),
        ("A young {x} is called {ay}.",),
    ),
    looked_up(
        HOMES,
        ("Where does {ax} live?", "What is the home of {ax}?"),
        ("The home of {ax} is the {y}.",),
    ),
    looked_up(
        HELLOS,
        ("How do you say hello in {x}?", "Say hello in {x}.", "What is hello in {x}?"),
        ("In {x}, hello is {y}.",),
    ),
    looked_up(
        THANKS,
        ("How do you say thank you in {x}?", "Say thank you in {x}.", "What is thank you in {x}?"),
        ("In {x}, thank you is {y}.",),
    ),
    looked_up(
        SIMILAR,
        (
            "What is another word for {x}?",
            "Give me a synonym for {x}.",
            "Find a word that means the same as {x}.",
        ),
        ("Another word for {x} is {y}.",),
    ),
    looked_up(
        TINTS,
        ("What colour is {x}?", "Which colour does {x} have?", "What is the colour of {x}?"),
        ("{x} is {y}.",),
    ),
)


def exchange(rng: random.Random) -> list[Turn]:
    """Draw one instruction and its answer."""
    question, said = rng.choice(TASKS)(rng)
    if rng.random() < 0.08:
        question = (
            rng.choice(
                ("Please help me. ", "A small task: ", "Next question: ", "One more thing. ")
            )
            + question
        )
    return [["user", question], ["assistant", said]]
