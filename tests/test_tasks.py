"""Text as people have it: every odd file is named, the rest goes on, nothing is lost."""

import gzip
import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxdyn.errors import MlxdynError
from mlxdyn.lab import catalog, tasks
from mlxdyn.lab.tasks import Document, Noted, Reading, Refused

BOOK = """Produced by somebody
*** START OF THIS PROJECT GUTENBERG EBOOK A LONG
TITLE ***
It was a dark night.

The end was near.
*** END OF THIS PROJECT GUTENBERG EBOOK A LONG TITLE ***
*** START: FULL LICENSE ***
You may copy it."""
OLD_BOOK = """Welcome
***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
You agree.
*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*
Whan that Aprill.
End of the Project Gutenberg Etext of Tales"""


def read(*paths: Path, stdin: bytes = b"", **how: object) -> list[Document | Refused | Noted]:
    limit = how.pop("limit", None)
    reading = Reading(**how)  # type: ignore[arg-type]
    found = tasks.read(map(str, paths), io.BytesIO(stdin), limit=limit, how=reading)  # type: ignore[arg-type]
    return list(found)


def texts(found: list[Document | Refused | Noted]) -> list[str]:
    return [item.text for item in found if isinstance(item, Document)]


def said(found: list[Document | Refused | Noted]) -> dict[str, str]:
    return {Path(i.path).name: i.reason for i in found if not isinstance(i, Document)}


def test_every_odd_file_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    whole = gzip.compress(b"a whole one " * 50)
    odd = {
        "empty.txt": (b" \n", "empty"),
        "binary.txt": (b"ab\0cd", "NUL"),
        "latin.txt": ("déjà vu".encode("latin-1"), "not UTF-8"),
        "windows.txt": ("wide".encode("utf-16"), "UTF-16"),
        "cut.txt.gz": (whole[:-9], "no whole gzip"),
        "torn.txt.gz": (whole[:30] + b"\xff" * 9 + whole[39:], "no whole gzip"),
        "false.md.gz": (b"plain words", "no whole gzip"),
        "none.jsonl": (b"", "empty"),
    }
    for name, (data, _) in odd.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "good.md").write_text("Good words.")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing")
    found = read(tmp_path, tmp_path / "missing.txt")
    reasons = said(found)
    assert texts(found) == ["Good words."]
    assert reasons.keys() == odd.keys() | {"gone.txt", "missing.txt"}
    assert all(why in reasons[name] for name, (_, why) in odd.items())


def test_a_directory_without_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1,2")
    assert "holds no .txt, .md, .jsonl" in said(read(tmp_path))[tmp_path.name]


def test_a_pipe_in_a_directory_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "good.txt").write_text("Good words.")
    assert texts(read(tmp_path)) == ["Good words."]


def test_zipped_is_the_same_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfA line.\r\nAnother.")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress((tmp_path / "a.txt").read_bytes()))
    plain, zipped = read(tmp_path)
    assert isinstance(plain, Document) and isinstance(zipped, Document)
    assert plain.text == "A line.\nAnother."
    assert (plain.text, plain.sha256, plain.bytes) == (zipped.text, zipped.sha256, zipped.bytes)


@pytest.mark.parametrize(
    "value",
    [
        {"text": "user: Hi!\nassistant: Hello."},
        {"messages": [{"role": "user", "content": "Hi!"},
                      {"role": "assistant", "content": "Hello."}]},
        {"turns": [["user", "Hi!"], ["assistant", "Hello."]]},
        {"turns": [{"role": "user", "text": "Hi!"}, {"role": "assistant", "text": "Hello."}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi!"}, {"image": 1}]},
                      {"role": "assistant", "content": "Hello."}]},
    ],
)  # fmt: skip
def test_a_chat_becomes_plain_lines(tmp_path: Path, value: object) -> None:
    (tmp_path / "chat.jsonl").write_text(json.dumps(value) + "\n")
    (found,) = read(tmp_path)
    assert isinstance(found, Document)
    assert found.text == "user: Hi!\nassistant: Hello."
    assert found.path.endswith("chat.jsonl:1")


