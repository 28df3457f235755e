"""mlxdyn: an assistant that learns from its owner while they talk."""

__version__ = "0.1.0"
