"""What is said in somebody else's name, or not in earnest, by the words that people put before it.

A table by language, as `labels` is one for secrets: it only keeps text out of learning. Marks of
quotation are `unlearnable`'s. A language that is missing loses nothing but this care.
"""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Frames:
    """How one language says that what follows is no fact; each entry is a pattern."""

    works: str  # what text may stand in: a story, an article
    inside: str  # what goes before a work: in my, from the
    heads: str  # what stands before a colon, at the start of a line
    tasks: str  # what somebody wants done with a text, at the start of a line
    doubts: str  # words that make a sentence a guess or a wish
    supposed: str  # openings of what is only supposed
    jokes: str  # what takes back the message it stands in, and alone the one before
    forget: str  # wishes that something be forgotten, at the start of a line
    says: str  # verbs before a colon, after which somebody else speaks
    then: str = (
        r"(?!(?:de|du|di|do|da|del|della|van)\b)\w"  # what may follow a work without a comma
    )


FRAMES = (
    Frames(
        r"(?:short )?stor(?:y|ies)|novel|book|script|screenplay|poem|song|lyrics|article|post|blog"
        r"|essay|e-?mail|letter|text|transcript|chapter|scene|game|movie|film|play|interview"
        r"|passage|paragraph|quote|example|dialogue|comic|fan ?fic(?:tion)?|role-?play|campaign",
        r"(?:in|from|as|according to|here(?:'s| is)) (?:my|the|this|that|an?|our|his|her|their)",
        r"text|article|passage|quote|lyrics|excerpt|sample|input|transcript|paragraph|e-?mail|story"
        r"|review|tweet|headline|sentence|example|prompt|dialogue|letter|poem|subject|[qa]",
        r"translate|summari[sz]e|proofread|paraphrase|rewrite|rephrase|correct|classify"
        r"|fix (?:the |my )?grammar|write (?:me )?an? \w+ (?:about|in which|where)"
        r"|(?:review|edit|check|grade|explain|analy[sz]e|improve|polish|shorten|simplify|complete"
        r"|finish|make|(?:spell|grammar)-?check) (?:this|the (?:following|sentence))"
        r"|for example"
        r"|(?:is|does|what does) (?:this|the following)(?=[^.!?\n:]{0,40}:)"
        r"|let'?s (?:role-?play|play (?:a |the |this )?(?:game|role|scene|pretend))"
        r"|act (?:as|like)"
        r"|you(?:'re| are|'ll be) the [^.!?\n]{1,40}\bi(?:'m| am|'ll be) (?:the|your)",
        r"maybe|perhaps|possibly|i wish|if only|i (?:dreamt|dreamed)|hypothetically|i might",
        r"suppose|imagine|pretend|what if|let'?s (?:say|pretend|assume)|say (?:i|my)|assum(?:e|ing)"
        r"|if i (?:were|was|had)",
        r"(?:i'?m |i was )?(?:just|only) (?:kidding|joking|messing with you)|(?:i'?m|i was) "
        r"(?:kidding|joking)|j/?k|i made that up|that (?:was|is)(?:n't| not) true|that was a joke"
        r"|not (?:really|true)|i take (?:that|it) back|(?:scratch|strike) that",
        r"forget (?:that|about|what|where|who|when|how|everything|all|my|me|i)|stop remembering"
        r"|(?:erase|delete|remove|unlearn|wipe|clear)"
        r" (?:that|what|everything|all|any|about|my|your|me|the fact)|off the record"
        r"|(?:ignore|disregard) (?:that|what|everything|all|any|the fact)"
        r"|(?:do not|don'?t|never) (?:remember|memori[sz]e|learn|store|save|keep|note)"
        r" (?:that|this|what|any|my|me)",
        r"says|said|reads|goes|writes|wrote|states|(?:begins|starts) with",
        then=r"(?:says|goes|my|the|i|i'?m|he|she|it|we|they|there|a|an|you|his|her|your|our|their)\b",
    ),
    Frames(
        r"(?:kurz)?geschichte|roman|buch|drehbuch|gedicht|lied|artikel|beitrag|aufsatz|e-?mail"
        r"|brief|text|kapitel|szene|spiel|film|interview|zitat|beispiel|dialog",
        r"(?:in|aus|laut|hier ist) (?:meine[rmn]?|de[rmn]|diese[rmn]?|eine[rmn]?|die|das)|im|laut",
        r"text|artikel|zitat|auszug|eingabe|e-?mail|satz|beispiel|brief|gedicht|dialog",
        r"übersetze?|fasse?|korrigiere?|verbessere?|formuliere?|schreib(?:e)? (?:mir )?eine? ",
        r"vielleicht|möglicherweise|eventuell|ich wünschte|wenn nur|ich habe geträumt",
        r"angenommen|stell dir vor|nehmen wir an|was wäre,? wenn|wenn ich .{1,40} wäre|tu so",
        r"(?:nur|war nur|das war) (?:ein )?(?:spaß|scherz|witz)|kleiner scherz|ich scherze"
        r"|das stimmt(?: gar)? nicht",
        r"vergiss(?!.{0,9} nicht)|lösche?|ignoriere?|merke? dir (?:bitte )?(?:nicht|nie)",
        r"sagte?|schrieb|schreibt|lautet|beginnt mit|meinte?",
    ),
    Frames(
        r"histoire|roman|livre|scénario|poème|chanson|article|texte|essai|e-?mail|lettre|chapitre"
        r"|scène|jeu|film|passage|citation|exemple|dialogue",
        r"(?:dans|d'après|selon|voici|de) (?:mon|ma|le|la|l'|cet?|cette|une?)\s?|dans l'|de l'|du",
        r"texte|article|citation|extrait|phrase|e-?mail|exemple|lettre|poème|dialogue",
        r"tradui[st]|traduire|résume[rz]?|corrige[rz]?|reformule[rz]?|écris (?:moi )?une? ",
        r"peut-être|j'aimerais|si seulement|j'ai rêvé",
        r"imagine|imaginons|supposons|suppose|et si|disons|si j'étais|si j'avais",
        r"je (?:plaisante|rigole|blague)|c'était (?:une blague|pour rire)|ce n'est pas vrai",
        r"oublie[rz]?(?! pas)|efface[rz]?|ignore[rz]? (?:ce|que|tout|ça)|supprime[rz]?"
        r"|ne (?:retiens|retenez|mémorise[rz]?) pas",
        r"dit|écrit|disait|écrivait|commence par",
    ),
    Frames(
        r"historia|cuento|novela|libro|guion|poema|canción|artículo|texto|ensayo|correo|carta"
        r"|capítulo|escena|juego|película|cita|ejemplo|diálogo",
        r"(?:en|del?|según|aquí está) (?:mi|el|la|este|esta|un|una|los)|del|según",
        r"texto|artículo|cita|extracto|frase|correo|ejemplo|carta|poema|diálogo",
        r"traduce|traducir|resume|resumir|corrige|reformula|escribe(?:me)? una? ",
        r"quizás?|tal vez|a lo mejor|ojalá|soñé",
        r"imagina|supón|supongamos|digamos|qué pasaría si|y si|si (?:yo )?(?:fuera|tuviera)",
        r"(?:es|era|fue) (?:una )?broma|estoy bromeando|(?:no es|no era) (?:cierto|verdad)",
        r"olvida(?:te)?|borra|ignora|no (?:recuerdes|memorices|guardes)",
        r"dice|dijo|escribe|escribió|empieza (?:con|por)",
    ),
    Frames(
        r"storia|racconto|romanzo|libro|copione|poesia|canzone|articolo|testo|saggio|lettera"
        r"|capitolo|scena|gioco|film|citazione|esempio|dialogo",
        r"(?:nel(?:la)?|dal(?:la)?|secondo|ecco) (?:mi[ao] |il |la |una? )?|nell'|dall'",
        r"testo|articolo|citazione|estratto|frase|e-?mail|esempio|lettera|poesia|dialogo",
        r"traduci|riassumi|correggi|riformula|scrivi(?:mi)? una? ",
        r"forse|magari|vorrei|ho sognato",
        r"immagina|supponi(?:amo)?|mettiamo che|diciamo che|e se|se (?:io )?fossi|se avessi",
        r"(?:sto |stavo )?scherz(?:o|ando|avo)|era uno scherzo|non è vero",
        r"dimentica(?:ti)?|cancella|ignora|non (?:ricordare|memorizzare|salvare)",
        r"dice|disse|detto|scrive|scrisse|scritto|(?:inizia|comincia) con",
    ),
    Frames(
        r"história|conto|romance|livro|roteiro|poema|canção|artigo|texto|carta|capítulo|cena|jogo"
        r"|filme|citação|exemplo|diálogo",
        r"(?:na|no|da|do|segundo|aqui está) ?(?:minha|meu|esta|este|[ao]|um|uma)?",
        r"texto|artigo|citação|trecho|frase|e-?mail|exemplo|carta|poema|diálogo",
        r"traduz(?:a|ir)?|resum[ae]|corrija|corrige|reescreva|escreva uma? ",
        r"talvez|quem sabe|quem dera|sonhei",
        r"imagine|suponha(?:mos)?|digamos|e se|se eu (?:fosse|tivesse)",
        r"(?:é|era|foi) brincadeira|(?:estou|estava) brincando|não é verdade",
        r"esque[cç][ae]|apag(?:a|ue)|ignore (?:o que|tudo|isso)|não (?:lembre|memorize|guarde)",
        r"diz|disse|escreve|escreveu|começa com",
    ),
    Frames(
        r"verhaal|roman|boek|script|gedicht|lied|artikel|tekst|brief|hoofdstuk|scène|spel|film"
        r"|citaat|voorbeeld|dialoog",
        r"(?:in|uit|volgens|hier is) (?:mijn|het|de|dit|deze|een)",
        r"tekst|artikel|citaat|fragment|zin|e-?mail|voorbeeld|brief|gedicht|dialoog",
        r"vertaal|vat|corrigeer|verbeter|herschrijf|schrijf (?:me )?een ",
        r"misschien|wellicht|ik wou|ik droomde",
        r"stel|stel je voor|doe alsof|wat als|als ik .{1,40} was",
        r"(?:was maar een |maar een )?grapje|ik maakte maar een grapje|dat is niet waar",
        r"vergeet(?! niet)|wis|negeer|verwijder|onthoud (?:dit |dat )?niet",
        r"zei|zegt|schreef|schrijft|luidt|begint met",
    ),
)
UNSPACED = Frames(
    r"(?:在|根据)?[^，：:,]{0,8}(?:故事|小说|文章|歌词|物語|小説|記事)(?:里|中|说|の中で|では)?[，：:,、]",
    "",
    r"文章|原文|文本|引用",
    r"翻译|翻譯|总结|改写|訳して",
    r"也许|可能|或许|たぶん|かもしれない",
    r"假如|如果我是|想象一下|もしも|仮に",
    r"(?:我)?(?:开玩笑|開玩笑)(?:的|呢|啦)?|冗談(?:です|だよ|だ)?",
    r"(?:请)?(?:忘(?:记|掉)|删除|(?:不要|别)记)|[^。！？\n]{0,30}(?:忘れて|消して|覚えないで)",
    r"[^。！？：:\n]{0,20}(?:说|說|写道|言いました|言った)",
)
"""The same of Chinese and Japanese, which have no spaces."""
POLITE = (
    r"(?:(?:please|bitte|por favor|s'il te plaît|per favore|(?:can|could|would|will) you"
    r"|i(?:'d like| want) you to|you should|(?:kannst|könntest) du|peux-tu|puedes|puoi"
    r"|(?:kun|kan) je),? ){0,2}"
)
MINE = r"(?:i|i've|ich|je|j'ai|ho|ik)"  # who told it before, in words of their own
HEADERS = (
    r"(?:from|to|cc|subject|date|sent|von|an|betreff|datum|gesendet|de|à|objet|envoyé|para|asunto"
    r"|fecha|enviado|da|oggetto|data|assunto|van|aan|onderwerp)"
)
MAIL = re.compile(
    rf"^{HEADERS}[ \t]?:[^\n]*\n{HEADERS}[ \t]?:.*\Z", re.IGNORECASE | re.MULTILINE | re.DOTALL
)
"""A letter with its head, two lines of it or more: whose words end where is not told."""
MARKS = r"[\"“„«‘「『>`~]"
SPEECH = r"(?P<speech>\"[^\"\n]{2,2000}\"|“[^”]{2,2000}”|„[^“”]{2,2000}[“”]|«[^»]{2,2000}»)"
PARAGRAPH = re.compile(r"(\n[ \t]*\n)")
SENTENCE = re.compile(r"[^.!?…。！？\n]*(?:[.!?…]+\s*|[。！？]+|\n+|$)")
FLAGS = re.IGNORECASE
LAST = 80  # characters that a joke may end with


