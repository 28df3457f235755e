"""What is being said: messages that wait, the reply that streams, what became of each turn."""

from collections import deque
from dataclasses import replace
from time import monotonic

from textual.widget import Widget

from mlxdyn.engine import messages, talks
from mlxdyn.engine.actor import Engine
from mlxdyn.engine.events import Learned, Lessons, Message, Opened, Replied, Status
from mlxdyn_app.prompt import Prompt
from mlxdyn_app.status import StatusLine
from mlxdyn_app.transcript import Transcript, Turn

SAVING = "saving…, Ctrl+Q again leaves at once"
WAITS = "waits to be learned"
OFF = "not learned: learning is off"
RATE_SECONDS = 0.5  # between two readings of the speed


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
        self.queue: deque[Turn] = deque()  # said but not heard
        self.unheard = False  # the first of these was sent
        self._kept: list[Turn] = []  # those of them that were saved unanswered
        self.early: list[Turn] = []  # said before the conversation they are meant for was open
        self.turns: dict[int, Turn] = {}  # on screen, by message id
        self._cut: list[Widget] = []  # what is being said or answered otherwise, and what follows
        self.numbers = False  # nll and tokens are shown
        self.opening = ""  # what is said until another conversation is open
        self._begun, self._pieces, self._read = 0.0, 0, 0.0  # of the running reply

    @property
    def free(self) -> bool:
        """Can the chat go on otherwise: is it open, and no answer awaited?"""
        return self.ready and not self.busy

    # what the engine says

    async def opened(self, opened: Opened) -> None:
        """Show another conversation, or the same one after it changed."""
        await self._end_reply()
        self.busy, self.unheard, self.opening = False, False, ""
        self._give_back(self.queue)
        self._cut = []
        self.conversation, self.ready = opened.conversation, True
        self.turns = await self._transcript.open(opened.messages)
        self.rest()
        early, self.early = self.early, []
        for turn in early:
            await self.say(turn.text)

    async def heard(self, message: Message) -> None:
        """Make room for the reply to a message that the engine has saved: the one that was sent."""
        self.busy = True
        await self._part()
        if not self.queue:
            self.queue.append(await self._transcript.add(Turn("user", message.text)))
        turn, self.unheard = self.queue.popleft(), False
        self._keep(message, turn)
        status = self._line.status
        if self._learns():
            turn.say(WAITS, state="learning")
        else:
            turn.say(OFF if status and not status.temporary else "", state="plain")
        await self._answer(turn)

    async def _answer(self, after: Turn) -> None:
        self.reply = Turn("assistant")
        await self._transcript.mount(self.reply, after=after)  # above those that still wait
        self.reply.say("…")
        self._begin()

    def _begin(self) -> None:
        self._pieces = 0
        self._line.doing = self._line.doing or "replying, Esc stops"
        if self.stopping:  # Esc came before the engine began
            self._engine.stop()

    async def piece(self, text: str) -> None:
        """Add a piece to the reply."""
        if self.reply is not None:
            await self.reply.append(text)
            self._measure()

    def _measure(self) -> None:
        """Say how fast the reply comes."""
        now = monotonic()
        self._pieces += 1
        if (status := self._line.status) is not None:
            here = status.context_tokens + 1
            self._line.status = replace(status, context_tokens=here)
        if self._pieces == 1:
            self._begun = self._read = now
        elif now - self._read > RATE_SECONDS and self._line.doing != SAVING:
            speed, self._read = (self._pieces - 1) / (now - self._begun), now
            self._line.doing = f"replying, {speed:.0f} tok/s, Esc stops"

    async def replied(self, replied: Replied) -> None:
        """End the reply and send what waits."""
        await self._part()
        reply = self.reply or await self._transcript.add(Turn("assistant"))
        self.reply = None
        self._keep(replied.message, reply)
        await reply.finish(replied.message.text)
        odd = replied.stopped or replied.ended
        reply.say("\n".join(messages.outcome(replied)), state="stopped" if odd else "")
        self._next()

    def learned(self, learned: Learned) -> None:
        """Say under a message what was learned of it."""
        if learned.message in self.turns:
            self.turns[learned.message].show(learned, numbers=self.numbers)

    def lessons(self, lessons: Lessons) -> None:
        """Say under every message what became of it, as the past is now."""
        known = {learned.message: learned for learned in lessons.lessons}
        for message, turn in self.turns.items():
            if message in known:
                turn.show(known[message], numbers=self.numbers)
            elif message in lessons.pending:
                turn.say(WAITS, state="learning")
            elif turn.learned is None and turn.foot.has_class("learning"):
                turn.say("unlearned: undone", state="refused")  # before it was learned

    def progress(self, status: Status) -> None:
        """Say under the message that is being learned where its lesson is."""
        turn = self.turns.get(status.stage.message or 0) if status.stage else None
        if turn is None or status.stage is None:
            return
        turn.say(messages.stage(status.stage), state="learning")

    def show_numbers(self, on: bool) -> None:
        """Show or hide nll and tokens under every message."""
        self.numbers = self._line.numbers = on
        for turn in self.turns.values():
            if turn.learned is not None:
                turn.show(turn.learned, numbers=on)

    async def failed(self) -> tuple[Turn, str] | None:
        """End a reply that will not come, and go on with what waits.

        Return a message that was to be said otherwise and still stands, with what it was to be.
        """
        if (reply := self.reply) is not None:
            await self._end_reply()
            if self._cut:  # the answer that was there still stands
                await reply.remove()
                self._uncut()
            self._next()
        elif self._cut:
            return await self._stands()
        elif self.busy:
            self._unanswered()
        return None

    def stayed(self) -> None:
        """Go on with this conversation: the other one did not open."""
        self.ready, self.opening = self.conversation is not None, ""
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

    async def edit(self, old: Turn, text: str) -> None:
        """Say something else in the place of a message; what followed it stays as a version."""
        assert old.message is not None
        self._cut = self._transcript.cut(old)
        turn = await self._transcript.add(Turn("user", text))
        self._transcript.anchor()
        self.queue.append(turn)
        self.busy, self.unheard, self.stopping = True, True, False
        self._engine.say(talks.edit, old.message, text)

    async def retry(self) -> None:
        """Answer the last message again."""
        asked = self.last_said()
        if asked is None:
            return
        self._cut = self._transcript.cut(asked, after=1)
        self.busy, self.stopping = True, False
        await self._answer(asked)
        self._transcript.anchor()
        self._engine.say(talks.retry)

    def resume(self) -> bool:
        """Go on with the last reply; False where it is none."""
        last = next(reversed(self.turns.values()), None)
        if last is None or last.role != "assistant":
            return False
        self.busy, self.stopping, self.reply = True, False, last
        last.go_on()
        last.say("…")
        self._begin()
        self._engine.say(talks.resume)
        return True

    def stop(self) -> None:
        """Stop the running reply and keep its beginning."""
        if self.busy:
            self.stopping = True
            self._engine.stop()

    def keep(self) -> None:
        """Let what waits be saved as it was said, to be answered another time."""
        for turn in [*self.queue][1 if self.unheard else 0 :]:
            if turn not in self._kept:  # it may be asked twice: leaving, and the terminal goes
                self._kept.append(turn)
                self._engine.ask(talks.keep, turn.text)

    def leave(self, opening: str = "") -> None:
        """Stop the reply, and send nothing until the next conversation is open."""
        self.stop()
        self.ready = False
        self.opening = opening or self.opening
        self._line.doing = opening or self._line.doing
        self._give_back(self.early)  # it was not meant for what opens now
        self._prompt.screen.set_focus(self._prompt)  # the next key is the next message

    def rest(self) -> None:
        """Say that nothing happens just now, unless all is being saved."""
        self._line.doing = self.opening if self._line.doing != SAVING else SAVING

    def last_said(self) -> Turn | None:
        """Return the user's last saved message."""
        return next((turn for turn in reversed(self.turns.values()) if turn.role == "user"), None)

    # the rest

    def _keep(self, message: Message, turn: Turn) -> None:
        self.turns[message.id] = turn
        turn.keep(message)

    async def _part(self) -> None:
        """Part with what was said before an edit or another answer, now that this is saved."""
        gone, self._cut = self._cut, []
        for widget in gone:
            await widget.remove()
        self.turns = {id: turn for id, turn in self.turns.items() if turn not in gone}

    async def _stands(self) -> tuple[Turn, str]:
        """Show again what an edit that was refused was to take the place of."""
        refused, old = self.queue.popleft(), self._cut[0]
        self._uncut()
        await refused.remove()
        self._unanswered()
        assert isinstance(old, Turn)
        return old, refused.text

    def _uncut(self) -> None:
        back, self._cut = self._cut, []
        for widget in back:
            widget.display = True

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
        self.busy, self.unheard, self.stopping = True, True, False
        turn.say("")
        self._engine.send(turn.text)

    def _unanswered(self) -> None:
        """Give back a message that was sent and not heard, with those behind it."""
        self.busy = self.unheard = False
        self._give_back(self.queue)

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
