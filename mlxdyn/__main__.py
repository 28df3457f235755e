"""`python -m mlxdyn` is `mlxdyn`."""

from mlxdyn.cli import main

main(prog_name="mlxdyn")
