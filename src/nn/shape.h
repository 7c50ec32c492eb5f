/** Sizes that the layers share. None of them changes a result, only its speed. */
#ifndef SO_NN_SHAPE_H
#define SO_NN_SHAPE_H

#define SO_HEAD 64 /**< channels of one attention head in every Whisper model */

/** Rows that a worker takes through a product and its epilogue at a time: their sums stay in its level-2 cache. */
#define SO_ROW_BLOCK 48
/** Columns of one work item when the rows are few and the product is split by columns. */
#define SO_COLUMN_BLOCK 256
/** Rows of a part of a layer's rows when a device computes: what its array takes at a time is 256. */
#define SO_PART_UNIT 256
#define SO_PART_LEAST 512 /**< fewer rows go in one part */
/** Queries that a worker takes through scores, softmax and values at a time. */
#define SO_QUERY_BLOCK 48

#endif
