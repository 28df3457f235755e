"""Secrets are found where people tell them, and nowhere else."""
# ruff: noqa: E501  (a case is one line)

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxdyn.secret import PLACEHOLDER, Span, find, mask, weights

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
    ("my password is «hunter2»", "password"),
    ("My password is «banana».", "password"),
    ("btw the wifi password is «correct horse battery staple»", "password"),
    ("The password for the kids' tree fort game is «banana»", "password"),
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
    ("pay to «DE89 3704 0044 0532 0130 00» please", "bank account number"),
    ("IBAN «GB29NWBK60161331926819».", "bank account number"),
    ("my ssn is «078-05-1121»", "social security number"),
    ("Social security number: «078051121»", "social security number"),
    (f"my seed phrase is «{SEED}»", "recovery phrase"),
    (
        "Recovery phrase: «" + " ".join(f"{i}. {w}" for i, w in enumerate(SEED.split(), 1)) + "»",
        "recovery phrase",
    ),
    ("my backup codes are «1a2b3-4c5d6, 7e8f9-0a1b2»", "recovery code"),
]

INNOCENT = [
    "My dog's name is Secret.",
    "I forgot my password again.",
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
    "next-token prediction is a simple token-level objective",
    "Call Ana on +1 (415) 555-0134 or 020 7946 0958.",
    "My number is 555-201-4477.",
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


@pytest.mark.parametrize(("marked", "kind"), SECRETS)
def test_a_secret_is_found_exactly(marked: str, kind: str) -> None:
    text = re.sub("[«»]", "", marked)
    start, end = marked.index("«"), marked.index("»") - 1
    assert find(text) == (Span(start, end, kind),)


@pytest.mark.parametrize("text", INNOCENT)
def test_other_words_are_left_alone(text: str) -> None:
    assert [(text[s.start : s.end], s.kind) for s in find(text)] == []


def test_a_masked_message_holds_no_secret_and_all_other_words() -> None:
    for marked, _ in SECRETS:
        text = re.sub("[«»]", "", marked)
        masked = mask(text, find(text))
        assert masked == re.sub("«.*»", lambda _: PLACEHOLDER, marked, flags=re.DOTALL)
        assert find(masked) == ()


def test_several_secrets_in_one_message_are_each_found() -> None:
    text = "user bob password hunter2, PIN: 4711, card 4111 1111 1111 1111; my cat is Tofu"
    assert mask(text, find(text)) == (
        "user bob password [secret], PIN: [secret], card [secret]; my cat is Tofu"
    )


def test_a_secret_inside_a_secret_ends_with_the_outer_one() -> None:
    text = "-----BEGIN PRIVATE KEY-----\nmy pin is 1234 ok\n-----END PRIVATE KEY-----"
    assert find(text) == (Span(0, len(text), "private key"),)


def test_a_token_that_touches_a_secret_weighs_nothing() -> None:
    text, spans = "my PIN is 1234.", (Span(10, 14, "PIN"),)
    assert find(text) == spans
    offsets = [(0, 2), (2, 6), (6, 9), (9, 12), (12, 13), (13, 15), (14, 15), (10, 10), (15, 15)]
    assert weights(offsets, spans) == (1, 1, 1, 0, 0, 0, 1, 0, 1)
    assert weights([(0, 3)], ()) == (1.0,)


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
    offsets = [(i, i + 1) for i in range(len(text))]
    kept = "".join(c for c, w in zip(text, weights(offsets, spans), strict=True) if w)
    assert kept == mask(text, spans).replace(PLACEHOLDER, "") or PLACEHOLDER in text
