/** Files for the NPU as text. */
#ifndef SO_XDNA_INSPECT_H
#define SO_XDNA_INSPECT_H

#include <stdio.h>

#include "backend/xdna/txn.h"
#include "backend/xdna/xclbin.h"

/** An xclbin or an instruction stream, recognised by its content. What could be read before a mistake is printed too. */
sotto_status so_xdna_inspect(const void *bytes, size_t size, FILE *out, sotto_error *err);

#endif
