"""Exchange: adapters and whole memories, out and in; knows neither chats nor experiments."""
