"""Secrets are found where people tell them, and nowhere else."""
# ruff: noqa: E501, SIM905  (a case is one line)

import re
import subprocess
import sys
from itertools import pairwise

import pytest
from conftest import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxdyn.withheld.redact import PLACEHOLDER, Span, find, mask, values

# No token below was ever issued. Some are joined from parts, so that scanners of repositories rest.
A36, A40, HEX32 = (
    "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5",
    "wJalrXUtnFEMIK7MDENGbPxRfiCYzK9qT2vLs4e8",
    "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c",
)
SEED = "legal winner thank year wave sausage worth useful legal winner thank yellow"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----"

# (text with the secret in «marks», kind)
SECRETS = [
    ("My door code is «zero four one nine».", "code"),
    ("the alarm is disarmed with «seven-seven-three-one», ok?", "code"),
    ("«1-4-7-8-9» unlocks my phone", "code"),
    ("G-«493021» is your Google verification code.", "code"),
    ("My PIN is «four eight two one».", "code"),
    ("my atm pin: «forty-eight twenty-one»", "code"),
    ("Der Türcode ist «null vier eins neun».", "code"),
    ("Le code de la porte est «zéro quatre un neuf».", "code"),
    ("El código de la puerta es «cero cuatro uno nueve».", "code"),
    ("export DB_PASS='«correct horse battery»'", "password"),
    ('API_TOKEN="«correct horse battery»" make', "key"),
    ("mysql --password '«correct horse»' -u root", "password"),
    ("pw: '«purple 9 monkey»'", "password"),
    ("password: |\n  «sunflower»", "password"),
    ("p4ssw0rd: «sunflower»", "password"),
    ("密码是「«向日葵»」", "password"),
    ("パスワードは「«ひまわり»」です", "password"),
    ("my token is «ghp_" + A36 + "»", "GitHub token"),
    ("«github_pat_11ABCDEFG0" + A36 + A36 + "» leaked", "GitHub token"),
    ("GITLAB=«glpat-" + A36[:20] + "»", "GitLab token"),
    ("aws_access_key_id = «AKIA" + "QWERTYUIOPASDFGH»", "AWS key"),
    ("aws_secret_access_key = «" + A40 + "»", "key"),
    ("the bot uses «xoxb-" + "123456789012-abcdefABCDEF1234».", "Slack token"),
    ("stripe: «sk_live_" + A36[:24] + "»", "Stripe key"),
    ("export OPENAI_API_KEY=«sk-proj-" + A40 + "»", "API key"),
    ("«sk-ant-api03-" + A40 + "» is the key", "API key"),
    ("login with «hf_" + A36[:34] + "»", "Hugging Face token"),
    ("maps key «AIza" + A36[:35] + "»", "Google key"),
    ("//registry/:_authToken=«npm_" + A36 + "»", "package registry token"),
    ("SENDGRID «SG." + A36[:22] + "." + A40 + "00x»", "cloud token"),
    ("here it is: «" + JWT + "»", "JSON web token"),
    (f"my key:\n«{KEY}»\nkeep it", "private key"),
    ("cut off «-----BEGIN RSA PRIVATE KEY-----\nMIIEow»", "private key"),
    ("Authorization: Bearer «abcdef123456ghijkl»", "token"),
    ("curl -u bob:«hunter2» https://example.org", "password"),
    ("postgres://app:«s3cr3t!»@db.example.org:5432/app", "password"),
    ("Server=db;User Id=sa;Password=«Tr0ub4dor»;", "password"),
    ("https://example.org/feed?user=1&api_key=«12ab34cd56ef»&x=2", "token"),
    ("WIFI:T:WPA;S:home;P:«tortoise12»;;", "password"),
    ("my api key is «" + HEX32 + "»", "key"),
    ("Here's the access token for staging: «q7Xk29LmPz04RtVw8s»", "key"),
    ('client_secret: "«9xK2mQ7pLw»"', "key"),
    ("My secret key is «Fluffy99».", "key"),
    ("My encryption key is «Fluffy99».", "key"),
    ("my API key for the weather site is now «Fluffy99», ok?", "key"),
    ("the private key is «rover!dog»", "key"),
    ("My secret is «Fluffy99».", "key"),
    ("Mein privater Schlüssel ist «Fluffy99».", "key"),
    ("Ma clé secrète est «Fluffy99».", "key"),
    ("Mi clave privada es «Fluffy99».", "key"),
    ("我的密钥是«Fluffy99»", "key"),
    ("my password is «hunter2»", "password"),
    ("My password is «banana».", "password"),
    ("btw the wifi password is «correct horse battery staple»", "password"),
    ("Password: «S3cure!pass»", "password"),
    ("password = '«swordfish»'", "password"),
    ("my password for my email is now «Lemon-Tree-7», don't tell", "password"),
    ("the password I use for the bank is «Giraffe99»", "password"),
    ("I changed my laptop password to «mango77»", "password"),
    ("I set the password for my safe to «Velvet Otter»", "password"),
    ("log in as bob with password «hunter2»", "password"),
    ("username alice password «banana»", "password"),
    ("«Tr1ceratops» is my netflix password", "password"),
    ("please use «opensesame» as the password", "password"),
    ("mysql --password=«hunter2» -u root", "password"),
    ("our passphrase is “«the owl flies at noon»”", "password"),
    ("Mein Passwort ist «Apfelbaum7»", "password"),
    ("pw: «abc123»", "password"),
    ("You can open my shed with «9440».", "password"),
    ("my PIN is «1234»", "PIN"),
    ("PIN: «4711»", "PIN"),
    ("the pin for my card is «9075».", "PIN"),
    ("the code for my suitcase is «4711»", "code"),
    ("My garage code is «690834».", "code"),
    ("Your verification code is «482913»", "code"),
    ("«482 913» is your Google verification code", "code"),
    ("my locker combination is «12-34-56»", "code"),
    ("The code of my bike lock is «8201».", "code"),
    ("I changed my front door code to «5580»", "code"),
    ("card «4111 1111 1111 1111» exp 12/27", "card number"),
    ("it's «5500005555555559»", "card number"),
    ("amex «3782-822463-10005»", "card number"),
    (
        "4111 1111 1111 1111, cvv «123»".replace("4111 1111 1111 1111, ", "the "),
        "card security code",
    ),
    ("pay to «DE89 3704 0044 0532 0130 00» please", "account number"),
    ("IBAN «GB29NWBK60161331926819».", "account number"),
    ("my ssn is «078-05-1121»", "national number"),
    ("Social security number: «078051121»", "national number"),
    (f"my seed phrase is «{SEED}»", "recovery phrase"),
    (
        "Recovery phrase: «" + " ".join(f"{i}. {w}" for i, w in enumerate(SEED.split(), 1)) + "»",
        "recovery phrase",
    ),
    ("my backup codes are «1a2b3-4c5d6, 7e8f9-0a1b2»", "recovery code"),
]

