/** Clustering and assignment: the tree and its cuts are SciPy's, the assignment is what trying everything
 * finds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diarize/assign.h"
#include "diarize/cut.h"

enum { N = 30, DIM = 16 };

/** scipy.cluster.hierarchy.linkage(points, "average", "cosine") of SciPy 1.17 for the points below. */
static const struct so_merge scipy_tree[N - 1] = {
    {1, 17, 0.159410f, 2},   {4, 24, 0.188573f, 2},   {18, 26, 0.190093f, 2},  {7, 27, 0.205457f, 2},
    {3, 11, 0.257636f, 2},   {12, 28, 0.312283f, 2},  {0, 16, 0.313982f, 2},   {22, 32, 0.316644f, 3},
    {8, 31, 0.320991f, 3},   {9, 30, 0.336226f, 3},   {5, 13, 0.356868f, 2},   {19, 34, 0.375759f, 3},
    {6, 14, 0.379467f, 2},   {20, 38, 0.404232f, 4},  {35, 36, 0.416891f, 4},  {10, 37, 0.423223f, 4},
    {33, 41, 0.443490f, 5},  {21, 29, 0.475932f, 2},  {43, 44, 0.494215f, 8},  {39, 40, 0.506699f, 5},
    {15, 23, 0.510258f, 2},  {42, 45, 0.544602f, 6},  {47, 49, 0.556407f, 7},  {2, 51, 0.587826f, 7},
    {46, 50, 0.646624f, 7},  {52, 54, 0.745191f, 14}, {48, 53, 0.794059f, 15}, {25, 55, 0.861593f, 15},
    {56, 57, 1.073984f, 30},
};

/** fcluster(tree, threshold, "distance"), renamed by first appearance. */
static const struct {
    float threshold;
    uint32_t labels[N];
} scipy_cuts[] = {
    {0.35f,
     {0, 1, 2, 3, 4, 5, 6, 7, 4, 1, 8, 3, 9, 10, 11, 12, 0, 1, 13, 14, 15, 16, 13, 17, 4, 18, 13, 7, 9, 19}},
    {0.5f, {0, 1, 2, 3, 0, 4, 5, 3, 0, 1, 6, 3, 0, 4, 5, 7, 0, 1, 6, 3, 0, 8, 6, 9, 0, 10, 6, 3, 0, 8}},
    {0.65f, {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 4, 2, 3, 0, 1}},
    {0.8f, {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1}},
};

/** Numerical Recipes' generator: whoever checks these numbers elsewhere can make the same points. */
static double random_half(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / 16777216.0 - 0.5;
}

static void normalise(const double *values, float *out) {
    double length = 0;
    for (size_t j = 0; j < DIM; j++) length += values[j] * values[j];
    for (size_t j = 0; j < DIM; j++) out[j] = (float)(values[j] / sqrt(length));
}

/** Points around four centres, every fifth of them far out. */
static void make_points(float points[N][DIM]) {
    uint32_t state = 12345;
    double centres[4][DIM];
    for (size_t c = 0; c < 4; c++)
        for (size_t j = 0; j < DIM; j++) centres[c][j] = random_half(&state);
    for (size_t i = 0; i < N; i++) {
        double values[DIM];
        for (size_t j = 0; j < DIM; j++)
            values[j] =
                (double)(float)(centres[i * 7 % 4][j] + 0.45 * random_half(&state) * 2 * (1 + (i % 5 == 0)));
        normalise(values, points[i]);
    }
}

static float points[N][DIM], weights[N];
static struct so_merge merges[N - 1];

static int set_up(void **unused) {
    (void)unused;
    make_points(points);
    for (size_t i = 0; i < N; i++) weights[i] = 1;
    return so_linkage(points[0], weights, N, DIM, merges, NULL) != SOTTO_OK;
}

static void the_tree_is_that_of_scipy(void **unused) {
    (void)unused;
    for (size_t i = 0; i < N - 1; i++) {
        assert_int_equal(merges[i].a, scipy_tree[i].a);
        assert_int_equal(merges[i].b, scipy_tree[i].b);
        assert_true(fabsf(merges[i].distance - scipy_tree[i].distance) < 2e-6f);
        assert_true(merges[i].weight == scipy_tree[i].weight);
    }
}

static void cuts_give_the_labels_of_scipy(void **unused) {
    (void)unused;
    for (size_t c = 0; c < sizeof scipy_cuts / sizeof *scipy_cuts; c++) {
        struct so_cut_rule rule = {.threshold = scipy_cuts[c].threshold, .small = 0};
        uint32_t labels[N];
        size_t n;
        assert_int_equal(so_cut(merges, points[0], weights, N, DIM, &rule, labels, &n, NULL), SOTTO_OK);
        assert_memory_equal(labels, scipy_cuts[c].labels, sizeof labels);
    }
}