@cache
def _openings() -> re.Pattern[str]:
    """After these the rest of a paragraph is no fact: a work, a label, a task."""
    each = [
        way
        for f in FRAMES
        for way in (
            rf"(?:{f.inside})\s*(?:\w+\s){{0,2}}?(?:{f.works})(?=\s*[,:;–—-]|\s+['\"“«„]|\s+{f.then})",
            rf"(?:the |this |my )?(?:{f.heads})\s?[:：]",
            rf"{POLITE}(?:{f.tasks})\b",
        )
    ]
    own = [UNSPACED.works, rf"(?:{UNSPACED.heads})[:：]", UNSPACED.tasks]
    return re.compile(rf"\s*(?:{'|'.join([*each, *own])})", FLAGS)


@cache
def _wishes() -> re.Pattern[str]:
    wish = "|".join(f.forget for f in FRAMES)
    return re.compile(rf"\s*(?:{POLITE}(?:{wish})\b|{UNSPACED.forget})", FLAGS)


@cache
def _reported() -> re.Pattern[str]:
    """Somebody says, a colon, and what is said: in marks, or up to the end of the paragraph."""
    says = "|".join(f.says for f in FRAMES)
    mine = rf"[^.!?…。！？\n:]{{0,80}}\b{MINE} (?:\w+ )?(?:{says})\b"
    told = rf"[^.!?…。！？\n:]{{1,80}}\b(?:{says})(?: \w+){{0,2}}\s?:|{UNSPACED.says}[:：]"
    return re.compile(
        rf"(?:^|(?<=[.!?…。！？]))(?!{mine})(?P<who>{told})\s*"
        rf"(?:{SPEECH}|(?!{MARKS})\S(?s:.*?)(?=\n[ \t]*\n|\Z))",
        FLAGS | re.MULTILINE,
    )


