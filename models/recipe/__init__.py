"""How wren was made, run from the repository (`python -m models.recipe.train`): never installed."""
