"""What common English statements about oneself look like, and how they are asked for and answered."""
# ruff: noqa: E501  (a rule is read best in one line)

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from mlxdyn.study.verb import BASE_OF_PAST, DEEDS, WHO, past

WHO_IS = r"(?P<x>(?:[\w-]+(?:['’]s)? ){0,3}?[\w-]+)"
VALUE = r"(?P<v>[^,;:!?]{1,60}?)"
NAME = r"(?P<v>[\w'’.-]+(?: [A-Z][\w'’.-]*){0,3})"
TIME = r"(?:\d{1,2}(?:[:.]\d{2})?(?: ?[ap]\.?m\.?| o'clock)?|noon|midnight|(?:\d{1,2}(?:st|nd|rd|th)?(?: of)? )?(?:january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday)(?: \d{1,2}(?:st|nd|rd|th)?)?(?: (?:morning|afternoon|evening))?)"
COLOUR = r"(?:dark |light )?(?:red|blue|green|yellow|orange|purple|pink|black|white|gr[ae]y|brown|turquoise|teal|gold|silver|beige|violet|crimson|navy|maroon|indigo|lavender|scarlet|magenta|olive|emerald|cream|lilac|bronze|coral|mint|ruby|amber|peach)"
BLANKS = {"x": WHO_IS, "v": VALUE, "name": NAME}
WHEN = r"(?:yesterday|today|tonight|tomorrow|some day|soon|(?:this|last|next|yesterday|tomorrow) (?:morning|afternoon|evening|night|week|weekend|month|year|spring|summer|autumn|fall|winter|\w+day)|on (?:\w+day)|(?:a|an|one|two|three|four|five|six|ten|a few|\d+) (?:days?|weeks?|months?|years?) ago|in (?:a|two|three|\d+) (?:days?|weeks?|months?|years?)|in (?:january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|winter|(?:19|20)\d\d))"
DONE = r"(?: now| though| too| by the way| btw|,? please(?: remember(?: that| it)?)?| lol| haha| as well| at the moment| these days| actually)*(?:,? (?:and|but) (?:it|he|she|they|we|his|her)\b.*)?\W*"


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
    pattern = re.sub(
        r"(?<!P)<(x|v|name)(\d?)>", lambda m: BLANKS[m[1]].replace(">", f"{m[2]}>", 1), told
    )
    pattern = pattern.replace("TIME", TIME).replace("COLOUR", COLOUR).replace("NO_NAME", NO_NAME)
    return Rule(f"(?:{pattern}){DONE}", tuple(asks.split(" / ")), answer)


