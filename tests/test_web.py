"""Laws of the app in a browser: it is the same app, and only for whoever has the token."""

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner

from mlxdyn.cli import main
from mlxdyn.cli.web import HOST, RUN, Gate, _free
from mlxdyn.files import data_dir
from mlxdyn.memory.store.ledger import Ledger

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SAID = "Hello from a browser."
PATIENCE = 240.0


@asynccontextmanager
async def gate() -> AsyncIterator[tuple[Gate, aiohttp.ClientSession]]:
    """Serve a program that says nothing, on this machine."""
    one = Gate("true", _free())
    runner = web.AppRunner(await one._make_app())
    await runner.setup()
    await web.TCPSite(runner, HOST, one.port).start()
    jar = aiohttp.CookieJar(unsafe=True)  # of addresses, too
    async with aiohttp.ClientSession(cookie_jar=jar) as client:
        yield one, client
    await runner.cleanup()


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {}),
        ("?token=guessed", {}),
        ("?token={token}", {"Host": "evil.example"}),
        ("?token={token}", {"Origin": "http://evil.example"}),
        ("ws?token=", {}),
        ("static/js/textual.js", {}),
    ],
)
async def test_nobody_comes_in_without_the_token_or_from_elsewhere(query, headers):
    async with gate() as (one, client):
        address = f"{one.public_url}/{query.format(token=one.token)}"
        async with client.get(address, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 403 and one.token not in await answer.text()


async def test_the_token_becomes_a_cookie_and_the_page_reaches_nothing_else():
    async with gate() as (one, client):
        async with client.get(one.address, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert answer.status == 303 and answer.headers["Location"] == "/"
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        async with client.get(f"{one.public_url}/") as answer:
            policy = answer.headers["Content-Security-Policy"]
            page = await answer.text()
        assert answer.status == 200 and one.token not in page
        assert "default-src 'self'" in policy and "googleapis" not in policy
        assert one.public_url.startswith("http://127.0.0.1:")


def test_the_child_gets_the_options_of_its_parent(monkeypatch):
    served: list[tuple[list[str], int]] = []
    monkeypatch.setattr("mlxdyn.cli.web.serve", lambda words, port: served.append((words, port)))
    words = ["-m", "wren", "--web", "--port", "8123", "--set", "top_k=3", "--temporary",
             "--system", "-- be brief"]  # fmt: skip
    done = CliRunner().invoke(main, ["chat", *words])
    assert done.exit_code == 0, done.output
    ((passed, port),) = served
    assert port == 8123 and "--temporary" in passed and "--set=top_k=3" in passed
    assert "--system=-- be brief" in passed and "--web" not in passed
    assert not {"--personal", "--no-personal"} & {*passed}, "it would go before what is set"
    CliRunner().invoke(main, ["chat", *words, "--personal"])
    assert "--personal" in served[-1][0]


@contextmanager
def running(command: list[str], **how: Any):
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, **how) as child:
        try:
            yield child
        finally:
            child.terminate()


class Browser:
    """A page of headless Chromium, by its own protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._count = socket, 0

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
        while (answer := await self._socket.receive_json()).get("id") != self._count:
            pass
        return answer.get("result", {})

    async def press(self, key: str, text: str) -> None:
        code = {"Enter": 13}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            await self.do("Input.dispatchKeyEvent", type=kind, key=key, text=text,
                          windowsVirtualKeyCode=code)  # fmt: skip

    async def picture(self) -> bytes:
        return base64.b64decode((await self.do("Page.captureScreenshot"))["data"])


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    end = monotonic() + PATIENCE
    while not await holds():
        assert monotonic() < end, "waited in vain"
        await asyncio.sleep(0.2)


def _heard() -> list[str]:
    if not (data_dir() / "mlxdyn.db").exists():
        return []
    with closing(Ledger(data_dir() / "mlxdyn.db", writable=False)) as ledger:
        return [text for (text,) in ledger.database.run("SELECT text FROM messages").fetchall()]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.timeout(600)
async def test_a_message_is_sent_in_a_browser(tmp_path: Path):
    chat = [sys.executable, "-c", RUN, "chat", "--web", "-m", "wren", "--set", "temperature=0"]
    profile = tmp_path / "profile"
    chromium = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu",
                "--remote-debugging-port=0", "--window-size=1000,640",
                f"--user-data-dir={profile}", "about:blank"]  # fmt: skip
    with (
        running(chat, stderr=subprocess.PIPE) as server,
        running(chromium, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL),
    ):
        address = re.search(r"http://\S+", server.stderr.readline())[0]
        port_file = profile / "DevToolsActivePort"

        async def there() -> bool:
            return port_file.exists()

        await _until(there)
        async with aiohttp.ClientSession() as client:
            port = port_file.read_text().splitlines()[0]
            async with client.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = await answer.json()
            target = next(one for one in pages if one["type"] == "page")
            async with client.ws_connect(
                target["webSocketDebuggerUrl"], max_msg_size=2**26
            ) as socket:
                page = Browser(socket)
                await page.do("Page.enable")
                await page.do("Page.navigate", url=address)

                async def painted() -> bool:
                    found = await page.do("Runtime.evaluate", expression="document.body.className")
                    return "-first-byte" in str(found)

                await _until(painted)
                where = await page.do("Runtime.evaluate", expression="location.href")
                assert "token" not in json.dumps(where)

                async def sent() -> bool:
                    if SAID in _heard():
                        return True
                    if not typed:
                        for letter in SAID:
                            await page.press(letter, letter)
                        typed.append(SAID)
                    await page.press("Enter", "\r")
                    await asyncio.sleep(2)
                    return SAID in _heard()

                typed: list[str] = []
                await _until(sent)

                async def answered() -> bool:
                    return len(_heard()) > 1

                await _until(answered)
                await asyncio.sleep(1)
                picture = await page.picture()
    assert picture.startswith(b"\x89PNG") and len(picture) > 5_000
    if folder := os.environ.get("MLXDYN_PICTURES"):
        (Path(folder) / "web.png").write_bytes(picture)
