"""One process of a grid: prepares the device before MLX is imported, then runs cells."""

import sys

from mlxdyn.model import device


def main() -> None:
    """Run what standard input says; `mlxdyn.lab.grid` speaks to it."""
    device.prepare()
    from mlxdyn.lab import grid

    grid.work(sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