RELATION = r"(?:(?:best |older |younger |little |big |twin |youngest |oldest |eldest |ex-?)?(?:(?:(?:step|half-?|grand|god)-?)?(?:sister|brother|mother|father|son|daughter)(?:[ -]in[ -]law)?|mum|mom|dad|aunt|uncle|cousin|neighbou?r|friend|boss|manager|colleague|co-?worker|teacher|roommate|flatmate|grandma|grandpa|granny|dentist|doctor|landlord|landlady|trainer|niece|nephew|girlfriend|boyfriend|wife|husband|partner|coach|assistant|therapist|tutor|accountant|lawyer|hairdresser|fianc[eé]e?|baby|dog|cat|hamster|parrot|rabbit|horse|turtle|puppy|kitten|pony))"
VALUED = r"(?:name|surname|nickname|job|hobby|address|number|employer|school|town|hometown|birthplace|profession|major|subject|goal|dream|destination|pronouns|size|team|editor|husband|wife|partner|diet|time|day|date|fear|project|country|city|breakfast|lunch|dinner|supper|meal|drink|treat|snack|dessert|song|height|weight|band|plan|wish|collection|allergy|seat|room|floor|hotel|gate|platform|stop|route|shop|brand|language|tongue|sign|hero|habit|skill|instrument|pet|car|bike|holiday|trip|zodiac|star|club|library|blog|novel|ringtone|username|boss|teacher|doctor)"
# IGNORECASE voids [A-Z]: where a capital counts, it stands in (?-i:...).
NO_NAME = r"(?!(?:sorry|ok|okay|back|sure|hungry|tired|happy|sad|sick|busy|fine|good|great|vegan|vegetarian|gay|straight|single|married|home|late|lost|done|ready|bored|nothing|everything|works|stuck|all|maybe|ping|amazing|crazy|team|on|in|at|hard|easy|irrelevant|unimportant|spelled|pronounced|known|an?|not|later|tomorrow|again|off|after|me|him|her|out|up)\b)"
ONE_NAME = r"(?-i:(?!(?:Is|Was|Has|And|I|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b)[A-Z][\w-]+)"
NAMING = "What is my {x} called? / What's my {x}'s name? / What is the name of my {x}? / Do you remember what my {x} is called?"
RULES = (
    # oneself and those one names
    _rule(r"my name(?: is|['’]s) NO_NAME<name>|(?:(?:you can |please |people )?call me|everyone calls me) NO_NAME(?P<v2>(?-i:[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2}))", "What is my name? / What's my name? / Who am I? / What am I called?", "Your name is {v}."),
    _rule(r"(?:i(?: am|['’]?m)|this is(?=.* (?:here|speaking))) NO_NAME(?!(?-i:AI|HR|IT|PM|UK|US|EU|French|German|Dutch|Greek|Welsh|Swiss|Czech|Thai|Iraqi|Israeli|Pakistani|Christian|Catholic|Muslim|Jewish|Hindu|Buddhist|Protestant|Orthodox)\b|[\w-]+(?:ish|ese|ican|ian|dian)\b)(?P<v>(?-i:[A-Z][\w'’-]+(?: [A-Z][\w'’-]+){0,2}))(?: here| speaking)?", "What is my name? / What's my name? / Who am I? / What am I called?", "Your name is {v}."),
    _rule(r"(?:my|our) <x>(?: is|['’]s|s) (?:called|named) NO_NAME<name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:my|our) <x>(?:['’]s|s) name(?: is|['’]s) <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"the name of (?:my|our) <x> is <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we)(?: have|['’]ve got| got| adopted| bought) an? (?:new |pet )?<x>(?: and (?:i |we )?(?:named|called) (?:him|her|it|them)| called| named| and (?:its|his|her) name is| and it(?: is|['’]s) called) <name>", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we) (?:named|called|gave) (?:my|our) <x> (?:the name )?(?-i:(?P<v>[A-Z][\w'’.-]*(?: [A-Z][\w'’.-]*){0,3}))", NAMING, "Your {x} is called {v}."),
    _rule(r"(?:i|we) (?:named|called) (?:my|our) <x> <name>", NAMING, "Your {x} is called {v}."),
    # ages, birthdays, homes, work
    _rule(r"i(?: am|['’]?m) (?P<v>\d{1,3})(?: years old| yrs old| y/?o)?", "How old am I? / What is my age? / Do you know how old I am?", "You are {v} years old."),
    _rule(r"(?:i just |i )turned (?P<v>\d{1,3})", "How old am I? / What is my age? / Do you know how old I am?", "You are {v} years old."),
    _rule(r"my <x> is (?P<v>\d{1,3}) years old", "How old is my {x}? / What is my {x}'s age? / Do you know how old my {x} is?", "Your {x} is {v} years old."),
    _rule(r"my birthday(?: is|['’]s)(?: on)? (?!(?:going|tomorrow|today|in|soon|coming)\b)<v>", "When is my birthday? / What is my birthday? / Do you remember my birthday? / When was I born?", "Your birthday is on {v}."),
    _rule(r"i was born on (?!an? |the (?!\d))<v>", "When is my birthday? / What is my birthday? / Do you remember my birthday? / When was I born?", "Your birthday is on {v}."),
    _rule(r"my <x>(?:['’]s|s) birthday is(?: on)? <v>", "When is my {x}'s birthday? / What is my {x}'s birthday? / Do you remember when my {x}'s birthday is?", "Your {x}'s birthday is on {v}."),
    _rule(r"(?:i|we)(?: now)?(?: live|(?:['’]m| am|['’]re| are) living| moved| just moved| have moved)(?: from [\w .]+?)?(?: in| to) (?!(?:with|fear|tears|the (?:moment|past|middle|bed|couch|sofa|table|window|floor|back|front|left|right|side))\b)<v>(?: (?:last|this|two|a few) \w+(?: ago)?)?(?: (?:with|for|since|but) .*)?", "Where do I live? / Which city do I live in? / What is my home town? / Do you know where I live?", "You live in {v}."),
    _rule(r"my <x> (?:lives in|moved to) <v>", "Where does my {x} live? / Do you know where my {x} lives? / Which city does my {x} live in?", "Your {x} lives in {v}."),
    _rule(r"i(?: am|['’]?m)(?: originally)? from <v>|i come from (?P<v2>.+?)", "Where am I from? / Where do I come from? / What is my home country?", "You come from {v}."),
    _rule(r"i was born in (?P<v>[^\d,;:!?]{1,40}?)", "Where was I born? / What is my birthplace? / In which city was I born?", "You were born in {v}."),
    _rule(r"i(?:['’]m| am)? work(?:ing)? as (?P<v>an? [^,;:!?]{1,40}?)(?: (?:at|for|in) .{1,40})?", "What do I do for a living? / What is my job? / What do I work as? / What is my profession?", "You work as {v}."),
    _rule(r"i(?: am|['’]?m) (?!an? (?:very |really )?(?:bad|good|great|big|huge|total|terrible|slow)\b)(?P<v>an? (?:[\w-]+ ){0,2}(?:engineer|\w+(?:tect|grapher|cher)|(?!(?:femin|athe|optim|pessim|tour)ist)\w+ist|librarian|musician|electrician|physician|technician|mathematician|politician|beautician|nurse|doctor|lawyer|chef|cook|driver|student|writer|baker|manager|developer|designer|farmer|painter|pilot|plumber|carpenter|waiter|waitress|professor|gardener|dancer|singer|actor|lawyer|paramedic|vet|barista)(?: (?:based |working )?(?:at|for|in) (?:(?:an?|the|my|our) |(?-i:[A-Z]))[^,;:!?]{1,60}?)?)", "What do I do for a living? / What is my job? / What do I work as? / What is my profession?", "You are {v}."),
    _rule(r"i(?:['’]m| am)? work(?:ing)? (?:at|for) (?!(?:free|now|fun)\b)<v>(?: as .{1,40})?", "Where do I work? / Which company do I work for? / Who do I work for? / Who is my employer?", "You work at {v}."),
    _rule(r"i(?:['’]ve| have|['’]m| am)?(?: just| recently| now)* (?:got|been|was|getting) promoted to <v>", "What is my job? / What do I do for a living? / What is my profession?", "You were promoted to {v}."),
    _rule(r"i(?:['’]ve| have)?(?: just| recently| finally)* (?:accepted|got|took|landed) (?:an|the|a|my)(?: new)? (?:offer|job|position|role) (?:at|with) (?P<v>(?:an? |(?-i:[A-Z]))[^,;:!?]{1,50}?)", "Where do I work? / Which company do I work for? / Who do I work for? / Who is my employer?", "Your new job is at {v}."),
    _rule(r"my <x> works as (?P<v>an? [^,;:!?]{1,40}?)", "What does my {x} do for a living? / What is my {x}'s job? / Do you know what my {x} does for a living?", "Your {x} works as {v}."),
    _rule(r"my <x> works (?:at|for) <v>", "Where does my {x} work? / Do you know where my {x} works? / Who does my {x} work for?", "Your {x} works at {v}."),
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
    _rule(r"(?:i have |i moved |please remember )?my <x> (?:is planned for|is scheduled for|is set for|has been moved to|was moved to|to|on|at|is (?:on|at)|starts at|begins at) (?P<v>TIME)", "When is my {x}? / When do I have my {x}? / Do you remember when my {x} is? / What is the time of my {x}?", "Your {x} is {at} {v}."),
    _rule(r"(?!(?:the|an?) )(?!.*['’]s\b)(?!.*\b(?:i|you|we|he|she|it|they|me|us|see|meet|call|leaves?|departs?|starts?|begins?|ends?)\b)(?P<x>[a-z][\w'’-]*(?: [\w'’-]+){0,3}?) (?:is )?(?:at|on) (?P<v>TIME)", "When is my {x}? / When do I have my {x}? / Do you remember when my {x} is? / What is the time of my {x}?", "Your {x} is {at} {v}."),
    _rule(r"(?:i|we)(?: have|['’]ve got| got) (?:an?|my|our|the) (?:big |important |paper )?<x> (?:is |comes up |scheduled )?(?:on|at) (?P<v>TIME)|(?:(?:the|my|our) )?(?P<x2>(?:[\w-]+ ){0,2}(?:deadline|meeting|interview|exam|appointment|release|launch|conference)) is(?: on| at| now)?(?: on| at)? (?P<v2>TIME)", "When is my {x}? / When do I have my {x}? / Do you remember when my {x} is? / What is the time of my {x}?", "Your {x} is {at} {v}."),
    _rule(r"my (?P<x>train|bus|flight|plane|boat|ferry|tram) (?:leaves|goes|departs) at <v>", "When does my {x} leave? / What time does my {x} leave? / At what time does my {x} leave?", "Your {x} leaves at {v}."),
    _rule(r"(?:i(?: am|['’]?m) (?:going|flying|travelling|traveling)|my (?:next )?(?:trip|holiday|vacation) (?:goes|is)|(?:i|we)(?:['’]ve| have)? booked a (?:trip|flight|holiday)) to (?P<v>(?-i:[A-Z])[\w' -]{1,40}?)(?: (?:on|for) (?:holiday|vacation))?(?: next \w+)?", "Where am I going on holiday? / What is my holiday? / What's my holiday? / Do you remember my holiday?", "You are going to {v} on holiday."),
    # colours, favourites, and whatever is called somebody's
    _rule(r"the colou?r of my <x> is <v>|i painted my <x2> (?P<v2>[\w ]{3,20})", "What colour is my {x}? / Which colour is my {x}? / What is the colour of my {x}? / Do you remember what colour my {x} is?", "Your {x} is {v}."),
    _rule(r"my <x>(?:['’]s|s) colou?r is <v>", "What colour is my {x}? / Which colour is my {x}? / What is the colour of my {x}? / Do you remember what colour my {x} is?", "Your {x} is {v}."),
    _rule(r"if i had to pick an? <x>,? it would be <v>|of (?:every|all) <x2>s? there (?:is|are), i love (?P<v2>.{1,40}?) (?:the )?most|the <x3> i like (?:the )?(?:most|best) is (?P<v3>.{1,40}?)", "What is my favourite {x}? / What's my favourite {x}? / Which {x} do I like most? / Do you remember my favourite {x}?", "Your favourite {x} is {v}."),
    _rule(rf"(?:my|our) (?P<x>(?!fav|name\b)(?:[\w-]+(?:['’]s)? ){{0,2}}{VALUED}) (?:is|are) (?!going\b)<v>", "What is my {x}? / What's my {x}? / Do you remember my {x}? / Tell me my {x}.", "Your {x} is {v}."),
    _rule(r"(?:my|our) (?P<x>(?!fav)(?:[\w-]+(?:['’]s)? ){0,2}[\w-]+) (?:is|are) (?P<v>(?-i:[A-Z\d])[^,;:!?]{0,50}?)", "What is my {x}? / What's my {x}? / Do you remember my {x}? / Tell me my {x}.", "Your {x} is {v}."),
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
