"""What common English statements about oneself look like, and how they are asked for and answered."""
# ruff: noqa: E501  (a rule is read best in one line)

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from .verb import BASE_OF_PAST, DEEDS, WHO, past

WHO_IS = r"(?P<x>(?:[\w-]+(?:['’]s)? ){0,3}?[\w-]+)"
VALUE = r"(?P<v>[^,;:!?]{1,60}?)"
NAME = r"(?P<v>[\w'’.-]+(?: (?!(?:and|but|who|which|because|so|she|he|it|they|i|from|with|for|since|in|at|on)\b)[A-Z][\w'’.-]*){0,3})"
TIME = r"(?:\d{1,2}(?:[:.]\d{2})?(?: ?[ap]\.?m\.?| o'clock)?|noon|midnight|(?:\d{1,2}(?:st|nd|rd|th)?(?: of)? )?(?:january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday)(?: \d{1,2}(?:st|nd|rd|th)?)?(?: (?:morning|afternoon|evening))?)"
COLOUR = r"(?:dark |light )?(?:red|blue|green|yellow|orange|purple|pink|black|white|gr[ae]y|brown|turquoise|teal|gold|silver|beige|violet|crimson|navy|maroon|indigo|lavender|scarlet|magenta|olive|emerald|cream|lilac|bronze|coral|mint|ruby|amber|peach)"
LIST = r"(?P<v>(?-i:[A-Z][\w'’-]+)(?:, (?-i:[A-Z][\w'’-]+)){0,4},? and (?-i:[A-Z][\w'’-]+))"
BLANKS = {"x": WHO_IS, "v": VALUE, "name": NAME, "list": LIST}
WHEN = r"(?:yesterday|today|tonight|tomorrow|some day|soon|(?:this|last|next|yesterday|tomorrow) (?:morning|afternoon|evening|night|week|weekend|month|year|spring|summer|autumn|fall|winter|\w+day)|on (?:\w+day)|(?:a|an|one|two|three|four|five|six|ten|a few|\d+) (?:days?|weeks?|months?|years?) ago|in (?:a|two|three|\d+) (?:days?|weeks?|months?|years?)|in (?:january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|winter|(?:19|20)\d\d))"
DONE = r"(?: now| though| too| by the way| btw|,? please(?: remember(?: that| it)?)?| lol| haha| as well| at the moment| these days| actually)*(?:,? (?:and|but) (?:it|he|she|they|we|his|her|shes|hes|its)\b.*)?\W*"


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence that tells something: how it is told, asked for ({x}) and answered ({x}, {v})."""

    told: str  # a pattern for the whole clause
    asks: tuple[str, ...]
    answer: str

    def read(self, clause: str) -> re.Match[str] | None:
        return _compiled(self.told).fullmatch(clause)


@cache  # patterns are many and large: each is compiled when it is first needed
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _rule(told: str, asks: str, answer: str) -> Rule:
    """Put in for <x>, <v2> ... a blank, and for a word in capitals what it stands for."""
    pattern = re.sub(
        r"(?<!P)<(x|v|name|list)(\d?)>", lambda m: BLANKS[m[1]].replace(">", f"{m[2]}>", 1), told
    )
    pattern = re.sub("|".join(SHORT), lambda m: SHORT[m[0]], pattern)
    return Rule(f"(?:{pattern}){DONE}", tuple(asks.split(" / ")), answer)


RELATION = r"(?:(?:best |older |younger |little |big |twin |youngest |oldest |eldest |ex-?)?(?:(?:(?:step|half-?|grand|god)-?)?(?:sister|brother|mother|father|son|daughter)(?:[ -]in[ -]law)?|mum|mom|dad|aunt|uncle|cousin|neighbou?r|friend|boss|manager|colleague|co-?worker|teacher|roommate|flatmate|grandma|grandpa|granny|dentist|doctor|landlord|landlady|trainer|niece|nephew|girlfriend|boyfriend|wife|husband|partner|coach|assistant|therapist|tutor|accountant|lawyer|hairdresser|fianc[eé]e?|baby|dog|cat|hamster|parrot|rabbit|horse|turtle|puppy|kitten|pony))"
VALUED = r"(?:name|surname|nickname|job|hobby|address|number|employer|school|town|hometown|birthplace|profession|major|subject|goal|dream|destination|pronouns|size|team|editor|husband|wife|partner|diet|time|day|date|fear|project|country|city|breakfast|lunch|dinner|supper|meal|drink|treat|snack|dessert|song|height|weight|band|plan|wish|collection|allergy|seat|room|floor|hotel|gate|platform|stop|route|shop|brand|language|tongue|sign|hero|habit|skill|instrument|pet|car|bike|holiday|trip|zodiac|star|club|library|blog|novel|ringtone|username|boss|teacher|doctor)"
# IGNORECASE voids [A-Z]: where a capital counts, it stands in (?-i:...).
NO_NAME = r"(?!(?:sorry|ok|okay|back|sure|hungry|tired|happy|sad|sick|busy|fine|good|great|vegan|vegetarian|gay|straight|single|married|home|late|lost|done|ready|bored|nothing|everything|works|stuck|all|maybe|ping|amazing|crazy|team|on|in|at|hard|easy|irrelevant|unimportant|spelled|pronounced|known|an?|not|later|tomorrow|again|off|after|me|him|her|out|up)\b)"
JOB = r"(?:engineer|\w+(?:tect|grapher|cher)|(?!(?:femin|athe|optim|pessim|tour)ist)\w+ist|librarian|musician|electrician|physician|technician|mathematician|politician|beautician|nurse|doctor|lawyer|chef|cook|driver|student|writer|baker|manager|developer|designer|farmer|painter|pilot|plumber|carpenter|waiter|waitress|professor|gardener|dancer|singer|actor|paramedic|vet|barista|judge|mechanic|accountant|consultant|analyst|programmer|builder|butcher|firefighter|soldier|surgeon|translator|interpreter|editor|researcher|secretary|receptionist|policeman|policewoman|police officer|cop|priest|pastor|tailor|cashier|hairdresser|banker|trader|broker|coach|tutor|midwife|welder|roofer|sailor|veterinarian|social worker|bus driver|director|producer|entrepreneur|freelancer|teacher|lecturer|principal|pharmacist|dietician)"
ONE_NAME = r"(?-i:(?!(?:Is|Was|Has|And|I|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b)[A-Z][\w-]+)"
PERSON = rf"(?!(?:dog|cat|hamster|parrot|rabbit|horse|turtle|puppy|kitten|pony)\b){RELATION}(?: {ONE_NAME})?"
PLURAL = r"(?:(?:grand)?(?:parents|children|sons|daughters)|kids|twins|brothers|sisters|siblings|cats|dogs|pets|cousins|nieces|nephews|in-laws|roommates|flatmates|neighbou?rs|parrots|rabbits|horses)"
AILMENT = r"asthma|(?:type (?:1|2|one|two) )?diabetes|adhd|add|autism|dyslexia|epilepsy|migraines|arthritis|high blood pressure|hypertension|insomnia|c(?:o)?eliac disease|crohn['’]s(?: disease)?|ibs|eczema|psoriasis|hay fever|tinnitus|anaemia|anemia|pcos|endometriosis|scoliosis|glaucoma|fibromyalgia|sleep apn(?:o)?ea|a (?:peanut|nut|milk|pollen|cat|dog|shellfish|gluten|penicillin|bee) allergy|a heart condition|a pacemaker"
NATION = "(?-i:American|Canadian|Mexican|Brazilian|Argentinian|Chilean|Colombian|Peruvian|Venezuelan|Cuban|British|English|Scottish|Welsh|Irish|French|German|Austrian|Swiss|Dutch|Belgian|Danish|Swedish|Norwegian|Finnish|Icelandic|Polish|Czech|Slovak|Slovenian|Hungarian|Romanian|Bulgarian|Serbian|Croatian|Bosnian|Albanian|Greek|Turkish|Italian|Spanish|Portuguese|Maltese|Russian|Ukrainian|Belarusian|Lithuanian|Latvian|Estonian|Georgian|Armenian|Israeli|Palestinian|Lebanese|Syrian|Jordanian|Iraqi|Iranian|Persian|Saudi|Egyptian|Moroccan|Algerian|Tunisian|Libyan|Ethiopian|Kenyan|Nigerian|Ghanaian|Indian|Pakistani|Bangladeshi|Nepalese|Afghan|Chinese|Taiwanese|Japanese|Korean|Vietnamese|Thai|Cambodian|Filipino|Filipina|Indonesian|Malaysian|Singaporean|Mongolian|Kazakh|Australian|European|Asian|African)"
NO_NATION = rf"(?!(?-i:AI|HR|IT|PM|UK|US|EU|CEO|CTO|CFO|VIP|ADHD|Christian|Catholic|Muslim|Jewish|Hindu|Buddhist|Protestant|Orthodox)\b|{NATION}\b)"
EVENT = r"(?:dentist|doctor|vet|gym|yoga|choir|band|meeting|call|interview|exam|test|quiz|appointment|flight|train|bus|ferry|lesson|class|course|practice|training|match|game|concert|party|wedding|dinner|lunch|breakfast|brunch|date|deadline|surgery|operation|check-?up|haircut|rehearsal|recital|audition|seminar|lecture|workshop|conference|trip|holiday|vacation|checkout|check-in|delivery|reservation|viewing|hearing|graduation|funeral|christening|anniversary|birthday|picnic|barbecue|swimming|football|tennis|karate|ballet|physio|therapy|club|day|day at work|massage|inspection|launch|release|shift|picking up the kids)"
SHORT = {"TIME": TIME, "COLOUR": COLOUR, "NO_NAME": NO_NAME, "NO_NATION": NO_NATION, "NATION": NATION, "WHEN": WHEN,
    "PERSON": PERSON, "PLURAL": PLURAL, "JOB": JOB, "EVENT": EVENT, "AILMENT": AILMENT}  # fmt: skip
NAMING = "What is my {x} called? / What's my {x}'s name? / What is the name of my {x}? / Do you remember what my {x} is called?"
RULES = (
    # oneself and those one names
    _rule(r"my name(?: is|['’]s) NO_NAME<name>|(?:(?:you can |please |people )?call me|everyone calls me) NO_NAME(?P<v2>(?-i:[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2}))", "What is my name? / What's my name? / Who am I? / What am I called?", "Your name is {v}."),
    _rule(r"(?:i(?: am|['’]?m)|this is(?=.* (?:here|speaking))) NO_NAMENO_NATION(?P<v>(?-i:[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2}))(?: here| speaking)?", "What is my name? / What's my name? / Who am I? / What am I called?", "Your name is {v}."),
    _rule(r"(?:my|our) <x>(?: is|['’]s|s) (?:called|named) NO_NAME<name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:my|our) <x>(?:['’]s|s) name(?: is|['’]s) <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"the name of (?:my|our) <x> is <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we)(?: have|['’]ve got| got| adopted| bought) an? (?:new |pet )?<x>(?: and (?:i |we )?(?:named|called) (?:him|her|it|them)| called| named| and (?:its|his|her) name is| and it(?: is|['’]s) called) <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we) (?:named|gave|called(?! my PERSON| our PERSON)) (?:my|our) <x> (?:the name )?(?-i:(?P<v>[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*){0,3}))", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we) named (?:my|our) <x> NO_NAME(?!after\b)<name>", NAMING, "Your {x} is called {v}."),
    # ages, birthdays, homes, work
    _rule(r"i(?: am|['’]?m) (?P<v>\d{1,3})(?: years old| yrs old| y/?o)?", "How old am I? / What is my age? / Do you know how old I am?", "You are {v} years old."),
    _rule(r"(?:i just |i )turned (?P<v>\d{1,3})", "How old am I? / What is my age? / Do you know how old I am?", "You are {v} years old."),
    _rule(r"my <x> is (?P<v>\d{1,3}) years old", "How old is my {x}? / What is my {x}'s age? / Do you know how old my {x} is?", "Your {x} is {v} years old."),
    _rule(r"my birthday(?: is|['’]s)(?: on)? (?!(?:going|tomorrow|today|in|soon|coming)\b)<v>", "When is my birthday? / What is my birthday? / Do you remember my birthday? / When was I born?", "Your birthday is on {v}."),
    _rule(r"i was born on (?!an? |the (?!\d))<v>", "When is my birthday? / What is my birthday? / Do you remember my birthday? / When was I born?", "Your birthday is on {v}."),
    _rule(r"my <x>(?:['’]s|s) birthday is(?: on)? <v>", "When is my {x}'s birthday? / What is my {x}'s birthday? / Do you remember when my {x}'s birthday is?", "Your {x}'s birthday is on {v}."),
    _rule(r"(?:i|we)(?: now)?(?: live|(?:['’]m| am|['’]re| are) living| moved| just moved| have moved)(?: from [\w .]+?)?(?: in| to) (?!(?:with|fear|tears|the (?:moment|past|middle|bed|couch|sofa|table|window|floor|back|front|left|right|side))\b)<v>(?:,? (?:back )?WHEN)?(?: (?:with|for|since|but|and (?-i:[a-z])).*)?", "Where do I live? / Which city do I live in? / What is my home town? / Do you know where I live?", "You live in {v}."),
    _rule(r"my <x> (?:lives in|moved to) <v>(?:,? WHEN)?(?: (?:with|for|since|but|and (?-i:[a-z])).*)?", "Where does my {x} live? / Do you know where my {x} lives? / Which city does my {x} live in?", "Your {x} lives in {v}."),
    _rule(r"i(?: am|['’]?m)(?: originally)? from <v>|i come from (?P<v2>.+?)", "Where am I from? / Where do I come from? / What is my home country?", "You come from {v}."),
    _rule(r"i was born in (?P<v>[^\d,;:!?]{1,40}?(?: in (?:19|20)\d\d)?)", "Where was I born? / What is my birthplace? / In which city was I born?", "You were born in {v}."),
    _rule(r"i(?:['’]m| am)? work(?:ing)? as (?P<v>an? [^,;:!?]{1,40}?)(?: (?:at|for|in) .{1,40})?", "What do I do for a living? / What is my job? / What do I work as? / What is my profession?", "You work as {v}."),
    _rule(r"i(?: am|['’]?m) (?!an? (?:very |really )?(?:bad|good|great|big|huge|total|terrible|slow)\b)(?P<v>an? (?:[\w-]+ ){0,2}JOB(?: (?:based |working )?(?:at|for|in) (?:(?:an?|the|my|our) |(?-i:[A-Z]))[^,;:!?]{1,60}?)?)", "What do I do for a living? / What is my job? / What do I work as? / What is my profession?", "You are {v}."),
    _rule(r"i(?:['’]m| am)? work(?:ing)? (?:at|for) (?!(?:free|now|fun)\b)<v>(?: as .{1,40})?", "Where do I work? / Which company do I work for? / Who do I work for? / Who is my employer?", "You work at {v}."),
    _rule(r"i(?:['’]ve| have|['’]m| am)?(?: just| recently| now)* (?:got|been|was|getting) promoted to <v>", "What is my job? / What do I do for a living? / What is my profession?", "You were promoted to {v}."),
    _rule(r"i(?:['’]ve| have)?(?: just| recently| finally)* (?:accepted|got|took|landed) (?:an|the|a|my)(?: new)? (?:offer|job|position|role) (?:at|with) (?P<v>(?:an? |(?-i:[A-Z]))[^,;:!?]{1,50}?)", "Where do I work? / Which company do I work for? / Who do I work for? / Who is my employer?", "Your new job is at {v}."),
    _rule(r"my <x> works as (?P<v>an? [^,;:!?]{1,40}?)", "What does my {x} do for a living? / What is my {x}'s job? / Do you know what my {x} does for a living?", "Your {x} works as {v}."),
    _rule(r"my <x> works (?:at|for) <v>", "Where does my {x} work? / Do you know where my {x} works? / Who does my {x} work for?", "Your {x} works at {v}."),
    # those one names, and what is said of them without a verb of its own
    _rule(r"(?:my|our) (?P<x>PERSON) (?:is|['’]s) NO_NAMENO_NATION(?P<v>(?-i:[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*){0,3}))", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:my|our) (?P<x>PERSON) (?:is|['’]s)(?: now| already| only| just)? (?P<v>\d{1,3})|(?:my|our) (?P<x2>PERSON)(?: has)?(?: just| recently)? turned (?P<v2>\d{1,3})(?: WHEN)?", "How old is my {x}? / What is my {x}'s age? / Do you know how old my {x} is?", "Your {x} is {v} years old."),
    _rule(r"(?:my|our) <x> is (?P<v>\d{1,3} (?:days|weeks|months|years and \d+ months))(?: old)?", "How old is my {x}? / What is my {x}'s age? / Do you know how old my {x} is?", "Your {x} is {v} old."),
    _rule(r"(?:my|our) (?P<x>PERSON) (?:is|['’]s)(?: originally)? (?P<v>NATION)", "What nationality is my {x}? / Which nationality is my {x}? / Do you know what nationality my {x} is?", "Your {x} is {v}."),
    _rule(r"(?:my|our) (?P<x>PERSON) (?:is|['’]s) (?!an? (?:very |really |pretty )?(?:bad|good|great|big|huge|total|terrible|slow|awful|amazing|better|careful|fast)\b)(?P<v>an? (?:[\w-]+ ){0,2}JOB(?: (?:at|for|in) (?:(?:an?|the|my|our) |(?-i:[A-Z]))[^,;:!?]{1,40}?)?)", "What does my {x} do for a living? / What is my {x}'s job? / Do you know what my {x} does for a living?", "Your {x} is {v}."),
    _rule(r"(?:my|our) (?P<x>dog|puppy|cat|kitten|horse|pony|parrot|rabbit|hamster) (?:is|['’]s) (?P<v>an? (?!(?:\w+ )?(?:good|bad|great|very|total|real|little|bit|such|pain|nightmare|menace|joy|mess|monster|angel|star|rescue|lot|member|boy|girl)\b)[^,;:!?]{2,30}?)", "What breed is my {x}? / Which breed is my {x}? / Do you know what breed my {x} is?", "Your {x} is {v}."),
    _rule(r"(?:my|our) <x>(?: has| have)?(?: just| recently| sadly)? (?P<v>died|passed away)(?: (?P<t>WHEN))?", "What happened to my {x}? / Do you know what happened to my {x}? / Do you remember what happened to my {x}?", "Your {x} {v}{t}."),
    _rule(r"(?:my|our) (?P<x>phone|laptop|computer|camera|guitar|watch|tablet|truck|bicycle|van|motorbike|motorcycle) is (?P<v>an? (?!(?:bit|mess|pain|gift|disaster|piece|little|lot)\b)[^,;:!?]{2,40}?)", "What is my {x}? / What's my {x}? / Do you remember what my {x} is?", "Your {x} is {v}."),
    _rule(r"(?:my|our) (?P<x>PLURAL)(?: now| all| both)? (?:live in|moved to) (?!(?:their|the|fear|a|an|my|our)\b)<v>(?:,? WHEN)?", "Where do my {x} live? / Do you know where my {x} live? / Which city do my {x} live in?", "Your {x} live in {v}."),
    _rule(r"(?:my|our) (?P<x>PLURAL) (?P<y>come|are) from (?!hell\b)<v>", "Where do my {x} come from? / Where are my {x} from? / Which country do my {x} come from?", "Your {x} {y} from {v}."),
    _rule(r"(?:my|our) (?P<x>PLURAL) are (?:called|named) <list>|(?:my|our) (?P<x2>PLURAL)(?:['’]s?)? names are <list2>|(?:i|we) have (?:two|three|four|five|six|\d) (?P<x3>PLURAL)[,:]?(?: called| named| whose names are)? <list3>", "What are my {x} called? / What are the names of my {x}? / Do you remember what my {x} are called?", "Your {x} are called {v}."),
    # a life in plain words
    _rule(r"i(?: am|['’]?m)(?: originally| half| also)? (?P<v>NATION)", "What nationality am I? / Which nationality am I? / Do you know what nationality I am?", "You are {v}."),
    _rule(r"(?:i|we)(?:['’]m| am|['’]re| are)(?: going to be)? moving(?: back)? to (?!(?:the|a|an|my|our) )<v>(?:,? (?P<t>WHEN))?(?: (?:with|for|because|to) .*)?", "Where am I moving to? / Do you know where I am moving to? / Do you remember where I am moving to?", "You are moving to {v}{t}."),
    _rule(r"i grew up (?P<v>(?:in|on|near) (?!the \d|the (?:nine|eight|seven|six|fif)t|my\b)[^,;:!?]{1,40}?)", "Where did I grow up? / Do you remember where I grew up? / Do you know where I grew up?", "You grew up {v}."),
    _rule(r"i was born in (?P<v>(?:19|20)\d\d)", "Which year was I born in? / What year was I born in? / Do you know which year I was born in?", "You were born in {v}."),
    _rule(r"i(?: still)? live (?:together )?with (?P<v>(?:(?:my|our|an?|two|three|four|five|\d) |(?-i:[A-Z]))[^,;:!?]{1,50}?)(?: in .{1,30})?", "Who do I live with? / Do you know who I live with? / Do you remember who I live with?", "You live with {v}."),
    _rule(r"i(?: am|['’]?m)(?: now| happily| newly| recently| still| already)* (?P<v>married|divorced|single|engaged|widowed|separated)", "What is my marital status? / What's my marital status? / Am I married? / Do you know my marital status?", "You are {v}."),
    _rule(r"i(?: am|['’]?m)(?: now| happily)? married to <v>", "Who am I married to? / Do you know who I am married to? / Do you remember who I am married to?", "You are married to {v}."),
    _rule(r"(?:i|we) got married (?P<v>WHEN|on .{1,25}?)", "What is my wedding day? / When did I get married? / When was my wedding? / Do you remember my wedding day?", "You got married {v}."),
    _rule(r"(?:i|we) got divorced (?P<v>WHEN|on .{1,25}?)", "When did I get divorced? / Do you know when I got divorced? / Do you remember when I got divorced?", "You got divorced {v}."),
    _rule(r"(?:i|we) have (?P<v>no) (?P<x>kids|children|siblings|brothers|sisters|pets)|(?:i|we) (?:don['’]?t|do not) have (?P<v2>any) (?P<x2>kids|children|siblings|brothers|sisters|pets)", "How many {x} do I have? / Do I have any {x}? / Do you know how many {x} I have?", "You have no {x}."),
    _rule(r"i(?: am|['’]?m)(?: now| also| mostly| strictly)*(?P<v> an?)? (?P<v2>vegan|vegetarian|pescatarian|flexitarian)", "What is my diet? / What's my diet? / Do you remember my diet? / Am I vegan or vegetarian?", "You are {v}."),
    _rule(r"i(?: am|['’]?m) (?P<v>(?:lactose|gluten|fructose|histamine)[ -]intolerant)", "What is my intolerance? / Do you remember my intolerance? / Do you know my intolerance?", "You are {v}."),
    _rule(r"i (?P<y>can['’]?t|cannot|can no longer|don['’]?t|do not|no longer|never) (?P<z>eat|drink|smoke) (?!(?:now|another|any|anything|much|enough|at|until|till|before|after|with|without|in|on|and|or|here|there|today|tonight|yet|alone|out|as|from|for|more|because|when)\b)<v>(?: at all| any ?more| any longer)?", "What do I not {z}? / Do you know what I do not {z}? / Do you remember what I do not {z}?", "You {y} {z} {v}."),
    _rule(r"i(?: have|['’]ve got| have got|['’]ve been diagnosed with| have been diagnosed with) (?P<v>AILMENT)(?: WHEN)?|i (?:suffer from|was diagnosed with) (?!(?:my|your|this|that|the|it|a lot|being|having|people)\b)(?P<v2>[^,;:!?]{2,30}?)(?: WHEN)?", "What is my medical condition? / What medical condition do I have? / Do you remember my medical condition?", "You have {v}."),
    _rule(r"i take (?!(?:the|an?|my|it|that|this|care|part|place|time|turns|notes|pictures|photos|pride|over|off|out|on|up) ?\b)(?P<v>[\w -]{3,30}?) ?(?:(?P<t>(?:every|each) (?:day|morning|evening|night)|daily|twice a day|at night|in the morning)(?: for my .{1,20})?|for my .{1,20}?)", "Which medicine do I take? / What medicine do I take? / Do you remember which medicine I take?", "You take {v}{t}."),
    _rule(r"i (?:usually |always |normally |often )?(?P<y>(?:run|jog|swim|meditate|work out|cycle|climb|lift weights|exercise|(?:go|play|do|have|attend|teach) (?!(?:it|that|this|what|there|here|crazy|mad|nuts|to (?!the|my|a)\w+) ?\b)[\w ]{2,30}?)) (?P<v>(?:every|each|once a|twice a|three times a) (?:day|morning|evening|night|week|month|weekend|\w+day)(?: \w+)?|on (?:mon|tues|wednes|thurs|fri|satur|sun)days?(?: (?:and|at) .{1,20})?|on weekends)", "When do I {y}? / Do you know when I {y}? / Do you remember when I {y}?", "You {y} {v}."),
    _rule(r"i(?: am|['’]?m)(?: currently| now| just| still)* (?P<y>reading|watching|listening to) (?P<v>(?-i:[A-Z])[^,;:!?]{1,50}?)", "What am I {y}? / Do you know what I am {y}? / Do you remember what I am {y}?", "You are {y} {v}."),
    _rule(r"i(?: am|['’]?m)(?: currently| now| just| still)* (?P<y>working on|building|writing|developing|restoring|renovating|knitting|designing|composing|translating) (?!(?:an?|my|our) (?:\w+ )?(?:email|e-mail|mail|message|letter|note|reply|list|text|\w+day|weekend)\b)(?P<v>(?:(?:an?|my|our) |(?-i:[A-Z]))[^,;:!?]{2,60}?)", "What am I {y}? / Do you know what I am {y}? / Do you remember what I am {y}?", "You are {y} {v}."),
    _rule(r"i(?:['’]d like| would like|['’]d love| want| hope| plan|['’]m planning| am planning) to learn (?!more\b|about\b)(?:how )?(?P<b>to )?<v>(?: (?:this|next|some) \w+)?", "What do I want to learn? / Do you know what I want to learn? / Do you remember what I want to learn?", "You want to learn {b}{v}."),
    _rule(r"(?:i|we)(?:['’]m| am|['’]re| are) planning (?:an?|our|my) (?:\w+ )?(?:trip|holiday|vacation|honeymoon) to (?P<v>(?-i:[A-Z])[\w' -]{1,40}?)(?: (?P<t>WHEN))?", "Where am I going on holiday? / What is my holiday? / What's my holiday? / Do you remember my holiday?", "You are going to {v} on holiday{t}."),
    _rule(r"i(?: currently)? weigh (?P<v>(?:about |around )?\d[\d.,]* ?(?:kg|kilos?|kilograms?|pounds|lbs?|stone))", "How much do I weigh? / Do you know how much I weigh? / Do you remember how much I weigh?", "You weigh {v}."),
    _rule(r"i(?: am|['’]?m) (?P<v>(?:about |around )?\d[\d.,'’]* ?(?:cm|m|meters?|metres?|centimet(?:er|re)s|feet|foot|ft)?(?: ?\d+ ?(?:inches|in)?)?)(?: tall| in height)", "How tall am I? / Do you know how tall I am? / Remind me, how tall am I?", "You are {v} tall."),
    _rule(r"i (?:usually |always |normally |mostly )?go to (?:bed|sleep) (?:at|around|by) (?P<v>TIME)", "When do I go to bed? / Do you know when I go to bed? / Do you remember when I go to bed?", "You go to bed at {v}."),
    _rule(r"i(?: study|(?:['’]m| am) studying) (?P<v>at (?!(?:home|night|the moment)\b)[^,;:!?]{1,40}?)|i go to (?:school|college|university|uni) (?P<v2>(?:at|in) [^,;:!?]{1,40}?)", "Where do I study? / Do you know where I study? / Do you remember where I study?", "You study {v}."),
    # likes, allergies, languages
    _rule(r"my (?:absolute |all-time )?fav(?:ou?rite)? <x> (?:is|are|has always been) <v>", "What is my favourite {x}? / What's my favourite {x}? / Which {x} do I like most? / Do you remember my favourite {x}?", "Your favourite {x} is {v}."),
    _rule(r"i(?: am|['’]?m) (?:very |really |super )?allergic to <v>", "What am I allergic to? / What is my allergy? / Do you know what I'm allergic to?", "You are allergic to {v}."),
    _rule(r"my <x> is allergic to <v>", "What is my {x} allergic to? / What is my {x}'s allergy? / Do you know what my {x} is allergic to?", "Your {x} is allergic to {v}."),
    _rule(r"(?:i|we)(?:['’]m| am|['’]re| are|['’]ve| have)?(?: also| just| now| recently| going to)* (?:switch|chang|mov)(?:e|ed|ing)?(?: over)? from (?!(?:the|one|an?|here|there|this|that|my|our)\b)(?P<y>[^,;:!?]{1,40}?) to (?P<v>[^,;:!?–—]{1,40}?)(?: (?:to|for|because|since|as) .*|,? [–—-].*)?", "What do I use instead of {y}? / What did I switch to from {y}? / What did I say about {y}? / What did I say about {v}?", "You switched from {y} to {v}."),
    _rule(r"(?:i|we)(?: mostly| mainly| always| usually| now)? use (?P<v>[^,;:!?]{1,40}?) for (?:my |all (?:of )?my |our )?(?P<x>(?!now\b|everything\b|it\b|that\b|this\b|free\b|me\b|years\b)[\w -]{2,40}?)", "What do I use for {x}? / Do you remember what I use for {x}? / Do you know what I use for {x}?", "You use {v} for {x}."),
    _rule(r"i drive (?P<v>an? .{1,40}?)", "What car do I drive? / What do I drive? / What is my car?", "You drive {v}."),
    _rule(r"i play the <v>", "What instrument do I play? / Which instrument do I play? / What is my instrument?", "You play the {v}."),
    _rule(r"i speak <v>", "Which language do I speak? / What language do I speak? / What do I speak?", "You speak {v}."),
    _rule(r"i(?: study|(?:['’]m| am) studying) <v>", "What do I study? / Which subject do I study? / What am I studying?", "You study {v}."),
    _rule(r"i (?:really |also )*(?:hate|can['’]?t stand|dislike|despise) <v>", "How do I feel about {v}? / What do I think of {v}? / What is my opinion on {v}?", "You hate {v}."),
    _rule(r"i (?:really |also |absolutely )*(?P<y>like|love|enjoy|prefer) <v>", "How do I feel about {v}? / What do I think of {v}? / What is my opinion on {v}?", "You {y} {v}."),
    _rule(r"i have (?P<v>one|two|three|four|five|six|seven|\d{1,2}) (?P<x>kids|children|sons|daughters|brothers|sisters|siblings|dogs|cats|grandchildren)", "How many {x} do I have? / Do you know how many {x} I have? / Remind me, how many {x} do I have?", "You have {v} {x}."),
    _rule(r"my <x>(?P<b> is| are) (?P<v>(?:in|on|under|behind) the .{1,40}?)", "Where{b} my {x}? / Do you know where my {x}{b}? / Where did I put my {x}?", "Your {x}{b} {v}."),
    _rule(r"my <x> is (?P<v>(?:on|at) (?:\d|mon|tues|wednes|thurs|fri|satur|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|the \d).{0,30}?)", "When is my {x}? / Do you remember when my {x} is? / I forgot when my {x} is.", "Your {x} is {v}."),
    _rule(r"my <x> is (?P<v>COLOUR)", "What colour is my {x}? / Which colour is my {x}? / What is the colour of my {x}?", "Your {x} is {v}."),
    # more names
    _rule(r"NO_NAME(?!(?:same|right|over|down|new|it|rain\w*|snow\w*|sunny)\b)(?P<v>(?-i:[A-Z][\w'’-]+)) here(?: again| speaking)?", "What is my name? / What's my name? / Who am I? / What am I called?", "Your name is {v}."),
    _rule(r"(?-i:(?P<v>[A-Z][\w'’-]+)) is my <x>(?:['’]s|s) name", NAMING, "Your {x} is called {v}."),
    _rule(rf"(?!(?:to(?:day|morrow|night)|yesterday|this|that|it|he|she|here|there)\b)(?-i:(?P<v>[A-Z][\w' ’-]+?)) is my (?P<x>(?:[\w-]+ )?{VALUED}|birthday)", "What is my {x}? / What's my {x}? / Do you remember my {x}? / Tell me my {x}.", "Your {x} is {v}."),
    _rule(r"my <x> goes by <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?-i:(?P<v>[A-Z][\w'’-]+)) is the name of my <x>", NAMING, "Your {x} is called {v}."),
    # other people
    _rule(r"my <x> has an? (?P<y>dog|cat|horse|parrot|hamster|rabbit|pony|pet) (?:called|named) <name>", "What is my {x}'s {y} called? / What is the name of my {x}'s {y}? / Do you remember what my {x}'s {y} is called?", "Your {x} has a {y} called {v}."),
    _rule(r"my <x> has (?:a |his |her |its )?birthday on <v>", "When is my {x}'s birthday? / What is my {x}'s birthday? / Do you remember when my {x}'s birthday is?", "Your {x} has a birthday on {v}."),
    _rule(r"my <x> (?:plays|is learning|can play) the <v>", "What instrument does my {x} play? / Which instrument does my {x} play? / What does my {x} play?", "Your {x} plays the {v}."),
    _rule(r"my <x> speaks <v>", "Which language does my {x} speak? / What language does my {x} speak? / What does my {x} speak?", "Your {x} speaks {v}."),
    _rule(r"my <x> studies <v>", "What does my {x} study? / Which subject does my {x} study? / What subject does my {x} study?", "Your {x} studies {v}."),
    _rule(r"my <x> drives (?P<v>an? .{1,40}?)", "What car does my {x} drive? / Which car does my {x} drive? / What does my {x} drive?", "Your {x} drives {v}."),
    _rule(r"my <x> (?P<y>comes|is) from <v>", "Where does my {x} come from? / Where is my {x} from? / Which country does my {x} come from?", "Your {x} {y} from {v}."),
    _rule(r"my <x> likes (?:the colou?r )?(?P<v>COLOUR|\w+) (?:best|most)", "Which colour does my {x} like best? / What colour does my {x} like best? / What is my {x}'s favourite colour?", "Your {x} likes {v} best."),
    _rule(r"my <x>(?:['’]s|s) fav(?:ou?rite)? (?P<y>[\w-]+) (?:is|are) <v>", "What is my {x}'s favourite {y}? / Which {y} does my {x} like best? / Do you remember my {x}'s favourite {y}?", "Your {x}'s favourite {y} is {v}."),
    _rule(r"my <x> (?:loves|likes) (?:to eat|eating) <v>", "What does my {x} love to eat? / What does my {x} like to eat? / Do you know what my {x} loves to eat?", "Your {x} loves to eat {v}."),
    _rule(r"my <x> (?:really |also )?(?:enjoys|loves|likes) (?P<v>[\w-]+ing(?: .{1,30}?)?|yoga|chess|karate|judo|tennis|football)", "What does my {x} enjoy? / What is my {x}'s hobby? / Do you remember what my {x} enjoys?", "Your {x} really enjoys {v}."),
    _rule(r"my <x> (?P<y>hates|collects|supports|teaches|owns|rides|wears) <v>", "Do you know what my {x} {y}? / Do you remember what my {x} {y}? / I forgot what my {x} {y}.", "Your {x} {y} {v}."),
    _rule(r"my <x> (?:always |often |likes to )?sleeps? (?P<v>(?:in|on|under|at|next to|beside|behind|inside|by) .{1,40}?)", "Where does my {x} sleep? / Do you know where my {x} sleeps? / Do you remember where my {x} sleeps?", "Your {x} sleeps {v}."),
    _rule(r"my <x> is (?:afraid|scared|terrified) of <v>", "What is my {x} afraid of? / What is my {x} scared of? / Do you know what my {x} is afraid of?", "Your {x} is afraid of {v}."),
    # fears, habits, places of things
    _rule(r"i(?: am|['’]?m) (?:very |really |so )?(?:afraid|scared|terrified) of <v>|(?!(?:nothing|nobody)\b)(?P<v2>[\w -]{1,30}?(?<!used to)) (?:frighten|scare)s? me", "What am I afraid of? / What am I scared of? / What is my biggest fear? / Do you remember what I am afraid of?", "You are afraid of {v}."),
    _rule(r"my (?:biggest|greatest|worst) fear is <v>", "What is my biggest fear? / What am I afraid of? / What am I scared of? / Do you remember my biggest fear?", "Your biggest fear is {v}."),
    _rule(r"i collect <v>", "What do I collect? / Do you remember what I collect? / Do you know what I collect?", "You collect {v}."),
    _rule(r"i(?: am|['’]?m) (?:learning|trying to learn) (?:to speak )?<v>", "What am I learning? / Do you remember what I am learning? / Do you know what I am learning?", "You are learning {v}."),
    _rule(r"i support <v>", "Which team do I support? / What team do I support? / Do you remember which team I support?", "You support {v}."),
    _rule(r"i (?:always |usually |often |normally )?(?:wake up|get up) at <v>", "When do I get up? / When do I wake up? / At what time do I get up?", "You get up at {v}."),
    _rule(r"i(?: always|['’]ve| have)? (?P<y>keep|put|store|left|hid) my <x> (?P<v>(?:in|on|under|behind|near|next to|inside|above) (?:the|my|our|an?) (?!lurch).{1,40}?|at (?:home|work))", "Where {be} my {x}? / Where do I keep my {x}? / Where did I put my {x}? / I can't find my {x}. Where is it?", "Your {x} {be} {v}."),
    _rule(r"you can find my <x> (?P<v>(?:in|on|under|behind|at|near|next to|inside|above) .{1,40}?)", "Where {be} my {x}? / Where do I keep my {x}? / Where did I put my {x}?", "Your {x} {be} {v}."),
    # appointments and journeys
    _rule(r"(?:i have |i moved |please remember )?(?:my|our) <x> (?:is planned for|is scheduled for|is set for|has been moved to|was moved to|to|on|at|is (?:on|at)|starts at|begins at) (?P<v>TIME)", "When is my {x}? / When do I have my {x}? / Do you remember when my {x} is? / What is the time of my {x}?", "Your {x} is {at} {v}."),
    _rule(r"(?P<x>(?:(?!(?:the|an?|no|my|our|your|great|good|thanks?|see|set|book(?! club)|order|i|you|we|he|she|it|they|me|us|call|meet|for|skip|cancel|move|miss)\b)[a-z][\w-]*(?:['’]s)? ){0,2}EVENT) (?:is )?(?:at|on) (?P<v>TIME)", "When is my {x}? / When do I have my {x}? / Do you remember when my {x} is? / What is the time of my {x}?", "Your {x} is {at} {v}."),
    _rule(r"(?:i|we)(?: have|['’]ve got| got) (?:an?|my|our|the) (?:big |important |paper )?<x> (?:is |comes up |scheduled )?(?:on|at) (?P<v>TIME)|(?:(?:the|my|our) )?(?P<x2>(?:[\w-]+ ){0,2}(?:deadline|meeting|interview|exam|appointment|release|launch|conference)) is(?: on| at| now)?(?: on| at)? (?P<v2>TIME)", "When is my {x}? / When do I have my {x}? / Do you remember when my {x} is? / What is the time of my {x}?", "Your {x} is {at} {v}."),
    _rule(r"my (?P<x>train|bus|flight|plane|boat|ferry|tram) (?:leaves|goes|departs) at (?P<v>TIME)", "When does my {x} leave? / What time does my {x} leave? / At what time does my {x} leave?", "Your {x} leaves at {v}."),
    _rule(r"(?:i(?: am|['’]?m) (?:going|flying|travelling|traveling)|my (?:next )?(?:trip|holiday|vacation) (?:goes|is)|(?:i|we)(?:['’]ve| have)? booked a (?:trip|flight|holiday)) to (?P<v>(?-i:[A-Z])[\w' -]{1,40}?)(?: (?:on|for) (?:holiday|vacation))?(?: next \w+)?", "Where am I going on holiday? / What is my holiday? / What's my holiday? / Do you remember my holiday?", "You are going to {v} on holiday."),
    # colours, favourites, and whatever is called somebody's
    _rule(r"the colou?r of my <x> is <v>|i painted my <x2> (?P<v2>[\w ]{3,20})", "What colour is my {x}? / Which colour is my {x}? / What is the colour of my {x}? / Do you remember what colour my {x} is?", "Your {x} is {v}."),
    _rule(r"my <x>(?:['’]s|s) colou?r is <v>", "What colour is my {x}? / Which colour is my {x}? / What is the colour of my {x}? / Do you remember what colour my {x} is?", "Your {x} is {v}."),
    _rule(r"if i had to pick an? <x>,? it would be <v>|of (?:every|all) <x2>s? there (?:is|are), i love (?P<v2>.{1,40}?) (?:the )?most|the <x3> i like (?:the )?(?:most|best) is (?P<v3>.{1,40}?)", "What is my favourite {x}? / What's my favourite {x}? / Which {x} do I like most? / Do you remember my favourite {x}?", "Your favourite {x} is {v}."),
    _rule(rf"(?:my|our) (?!PERSON (?:is|are)\b)(?P<x>(?!fav|name\b)(?:[\w-]+(?:['’]s)? ){{0,2}}{VALUED}) (?:is|are) (?!going\b)<v>", "What is my {x}? / What's my {x}? / Do you remember my {x}? / Tell me my {x}.", "Your {x} is {v}."),
    _rule(r"(?:my|our) (?!PERSON (?:is|are)\b)(?P<x>(?!fav)(?:[\w-]+(?:['’]s)? ){0,2}[\w-]+) (?:is|are) (?P<v>(?-i:[A-Z\d])[^,;:!?]{0,50}?)", "What is my {x}? / What's my {x}? / Do you remember my {x}? / Tell me my {x}.", "Your {x} is {v}."),
)  # fmt: skip
NAMED = _rule(
    rf"(?:.{{1,30}} )?my (?P<x>{RELATION}) (?P<v>{ONE_NAME})(?!['’]s) .{{1,60}}",
    NAMING,
    "Your {x} is called {v}.",
)
"""A name in passing: "My cat Luna loves tuna"."""
MOST_DEEDS = 6  # verbs of a clause that are looked at: their patterns take time to compile
ASKED_FOR = {"visit": "Which city", "read": "Which book", "watch": "Which film"}  # with a name
WILL = r"(?:i(?: will|['’]ll|(?: am|['’]m) going to| want to| plan to| have to| need to| hope to|['’]d like to| would like to)|remind me to|my plan is to)"


def rules(clause: str) -> Iterator[Rule]:
    """Yield the rules that may fit a clause, in the order in which they count."""
    yield from RULES
    yield NAMED
    said = (BASE_OF_PAST.get(word, word) for word in re.findall(r"[a-z]+", clause.lower()))
    for verb in islice(dict.fromkeys(verb for verb in said if verb in DEEDS), MOST_DEEDS):
        yield from _deeds(verb)


@cache
def _deeds(verb: str) -> tuple[Rule, ...]:
    """What was done, and what will be."""
    name = r"(?P<v>(?-i:[A-Z])[^,;:!?]{1,40}?)"
    asked = ("Who" if verb in WHO else "What", r"(?P<v>[^,;:!?]{1,60}?)")
    nouns = [(ASKED_FOR[verb], name), asked] if verb in ASKED_FOR else [asked]
    return tuple(
        rule
        for noun, value in nouns
        for rule in (_done(verb, noun, value), _planned(verb, noun, value))
    )


def _done(verb: str, noun: str, value: str) -> Rule:
    """With a time, or with something definite enough to be asked for without one."""
    low, did = noun[0].lower() + noun[1:], past(verb)
    told = rf"(?:my \w+ and )?i (?:just |also |finally |once )?{did}"
    lasting = verb in ("find", "lose", "buy", "sell", "adopt")
    thing = r"(?P<v3>(?:an?|my) [^,;:!?]{1,50}?)" if lasting else "(?P<v3>(?!))"
    return _rule(
        rf"(?P<t>{WHEN}),? {told} {value}|{told} {value.replace('<v>', '<v2>')} (?P<t2>{WHEN})|{told} {thing}",
        f"{noun} did I {verb}{{t}}? / Do you know {low} I {did}{{t}}? / {noun} was it that I {did}{{t}}?",
        f"You {did} {{v}}{{t}}.",
    )


def _planned(verb: str, noun: str, value: str) -> Rule:
    low = noun[0].lower() + noun[1:]
    told = f"{WILL} {verb}"
    return _rule(
        rf"(?P<t>{WHEN}),? {told} {value}|{told} {value.replace('<v>', '<v2>')} (?P<t2>{WHEN})",
        f"{noun} will I {verb}{{t}}? / {noun} am I going to {verb}{{t}}? / {noun} do I want to {verb}{{t}}? / Do you remember {low} I will {verb}{{t}}?",
        f"You will {verb} {{v}}{{t}}.",
    )
