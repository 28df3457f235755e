"""The store: all that is written of memories, in SQLite; knows no MLX and no screen."""
