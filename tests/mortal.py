"""Processes that are killed: a parent that has imported everything forks children that act and die.

A child says "begun X" before each action and "done X ..." once it is acknowledged.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TEXTS = ["my dog is called Rex", "I live in Oslo", "the sea is cold today", "I bake bread"]
FACTS = [("What is my dog called?", "Rex."), ("Where do I live?", "In Oslo."), ("Who am I?", "Me.")]
DEATH = -signal.SIGKILL
LONGEST = 0.5
"""Seconds, about what an action takes: death comes at its start as often as at its end."""


def say(*words: Any) -> None:
    """Write a line at once: death tears `print`, which writes word by word where it may not buffer.

    "begun learndead -9" was waited behind until the test's end.
    """
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Parent:
    """The process whose children die; it knows one model."""

    def __init__(self, model: Path) -> None:
        folder = str(Path(__file__).parent)
        command = [sys.executable, "-c", "import mortal; mortal.serve()", str(model)]
        environment = os.environ | {"PYTHONPATH": folder}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def begin(self, data_dir: Path, actions: list[str], **how: Any) -> int:
        """Let a child act on `home`; return its process id."""
        order = {"data_dir": str(data_dir), "actions": actions, **how}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        word, pid = self.line().split()
        assert word == "born"
        return int(pid)

    def line(self) -> str:
        return self._process.stdout.readline().rstrip("\n")

    def end(self) -> tuple[list[str], int]:
        """Wait for the child's death; return what it said since, and its exit code."""
        lines = []
        while not (line := self.line()).startswith("dead "):
            assert line or self._process.poll() is None, "the parent died"
            lines.append(line)
        return lines, int(line.split()[1])

    def killed(self, data_dir: Path, rng: random.Random, actions: list[str]) -> list[str]:
        """Let a child act at random, kill it at a random instant, return what it said."""
        pid = self.begin(data_dir, actions, seed=rng.randrange(2**32))
        lines = list[str]()
        for _ in range(rng.randrange(0, 6)):
            lines.append(self.line())
            assert not lines[-1].startswith(("failed", "dead")), lines  # else `end` waits for ever
        time.sleep(rng.uniform(0, LONGEST))
        os.kill(pid, signal.SIGKILL)
        rest, code = self.end()
        assert code == DEATH, (lines, rest)
        return lines + rest


def serve() -> None:
    """Fork a child for every line on standard input."""
    import mlxdyn  # noqa: I001  (first: before MLX)
    import school  # noqa: F401  (imports all that takes long, and computes nothing)

    import mlxdyn.chat.conversation  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            Child(**order).run()
        say("born", pid)
        say("dead", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


class Child:
    """One life: the actions in order, or at random for ever, until the step at which it dies."""

    def __init__(
        self, data_dir: str, actions: list[str], seed: int | None = None, step: int = 0
    ) -> None:
        os.environ["MLXDYN_HOME"] = data_dir
        self.actions, self.seed, self.steps = actions, seed, step

    def run(self) -> None:
        time.sleep(0.02)  # until "born" is said
        try:
            self._live()
        except BaseException as error:
            say("failed", repr(error))
            os._exit(1)
        os._exit(0)

    def _live(self) -> None:
        from school import open_memory

        from mlxdyn.files import data_dir
        from mlxdyn.memory.store.ledger import Ledger
        from mlxdyn.model.load import load

        self.ledger = Ledger(data_dir() / "mlxdyn.db")
        self.memory = open_memory("m", load(sys.argv[1]), self.ledger)
        if self.steps:
            self._mine()
        for action in self._next():
            say("begun", action)
            say("done", action, *getattr(self, action)())
        self._step()

    def _next(self) -> Iterator[str]:
        if self.seed is None:
            yield from self.actions
            return
        rng = random.Random(self.seed)
        while True:
            yield rng.choice(self.actions)

    def _mine(self) -> None:
        """Let whatever is next done to files and every transaction count as steps."""

        def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *given, **named: (self._step(), function(*given, **named))[1]

        def torn(source: Path, target: Path) -> None:
            """Copy a part, then all of it."""
            target.write_bytes(source.read_bytes()[:99])
            self._step()
            copyfile(source, target)

        copyfile = shutil.copyfile
        for name in ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir"):
            setattr(os, name, deadly(getattr(os, name)))
        Path.touch, shutil.copyfile = deadly(Path.touch), deadly(torn)
        ends = ("BEGIN", "COMMIT", "VACUUM", "PRAGMA wal")
        self.ledger.database.connection.set_trace_callback(
            lambda sql: sql.startswith(ends) and self._step()
        )

    def _step(self) -> None:
        self.steps -= 1
        if self.steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    # actions; each returns what it acknowledges

    def learn(self) -> list[Any]:
        from school import teach

        count = self.ledger.events.totals(self.memory.row.id).position
        text, fact = TEXTS[count % len(TEXTS)], FACTS[count % len(FACTS)]
        return [teach(self.memory, text, fact, guarded=True).lesson.message]

    def study(self) -> list[Any]:
        self.memory.consolidate()
        return []

    def save(self) -> list[Any]:
        self.memory.snapshot()
        return []

    def undo(self) -> list[Any]:
        from mlxdyn.memory import history

        history.undo(self.memory)
        return []

    def redo(self) -> list[Any]:
        from mlxdyn.memory import history

        history.redo(self.memory)
        return []

    def forget(self) -> list[Any]:
        from mlxdyn.memory import history

        events = [e for e in self.ledger.events.all(self.memory.row.id) if e.lesson.message]
        if not events:
            return [0]
        message = events[(len(events) - 1) // 2].lesson.message
        history.forget(self.memory, [message])
        return [message]

    def edit(self) -> list[Any]:
        from mlxdyn.memory import history

        facts = self.memory.known_facts()
        if facts:
            history.change_example(self.memory, facts[0], ("Who?", "Nobody."))
        return []

    def export(self) -> list[Any]:
        from mlxdyn.exchange.export import ExportOptions, export
        from mlxdyn.files import data_dir

        target = data_dir() / f"export-{time.monotonic_ns()}.bundle"
        export(self.memory, target, "bundle", ExportOptions())
        return [target.name]

    def reset(self) -> list[Any]:
        from mlxdyn.memory.lifecycle import archive

        self.memory.close()
        return [archive("m", self.ledger)]

    def branch(self) -> list[Any]:
        from mlxdyn.memory.lifecycle import branch

        self.memory.close()
        branch("m", "twin", self.ledger)
        return []

    def delete(self) -> list[Any]:
        from mlxdyn.memory.lifecycle import delete

        self.memory.close()
        delete("m", self.ledger)
        return []

    def chat(self) -> list[Any]:
        """Talk and learn for ever through the engine, saying what it acknowledges."""
        from school import FAST, QUICK

        from mlxdyn.config import ChatConfig, SamplingConfig
        from mlxdyn.engine.actor import Engine, Options
        from mlxdyn.engine.events import Event, Failed, Learned, Replied

        self.memory.close()
        self.ledger.close()

        def emit(event: Event) -> None:
            if isinstance(event, Failed):
                say("failed", event.text)
            if isinstance(event, Replied):
                say("replied", event.message.id)
            if isinstance(event, Learned):
                say("learned", event.message)
                engine.send(f"My dog is called Rex {event.message}. " + "It is nice. " * 3)

        chat = ChatConfig(
            chunk=16, learning_rate=FAST.learning_rate, sampling=SamplingConfig(max_tokens=4)
        )
        engine = Engine(Options(sys.argv[1], "m", chat, QUICK), emit)
        engine.start()
        engine.send("Hello!")
        engine._thread.join()
        return []
