"""Chat: one conversation with one model and one memory."""
