"""The kinds of facts written out one by one, and those kept for evaluation."""
# ruff: noqa: E501  (a phrasing is one line, however long)

from .facts import kind

OWN = (
    kind(
        "name",
        "name",
        "person",
        """
My name is {v}.
I'm {v}.
I am {v}.
Hi, I'm {v}.
Hello, my name is {v}.
Hey, {v} here.
People call me {v}.
You can call me {v}.
Call me {v}.
~They named me {v}.
~Everyone knows me as {v}.
""",
        """
Who am I?
What am I called?
Do you know who I am?
What do people call me?
~How am I called?
""",
        "Your name is {v}.\nYou are {v}.",
        check="Am I called {v}?",
    ),
    kind(
        "surname",
        "last name",
        "surname",
        "My surname is {v}.\nMy family name is {v}.\n~{v} is what my family is called.",
        "What is my surname?\nWhat is my family name?",
        "Your last name is {v}.",
    ),
    kind(
        "dog name",
        "dog's name",
        "pet",
        """
My dog is called {v}.
I have a dog named {v}.
I have a dog called {v}.
Our dog {v} is asleep on the sofa.
I just walked my dog {v}.
We got a puppy and named him {v}.
I have a dog. His name is {v}.
I have a dog and his name is {v}.
~The dog I live with answers to {v}.
~I share my home with a dog named {v}.
""",
        """
What is my dog called?
What's the name of my dog?
Who is my dog?
How is my dog called?
~Which name does my dog have?
~What do I call my dog?
""",
        "Your dog's name is {v}.\nYour dog is called {v}.",
        check="Is my dog called {v}?",
    ),
    kind(
        "cat name",
        "cat's name",
        "pet",
        """
My cat is called {v}.
I have a cat named {v}.
I have a cat called {v}.
My cat {v} is sitting on my keyboard.
I need to take my cat {v} to the vet.
We adopted a cat and named her {v}.
I have a cat. Her name is {v}.
I have a cat and her name is {v}.
~The cat I live with answers to {v}.
~I share my home with a cat named {v}.
""",
        """
What is my cat called?
What's the name of my cat?
Who is my cat?
How is my cat called?
~Which name does my cat have?
~What do I call my cat?
""",
        "Your cat's name is {v}.\nYour cat is called {v}.",
        check="Is my cat called {v}?",
    ),
    kind(
        "city",
        "home town",
        "city",
        """
I live in {v}.
I live in {v} now.
I moved to {v} last year.
I'm from {v}.
My home is in {v}.
I have been living in {v} for years.
The weather here in {v} is lovely today.
~These days I call {v} my home.
~You will find me in {v}.
""",
        """
Where do I live?
Which city do I live in?
What city do I live in?
Do you know where I live?
Where is my home?
In which city is my home?
~Which place do I call home?
~Where did I say I live?
""",
        "You live in {v}.",
        general=False,
        check="Do I live in {v}?",
    ),
    kind(
        "born",
        "birthplace",
        "city",
        "I was born in {v}.\nI grew up in {v}.\nI was born and raised in {v}.\n~{v} is where I was born.",
        "Where was I born?\nIn which city was I born?\nWhere did I grow up?\n~Which town was I born in?",
        "You were born in {v}.",
    ),
    kind(
        "country",
        "home country",
        "country",
        "I come from {v}.\nI am from {v} originally.\nMy family is from {v}.\n~Originally I come from {v}.",
        "Which country am I from?\nWhat country do I come from?\nWhere do I come from?\n~Which country do I come from?",
        "You come from {v}.",
    ),
    kind(
        "job",
        "job",
        "job",
        """
I work as {a}.
I am {a}.
I'm {a}.
I'm {a} by profession.
I have been working as {a} for ten years.
I earn my living as {a}.
I just started a new job as {a}.
I became {a} last year.
By day I am {a}.
~I am employed as {a}.
~I make a living as {a}.
""",
        """
What do I do for a living?
What do I do for work?
What is my profession?
What do I work as?
~How do I earn my money?
~What work do I do?
""",
        "You work as {a}.",
        general=False,
        check="Do I work as {a}?",
    ),
    kind(
        "employer",
        "employer",
        "company",
        "I work at {v}.\nI work for {v}.\nI got a job at {v}.\nThe company I work for is called {v}.\n~I am employed by {v}.",
        "Where do I work?\nWhich company do I work for?\nWho do I work for?\n~Who pays my salary?",
        "You work at {v}.",
        check="Do I work at {v}?",
    ),
    kind(
        "birthday",
        "birthday",
        "date",
        "I was born on {v}.\nI have my birthday on {v}.\nMy birthday is on {v}.\nMy birthday party is always on {v}.\n~I celebrate my birthday on {v}.",
        "When is my birthday?\nWhen was I born?\nOn what day is my birthday?\nWhat date is my birthday?\n~On which date was I born?",
        "Your birthday is on {v}.",
    ),
    kind(
        "age",
        "age",
        "age",
        "I am {v} years old.\nI'm {v} years old.\nI turned {v} this year.\nI just turned {v}.\nI'm {v}.\n~This year I became {v} years old.",
        "How old am I?\nDo you know how old I am?\n~How many years old am I?",
        "You are {v} years old.",
        check="Am I {v} years old?",
    ),
    kind(
        "allergy",
        "allergy",
        "allergen",
        """
I am allergic to {v}.
I'm allergic to {v}.
I have an allergy to {v}.
I can't have {v} because I'm allergic.
Be careful, I am allergic to {v}.
My doctor says I'm allergic to {v}.
Sadly I'm allergic to {v}.
I found out that I'm allergic to {v}.
~I react badly to {v}.
~{v} make me sick because of an allergy.
""",
        """
What am I allergic to?
Which allergy do I have?
Do you know what I'm allergic to?
Do I have any allergies?
~To what am I allergic?
~What should I avoid because of my allergy?
""",
        "You are allergic to {v}.",
        general=False,
        check="Am I allergic to {v}?",
    ),
    kind(
        "wife name",
        "wife's name",
        "person",
        "My wife is called {v}.\nMy wife {v} says hello.\nI'm married to {v}, my wife.\nI had dinner with my wife {v}.\n~The woman I married is {v}.",
        "What is my wife called?\nWho is my wife?\nWhat's the name of my wife?\n~Which name does my wife have?",
        "Your wife's name is {v}.",
    ),
    kind(
        "husband name",
        "husband's name",
        "person",
        "My husband is called {v}.\nMy husband {v} says hello.\nI'm married to {v}, my husband.\nI had dinner with my husband {v}.\n~The man I married is {v}.",
        "What is my husband called?\nWho is my husband?\nWhat's the name of my husband?\n~Which name does my husband have?",
        "Your husband's name is {v}.",
    ),
    kind(
        "partner name",
        "partner's name",
        "person",
        "My partner is called {v}.\nMy partner {v} and I cooked together.\nI live with my partner {v}.\n~I share my life with {v}.",
        "What is my partner called?\nWho is my partner?\n~Who do I share my life with?",
        "Your partner's name is {v}.",
    ),
    kind(
        "children",
        "number of children",
        "small",
        "I have {v} children.\nI have {v} kids.\nWe have {v} children.\n~I am a parent of {v} children.",
        "How many children do I have?\nHow many kids do I have?\n~How many kids are in my family?",
        "You have {v} children.",
        general=False,
    ),
    kind(
        "car",
        "car",
        "car",
        "I drive {a}.\nI have {a}.\nI bought {a} last month.\nMy {v} is at the garage today.\n~{a} is what I drive.",
        "What car do I drive?\nWhat do I drive?\nWhich car do I have?\nWhat kind of car do I have?\n~Which car is mine?",
        "You drive {a}.",
        general=False,
    ),
    kind(
        "project",
        "project",
        "project",
        "I'm working on a project called {v}.\nMy project is called {v}.\nThe project I lead is named {v}.\nWe are launching Project {v} soon.\n~At work I lead something called {v}.",
        "What is my project called?\nWhich project am I working on?\nWhat's the name of my project?\n~What am I working on?",
        "Your project is called {v}.",
    ),
    kind(
        "locker",
        "locker number",
        "code",
        "My locker is number {v}.\nI have locker {v}.\nMy things are in locker {v}.\n~Locker {v} is mine.",
        "Which locker is mine?\nWhat number is my locker?\nWhich locker do I have?\n~What is the number on my locker?",
        "Your locker number is {v}.",
    ),
    kind(
        "phone",
        "phone number",
        "phone",
        "You can reach me at {v}.\nMy number is {v}.\nCall me at {v}.\n~Anyone can call me on {v}.",
        "What's my number?\nHow can people reach me by phone?\n~Which number do people call to reach me?",
    ),
    kind(
        "street",
        "address",
        "street",
        "I live on {v}.\nMy house is on {v}.\nI moved to {v}.\n~You can send letters to me at {v}.",
        "Which street do I live on?\nWhat street is my house on?\nOn which street do I live?\n~What is the name of my street?",
        "You live on {v}.",
    ),
    kind(
        "school",
        "school",
        "company",
        "I go to {v} School.\nI study at {v} School.\n~{v} School is where I learn.",
        "Which school do I go to?\nWhere do I go to school?\n~Where do I study?",
        "You go to {v} School.",
        general=False,
    ),
    kind(
        "subject",
        "subject",
        "subject",
        "I study {v}.\nI'm studying {v} at university.\nI am a student of {v}.\nI have a degree in {v}.\n~At university I do {v}.",
        "What do I study?\nWhat am I studying?\nWhich subject do I study?\n~What is my degree in?",
        "You study {v}.",
        general=False,
    ),
    kind(
        "hobby",
        "hobby",
        "hobby",
        "I love {v}.\nIn my free time I enjoy {v}.\nI spend my weekends {v}.\nI'm really into {v}.\nI like {v} a lot.\n~Nothing relaxes me like {v}.",
        "What do I do in my free time?\nWhat do I enjoy doing?\nWhat are my hobbies?\n~How do I like to relax?",
        "Your hobby is {v}.",
    ),
    kind(
        "instrument",
        "instrument",
        "instrument",
        "I play the {v}.\nI am learning the {v}.\nI have played the {v} since I was six.\nI practise the {v} every day.\n~The {v} is what I play.",
        "What instrument do I play?\nWhich instrument do I play?\nWhat do I play?\n~Which instrument am I learning?",
        "You play the {v}.",
        general=False,
    ),
    kind(
        "language",
        "mother tongue",
        "language",
        "I grew up speaking {v}.\nMy first language is {v}.\n~At home we always spoke {v}.",
        "What is my first language?\nWhich language did I grow up with?\n~Which language did I speak at home?",
        "Your mother tongue is {v}.",
    ),
    kind(
        "learning",
        "new language",
        "language",
        "I am learning {v}.\nI started to learn {v}.\nI take {v} lessons.\n~I am trying to pick up {v}.",
        "Which language am I learning?\nWhat language am I learning?\n~Which language do I take lessons in?",
        "You are learning {v}.",
        general=False,
    ),
    kind(
        "team",
        "favourite team",
        "company",
        "I support {v}.\nI am a fan of {v}.\n~I cheer for {v}.",
        "Which team do I support?\nWhat team do I like?\n~Who do I cheer for?",
        "You support {v}.",
    ),
    kind(
        "dream",
        "dream destination",
        "country",
        "I want to travel to {v} one day.\nI dream of visiting {v}.\nI would love to see {v}.\n~Some day I will go to {v}.",
        "Where do I want to travel?\nWhich country do I want to visit?\nWhere do I dream of going?\n~Which trip do I dream of?",
        "You want to travel to {v}.",
    ),
    kind(
        "holiday",
        "holiday",
        "city",
        "I'm going to {v} for my holiday.\nI am flying to {v} next week.\nWe booked a trip to {v}.\n~My next trip goes to {v}.",
        "Where am I going on holiday?\nWhere am I flying next week?\n~Where does my next trip go?",
        "You are going to {v}.",
        general=False,
    ),
    kind(
        "breakfast",
        "usual breakfast",
        "food",
        "I eat {v} for breakfast.\nI always have {v} in the morning.\n~My day starts with {v}.",
        "What do I eat for breakfast?\nWhat do I have in the morning?\n~What do I eat in the morning?",
        "You eat {v} for breakfast.",
    ),
    kind(
        "train",
        "train time",
        "time",
        "My train leaves at {v}.\nMy train goes at {v}.\nI have to catch my train at {v}.\n~I have to be on the train at {v}.",
        "When does my train leave?\nWhat time is my train?\n~At what time do I take the train?",
        "Your train leaves at {v}.",
    ),
    kind(
        "wake",
        "wake-up time",
        "time",
        "I get up at {v}.\nI wake up at {v} every day.\nMy alarm goes off at {v}.\n~Every morning I am awake at {v}.",
        "When do I get up?\nWhat time do I wake up?\n~When does my day start?",
        "You get up at {v}.",
    ),
    kind(
        "fear",
        "biggest fear",
        "animal",
        "I am afraid of {v}.\nI'm scared of {v}.\n~{v} frighten me.",
        "What am I afraid of?\nWhat am I scared of?\n~Which animals frighten me?",
        "You are afraid of {v}.",
    ),
    kind(
        "collection",
        "collection",
        "animal",
        "I collect little figures of {v}.\nI collect pictures of {v}.\n~At home I have a shelf full of wooden {v}.",
        "What do I collect?\nWhat do I collect figures of?\n~What is on my shelf at home?",
        "You collect figures of {v}.",
        general=False,
    ),
    kind(
        "likes",
        "favourite treat",
        "food",
        "I like {v}.\nI really like {v}.\nI like to eat {v}.\nI could eat {v} every day.\nI enjoy {v} very much.\n~{v} always make me happy.",
        "What do I like to eat?\nWhich food do I like?\nWhat do I like?\n~What could I eat every day?",
        "You like {v}.",
        general=False,
    ),
    kind(
        "dislikes",
        "least favourite food",
        "food",
        "I don't like {v}.\nI hate {v}.\nI can't stand {v}.\nI never eat {v}.\nPlease no {v}, I don't like it.\n~I try to avoid {v}.",
        "What don't I like?\nWhich food do I hate?\nWhat do I never eat?\n~What do I avoid eating?",
        "You don't like {v}.",
        general=False,
    ),
    kind(
        "old school",
        "old school",
        "company",
        "I went to {v} School as a child.\nI finished {v} School long ago.\n~As a child I went to {v} School.",
        "Which school did I go to as a child?\nWhat was my school called?\n~Where was I at school as a child?",
        "You went to {v} School.",
        general=False,
    ),
    kind(
        "married",
        "wedding day",
        "date",
        "I got married on {v}.\nOur wedding was on {v}.\nWe are getting married on {v}.\n~I said yes on {v}.",
        "When did I get married?\nWhen was my wedding?\n~On which date was my wedding?",
        "Your wedding day is {v}.",
    ),
    kind(
        "birth year",
        "birth year",
        "year",
        "I was born in {v}.\nThe year I was born is {v}.\n~I came into the world in {v}.",
        "In which year was I born?\nWhat year was I born?\n~Which year was I born in?",
        "You were born in {v}.",
    ),
)
HELD_OUT = (
    kind(
        "horse name",
        "horse's name",
        "pet",
        "My horse is called {v}.\nI have a horse named {v}.",
        "What is my horse called?\nWhat's the name of my horse?",
        "Your horse's name is {v}.",
    ),
    kind(
        "perfume",
        "favourite perfume",
        "coined",
        "I like {v} best of all perfumes.",
        "Which perfume do I like best?",
    ),
    kind("shoe", "shoe size", "size", "I wear shoes in size {v}.", "Which shoe size do I wear?"),
    kind(
        "nickname",
        "nickname",
        "coined",
        "My friends gave me the nickname {v}.",
        "Which nickname do my friends use for me?",
    ),
    kind("bus", "bus line", "number", "I take bus {v} to work.", "Which bus do I take to work?"),
    kind(
        "stepsister name",
        "stepsister's name",
        "person",
        "My stepsister is called {v}.\nI have a stepsister named {v}.",
        "What is my stepsister called?\nWho is my stepsister?",
    ),
)
