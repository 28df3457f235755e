"""The ledger's schema, version by version."""

MIGRATIONS = {
    5: """
    CREATE TABLE memories (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL,
        model TEXT NOT NULL, fingerprint TEXT NOT NULL,
        adapter TEXT NOT NULL, learner TEXT NOT NULL,
        origin TEXT, study TEXT NOT NULL DEFAULT '{}', anchors TEXT
    );
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY, memory INTEGER REFERENCES memories(id), created TEXT NOT NULL
    );
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations(id),
        role TEXT NOT NULL, text TEXT NOT NULL, created TEXT NOT NULL,
        learning TEXT NOT NULL CHECK (learning IN ('none', 'pending', 'done')),
        uid TEXT, itemised INTEGER NOT NULL DEFAULT 0, imported INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX message_conversation ON messages(conversation);
    CREATE INDEX message_learning ON messages(learning);
    CREATE INDEX message_uid ON messages(uid);
    CREATE TABLE items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        message INTEGER NOT NULL REFERENCES messages(id),
        question TEXT NOT NULL, answer TEXT NOT NULL, source TEXT NOT NULL,
        leans INTEGER REFERENCES messages(id)
    );
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        memory INTEGER NOT NULL REFERENCES memories(id), position INTEGER,
        kind TEXT NOT NULL CHECK (kind IN ('message', 'study')),
        message INTEGER REFERENCES messages(id),
        time TEXT NOT NULL, chunks TEXT NOT NULL, steps INTEGER NOT NULL, guarded INTEGER NOT NULL,
        accepted INTEGER NOT NULL, reason TEXT NOT NULL, drift REAL, divergence REAL,
        undone INTEGER NOT NULL DEFAULT 0, stale INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX event_memory ON events(memory, position);
    CREATE INDEX event_message ON events(message);
    CREATE TABLE updates (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event INTEGER NOT NULL REFERENCES events(id), kind TEXT NOT NULL,
        tokens INTEGER NOT NULL, steps INTEGER NOT NULL, rate REAL NOT NULL,
        nll_before REAL, nll_after REAL, gradient_norm REAL,
        accepted INTEGER NOT NULL, reason TEXT NOT NULL
    );
    CREATE INDEX update_event ON updates(event);
    CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY, memory INTEGER NOT NULL REFERENCES memories(id),
        upto INTEGER NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL
    );
    CREATE TABLE erasing (since TEXT NOT NULL);
    """,
    # Examples, frozen, in the place of items that rules read again: what was learned before is
    # learned anew from its messages, once, and the user is told (`refounded`).
    6: """
    ALTER TABLE memories ADD COLUMN refounded INTEGER NOT NULL DEFAULT 0;
    UPDATE memories SET refounded = 1 WHERE id IN (SELECT memory FROM events);
    UPDATE memories SET study = '{}';
    ALTER TABLE memories DROP COLUMN anchors;
    UPDATE messages SET learning = 'pending', itemised = 0 WHERE id IN
        (SELECT message FROM events WHERE kind = 'message' AND accepted AND NOT undone);
    ALTER TABLE messages RENAME COLUMN itemised TO examined;
    UPDATE messages SET examined = 0;
    DELETE FROM updates;
    DELETE FROM events;
    DELETE FROM snapshots;
    CREATE TABLE edits (
        message INTEGER NOT NULL REFERENCES messages(id),
        question TEXT NOT NULL, answer TEXT NOT NULL
    );
    INSERT INTO edits SELECT message, question, answer FROM items WHERE source = 'user';
    DROP TABLE items;
    CREATE TABLE examples (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        memory INTEGER NOT NULL REFERENCES memories(id),
        message INTEGER REFERENCES messages(id), uid TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('fact', 'near_miss', 'regularization')),
        source TEXT NOT NULL CHECK (source IN ('base', 'user')),
        question TEXT NOT NULL, answer TEXT NOT NULL,
        prompt BLOB NOT NULL, target BLOB NOT NULL, likely BLOB, weight REAL NOT NULL
    );
    CREATE INDEX example_message ON examples(message);
    CREATE INDEX example_memory ON examples(memory);
    CREATE TABLE depends (
        id INTEGER PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages(id),
        earlier INTEGER NOT NULL REFERENCES messages(id)
    );
    CREATE INDEX depends_earlier ON depends(earlier);
    CREATE TABLE supersedes (
        id INTEGER PRIMARY KEY, example INTEGER NOT NULL REFERENCES examples(id),
        message INTEGER NOT NULL REFERENCES messages(id)
    );
    CREATE INDEX supersedes_example ON supersedes(example);
    """,
    # Reasons are codes; what never was measured goes.
    7: """
    ALTER TABLE events DROP COLUMN divergence;
    UPDATE events SET reason = 'waited' WHERE reason = 'it waited to be learned';
    """,
    # A message was studied in one round. (SQLite's JSON knows no Infinity, which a bound may be.)
    8: """
    UPDATE memories SET study = '{"rounds": 1, "learned": 0.0, ' || substr(study, 2)
        WHERE study <> '{}';
    """,
    # A conversation is a tree of messages, one branch of it open; it may have a title and a pin.
    9: """
    ALTER TABLE messages ADD COLUMN parent INTEGER;
    ALTER TABLE conversations ADD COLUMN head INTEGER;
    ALTER TABLE conversations ADD COLUMN title TEXT;
    ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
    UPDATE messages SET parent = (SELECT max(p.id) FROM messages p
        WHERE p.conversation = messages.conversation AND p.id < messages.id);
    UPDATE conversations SET head =
        (SELECT max(id) FROM messages WHERE conversation = conversations.id);
    CREATE INDEX message_parent ON messages(parent, conversation);
    """,
    # A study was kept for recall alone.
    10: """
    UPDATE memories SET study = '{"lighter": 0.0, ' || substr(study, 2) WHERE study <> '{}';
    """,
    # What messages say of one question is set side by side.
    11: """
    CREATE INDEX example_question ON examples(question);
    ALTER TABLE supersedes ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
    """,
    # What a lesson cost, where it was counted.
    12: """
    ALTER TABLE events ADD COLUMN flops TEXT;
    """,
    # Where each message tells a secret, so that all of a memory's secrets are known.
    13: """
    ALTER TABLE messages ADD COLUMN secrets TEXT;
    CREATE INDEX message_unsearched ON messages(conversation) WHERE secrets IS NULL;
    CREATE INDEX message_secrets ON messages(conversation) WHERE secrets <> '';
    """,
    # With what its lessons were calculated, so that rounding is told from damage.
    14: """
    ALTER TABLE memories ADD COLUMN arithmetic TEXT NOT NULL DEFAULT '';
    """,
}
"""Statements that lead to each version of the schema from the one before; all there is, from none.

A memory's row holds every knob that its lessons were learned with. A new knob of AdapterConfig,
LearnerConfig or StudyConfig needs a statement here that gives it, in old rows, the value at which
all goes as it went before; never the default of today. Where more is found secret than before,
`UPDATE messages SET secrets = NULL` lets all messages be looked at again.
"""
OLDEST, NEWEST = min(MIGRATIONS), max(MIGRATIONS)