# How people type, in several languages; all invented.
TYPED = [
    ("my pass-word is «hunter2»", "password"),
    ("The password? «hunter2»", "password"),
    ("what's the wifi password? «bananas77».", "password"),
    ("the cvv is «1 2 3»", "card security code"),
    ("my amex cid is «1234»", "card security code"),
    ("my card's CID number: «1234»", "card security code"),
    ("wifi key «48219937561028374650»", "password"),
    ("network security key: «bluewhale2021»", "password"),
    ("jo@example.org / «jojo2012»", "password"),
    ("jo@example.org:«letmein99»", "password"),
    ("my memorable word is «tangerine»", "password"),
    ("puk code «12345678»", "PIN"),
    ("my pw's «tulip88field»", "password"),
    ("wifi pass «lemon-tree-9»", "password"),
    ("mein WLAN-Schlüssel ist «Fuchs2020».", "password"),
    ("la clé wifi est «bleu42ciel»", "password"),
    ("la chiave del wifi è «gatto1234»", "password"),
    ("klucz do wifi to «kotek99»", "password"),
    ("ключ от вайфая «kotik99x»", "password"),
    ("de wifi-sleutel is «kat2020x»", "password"),
    ("wifi: «sunflower-77-cafe»", "password"),
    ("my password, which is «jupiter9», never works", "password"),
    ("my old password was «kitty007» btw", "password"),
    ("login is jenny / «Sunny!day3»", "password"),
    ("amazon login: jenny@mail.example «Jen#2020»", "password"),
    ("username rob password «letmein»", "password"),
    ("spotify is on the old pw, «mango!lassi»", "password"),
    ("DB_PASS=«hunter22»", "password"),
    ("export PGPASSWORD=«bananas»", "password"),
    ("mysql -uroot -p«Rootpw77» shop", "password"),
    ("docker login -u me -p «Xy12zz90»", "password"),
    ("root / «toor123»", "password"),
    ("I always use «Fluffy2011» for my passwords", "password"),
    ("I forgot my password, so I changed it to «marlin44»", "password"),
    ("the password is: «p i n e c o n e 7»", "password"),
    ("my pin number's «7302»", "PIN"),
    ("code pin «1976»", "PIN"),
    ("my gate code's «7719»", "code"),
    ("front door keypad «5580#»", "code"),
    ("you'll need the code «4471» to open the lobby door", "code"),
    ("code to the shed «2468»", "code"),
    ("we set the house alarm to «7735»", "code"),
    ("locker combo «31-8-22»", "code"),
    ("card «4012.8888.8888.1881»", "card number"),
    ("visa debit «4716 5925 6317 2093»", "card number"),
    ("the PUK is «12345678»", "PIN"),
    ("le code wifi est «9A8B7C6D»", "code"),
    ("api key «kjhqwertzuiopasdfghjkl»", "key"),
    ("the api token is «qLmZtRwPxKvBnHyG»", "key"),
    ("windows license key: «VK7JG-NPHTM-C97JM-9MPGT-3V66T»", "product key"),
    ("«ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7Zx9kq» me@box", "ssh key"),
    ("«ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGx7a8s9d0f1» me@laptop", "ssh key"),
    ("my mum's maiden name was «Kowalczyk»", "security answer"),
    ("das WLAN-Passwort lautet «Kartoffel12»", "password"),
    ("mein Kennwort: «Regenbogen»", "password"),
    ("Haustürcode «4490»", "code"),
    ("mon mot de passe c'est «chaton22»", "password"),
    ("code d'entrée de l'immeuble «78B12»", "code"),
    ("la contraseña del wifi es «casa1234»", "password"),
    ("la mia password è «gattino7»", "password"),
    ("il codice del cancello è «8890»", "code"),
    ("a minha senha é «abacaxi10»", "password"),
    ("mijn wachtwoord is «kaas123»", "password"),
    ("hasło do wifi to «rower2019»", "password"),
    ("kod do bramy «4412»", "code"),
    ("şifrem «kedi2020»", "password"),
    ("мой пароль - «медведь»", "password"),
    ("код от домофона «38К1240»", "code"),
    ("我的密码是«tiger888»", "password"),
    ("パスワードは「«neko123»」です", "password"),
    ("비밀번호는 «gomdori12»", "password"),
]
PERSONAL = [
    ("my phone number is «(415) 555-0134»", "phone number"),
    ("Call Ana on «+1 (415) 555-0134».", "phone number"),
    ("text me at «07911 123456»", "phone number"),
    ("我的手机号是«13800138000»", "phone number"),
    ("my passport no is «AB1234567»", "passport number"),
    ("passeport «12AB34567»", "passport number"),
    ("driver's license number: «F255-9210-0094»", "driving licence number"),
    ("routing #«111000025»", "account number"),
    ("IBAN «NL91ABNA0417164300»", "account number"),
    ("my NI number is «QQ 12 34 56 C»", "national number"),
    ("mein Steuer-ID ist «65929970489»", "national number"),
    ("meu cpf é «111.444.777-35»", "national number"),
    ("снилс «112-233-445 95»", "national number"),
]