@cache
def _guesses() -> re.Pattern[str]:
    told = "|".join(f.doubts for f in FRAMES)
    opening = "|".join(f.supposed for f in FRAMES)
    own = f"{UNSPACED.doubts}|{UNSPACED.supposed}"
    return re.compile(rf"\b(?:{told})\b|^\s*(?:{opening})\b|{own}", FLAGS)


@cache
def _jokes() -> re.Pattern[str]:
    said = "|".join(f.jokes for f in (*FRAMES, UNSPACED))
    return re.compile(rf"(?:^|[.!?…。！,;(\n—–-])[ \t(]*(?:{said})[\s.!?…。！,:;)(-]*$", FLAGS)


def strip_reported(text: str) -> str:
    """Take out what somebody else says after a colon; marks of quotation are closed by no stop."""
    return _reported().sub(lambda found: found["who"] if found["speech"] else "", text)


def strip_framed(text: str) -> str:
    """Take out what is told as somebody else's, as a guess, or as a task; of a joke, all."""
    if takes_back(text):
        return ""
    return "".join(map(_own, PARAGRAPH.split(MAIL.sub("", text))))


def _own(paragraph: str) -> str:
    kept = []
    for sentence in SENTENCE.findall(paragraph):
        if _openings().match(sentence) or _wishes().match(sentence):
            break
        if not _guesses().search(sentence):
            kept.append(sentence)
    return "".join(kept)


def forgets(text: str) -> bool:
    """Tell whether a sentence of a message asks that something be forgotten."""
    return any(_wishes().match(sentence) for sentence in SENTENCE.findall(text))


def takes_back(text: str) -> bool:
    """Tell whether a message ends by saying that it was not meant."""
    return _jokes().search(text.strip()[-LAST:]) is not None
