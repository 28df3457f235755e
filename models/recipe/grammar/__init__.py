"""A grammar of English for pupils: what a message teaches, asked in many words, and near misses."""
