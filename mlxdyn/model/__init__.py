"""Bases: where they come from, how they load, and the adapter on top."""
