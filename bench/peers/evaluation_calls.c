/* Calls compiled functions of PyOptInterface for all instances, as its own evaluator does, and takes the time.
   Signatures: values and Jacobians (x, [p], y, xi); Hessians (x, [p], w, y, xi, yi); objectives (x, [p], y, xi) and
   their gradients (x, [p], y, xi, yi). */
#include <stddef.h>
#include <time.h>
typedef double *D;
typedef int *I;
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}
double call_all(void *f, int kind, int has_p, int n, D x, D p, int np, D w, D y, int sy, I xi, int nx, I yi, int ny, int runs) {
    double best = 1e99;
    for (int r = 0; r < runs; r++) {
        double t = now();
        for (int i = 0; i < n; i++) {
            I xx = xi + (size_t)i * nx, yy = yi + (size_t)i * ny;
            D pp = p + (size_t)i * np, out = y + (size_t)i * sy;
            if (kind == 0 && has_p) ((void (*)(D, D, D, I))f)(x, pp, out, xx);
            else if (kind == 0) ((void (*)(D, D, I))f)(x, out, xx);
            else if (kind == 1 && has_p) ((void (*)(D, D, D, D, I, I))f)(x, pp, w + i, y, xx, yy);
            else if (kind == 1) ((void (*)(D, D, D, I, I))f)(x, w + i, y, xx, yy);
            else if (has_p) ((void (*)(D, D, D, I, I))f)(x, pp, y, xx, yy);
            else ((void (*)(D, D, I, I))f)(x, y, xx, yy);
        }
        t = now() - t;
        if (t < best) best = t;
    }
    return best * 1e9 / n;
}
