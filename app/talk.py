"""What is being said: messages that wait, the reply that streams, what became of each turn."""

from collections import deque

from mlxdyn.engine.actor import Engine
from mlxdyn.engine.events import Learned, Lessons, Opened, Replied
from mlxdyn_app.prompt import Prompt
from mlxdyn_app.status import StatusLine
from mlxdyn_app.transcript import Transcript, Turn

SAVING = "saving…, Ctrl+Q skips learning"
LEARNING = "learning…"


class Talk:
    """One open conversation between user and engine, shown on a transcript."""

    def __init__(
        self, engine: Engine, transcript: Transcript, prompt: Prompt, line: StatusLine
    ) -> None:
        self._engine, self._transcript, self._prompt, self._line = engine, transcript, prompt, line
        self.conversation: int | None = None
        self.ready = False  # a conversation is open and not being left
        self.reply: Turn | None = None  # the one being streamed
        self.busy = False  # from sending a message to the end of its reply
        self.stopping = False  # the user wants no more of the reply
        self.queue: deque[Turn] = deque()  # said but not heard; the first is sent when busy
        self.early: list[Turn] = []  # said before the conversation they are meant for was open
        self.turns: dict[int, Turn] = {}  # on screen, by message id

    # what the engine says

    async def opened(self, opened: Opened) -> None:
        """Show another conversation, or the same one after it changed."""
        await self._end_reply()
        self.busy = False
        self._give_back(self.queue)
        self.conversation, self.ready = opened.conversation, True
        self.turns = await self._transcript.open(opened.messages)
        self._prompt.remember([said.text for said in opened.messages if said.role == "user"])
        self.rest()
        early, self.early = self.early, []
        for turn in early:
            await self.say(turn.text)

    async def heard(self, message: int, text: str) -> None:
        """Make room for the reply to a message that the engine has saved."""
        self.busy = True
        turn = await self._said(text)
        self._keep(message, turn)
        turn.say(LEARNING if self._learns() else "", state="learning")
        self.reply = Turn("assistant")
        await self._transcript.mount(self.reply, after=turn)  # above those that still wait
        self.reply.say("…")
        self._line.doing = self._line.doing or "replying, Esc stops"
        if self.stopping:  # Esc came before the engine began
            self._engine.stop()

    async def piece(self, text: str) -> None:
        """Add a piece to the reply."""
        if self.reply is not None:
            await self.reply.append(text)

    async def replied(self, replied: Replied) -> None:
        """End the reply and send what waits."""
        reply = self.reply or await self._transcript.add(Turn("assistant"))
        self.reply = None
        self._keep(replied.message.id, reply)
        await reply.finish(replied.message.text)
        reply.say(outcome(replied), state="stopped" if replied.stopped else "")
        self._next()

    def learned(self, learned: Learned) -> None:
        """Say under a message what was learned of it."""
        if learned.message in self.turns:
            self.turns[learned.message].show(learned)

    def lessons(self, lessons: Lessons) -> None:
        """Say under every message what became of it, as the past is now."""
        known = {learned.message: learned for learned in lessons.lessons}
        for message, turn in self.turns.items():
            if message in known:
                turn.show(known[message])
            elif message in lessons.pending:
                turn.say(LEARNING, state="learning")
            elif any(map(turn.foot.has_class, ("learned", "learning"))) and turn.foot.display:
                turn.say("unlearned: undone", state="refused")

    async def failed(self) -> None:
        """End a reply that will not come, and go on with what waits."""
        if self.reply is not None:
            await self._end_reply()
            self._next()
        elif self.busy:
            self._unanswered()

    def stayed(self) -> None:
        """Go on with this conversation: the other one did not open."""
        self.ready = self.conversation is not None
        self._give_back(self.early)
        if not self.busy:
            self._next()

    # what the user does

    async def say(self, text: str) -> None:
        """Send a message, or let it wait for the reply above or for the chat to open."""
        turn = await self._transcript.add(Turn("user", text))
        self._transcript.anchor()
        if not self.ready:
            self.early.append(turn)
            turn.say("waits for the chat to open")
            return
        self.queue.append(turn)
        if self.busy:
            turn.say("waits for the reply above")
        else:
            self._send(turn)

    def stop(self) -> None:
        """Stop the running reply and keep its beginning."""
        if self.busy:
            self.stopping = True
            self._engine.stop()

    def leave(self) -> None:
        """Stop the reply, and send nothing until the next conversation is open."""
        self.stop()
        self.ready = False
        self._give_back(self.early)  # it was not meant for what opens now
        self._prompt.screen.set_focus(self._prompt)  # the next key is the next message

    def rest(self) -> None:
        """Say that nothing happens just now, unless all is being saved."""
        self._line.doing = "" if self._line.doing != SAVING else SAVING

    def last_said(self) -> Turn | None:
        """Return the user's last saved message."""
        return next((turn for turn in reversed(self.turns.values()) if turn.role == "user"), None)

    # the rest

    def _keep(self, message: int, turn: Turn) -> None:
        self.turns[message], turn.message = turn, message

    async def _said(self, text: str) -> Turn:
        """Return the waiting turn the engine has heard; what was before it failed."""
        while self.queue:
            turn = self.queue.popleft()
            if turn.text == text:
                return turn
        return await self._transcript.add(Turn("user", text))

    def _learns(self) -> bool:
        status = self._line.status
        return status is not None and status.learn != "off" and not status.temporary

    def _next(self) -> None:
        """Send what waits, unless this chat is being left."""
        self.busy = False
        self.rest()
        if self.queue and self.ready:
            self._send(self.queue[0])

    def _send(self, turn: Turn) -> None:
        self.busy, self.stopping = True, False
        turn.say("")
        self._engine.send(turn.text)

    def _unanswered(self) -> None:
        """Mark a message that was sent but perhaps never heard."""
        self.busy = False
        if self.queue:
            sent = self.queue.popleft()
            sent.say("no answer came", state="refused")
            self._give_back(self.queue)
            self.queue.append(sent)  # should it be heard after all

    async def _end_reply(self) -> None:
        if self.reply is not None:
            reply, self.reply = self.reply, None
            await reply.finish()
            reply.say("")

    def _give_back(self, turns: deque[Turn] | list[Turn]) -> None:
        """Put what waits back in the prompt, above what is being written there."""
        texts = [turn.text for turn in turns]
        for turn in turns:
            turn.remove()
        turns.clear()
        if texts:
            self._prompt.write("\n".join([*texts, *filter(None, [self._prompt.text])]))


def outcome(replied: Replied) -> str:
    """Say what the user should know of how a reply came about."""
    lines = []
    if replied.stopped:
        lines.append("stopped; what is here is kept")
    if replied.dropped_turns:
        lines.append(
            f"context full: the oldest {replied.dropped_turns} turns were left out of the prompt"
        )
    return "\n".join(lines)
