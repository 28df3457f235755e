"""Study: what a message teaches, and steps on it that make facts come back; no ledger."""
