"""mlxdyn: an assistant that learns from its owner while they talk.

Importing it loads the fast BLAS, here where nothing can come before it: MLX must not be imported
first.
"""

from mlxdyn.model import device

device.prepare()

__version__ = "0.1.0"