static void weights_count_as_that_many_equal_points(void **unused) {
    (void)unused;
    float twice[2 * N][DIM], ones[2 * N], twos[N];
    size_t n = 0;
    for (size_t i = 0; i < N; i++) {
        twos[i] = i % 3 == 0 ? 2 : 1;
        for (int copies = (int)twos[i]; copies > 0; copies--) {
            memcpy(twice[n], points[i], sizeof twice[n]);
            ones[n++] = 1;
        }
    }
    struct so_merge heavy[N - 1], many[2 * N - 1];
    assert_int_equal(so_linkage(points[0], twos, N, DIM, heavy, NULL), SOTTO_OK);
    assert_int_equal(so_linkage(twice[0], ones, n, DIM, many, NULL), SOTTO_OK);
    for (size_t i = 0; i < N - 1; i++) {
        assert_true(fabsf(heavy[i].distance - many[n - N + i].distance) < 2e-6f);
        assert_true(heavy[i].weight == many[n - N + i].weight);
    }
}

static void a_small_cluster_joins_the_nearest_large_one(void **unused) {
    (void)unused;
    struct so_cut_rule rule = {.threshold = 0.65f, .small = 2};
    uint32_t labels[N];
    size_t n;
    assert_int_equal(so_cut(merges, points[0], weights, N, DIM, &rule, labels, &n, NULL), SOTTO_OK);
    assert_int_equal(n, 4);
    float centroids[4][DIM], near[4];
    assert_int_equal(so_centroids(points[0], weights, labels, N, DIM, 4, centroids[0], NULL), SOTTO_OK);
    size_t best = 0;
    for (size_t c = 0; c < 4; c++) {
        near[c] = 0;
        for (size_t j = 0; j < DIM; j++) near[c] += centroids[c][j] * points[25][j];
        if (near[c] > near[best]) best = c;
    }
    assert_int_equal(labels[25], best); /* point 25 stood alone */
    for (size_t i = 0; i < N; i++)
        if (i != 25) assert_int_equal(labels[i], scipy_cuts[2].labels[i]);
}

static void the_number_of_clusters_keeps_its_bounds(void **unused) {
    (void)unused;
    for (uint32_t want = 1; want <= N; want++) {
        struct so_cut_rule rule = {.threshold = 0.5f, .small = 4, .least = want, .most = want};
        uint32_t labels[N];
        size_t n, seen[N] = {0};
        assert_int_equal(so_cut(merges, points[0], weights, N, DIM, &rule, labels, &n, NULL), SOTTO_OK);
        assert_int_equal(n, want);
        for (size_t i = 0; i < N; i++) seen[labels[i]]++;
        for (size_t c = 0; c < want; c++) assert_true(seen[c] > 0);
    }
    struct so_cut_rule rule = {.threshold = 0.65f, .small = 4, .least = 3, .most = 5};
    uint32_t labels[N];
    size_t n;
    assert_int_equal(so_cut(merges, points[0], weights, N, DIM, &rule, labels, &n, NULL), SOTTO_OK);
    assert_int_equal(n, 4); /* as it would be without them */
    rule.least = 2 * N;
    rule.most = 0;
    assert_int_equal(so_cut(merges, points[0], weights, N, DIM, &rule, labels, &n, NULL), SOTTO_OK);
    assert_int_equal(n, N); /* no more than there are points */
}

static void one_point_and_none_are_clustered(void **unused) {
    (void)unused;
    struct so_cut_rule rule = {.threshold = 0.5f, .small = 4, .least = 2};
    uint32_t label = 9;
    size_t n = 9;
    assert_int_equal(so_cut(merges, points[0], weights, 0, DIM, &rule, &label, &n, NULL), SOTTO_OK);
    assert_int_equal(n, 0);
    assert_int_equal(so_cut(merges, points[0], weights, 1, DIM, &rule, &label, &n, NULL), SOTTO_OK);
    assert_int_equal(n, 1);
    assert_int_equal(label, 0);
}

