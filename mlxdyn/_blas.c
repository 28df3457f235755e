/* The three products that MLX calls, handed to SciPy's OpenBLAS, whose own names carry a prefix.
 *
 * MLX's Linux wheel binds cblas_*gemm when it is loaded; mlxdyn/blas.py loads OpenBLAS and then this file
 * before that, so these names are found first. No Python here: it is loaded by ctypes, never imported.
 *
 * A small product stays on the calling thread. OpenBLAS would share it among all cores and spin until each
 * has done its part, which made a 256 x 256 product 70 times slower on a busy two-core machine.
 */

#define SMALL (1L << 26) /* multiply-adds; about a millisecond on one core */

void scipy_openblas_set_num_threads(int);
int scipy_openblas_get_num_threads(void);

static int threads; /* what OpenBLAS chose when it was loaded: OPENBLAS_NUM_THREADS, or every core */

__attribute__((constructor)) static void remember_threads(void) {
    threads = scipy_openblas_get_num_threads();
}

static void share_out(int m, int n, int k) {
    if (threads > 1) scipy_openblas_set_num_threads((long)m * n * k <= SMALL ? 1 : threads);
}

#define GEMM(name, scalar, matrix)                                                                        \
    void scipy_##name(int, int, int, int, int, int, scalar, const matrix *, int, const matrix *, int,     \
                      scalar, matrix *, int);                                                             \
    void name(int order, int trans_a, int trans_b, int m, int n, int k, scalar alpha, const matrix *a,    \
              int lda, const matrix *b, int ldb, scalar beta, matrix *c, int ldc) {                       \
        share_out(m, n, k);                                                                               \
        scipy_##name(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);              \
    }

GEMM(cblas_sgemm, float, float)
GEMM(cblas_dgemm, double, double)
GEMM(cblas_cgemm, const void *, void)
