/* The three products that MLX calls, handed to SciPy's OpenBLAS, whose own names carry a prefix.
 *
 * MLX's Linux wheel binds cblas_*gemm when it is loaded; mlxdyn/model/blas.py loads OpenBLAS and then this file
 * before that, so these names are found first. No Python here: it is loaded by ctypes, never imported.
 *
 * A small product stays on the calling thread. OpenBLAS would share it among all cores and spin until each
 * has done its part, which made a 256 x 256 product 70 times slower on a busy two-core machine.
 *
 * One row or one column goes to sgemv, which reads the matrix as it lies; sgemm copies it into panels first.
 * Milliseconds on one thread and on two (busy two-core Xeon, medians), weights stored (n, k):
 *
 *     k x n           sgemm, 1 row   sgemv, 1 row   sgemm, 2 rows   sgemv twice
 *     576 x 49152     44.2   31.1    11.5   7.9     43.2   30.9     30.4   17.8
 *     576 x 1536      0.39   0.22    0.13   0.06    0.40   0.24     0.24   0.10
 *     1536 x 576      0.10   0.12    0.12   0.06    0.37   0.24     0.23   0.10
 *     576 x 576       0.031  0.030   0.025  0.025   0.036  0.037    0.051  0.049
 *
 * Through MLX, beside other work, 576 x 49152 took 9.6 to 16.5 ms on one thread and 16.0 on two: no gain shown
 * for a lower SMALL, so it stays. Not yet measured on an idle machine.
 */

#define SMALL (1L << 26) /* multiply-adds; about a millisecond on one core */
#define ROW_MAJOR 101
#define AS_STORED 111
#define TRANSPOSED 112

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

GEMM(cblas_dgemm, double, double)
GEMM(cblas_cgemm, const void *, void)

void scipy_cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                       float *, int);
void scipy_cblas_sgemv(int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

/* y = alpha op(A) x + beta y, where op(A) is rows x columns. */
static void times_vector(int trans, int rows, int columns, float alpha, const float *a, int lda,
                         const float *x, int step_x, float beta, float *y, int step_y) {
    if (trans == AS_STORED)
        scipy_cblas_sgemv(ROW_MAJOR, AS_STORED, rows, columns, alpha, a, lda, x, step_x, beta, y, step_y);
    else
        scipy_cblas_sgemv(ROW_MAJOR, TRANSPOSED, columns, rows, alpha, a, lda, x, step_x, beta, y, step_y);
}

/* sgemv leaves y alone where k is 0, so that goes to sgemm, and so does column order, which MLX never asks. */
void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
    share_out(m, n, k);
    if (order != ROW_MAJOR || k < 1 || (m != 1 && n != 1))
        scipy_cblas_sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    else if (m == 1)
        times_vector(trans_b == AS_STORED ? TRANSPOSED : AS_STORED, n, k, alpha, b, ldb, a,
                     trans_a == AS_STORED ? 1 : lda, beta, c, 1);
    else
        times_vector(trans_a, m, k, alpha, a, lda, b, trans_b == AS_STORED ? ldb : 1, beta, c, ldc);
}
