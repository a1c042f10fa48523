/* Every kernel family, compiled once for each instruction set: -DOPERATIONS=name names the table that this file gives. */
#include "marginalia.h"
#include "vector.h"
#include "functions.h"

#include "matmul.c"
#include "elementwise.c"
#include "reduce.c"
#include "layout.c"
#include "indexed.c"
#include "optimize.c"
#include "message.c"
#include "recurrent.c"
#include "tables.c"
#include "factor.c"
#include "beliefs.c"
#include "table-mlp.c"
#include "convolve.c"
#include "image.c"

const Operation OPERATIONS[] = {
    {"matmul", "fffF", 9, matmul_kernel},
    {"unary", "fF", 3, unary_kernel},
    {"binary", "ffF", 2, binary_kernel},
    {"compare", "ffB", 2, compare_kernel},
    {"select", "bffF", 0, select_kernel},
    {"intToFloat", "iF", 0, int_to_float_kernel},
    {"byteToFloat", "bF", 0, byte_to_float_kernel},
    {"addAll", "Ff*", 0, add_all_kernel},
    {"reduce", "fF", 4, reduce_kernel},
    {"softmax", "fF", 3, softmax_kernel},
    {"argExtreme", "fI", 3, arg_extreme_kernel},
    {"concat", "Ff*", 1, concat_kernel},
    {"copyBox", "fx", 3, copy_box_kernel},
    {"oneHot", "iF", 3, one_hot_kernel},
    {"gather", "fiF", 6, gather_kernel},
    {"segmentSum", "fiF", 3, segment_sum_kernel},
    {"segmentMax", "fiFI", 2, segment_max_kernel},
    {"segmentSoftmax", "fiF", 2, segment_softmax_kernel},
    {"sparseMatmul", "iiffF", 3, sparse_matmul_kernel},
    {"sparseValueGradient", "iiffF", 3, sparse_value_gradient_kernel},
    {"adam", "ffffFFF", 7, adam_kernel},
    {"rmsprop", "ffffFFF", 4, rmsprop_kernel},
    {"message", "@", 7, message_kernel},
    {"messageGradient", "@", 7, message_gradient_kernel},
    {"gru", "ffffffFF", 3, gru_kernel},
    {"gruGradient", "ffffffFFFFFF", 3, gru_gradient_kernel},
    {"factor", "ffF", 4, factor_kernel},
    {"factorGradient", "fffFF", 4, factor_gradient_kernel},
    {"quotient", "ffF", 4, quotient_kernel},
    {"quotientGradient", "fffFF", 4, quotient_gradient_kernel},
    {"beliefs", "ffF", 3, beliefs_kernel},
    {"beliefsGradient", "ffFF", 3, beliefs_gradient_kernel},
    {"spread", "fF", 2, spread_kernel},
    {"spreadGradient", "fF", 2, spread_gradient_kernel},
    {"normalise", "fF", 3, normalise_kernel},
    {"normaliseGradient", "ffF", 3, normalise_gradient_kernel},
    {"sumOfOthers", "fiF", 1, sum_of_others_kernel},
    {"tableMlp", "fiffffF", 5, table_mlp_kernel},
    {"tableMlpGradient", "fifffffFFFFF", 5, table_mlp_gradient_kernel},
    {"convolve", "fffF", 16, convolve_kernel},
    {"convolveInputGradient", "ffF", 15, convolve_input_gradient_kernel},
    {"convolveFilterGradient", "ffF", 15, convolve_filter_gradient_kernel},
    {"depthwise", "ffF", 16, depthwise_kernel},
    {"pool", "fF", 16, pool_kernel},
    {"poolGradient", "ffF", 16, pool_gradient_kernel},
    {"resize", "fF", 10, resize_kernel},
    {"batchNorm", "fffffF", 3, batch_norm_kernel},
    {0, 0, 0, 0},
};
