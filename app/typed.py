"""Keys take effect in the order in which they were typed."""

from textual import events
from textual.widget import Widget
from textual.widgets import Input


async def edited(widget: Widget, event: events.Key) -> bool:
    """Run a widget's own binding at once; tell whether the key has one.

    Textual runs it when the key has come back from the widget to the app. By then the letters typed
    behind a Backspace are in the text, and it takes one of those.
    """
    for binding in widget._bindings.key_to_bindings.get(event.key, ()):
        if "." not in binding.action and await widget.app.run_action(binding.action, widget):
            event.stop()
            event.prevent_default()
            return True
    return False


class Line(Input):
    """One line of text."""

    async def _on_key(self, event: events.Key) -> None:
        await edited(self, event)  # the base class's own handler runs next, where this did nothing
