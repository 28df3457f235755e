"""How a secret or a personal number looks, and the words that tell of one; `redact` asks here."""