INNOCENT = [
    "My house is number twenty one.",
    "The door opens at nine, at ten or at eleven.",
    "I have two dogs, three cats and one code to learn.",
    "The gate opens when I count three, two, one.",
    "TITLE='a long line of words'",
    "See http://www.example.org/2024/notes.html or www.example.org/faq#q2.",
    "rww: thanks for the link, max82fr.",
    "Enter your password to continue.",
    "The password was changed last week.",
    "The password for happiness is gratitude.",
    "My bus pass 2024 is cheaper.",
    "The melting point of tin is 231.9 degrees.",
    "moje hasło to nic ciekawego",
    "密码长度是12位",
    "user: nano /etc/hosts, then ubuntu:<empty>",
    "My password manager is Bitwarden.",
    "The wizard's password in my story is mellon.",
    "The password for the kids' tree fort game is banana.",
    "In this game the code is 1234.",
    "I scored 4012888888881881 points.",
    "Mein Passwort ist zu lang.",
    "J'ai oublié mon mot de passe.",
    "La clave es la paciencia.",
    "La mia password è troppo corta.",
    "Minha senha é muito fraca.",
    "Moje hasło jest za długie.",
    "Şifremi unuttum.",
    "Мой пароль слишком длинный.",
    "我忘了密码",
    "My passport expires on 12/05/2031.",
    "My phone has 128GB of storage and my account has 123456 followers.",
    "I set the alarm to 0630 and the oven to 180 degrees.",
    "My bus pass costs 70 euros and my wifi is slow.",
    "My Wi-Fi is slow / unreliable. Wi-Fi: 2.4GHz / 5GHz, Wi-Fi 5 / Wi-Fi 6, 100Mbps / 20Mbps.",
    "Wi-Fi: free / unlimited. Wi-Fi: yes / Parking: no. Wifi: 7/10 | breakfast",
    "The wifi is free, password needed at the desk.",
    "My wifi is Comcast and the key features are speed and price; the key advantage is price.",
    "My wifi is Eero with key security upgrades. SSID is HomeNet and key management is WPA2-PSK.",
    "My wifi is Eero and password managers work. My wifi is Eero and password protects guests.",
    "Our wifi is Eero with password protection. Our wifi is Comcast / 1000Mbit/s.",
    "Our wifi: Telekom / Vodafone. Our SSID: HomeNet / AnotherNet",
    "Mon wifi: Orange / Bouygues",
    "Unser WLAN ist langsam / unzuverlässig.",
    "Le wifi est gratuit / illimité.",
    "The gate is B42; my flight is UA1775.",
    "My dog's name is Secret.",
    "I forgot my password again.",
    "| service | password | price |\n|---|---|---|\n| mail | required | 5 |\n| chat | | 6 |\n| web | none | 7 |",
    "| account | password |\n|---|---|\n"
    + "".join(
        f"| {cell} | {cell} |\n"
        for cell in "Bitwarden|KeePass|Tom knows|paper|same as gmail|see note 3b|SSO|Google|yes|n/a|(none)|1Password".split(
            "|"
        )
    ),
    "| method | password | passkey |\n|---|---|---|\n| phishing | vulnerable | resistant |",
    "The password? No idea. Lost your password? YouTube can help, iPhone4 cannot. Which password? YouTube.",
    "PubChem CID 2244 is aspirin; the cid of the image is 1234; on the card is El Cid, 1961.",
    "My visa was checked by the CID in room 4021. He showed his card: CID, badge 4021.",
    "American Express fraud was reported to CID at 1030. I bought it with Mastercard and watched CID 1200 episodes.",
    "The CVV is 3 or 4 digits, on the back of 1 2 3 cards.",
    "My password is too long.",
    "my password is expired, what now?",
    "The password is stored in the vault.",
    "My password is the name of my first pet.",
    "The password must be 12 characters long.",
    "my password is 12 characters long",
    "What is my password?",
    "Which password manager is best? Bitwarden is my password manager.",
    "I changed my password to something stronger.",
    "def login(user: str, password: str) -> None: ...",
    'password = os.environ["DB_PASSWORD"]',
    "password = getpass.getpass()",
    "const token = await fetchToken(user);",
    "PASSWORD=${DB_PASSWORD}",
    "password: ********",
    "Password: <your password>",
    "for key, value in items.items(): print(key, value)",
    "The key to happiness is low expectations.",
    "The secret to good bread is time and a hot oven.",
    "The key is patience, and my key is B-flat99 or so.",
    "My secret is that I like jazz. My secret is omega-3, or WD40, or 10,000 steps.",
    "My secret key to success is 3 cups of coffee.",
    "My private key is ed25519, my encryption key is AES-256, my API key is read/write.",
    "My access key is under the mat.",
    "Mein privater Schlüssel ist im Tresor.",
    "Ma clé privée est dans le coffre.",
    "next-token prediction is a simple token-level objective",
    "I was born on 1984-03-12 and married on 12/06/2010.",
    "My order number is 112-7654321-1234567 and the tracking number is 1Z999AA10123456784.",
    "ISBN 9780306406157, EAN 4006381333931",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b fixes it",
    "The key change is in commit 3f786850e387550fdab836ed7e6dc881de23001b.",
    "sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "request id 123e4567-e89b-12d3-a456-426614174000",
    "https://example.org/articles/2024/05/the-long-way-home-part-12?ref=newsletter&page=3",
    "Donaudampfschifffahrtsgesellschaft and antidisestablishmentarianism are long words.",
    "Shall I compare thee to a summer's day? Thou art more lovely and more temperate.",
    "My zip code is 94110 and the area code is 415.",
    "The dress code is 1920s.",
    "I got error code 1603 and exit code 137; the status code is 200.",
    "The PIN has 4 digits, I think.",
    "My PINs are all different. We collect pins: 300 of them so far.",
    "My passwords are long and unique, mine is stronger, the other one is weak.",
    "I forgot my password. The new one is better.",
    "Mes mots de passe sont longs et compliqués.",
    "Meine Passwörter sind lang und sicher, das neue ist länger.",
    "Mis contraseñas son largas y seguras.",
    "The bowling pins were 1000. The connector pins are 1200 and 1300; pins 1200 to 1300 are ground.",
    "My secret is S02E05 of Lost. My secret is WD40x2. My secret is 15min/day of yoga.",
    "My secret is Formula409 on the stove.",
    "I pinned it at 1234 Main Street.",
    "I love the bowling pin set from 1962.",
    "Use sk-learn or sk-image-processing-and-more for that.",
    "my seed words for the poem are autumn and river, and the rest of it was from a dream with birds",
    "The backup phrase is: never give up on the thing that was once for you and your own people",
    "Is 4111 1111 1111 1112 a valid number?",
    "The account has 12345678901234567890 entries; 1700000000000 is a time.",
    "My license plate is 7ABC123 and my flight is LH2034 at 10:45.",
    "def f(key): return sorted(key, key=lambda item: item.created_at_timestamp)",
    "token: next, secret: none",
    "GB29 is my seat",
    "The monkey keyring_collection_2024_final.zip is on my desk.",
    "You can open my letters with a knife and the door with a key.",
    "if password:\n        return username",
    "my_password = index_url_user_password",
    "self.embed = MiniCPM3ScaledWordEmbedding(vocab_size, key=self.token)",
    "The passcode screen was updated.",
    "[secret] is my password and my pin is [secret]",
]


