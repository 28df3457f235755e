"""`mlxdyn chat --web`: the same app in a browser on this machine, for whoever has the token."""

import hmac
import logging
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

import click
from aiohttp import web
from textual_serve.server import Server

HOST = "127.0.0.1"
RUN = "import sys; from mlxdyn.cli import main; main(sys.argv[1:])"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Its page gives the keyboard to nobody: what is typed before the first click would be lost.
KEYBOARD = """<script>
new MutationObserver((_, watch) => {
  if (!document.body.classList.contains("-first-byte")) return;
  document.querySelector(".xterm-helper-textarea").focus();
  watch.disconnect();
}).observe(document.body, {attributes: true, attributeFilter: ["class"]});
</script></body>"""


class Gate(Server):
    """Serves the app to requests of this machine that know the token, and to nobody else."""

    def __init__(self, command: str, port: int) -> None:
        super().__init__(command, host=HOST, port=port, title="mlxdyn")
        self.token = secrets.token_urlsafe(24)
        self.address = f"{self.public_url}/?token={self.token}"

    def initialize_logging(self) -> None:
        """Keep the terminal to the one line that is said below."""
        logging.getLogger("textual-serve").setLevel(logging.ERROR)

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is."""
        click.echo(f"Open {self.address}\nCtrl+C ends it.", err=True)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._admit)
        app.on_response_prepare.append(self._confine)
        return app

    async def handle_index(self, request: web.Request) -> web.Response:
        """Serve the page, and the keyboard with it."""
        page = await super().handle_index(request)
        assert isinstance(page, web.Response)
        page.text = (page.text or "").replace("</body>", KEYBOARD)
        return page

    async def _confine(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the page fetch nothing from elsewhere: its template asks for a font of Google's."""
        response.headers["Content-Security-Policy"] = (
            "default-src 'self' data:; script-src 'self' 'unsafe-inline'; "
            f"style-src 'self' 'unsafe-inline'; connect-src 'self' ws://{HOST}:{self.port}; "
            "frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse whoever lacks the token, and pages of other places that reach for this one.

        The token in the address becomes a cookie, and leaves the address.
        """
        cookie = f"mlxdyn-{self.port}"
        given = request.query.get("token", "")
        here = request.host == f"{HOST}:{self.port}"
        ours = request.headers.get("Origin", self.public_url) == self.public_url
        if not (here and ours and self._knows(given or request.cookies.get(cookie, ""))):
            raise web.HTTPForbidden(text="Open the address that `mlxdyn chat --web` printed.")
        if not given:
            return await handler(request)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(cookie, given, httponly=True, samesite="Strict")
        return answer

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())


def serve(words: Sequence[str], port: int) -> None:
    """Serve `mlxdyn chat` with the words of its command line until Ctrl+C; port 0 is a free one."""
    command = shlex.join([sys.executable, "-c", RUN, "chat", *words])
    Gate(command, port or _free()).serve()


def _free() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port
