"""The engine: the one thread that owns MLX, and what it tells a front end."""