static void equal_points_end_the_search_for_neighbours(void **unused) {
    (void)unused;
    float equal[N][DIM];
    struct so_merge tree[N - 1];
    for (size_t i = 0; i < N; i++) memcpy(equal[i], points[i % 2], sizeof equal[i]);
    assert_int_equal(so_linkage(equal[0], weights, N, DIM, tree, NULL), SOTTO_OK);
    for (size_t i = 0; i < N - 2; i++) assert_true(fabsf(tree[i].distance) < 1e-6f);
    assert_true(tree[N - 2].weight == N);
    assert_true(tree[N - 2].distance > 0.1f);
}

static void thinning_keeps_who_is_who(void **unused) {
    (void)unused;
    enum { MANY = 5000, MOST = 300 };
    float(*many)[DIM] = malloc(MANY * sizeof *many), *weight = malloc(MANY * sizeof *weight);
    uint32_t *owner = malloc(MANY * sizeof *owner), *labels = malloc(MANY * sizeof *labels);
    struct so_merge *tree = malloc(MANY * sizeof *tree);
    assert_true(many && weight && owner && labels && tree);
    uint32_t state = 99;
    for (size_t i = 0; i < MANY; i++) {
        double values[DIM];
        for (size_t j = 0; j < DIM; j++) values[j] = (double)points[i / 7 % 4][j] + 0.2 * random_half(&state);
        normalise(values, many[i]);
        weight[i] = 1 + (float)(i % 3);
    }
    size_t n, n_labels;
    assert_int_equal(so_linkage_thin(many[0], weight, MANY, DIM, MOST, owner, &n, NULL), SOTTO_OK);
    assert_true(n <= MOST && n > MOST / 2);
    double total = 0;
    for (size_t i = 0; i < n; i++) total += (double)weight[i];
    assert_true(total == 9999);
    assert_int_equal(so_linkage(many[0], weight, n, DIM, tree, NULL), SOTTO_OK);
    struct so_cut_rule rule = {.threshold = 0.4f, .small = 10};
    assert_int_equal(so_cut(tree, many[0], weight, n, DIM, &rule, labels, &n_labels, NULL), SOTTO_OK);
    assert_int_equal(n_labels, 4);
    for (size_t i = 0; i < MANY; i++) assert_int_equal(labels[owner[i]], i / 7 % 4);
    free(many);
    free(weight);
    free(owner);
    free(labels);
    free(tree);
}

/** The best sum over all ways to give rows from `row` on a column each that `used` does not have. */
static double try_all(const float *score, size_t rows, size_t cols, size_t row, unsigned used,
                      size_t left_out) {
    if (row == rows) return 0;
    double best = -INFINITY;
    for (size_t c = 0; c < cols; c++)
        if (!(used & 1u << c))
            best = fmax(best, (double)score[row * cols + c] +
                                  try_all(score, rows, cols, row + 1, used | 1u << c, left_out));
    if (left_out) best = fmax(best, try_all(score, rows, cols, row + 1, used, left_out - 1));
    return best;
}

static void assignment_is_the_best_of_all(void **unused) {
    (void)unused;
    uint32_t state = 7;
    for (int round = 0; round < 3000; round++) {
        size_t rows = 1 + (size_t)round % 3, cols = 1 + (size_t)round / 3 % 7;
        float score[3 * 7];
        for (size_t i = 0; i < rows * cols; i++) /* coarse, so that equal sums occur */
            score[i] = (float)floor(random_half(&state) * (round % 2 ? 6 : 1e6));
        int choice[3];
        so_assign(score, rows, cols, choice);
        double sum = 0;
        size_t pairs = 0;
        for (size_t r = 0; r < rows; r++) {
            assert_true(choice[r] >= -1 && choice[r] < (int)cols);
            for (size_t s = 0; s < r; s++) assert_true(choice[r] < 0 || choice[r] != choice[s]);
            if (choice[r] < 0) continue;
            sum += (double)score[r * cols + (size_t)choice[r]];
            pairs++;
        }
        assert_int_equal(pairs, rows < cols ? rows : cols);
        assert_true(sum == try_all(score, rows, cols, 0, 0, rows - pairs));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_is_that_of_scipy),
        cmocka_unit_test(cuts_give_the_labels_of_scipy),
        cmocka_unit_test(weights_count_as_that_many_equal_points),
        cmocka_unit_test(a_small_cluster_joins_the_nearest_large_one),
        cmocka_unit_test(the_number_of_clusters_keeps_its_bounds),
        cmocka_unit_test(one_point_and_none_are_clustered),
        cmocka_unit_test(equal_points_end_the_search_for_neighbours),
        cmocka_unit_test(thinning_keeps_who_is_who),
        cmocka_unit_test(assignment_is_the_best_of_all),
    };
    return cmocka_run_group_tests_name("cluster", tests, set_up, NULL);
}