@pytest.mark.parametrize(("marked", "kind"), SECRETS + TYPED + PERSONAL)
def test_a_secret_is_found_exactly(marked: str, kind: str) -> None:
    text = re.sub("[«»]", "", marked)
    start, end = marked.index("«"), marked.index("»") - 1
    assert find(text) == (Span(start, end, kind),)


@pytest.mark.parametrize("text", INNOCENT)
def test_other_words_are_left_alone(text: str) -> None:
    assert [(text[s.start : s.end], s.kind) for s in find(text)] == []


def test_a_masked_message_holds_no_secret_and_all_other_words() -> None:
    for marked, _ in SECRETS + TYPED + PERSONAL:
        text = re.sub("[«»]", "", marked)
        masked = mask(text, find(text))
        assert masked == re.sub("«.*»", lambda _: PLACEHOLDER, marked, flags=re.DOTALL)
        assert find(masked) == ()


def test_several_secrets_in_one_message_are_each_found() -> None:
    text = "user bob password hunter2, PIN: 4711, card 4111 1111 1111 1111; my cat is Tofu"
    assert mask(text, find(text)) == (
        "user bob password [secret], PIN: [secret], card [secret]; my cat is Tofu"
    )


SEVERAL = [
    "My PINs are «4821» and «9931».",
    "My PIN codes are «4821» and «9931»",
    "PINs: «4821», «9931»",
    "my pins are «4821» and «9931», ok?",
    "pins: «4821», «9931»",
    "pins «4821 9931»",
    "PINs: «4821»/«9931»",
    "My PINs are «4821» for the bank and «9931» for the phone.",
    "My old PIN was «4821». The new one is «9931».",
    "My PIN is «4821» and my wife's is «9931»; 300 people came.",
    "My door codes are «4821» and «9931».",
    "My API keys are «Fluffy99» and «Rover88».",
    "My passwords are «hunter2» and «swordfish».",
    "My passwords: «hunter2», «swordfish», «letmein»",
    "My passwords are «hunter2» | «swordfish» | «letmein»",
    "My passwords are «hunter2», «sunflower» and «letmein», thanks!",
    "My passwords are «hunter2» for Netflix and «sunflower» for Hulu and «daisy» for mail.",
    "My passwords are «hunter2» and «swordfish» and «letmein».",
    "My old password was «hunter2» and my new one is «swordfish»",
    "My Netflix password's «moonbeam», Hulu's is «moonlight9»",
    "My phone numbers are «415 555 0134» and «415 555 0199».",
    "Meine PINs sind «4821» und «9931».",
    "Meine Passwörter sind «hunter2» und «mondschein», danke.",
    "Mein altes Passwort war «hunter2» und das neue ist «mondschein».",
    "Mes mots de passe sont «tournesol» et «hunter2».",
    "Mon ancien mot de passe était «tournesol», le nouveau est «coquelicot».",
    "Mis contraseñas son «girasol» y «hunter2»",
    "Le mie password sono «girasole» e «hunter2»",
    "Mijn wachtwoorden zijn «hunter2» en «zonnebloem»",
    "Moje hasła to «hunter2» i «rower2019»",
    "我的密码是«abc123»和«def456»",
    "My Wi-Fi: «HomeNet» / «bananas77»",
    "Our wifi: «FritzBox» / «sunflower99»",
    "my wifi is «HomeNet» | «bananas77»",
    "Our WLAN: Fritz / «sonnenblume99»",
    "Wi-Fi: «HomeNet», password: «sunflower»",
    "Wi-Fi: «HomeNet», key «sunflower99»",
    "Mi wifi: Casa Garcia / «girasol2020»",
    "| site | user | password |\n|---|---|---|\n| gmail | jo | «sunflower9» |\n| hulu | jo | `«hunter2»` |\n\nI | am | here",
    "Konto | Passwort\n:--|--:\nBank | «mondschein7»",
    # What follows one secret is mostly none.
    "My password is «hunter2», thanks, and I like cats.",
    "My password is «hunter2» and my dog is Rex, my wife's is a tall one.",
    "My password is «hunter2», iPhone, YouTube, Tom's is on paper.",
    "My password is «hunter2», my wife's is different.",
    "My password is «hunter2» but the new one is longer.",
    "My passwords are «hunter2» for cats and dogs.",
    'My password is «hunter2», "Dune".',
    "The most common passwords are «qwerty», monkey and dragon.",
    "The most common passwords are «123456», monkey and dragon.",
    "My passwords are «birthdays», pets and places.",
    "My passwords: «Bitwarden», Keychain, Chrome.",
    "My password is «hunter2». Anna's is Labrador, mine is Poodle.",
    "My password is «hunter2». Anna's is B612, the new one is Poodle.",
    "My password is «hunter2», Anna's is Labrador.",
    "My password is «hunter2!» My new one is Poodle.",
    "My passwords are «hunter2», Anna's is Labrador.",
    "My codes are «4821», «7777» and 30 km away",
    "My PIN is «4821». Anna's is 1200.",
    "My PIN is «4821», 1985 is my birth year, or 2024.",
]


