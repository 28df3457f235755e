"""Learning: tokens in, observations out; knows no file, no text and no ledger."""
