"""Laws of the recipe: run by `make recipe-test`."""