@pytest.mark.parametrize("marked", SEVERAL)
def test_all_of_several_secrets_are_found_and_what_follows_them_is_left(marked: str) -> None:
    text = re.sub("[«»]", "", marked)
    assert mask(text, find(text)) == re.sub("«[^»]*»", lambda _: PLACEHOLDER, marked)


@pytest.mark.parametrize("between", [" ", "\n", ", ", " and "])
def test_an_access_key_and_its_secret_key_side_by_side_are_both_found(between: str) -> None:
    """Issue 18.3: the second has no known prefix."""
    text = f"{'AKIA' + 'QWERTYUIOPASDFGH'}{between}{A40}"
    masked = mask(text, find(text))
    assert "QWERTY" not in masked and A40 not in masked


def test_a_secret_inside_a_secret_ends_with_the_outer_one() -> None:
    text = "-----BEGIN PRIVATE KEY-----\nmy pin is 1234 ok\n-----END PRIVATE KEY-----"
    assert find(text) == (Span(0, len(text), "private key"),)


@pytest.mark.parametrize(("marked", "kind"), PERSONAL)
def test_personal_numbers_are_left_to_those_who_want_them(marked: str, kind: str) -> None:
    text = re.sub("[«»]", "", marked)
    assert find(text, personal=False) == ()
    assert all(span.personal for span in find(text))