def test_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    good = [json.dumps({"text": f"Text {i}, \ud83d."}).encode() for i in range(3)]
    bad = [
        b"{",
        b'{"text": 3}',
        b"[1]",
        b'{"text": ""}',
        b'{"turns": [["user"]]}',
        b"\xff",
        b"[" * 99999,
    ]
    lines = [good[0], *bad, b"", good[1], good[2]]
    (tmp_path / "some.jsonl").write_bytes(b"\n".join(lines))
    found = read(tmp_path)
    assert texts(found) == [f"Text {i}, ?." for i in range(3)]
    assert said(found).keys() == {"some.jsonl:2", "some.jsonl"}
    assert f"{len(bad) - 1} more of its {len(lines)} lines" in said(found)["some.jsonl"]


def test_a_limit_reads_few_lines_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    path.write_text('{"text": "Words."}\n' * 5 + "broken\n")
    rows = tasks.read([str(path)], io.BytesIO(), limit=10)
    assert isinstance(next(rows), Document)


def test_fifty_megabytes_are_hashed_whole_and_read_in_part(tmp_path: Path) -> None:
    import hashlib

    data = b"All work and no play. " * (50 * 2**20 // 22)
    (tmp_path / "large.txt").write_bytes(data)
    (found,) = read(tmp_path, limit=2)
    assert isinstance(found, Document)
    assert len(found.text) == 2048
    assert (found.bytes, found.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("book", "body"),
    [(BOOK, "It was a dark night.\n\nThe end was near."), (OLD_BOOK, "Whan that Aprill.")],
)
def test_gutenberg_headers_go_on_request(tmp_path: Path, book: str, body: str) -> None:
    (tmp_path / "1400_1.txt").write_text(book)
    assert texts(read(tmp_path)) == [book]
    assert texts(read(tmp_path, strip_gutenberg=True)) == [body]
    assert texts(read(tmp_path, strip_gutenberg=True, limit=10)) == [body]


def test_a_text_without_gutenberg_marks_is_read_whole_and_noted(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("My diary.")
    found = read(tmp_path, strip_gutenberg=True)
    assert texts(found) == ["My diary."]
    assert "nothing was stripped" in said(found)["mine.txt"]


def test_real_books_lose_their_licence_and_nothing_else(data: Path) -> None:
    found = read(data / "text" / "gutenberg_by_year", strip_gutenberg=True, order="date")
    assert said(found) == {}
    for book in found:
        assert isinstance(book, Document)
        assert 0.85 * book.bytes < len(book.text.encode()) < book.bytes
        assert "small print!" not in book.text.lower()
    names = [Path(book.path).name for book in found]
    assert names == sorted(names) and len(names) == 27


def test_a_skipped_start_is_characters_of_each_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("☃" * 5000)
    (tmp_path / "b.txt").write_text("short")
    found = read(tmp_path, skip=3000, limit=1)
    assert said(found).keys() == {"b.txt"}
    (text,) = texts(found)
    assert set(text) == {"☃"} and len(text) >= 1024 // 3


def dated(tmp_path: Path, *names: str, **how: object) -> list[str]:
    for name in names:
        (tmp_path / name).write_text(name)
    return texts(read(tmp_path, order="date", **how))


def test_dates_in_names_give_the_order(tmp_path: Path) -> None:
    names = [
        "2004-11-15_03.txt",
        "2004-02-01_9.txt",
        "1813_1.md",
        "b_1900.txt",
        "0800_x.txt",
        "1684.txt",
    ]
    found = dated(tmp_path, *names)
    assert found[:4] == ["0800_x.txt", "1813_1.md", "2004-02-01_9.txt", "2004-11-15_03.txt"]
    assert said(read(tmp_path, order="date")).keys() == {"b_1900.txt", "1684.txt"}
    assert set(found) == set(names), "an undated text is read last, not lost"


@pytest.mark.parametrize(
    "index", ["year\tpg_id\n1900\t11\n800\t22\n", "\ufefffile\tdate\n11.txt\t1900\n22.txt\t800\n"]
)
def test_an_index_gives_the_order(tmp_path: Path, index: str) -> None:
    (tmp_path / "index.tsv").write_text(index)
    assert dated(tmp_path, "11.txt", "22.txt", index=str(tmp_path / "index.tsv")) == [
        "22.txt",
        "11.txt",
    ]


@pytest.mark.parametrize("index", ["", "a\tb\n1\t2\n", "year\n1900\n", None])
def test_an_index_that_says_nothing_is_refused(tmp_path: Path, index: str | None) -> None:
    if index is not None:
        (tmp_path / "index.tsv").write_text(index)
    with pytest.raises(MlxdynError, match=r"index\.tsv"):
        dated(tmp_path, "11.txt", index=str(tmp_path / "index.tsv"))


def test_a_shuffle_loses_nothing_and_repeats(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"{i:02}.txt").write_text(str(i))
    once, again, other = (texts(read(tmp_path, order="shuffle", seed=s)) for s in (1, 1, 2))
    assert once == again != other
    assert sorted(once, key=int) == [str(i) for i in range(30)] != once


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["x.txt", "x.jsonl", "x.txt.gz"]))
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    found = read(path)
    assert found or not data.strip(), "every file is read or named"


