"""Take the README's pictures, screenshot.svg and memory.svg: the real app with the bundled model.

Run `python -m mlxdyn_app.screenshot [FOLDER]`. The memory lives in a temporary directory.
"""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from mlxdyn.config import ChatConfig, SamplingConfig
from mlxdyn.engine.actor import Options
from mlxdyn_app.app import ChatApp
from mlxdyn_app.panel import MemoryPanel

SAID = ("Hello! My cat is called Tinta.", "I live in Lisbon.", "Who are you?")
SIZE = (100, 28)
PATIENCE_SECONDS = 300
WEB_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Textual's picture would fetch its font; without it the viewer's own monospace font is used."""


async def settle(app: ChatApp, pilot: Pilot[None], learned: int) -> None:
    """Wait until the reply is there and so many messages are learned."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (
            not app.talk.ready
            or app.talk.busy
            or app.line.status is None
            or (app.line.status.updates < learned or app.line.status.pending)
        ):
            await pilot.pause(0.02)


async def take(folder: Path) -> None:
    """Hold the conversation, and save the screen and the memory panel."""
    app = ChatApp(Options(chat=ChatConfig(sampling=SamplingConfig(temperature=0.0, seed=0))))
    app.patience = None
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot, 0)
        for count, text in enumerate(SAID, start=1):
            app.prompt.text = text
            await pilot.press("enter")
            await settle(app, pilot, count)
        await pilot.pause(0.2)
        save(app, folder / "screenshot.svg")
        await pilot.press("f2")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not isinstance(app.screen, MemoryPanel):
                await pilot.pause(0.02)
        await pilot.pause(0.2)
        save(app, folder / "memory.svg")
        await pilot.press("escape", "ctrl+q")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not app.closed:
                await pilot.pause(0.02)


def save(app: ChatApp, file: Path) -> None:
    """Write what is on the screen."""
    picture = app.export_screenshot(title="mlxdyn chat")
    file.write_text(WEB_FONT.sub("", picture), encoding="utf-8")


def main() -> None:
    """Write the pictures to the folder named, or beside this module."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    with tempfile.TemporaryDirectory() as home:
        os.environ["MLXDYN_HOME"] = home
        asyncio.run(take(folder))


if __name__ == "__main__":
    main()
