"""The questions of the paper: a file each, with a function of its name from a Lab to a Finding.

Loads none of them, so that their names cost nothing. A file's `NEEDS` is how many tokens of other
text it chooses on.
"""

QUESTIONS = {
    "position": "gain along the stream; tokens until it is significant; regret",
    "window": "how many tokens of window learning is worth",
    "placement": "which weights to adapt: rank, kind, depth, all",
    "interval": "chunk sizes, the rate scaled with them or not",
    "optimizer": "update rules, each with a curve of rates",
    "order": "drift: order of documents, resets, forgetting, anchors",
    "prefit": "what is left to gain when the base was fine-tuned first",
    "cost": "loss against operations, time and memory",
    "kv": "what keys and values from older weights cost",
    "precision": "4-bit, 8-bit and float bases: does learning repair quantisation",
    "history": "would learning have helped in these conversations",
}
