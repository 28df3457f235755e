"""The pictures and the page: the same bytes for the same finding, and nothing fetched."""

import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mlxdyn.lab.findings import Figure, Finding, Series, Table
from mlxdyn.report import page, plots

CHROMIUM = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)
EVIL = '<script>"&"</script><img src="http://127.0.0.1:9/x.png"> $\\bad{$ 书 \udcff'
COMMAND = "mlxdyn eval books --experiment window --html page.html"
NEVER_CLOSED = {"meta", "link", "br", "img"}

CURVES = Figure(
    "Loss by window", "window, tokens", "loss, nats/token",
    (Series("static", (64, 128, 256), (5.9, 5.6, 5.5)),
     Series("dynamic", (64, 128, 256), (4.9, math.nan, 4.6), (4.8, math.nan, 4.5),
            (5.0, math.nan, 4.7))),
    log_x=True, note="The band is 95%.",
)  # fmt: skip
BARS = Figure(
    f"Gain {EVIL}", f"document {EVIL}", "gain, nats/token",
    (Series(f"_{EVIL}", (0, 1), (0.5, -0.1), (0.4, -0.2), (0.6, 0.1), "bars"),
     Series("", (0, 1), (0.5, -0.1), style="bars")),
    categories=(EVIL, "b.txt"),
)  # fmt: skip
CLOUD = Figure(
    "Cost", "FLOPs a token", "loss, nats/token",
    (Series("runs", (1e6, 4e6), (5.0, math.inf), style="points"), Series("none", (), ())),
    log_x=True,
)  # fmt: skip
FOUND = Finding(
    "window", f"A window that learns is better {EVIL}.",
    tables=(Table("Loss", ("window", "static", EVIL), ((64, 5.9, 4.9), (128, None, 3e-4))),
            Table("Nothing", ("a",), ())),
    figures=(CURVES, BARS, CLOUD), warnings=(EVIL,), tuned_on=(EVIL,), reported_on=("349.txt",),
    self_check="a rate of 0 equals static", chosen={"learning_rate": 1e-3},
)  # fmt: skip
VALUE = {
    "created": "2026-01-02T03:04:05+00:00", "versions": {"mlxdyn": "1.0"}, "device": "a chip",
    "blas": None, "model": {"name": EVIL}, "config": {"window": 64, "learning_rate": 1e-3},
    "streams": [{"path": EVIL, "sha256": "a" * 64, "bytes": 9, "tokens": 4}] * 201,
}  # fmt: skip