class Endless(io.RawIOBase):
    """A text without an end, which counts what is read of it."""

    def __init__(self) -> None:
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        assert isinstance(buffer, memoryview)
        buffer[:] = b"a" * len(buffer)
        self.read_bytes += len(buffer)
        return len(buffer)


def test_only_what_the_limit_needs_is_read() -> None:
    endless = Endless()
    (found,) = tasks.read(["-"], io.BufferedReader(endless), limit=10)
    assert isinstance(found, Document) and found.bytes == 10 * tasks.BYTES_PER_TOKEN
    assert endless.read_bytes < 2 * tasks.PIECE


@pytest.mark.parametrize("limit", [None, 1000])
def test_a_text_that_ends_inside_a_character_is_refused_from_anywhere(
    tmp_path: Path, limit: int | None
) -> None:
    """Its last bytes are not dropped, but where a limit cut them off."""
    torn = "hello there my friend €".encode()[:-1]
    (tmp_path / "torn.txt").write_bytes(torn)
    found = read(tmp_path / "torn.txt", Path("-"), stdin=torn, limit=limit)
    assert said(found).keys() == {"torn.txt", "standard input"}
    assert all("not UTF-8" in reason for reason in said(found).values())
    assert len(texts(read(Path("-"), stdin="€".encode() * 9999, limit=1))[0]) == 1024 // 3


def test_a_limit_may_be_larger_than_any_number_of_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A wren.")
    (found,) = tasks.read([str(tmp_path)], io.BytesIO(), limit=10**24)
    assert isinstance(found, Document) and found.text == "A wren."


@pytest.mark.parametrize("name", ["a.txt.gz", "a.jsonl.gz"])
def test_a_zipped_text_that_swells_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What is beyond the limit is read for its hash as far as is reasonable, and no further."""
    for bound in ("HASHED", "LINE"):
        monkeypatch.setattr(tasks, bound, 2**21)
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(2**6):
            stream.write(b"a" * 2**20)
    tracemalloc.start()
    try:
        (found,) = tasks.read([str(path)], io.BytesIO(), limit=10)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    if name == "a.txt.gz":
        assert isinstance(found, Document) and found.bytes == 10 * tasks.BYTES_PER_TOKEN
    else:
        assert isinstance(found, Refused) and "longer than" in found.reason


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
@pytest.mark.parametrize(("limit", "said"), [(10, "binary"), (None, "--limit TOKENS")])
def test_a_device_without_an_end_is_refused(limit: int | None, said: str) -> None:
    (found,) = tasks.read(["/dev/zero"], io.BytesIO(), limit=limit)
    assert isinstance(found, Refused) and said in found.reason


def test_a_pipe_in_a_directory_is_named_when_it_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A wren.")
    os.mkfifo(tmp_path / "b.txt")
    odd, found = tasks.read([str(tmp_path)], io.BytesIO())
    assert isinstance(odd, Refused) and odd.path.endswith("b.txt") and "pipe" in odd.reason
    assert isinstance(found, Document)


def test_a_name_cannot_drive_a_terminal() -> None:
    assert catalog.visible("a\x1b[31m\x9b\u202e\tä\n") == "a\\x1b[31m\\x9b\\u202e\tä\n"
