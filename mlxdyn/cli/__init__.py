"""The command line: parses, calls, prints; the only room that knows a terminal."""

from mlxdyn.cli.commands import main as main
