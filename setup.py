"""Give app/ and models/ their import names and build the BLAS shim; see pyproject.toml."""

import sys

from setuptools import Distribution, Extension, find_packages, setup

ROOMS = {"mlxdyn": "mlxdyn", "mlxdyn_app": "app", "mlxdyn_models": "models"}

# Optional: without a compiler the install succeeds, and mlxdyn/model/blas.py looks for another.
# It uses nothing of Python, so one build serves every version.
SHIM = Extension("mlxdyn.model._blas", ["mlxdyn/model/_blas.c"], optional=True, py_limited_api=True)


class Native(Distribution):
    """A wheel is for the system that built it: one of macOS has no shim, which Linux needs."""

    def has_ext_modules(self) -> bool:
        return True


def rooms(directory: str) -> list[str]:
    """List the packages in a directory, without how the bundled model was made."""
    return find_packages(directory, exclude=["recipe", "recipe.*"])


setup(
    distclass=Native,
    package_dir=ROOMS,
    packages=[
        name
        for package, directory in ROOMS.items()
        for name in [package, *(f"{package}.{child}" for child in rooms(directory))]
    ],
    ext_modules=[SHIM] if sys.platform == "linux" else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
