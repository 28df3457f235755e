"""The lab: what learning is worth on a text, measured; numbers only, no pictures."""
