"""Speed and memory: figures of one model, rows beside its peers, curves, and a soak."""
