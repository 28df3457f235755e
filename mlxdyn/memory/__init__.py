"""Memories: weights, and the ledger that they can be made from again."""
