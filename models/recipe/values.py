"""Open vocabularies for facts: lists of real words, and words nobody has used before."""
# ruff: noqa: E501  (a phrasing is one line, however long)

import random
import zlib
from collections.abc import Callable

Draw = Callable[[random.Random], str]


def words(text: str) -> tuple[str, ...]:
    """Split a comma separated list."""
    return tuple(word.strip() for word in text.replace("\n", " ").split(",") if word.strip())


PEOPLE = words("""Anna, Ben, Carla, David, Elena, Felix, Greta, Hassan, Ines, Jonas, Kira, Liam, Maya, Noah, Olga,
Pablo, Quentin, Rosa, Samir, Tara, Ursula, Victor, Wendy, Xavier, Yara, Zoe, Aisha, Boris, Chloe, Diego, Emma, Fatima,
George, Hannah, Ivan, Julia, Kevin, Laura, Marco, Nadia, Oscar, Priya, Rafael, Sofia, Thomas, Uma, Vera, William, Yusuf,
Zara, Adam, Bella, Cyrus, Daria, Elias, Freya, Gavin, Heidi, Isaac, Jasmine, Karim, Leila, Mateo, Nina, Omar, Paula,
Ravi, Sara, Tomas, Valerie, Walter, Yuki, Amelia, Bruno, Cecilia, Dmitri, Esther, Frank, Gloria, Hugo, Iris, James,
Katya, Lucas, Miriam, Nathan, Olivia, Peter, Ruth, Simon, Teresa, Vincent, Alice, Bashir, Clara, Daniel, Edith, Farid,
Grace, Henry, Ida, Joel, Klara, Leon, Mina, Nils, Otto, Petra, Rita, Stefan, Tess, Viktor, Wilma, Arthur, Brigitte,
Camille, Dora, Emil, Fiona, Gustav, Helena, Igor, Jana, Kenji, Lena, Mikael, Nora, Oliver, Pia, Roman, Stella, Timo""")
SURNAMES = words("""Adler, Baker, Castillo, Dubois, Eriksen, Fischer, Garcia, Hoffman, Ibrahim, Jansen, Kowalski, Larsen,
Moretti, Novak, Okafor, Petrov, Quinn, Rossi, Schmidt, Tanaka, Ueda, Vargas, Weber, Yilmaz, Zhang, Archer, Bennett,
Clarke, Dalton, Ellis, Foster, Grant, Hayes, Irving, Jordan, Keller, Lambert, Mason, Nash, Osborne, Parker, Reed,
Sullivan, Thorne, Underwood, Vance, Whitaker, Young, Zimmer, Lindqvist, Marchetti, Nakamura, Oduya, Pereira""")
PETS = words("""Rex, Luna, Milo, Bella, Max, Coco, Buddy, Daisy, Charlie, Nala, Simba, Shadow, Ginger, Biscuit, Pepper,
Oreo, Pickle, Waffles, Noodle, Mochi, Pumpkin, Ziggy, Toffee, Maple, Clover, Rusty, Smokey, Tiger, Whiskers, Mittens,
Peanut, Olive, Bandit, Scout, Rocky, Sunny, Storm, Pebbles, Marble, Socks, Patch, Hazel, Poppy, Basil, Nugget, Bear""")
CITIES = words("""Oslo, Lisbon, Vienna, Prague, Dublin, Madrid, Berlin, Hamburg, Munich, Paris, Lyon, London, Leeds,
Bristol, Glasgow, Rome, Milan, Naples, Athens, Cairo, Nairobi, Lagos, Accra, Tunis, Istanbul, Ankara, Delhi, Mumbai,
Kyoto, Osaka, Tokyo, Seoul, Hanoi, Bangkok, Manila, Sydney, Perth, Auckland, Toronto, Montreal, Vancouver, Boston,
Chicago, Denver, Seattle, Portland, Austin, Dallas, Miami, Atlanta, Lima, Bogota, Quito, Santiago, Havana, Helsinki,
Stockholm, Bergen, Aarhus, Warsaw, Krakow, Riga, Vilnius, Tallinn, Budapest, Zagreb, Sofia, Bucharest, Geneva, Zurich,
Basel, Ghent, Antwerp, Utrecht, Rotterdam, Porto, Seville, Valencia, Marseille, Turin, Verona, Cardiff, Galway, Cork""")
COUNTRIES = words("""Norway, Sweden, Denmark, Finland, Iceland, Ireland, Scotland, Wales, France, Spain, Portugal,
Italy, Greece, Germany, Austria, Poland, Hungary, Romania, Bulgaria, Croatia, Turkey, Egypt, Morocco, Kenya, Ghana,
Nigeria, Ethiopia, India, Nepal, China, Japan, Korea, Vietnam, Thailand, Malaysia, Indonesia, Australia, New Zealand,
Canada, Mexico, Cuba, Peru, Chile, Brazil, Argentina, Colombia, Ecuador, Estonia, Latvia, Lithuania, Belgium""")
JOBS = words("""baker, teacher, nurse, carpenter, gardener, pilot, plumber, painter, chef, librarian, dentist, lawyer,
writer, farmer, mechanic, florist, tailor, singer, dancer, barber, architect, actor, engineer, electrician, editor,
accountant, waiter, photographer, biologist, chemist, journalist, translator, veterinarian, truck driver, bus driver,
software developer, graphic designer, music teacher, police officer, firefighter, fisherman, beekeeper, potter,
bookseller, judge, surgeon, optician, pharmacist, geologist, astronomer, illustrator, watchmaker, park ranger,
zookeeper, social worker, data analyst, bank clerk, tour guide, cook, sailor, physicist, historian, welder""")
FOODS = words("""pizza, sushi, lasagna, ramen, tacos, curry, risotto, dumplings, pancakes, soup, paella, falafel, salad,
burritos, noodles, mushroom pie, fried rice, spaghetti, gnocchi, goulash, couscous, omelettes, roast chicken, grilled
fish, lentil stew, potato salad, onion soup, fish and chips, meatballs, ravioli, hummus, waffles, kebab, pierogi,
baked beans, tomato soup, apple pie, vegetable stew, rice and beans, pho, kimchi, mac and cheese, shakshuka, quiche""")
DESSERTS = words("""ice cream, cheesecake, apple pie, tiramisu, brownies, chocolate cake, lemon tart, pancakes, custard,
rice pudding, carrot cake, panna cotta, baklava, donuts, cinnamon rolls, fruit salad, honey cake, macarons""")
DRINKS = words("""coffee, green tea, black tea, orange juice, apple juice, lemonade, hot chocolate, water, milk, cola,
mint tea, ginger beer, iced tea, espresso, cider, tomato juice, oat milk, mango lassi, sparkling water, chai""")
FRUITS = words("""apples, bananas, cherries, mangoes, grapes, peaches, pears, plums, oranges, kiwis, strawberries,
blueberries, raspberries, figs, apricots, melons, pineapples, papayas, lychees, nectarines""")
ALLERGENS = words("""peanuts, shellfish, cats, pollen, strawberries, penicillin, dust, milk, eggs, bees, latex, wheat,
soy, sesame, almonds, walnuts, dogs, mustard, celery, fish, kiwis, feathers, nickel, mould, cashews, tomatoes""")
COLOURS = words("""red, blue, green, yellow, purple, orange, pink, brown, black, white, grey, turquoise, violet, teal,
silver, gold, navy, beige, crimson, lilac, olive, maroon, indigo, magenta, amber, emerald, peach, lavender""")
ANIMALS = words("""cats, dogs, elephants, dolphins, owls, foxes, wolves, penguins, tigers, horses, otters, whales,
pandas, rabbits, bears, eagles, turtles, giraffes, hedgehogs, octopuses, bees, squirrels, lions, deer, koalas""")
HOBBIES = words("""painting, chess, hiking, knitting, fishing, cycling, reading, baking, swimming, climbing, dancing,
gardening, photography, running, sailing, skating, pottery, archery, yoga, origami, juggling, bird watching, camping,
woodworking, singing, sewing, surfing, rowing, stargazing, calligraphy, board games, crossword puzzles, model trains""")
SPORTS = words("""football, tennis, basketball, volleyball, rugby, cricket, hockey, badminton, golf, baseball, judo,
table tennis, handball, fencing, karate, boxing, swimming, rowing, curling, squash, water polo, climbing""")
INSTRUMENTS = words("""piano, guitar, violin, cello, flute, drums, trumpet, harp, clarinet, saxophone, accordion, banjo,
ukulele, bass, oboe, trombone, harmonica, mandolin, organ, bagpipes, viola, recorder""")
LANGUAGES = words("""French, Spanish, German, Italian, Portuguese, Dutch, Swedish, Norwegian, Danish, Finnish, Polish,
Czech, Greek, Turkish, Arabic, Hebrew, Hindi, Bengali, Japanese, Korean, Mandarin, Vietnamese, Thai, Swahili, Latin""")
SUBJECTS = words("""history, biology, physics, chemistry, mathematics, geography, music, art, philosophy, economics,
literature, computer science, law, medicine, psychology, architecture, astronomy, linguistics, geology, statistics""")
SEASONS = words("spring, summer, autumn, winter")
DAYS = words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday")
MONTHS = words(
    """January, February, March, April, May, June, July, August, September, October, November, December"""
)
CARS = words("""Toyota, Honda, Ford, Volvo, Fiat, Skoda, Subaru, Mazda, Peugeot, Renault, Nissan, Tesla, Jeep, Audi,
Volkswagen, Kia, Saab, Opel, Citroen, Seat, Suzuki, Dacia, Mini, Lexus""")
ADJECTIVES = words("""Silent, Golden, Broken, Hidden, Crimson, Distant, Frozen, Gentle, Hollow, Little, Lonely, Lost,
Midnight, Northern, Paper, Purple, Quiet, Red, Secret, Silver, Small, Stolen, Summer, Velvet, Wild, Winter, Yellow,
Blue, Burning, Electric, Endless, Glass, Green, Hungry, Iron, Last, Lazy, Lucky, Sleepy, Wooden""")
NOUNS = words("""River, Garden, Mountain, Lantern, Bridge, Forest, Harbor, Island, Kingdom, Letter, Mirror, Ocean,
Orchard, Palace, Road, Sparrow, Storm, Tower, Train, Valley, Window, Wolf, Falcon, Comet, Anchor, Candle, Castle, Clock,
Dragon, Feather, Fox, Ghost, Hammer, Horse, Key, Lemon, Moon, Needle, Owl, Piano, Rocket, Shadow, Star, Tiger, Violin,
Whale, Badger, Beacon, Cactus, Dolphin, Ember, Glacier, Juniper, Kestrel, Maple, Nebula, Orchid, Panther, Raven""")
PLACES = words("""kitchen drawer, garage, attic, blue box, top shelf, cellar, hall closet, desk drawer, garden shed,
bookcase, red suitcase, car, bathroom cabinet, green bag, old trunk, coat pocket, laundry room, office, bedroom,
wooden chest, pantry, basement, glove box, toolbox, fridge, backpack, cookie jar, piano bench, wardrobe, hat box""")
GOODS = words("""lamp, map, chair, table, clock, umbrella, coat, bicycle, hat, mirror, kettle, vase, carpet, desk, phone, camera,
guitar, book, painting, box, basket, bottle, blanket, ring, watch, scarf, boat, car, tent, radio, piano, teapot, mug, sofa, bench,
ladder, hammer, drum, doll, kite, telescope, typewriter, suitcase, backpack, fountain pen, jacket, wallet, key, letter, photo""")
LOOKS = words("""green, red, blue, old, new, small, big, yellow, wooden, golden, broken, pretty, heavy, strange, black, white,
silver, tiny, huge, antique, expensive, cheap, Spanish, Chinese, purple, round, folding, electric, leather, beautiful""")
ONSETS = words("""b, br, c, ch, cl, d, dr, f, fl, g, gl, gr, h, j, k, kl, kr, l, m, n, p, pl, pr, qu, r, s, sh, sk, sl, sn,
st, t, th, tr, v, vl, w, x, y, z, zh""")
VOWELS = words("a, e, i, o, u, a, e, i, o, ai, ea, ee, ia, io, oo, ou, y")
CODAS = words("n, r, l, s, k, m, t, x, nd, rk, sh, th, v, d, ck, st, lm, p, b, z, ff, ng")