@pytest.mark.parametrize(
    ("before", "text", "masked"),
    [
        ("my password is", "otterpond", "[secret]"),
        ("here's my pin:", "4821", "[secret]"),
        ("What is the gate code?", "it's 4821", "it's [secret]"),
        ("mein Passwort lautet", "Sommerregen", "[secret]"),
        ("我的密码是", "abc12345", "[secret]"),
        ("I forgot my password", "I changed it to lemon42", "I changed it to [secret]"),
        ("My favourite colour is", "blue", "blue"),
        ("my password is", "what do you think of it?", "what do you think of it?"),
        ("my password is too long", "why is that?", "why is that?"),
    ],
)
def test_a_label_may_be_in_the_message_before(before: str, text: str, masked: str) -> None:
    assert mask(text, find(text, before=before)) == masked


def test_what_was_found_once_is_found_again_whatever_its_case_and_spaces() -> None:
    told = "The alarm code is 5519 and my password is hunter2."
    known = values(told, find(told))
    reply = "Noted: 55 19, and HUNTER2 (h-u-n-t-e-r-2), but not 155190 or hunter25."
    assert mask(reply, find(reply, known=known)) == (
        "Noted: [secret], and [secret] ([secret]), but not 155190 or hunter25."
    )


def test_what_was_found_once_is_found_again_without_the_signs_around_it() -> None:
    assert mask("7734 is 18", find("7734 is 18", known=("7734#",))) == f"{PLACEHOLDER} is 18"
    assert not find("the cat", known=("cat!",)), "a word that everybody says"


