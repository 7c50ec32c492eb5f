/** The kernel arguments in an xclbin's embedded metadata: `<arg name=".." offset="0x.." size="0x.." type=".."/>`. */
#ifndef SO_XDNA_XCLBIN_XML_H
#define SO_XDNA_XCLBIN_XML_H

#include "backend/xdna/xclbin.h"

/** Fill in the arguments of the first kernel in `text`; what cannot be understood is left out. */
void so_xclbin_arguments(const char *text, size_t size, struct so_xclbin *out);

#endif
