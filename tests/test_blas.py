"""The BLAS shim's products, thin ones above all, against NumPy in float64."""

import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest

from mlxdyn.model import blas

pytestmark = pytest.mark.skipif(not blas.SHIM.exists(), reason="the shim is built on Linux only")

ROW_MAJOR, AS_STORED, TRANSPOSED = 101, 111, 112
SHAPES = [(1, 7, 5), (1, 576, 192), (7, 1, 5), (300, 1, 576), (1, 1, 9), (2, 9, 33), (1, 5, 0)]


def stored(values: np.ndarray, *, trans: bool, pad: int) -> np.ndarray:
    """Lay `values` out as BLAS is told it lies, each row `pad` numbers longer than it need be."""
    lying = values.T if trans else values
    room = np.full((lying.shape[0], lying.shape[1] + pad), np.nan, np.float32)
    room[:, : lying.shape[1]] = lying
    return room


def sgemm(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, *, trans: tuple[bool, bool], pad: int, beta: float
) -> np.ndarray:
    room = stored(c, trans=False, pad=pad)
    left, right = stored(a, trans=trans[0], pad=pad), stored(b, trans=trans[1], pad=pad)
    number, pointer = ctypes.c_float, ctypes.c_void_p
    ctypes.CDLL(str(blas.SHIM)).cblas_sgemm(
        ROW_MAJOR, *(TRANSPOSED if t else AS_STORED for t in trans), *c.shape, a.shape[1],
        number(0.5), pointer(left.ctypes.data), max(1, left.shape[1]),
        pointer(right.ctypes.data), max(1, right.shape[1]),
        number(beta), pointer(room.ctypes.data), room.shape[1],
    )  # fmt: skip
    assert np.isnan(room[:, c.shape[1] :]).all(), "wrote outside its rows"
    return room[:, : c.shape[1]]


@pytest.mark.parametrize("beta", [0.0, 1.0, -2.0])
@pytest.mark.parametrize("pad", [0, 3])
@pytest.mark.parametrize("trans", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_product_is_numpys_and_the_same_each_time(
    shape: tuple[int, int, int], trans: tuple[bool, bool], pad: int, beta: float
) -> None:
    m, n, k = shape
    draw = np.random.default_rng(m + n + k).standard_normal
    a, b, c = (draw(s).astype(np.float32) for s in ((m, k), (k, n), (m, n)))
    kept = c.astype(np.float64) if beta else 0.0
    if not beta:
        c[:] = np.nan  # what lay in memory before must not show
    first, again = (sgemm(a, b, c, trans=trans, pad=pad, beta=beta) for _ in range(2))
    expected = 0.5 * a.astype(np.float64) @ b.astype(np.float64) + beta * kept
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-4)
    assert first.tobytes() == again.tobytes()


SPIN = """
import mlxdyn, time
from mlxdyn.model import device
device.prepare()
import mlx.core as mx
one, spent = mx.random.normal((1024, 1024)), []
for _ in range(5):
    mx.eval(one @ one)
    began = time.process_time()
    time.sleep(0.1)
    spent.append(time.process_time() - began)
print(min(spent))
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core shares nothing out")
def test_a_thread_that_has_done_its_part_sleeps():
    """By processor time, so whatever else runs: OpenBLAS lets it spin for 27 ms."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    done = subprocess.run(
        [sys.executable, "-c", SPIN], capture_output=True, text=True, check=True, timeout=60,
        env=kept | {"OPENBLAS_NUM_THREADS": "2"},
    )  # fmt: skip
    assert float(done.stdout) < 0.005


SLOW = "MLX was imported before mlxdyn"


@pytest.mark.parametrize("first", ["mlxdyn", "mlxdyn.config", "mlxdyn.model.load", "mlx.core"])
def test_importing_mlxdyn_gives_mlx_a_fast_blas_and_says_where_it_came_too_late(first: str):
    code = f"import {first}, mlxdyn\nfrom mlxdyn.model import device\nprint(device.current().blas)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    late = first == "mlx.core"
    assert (SLOW in done.stderr, done.stdout.strip() == "None") == (late, late), done