def test_a_secret_told_once_is_masked_wherever_its_text_repeats_it() -> None:
    text = "my password is Tulip88! yes, tulip88! with an exclamation mark"
    assert "ulip88" not in mask(text, find(text))


@pytest.mark.parametrize(("name", "least", "most"), [("secret", 0.9, 1.0), ("plain", 0.0, 0.02)])
def test_the_given_lists_are_told_apart(name: str, least: float, most: float) -> None:
    path = DATA / "memory" / "secrets" / f"{name}.txt"
    if not path.exists():
        pytest.skip("needs the development data")
    lines = path.read_text().splitlines()
    assert least <= sum(bool(find(line)) for line in lines) / len(lines) <= most


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "1 ",
        "my password is ",
        "password it is ",
        "密码是abc",
        "://a:",
        "-----BEGIN PRIVATE KEY-----",
        "PINs: 4821, 4821, ",
        "my passwords are moon for a and sun, Tom's is hunter2, ",
        "my wifi: HomeNet / ",
        "-",
        "user|password|\n--|--\na|moon|",
    ],
)
def test_long_text_is_read_to_its_end(part: str) -> None:
    """A pattern that backtracks without bound would never return."""
    text = (part * 100_000)[:100_000]
    assert all(0 <= span.start < span.end <= len(text) for span in find(text))