class Checker(HTMLParser):
    """Walks a page and keeps what laws are about."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in NEVER_CLOSED:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def html() -> str:
    return page.render(VALUE, [FOUND], COMMAND)


@pytest.fixture(scope="module")
def walked(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    assert not checker.open, "every element is closed, in order"
    return checker


def attributes(walked: Checker, name: str) -> list[str]:
    return [attrs[name] or "" for _, attrs in walked.tags if name in attrs]


def test_the_page_names_nothing_to_fetch(walked: Checker) -> None:
    tags = {tag for tag, _ in walked.tags}
    assert not tags & {"script", "img", "iframe", "object", "video", "base"}
    assert attributes(walked, "src") == []
    links = attributes(walked, "href") + attributes(walked, "xlink:href")
    assert all(link.startswith(("#", "data:")) for link in links)
    policy = next(attrs["content"] for _, attrs in walked.tags if "http-equiv" in attrs)
    assert policy and policy.startswith("default-src 'none'")


def test_what_text_says_is_never_markup(html: str) -> None:
    assert "<script" not in html and "<img" not in html
    assert "&lt;script&gt;" in html


def test_ids_are_unique_and_references_lead_somewhere(html: str, walked: Checker) -> None:
    ids = attributes(walked, "id")
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", html)) | {
        link[1:] for link in attributes(walked, "xlink:href")
    }
    named = {name for names in attributes(walked, "aria-labelledby") for name in names.split()}
    assert used and named and used | named <= set(ids)


def test_pictures_and_tables_can_be_heard(html: str, walked: Checker) -> None:
    pictures = [attrs for tag, attrs in walked.tags if tag == "svg"]
    assert len(pictures) == 3 and all(attrs["role"] == "img" for attrs in pictures)
    for table in re.findall(r"<table.*?</table>", html, re.S):
        assert "<th " in table
    assert "static goes from 5.9 to 5.5" in html


def test_the_page_tells_how_it_was_made(html: str) -> None:
    assert COMMAND in html
    for part in ("a" * 64, "learning_rate", "a chip", "a rate of 0 equals static", "349.txt"):
        assert part in html
    assert "and 1 more; --json has them all" in html


def test_equal_findings_give_equal_bytes(html: str) -> None:
    assert html == page.render(VALUE, [FOUND], COMMAND)
    for kind in ("svg", "png"):
        once, again = (plots.picture([BARS], "window", kind) for _ in range(2))
        assert once == again


def test_a_picture_is_whole_and_says_its_axes() -> None:
    drawn = plots.picture(FOUND.figures, "window", "svg")
    root = ElementTree.fromstring(drawn)
    said = " ".join(" ".join(element.itertext()) for element in root)
    for words in ("window, tokens", "loss, nats/token", "The band is 95%.", "Loss by window"):
        assert words in said
    assert b"<dc:date" not in drawn
    assert plots.picture(FOUND.figures, "window", "png").startswith(b"\x89PNG")


def test_colours_follow_the_page(html: str) -> None:
    assert "var(--c0)" in html and "currentColor" in html
    assert not re.findall(r"#0072b2(?!;)", html.partition("</style>")[2])


@pytest.mark.parametrize(("label", "bars"), [("loss, nats/token", 0), ("gain, nats/token", 2)])
def test_losses_that_look_alike_are_dots_and_gains_stand_on_zero(label: str, bars: int) -> None:
    series = Series("runs", (0, 1), (4.7, 4.6), style="bars")
    drawn = plots.inline(Figure("", "", label, (series,), categories=("a", "b")), "f")
    boxes = re.findall(r'<path d="[^"]*"\s+clip-path[^>]*fill: var\(--c0\)', drawn)
    assert len(boxes) == bars


def test_lonely_points_have_their_names_beside_them() -> None:
    """A cloud of named points needs no legend; the names keep apart, even of equal points."""
    places = [(1e6, 4.7), (1e6, 4.7), (1.1e6, 4.7), (3e8, 4.6), (2e7, math.nan)]
    series = [Series(f"way {i}", (x,), (y,), style="points") for i, (x, y) in enumerate(places)]
    drawn = plots.inline(Figure("", "FLOPs", "loss", tuple(series), log_x=True), "f")
    assert [drawn.count(f">way {i}<") for i in range(5)] == [1, 1, 1, 1, 0]
    assert "legend" not in drawn and "mathdefault" not in drawn
    at = re.findall(r'x="([\d.]+)" y="([\d.]+)"[^>]*>way', drawn)
    assert len(set(at)) == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [(20000, "20k"), (64, "64"), (3e-4, "3e-4"), (1.5e-4, "1.5e-4"), (1e-3, "0.001"),
     (2.5e6, "2.5M")],
)  # fmt: skip
def test_ticks_are_short(value: float, text: str) -> None:
    drawn = Figure("", "x", "y", (Series("s", (value, 10 * value), (1, 2)),), log_x=True)
    assert f">{text}<" in plots.picture([drawn], "t", "svg").decode()


def browse(path: Path, folder: Path) -> tuple[list[str], list[str], str]:
    """Open `path` in a browser; return its console, what the page asked of the network, its DOM."""
    assert CHROMIUM
    log = folder / f"{path.stem}-net.json"
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}",
         f"--log-net-log={log}", "--enable-logging=stderr", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    asked = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    mine = [
        str(params["url"])
        for params in asked  # the browser's own errands have no origin
        if params.get("initiator") not in (None, "not an origin")
    ]
    return console, mine, done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_fetches_nothing_and_complains_of_nothing(html: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(html, errors="backslashreplace")
    console, asked, dom = browse(tmp_path / "page.html", tmp_path)
    assert (console, asked) == ([], [])
    assert dom.count("<svg") == 3


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_the_browser_would_tell(tmp_path: Path) -> None:
    """The check above can fail."""
    (tmp_path / "bad.html").write_text(
        f"{EVIL.partition(' $')[0]}<script>console.error('oh')</script>"
    )
    console, asked, _ = browse(tmp_path / "bad.html", tmp_path)
    assert any("oh" in line for line in console)
    assert asked == ["http://127.0.0.1:9/x.png"]