def coined(rng: random.Random) -> str:
    """Invent a capitalised word of two or three syllables."""
    parts = []
    for _ in range(rng.choice((2, 2, 2, 3))):
        parts.append(rng.choice(ONSETS) + rng.choice(VOWELS))
        parts.append(rng.choice(CODAS) if rng.random() < 0.35 else "")
    return "".join(parts).capitalize()


def one_of(pool: tuple[str, ...], *, invented: float = 0.0) -> Draw:
    """Draw from `pool`, or invent a word with probability `invented`."""
    return lambda rng: coined(rng) if rng.random() < invented else rng.choice(pool)


def digits(least: int, most: int) -> Draw:
    """Draw a number of `least` to `most` digits, as text."""

    def draw(rng: random.Random) -> str:
        count = rng.randint(least, most)
        return str(rng.randint(1, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(count - 1))

    return draw


def between(low: int, high: int) -> Draw:
    return lambda rng: str(rng.randint(low, high))


def date(rng: random.Random) -> str:
    day, month = rng.randint(1, 28), rng.choice(MONTHS)
    return rng.choice((f"{month} {day}", f"{day} {month}"))


def clock(rng: random.Random) -> str:
    return f"{rng.randint(1, 12)}:{rng.choice(('00', '15', '30', '45', '10', '20', '40', '50'))}"


def title(rng: random.Random) -> str:
    adjective, noun, other = rng.choice(ADJECTIVES), rng.choice(NOUNS), rng.choice(NOUNS)
    return rng.choice(
        (
            f"The {adjective} {noun}",
            f"{adjective} {noun}",
            f"The {noun} of {coined(rng)}",
            f"The {noun} and the {other}",
            f"{coined(rng)}",
        )
    )


def company(rng: random.Random) -> str:
    name = rng.choice((coined, one_of(NOUNS), one_of(SURNAMES)))(rng)
    return name + rng.choice(
        (" Labs", " Systems", " Bakery", " Motors", " Bank", "", " Studio", " Foods", " Books")
    )


def project(rng: random.Random) -> str:
    return rng.choice(
        (coined, coined, one_of(NOUNS), lambda r: f"{r.choice(ADJECTIVES)} {r.choice(NOUNS)}")
    )(rng)


def street(rng: random.Random) -> str:
    name = rng.choice((coined, one_of(NOUNS), one_of(ADJECTIVES), one_of(SURNAMES)))(rng)
    return f"{name} {rng.choice(('Street', 'Road', 'Lane', 'Avenue', 'Square', 'Hill'))}"


def password(rng: random.Random) -> str:
    return coined(rng).lower() + (digits(1, 3)(rng) if rng.random() < 0.5 else "")


def thing(rng: random.Random) -> str:
    look, noun = rng.choice(LOOKS), rng.choice(GOODS)
    said = noun if rng.random() < 0.3 else f"{look} {noun}"
    return f"{'an' if said[0] in 'aeiou' else 'a'} {said}"


DRAWS: dict[str, Draw] = {
    "person": one_of(PEOPLE, invented=0.5),
    "pet": one_of(PETS, invented=0.55),
    "surname": one_of(SURNAMES, invented=0.5),
    "full_name": lambda rng: (
        f"{one_of(PEOPLE, invented=0.3)(rng)} {one_of(SURNAMES, invented=0.4)(rng)}"
    ),
    "city": one_of(CITIES, invented=0.4),
    "country": one_of(COUNTRIES, invented=0.15),
    "job": one_of(JOBS),
    "food": one_of(FOODS, invented=0.1),
    "dessert": one_of(DESSERTS),
    "drink": one_of(DRINKS),
    "fruit": one_of(FRUITS),
    "allergen": one_of(ALLERGENS),
    "colour": one_of(COLOURS),
    "animal": one_of(ANIMALS),
    "hobby": one_of(HOBBIES),
    "sport": one_of(SPORTS),
    "instrument": one_of(INSTRUMENTS),
    "language": one_of(LANGUAGES, invented=0.1),
    "subject": one_of(SUBJECTS),
    "season": one_of(SEASONS),
    "day": one_of(DAYS),
    "month": one_of(MONTHS),
    "car": one_of(CARS, invented=0.3),
    "place": one_of(PLACES),
    "date": date,
    "time": clock,
    "title": title,
    "company": company,
    "project": project,
    "street": street,
    "password": password,
    "code": digits(3, 6),
    "number": digits(1, 4),
    "age": between(18, 89),
    "small": between(2, 12),
    "size": between(35, 47),
    "coined": coined,
    "object": thing,
    "phone": digits(6, 8),
    "year": between(1940, 2024),
}
SPLIT = frozenset(
    (
        "person",
        "pet",
        "surname",
        "full_name",
        "city",
        "title",
        "company",
        "project",
        "street",
        "password",
        "code",
        "phone",
        "coined",
        "car",
        "date",
    )
)


def held_out(word: str) -> bool:
    """Tell whether `word` is kept for evaluation: one in eight, by its letters."""
    return zlib.crc32(word.lower().encode()) % 8 == 0


def draw(kind: str, rng: random.Random, *, unseen: bool = False) -> str:
    """Draw a value; open vocabularies keep an eighth of their words for `unseen=True`."""
    value = DRAWS[kind](rng)
    while kind in SPLIT and held_out(value) != unseen:
        value = DRAWS[kind](rng)
    return value