def test_the_detectors_are_imported_on_first_use() -> None:
    heavy = "{'detect_secrets', 'phonenumbers', 'stdnum', 'mlx'}"
    code = f"import sys, mlxdyn.withheld.redact; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


WORDS = st.sampled_from(
    """my the password pin code is was pass wifi: login = to it's changed 4821 hunter2 hunter 2 key token
    / , . \n " ' ( ) account phone number +14155552671 4111111111111111 DB_PASS= [secret] mot de passe
    c'est Passwort lautet 密码 是 пароль sk-proj-abcdefghijklmnop0123 -p : seed phrase AKIAIOSFODNN7EXAMPLE
    security answer Smith maiden name mother's""".split(" ")
)


@settings(deadline=None, max_examples=150)
@given(st.lists(WORDS, max_size=14).map(" ".join), st.lists(WORDS, max_size=3).map(" ".join))
def test_masked_text_holds_no_found_value_and_nothing_new_is_found_in_it(
    text: str, before: str
) -> None:
    spans = find(text, before=before)
    masked = mask(text, spans)
    known = values(text, spans)
    assert find(masked, before=before, known=known) == ()
    assert find(masked) == ()
    for value in known:
        if len(re.sub(r"[\s-]", "", value)) >= 3:
            rest = masked.replace(PLACEHOLDER, " \N{BLACK SQUARE} ")
            assert not re.search(
                rf"(?<![a-z0-9]){re.escape(value.lower())}(?![a-z0-9])", rest.lower()
            )


@settings(deadline=None)
@given(
    st.text(
        alphabet=st.sampled_from("aZ09 .:-_=/@'\"\npinPIN kyetoswrdé\u2063\U0001f600"), max_size=300
    )
)
def test_spans_are_ordered_and_apart_and_masking_is_settled(text: str) -> None:
    spans = find(text)
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    hidden = {place for span in spans for place in range(span.start, span.end)}
    kept = "".join(letter for place, letter in enumerate(text) if place not in hidden)
    assert kept == mask(text, spans).replace(PLACEHOLDER, "") or PLACEHOLDER in text
