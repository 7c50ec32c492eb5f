/** The page at / and its files. */
#ifndef SO_SERVER_PAGE_H
#define SO_SERVER_PAGE_H

#include "server/exchange.h"

enum MHD_Result so_page(struct so_exchange *e); /**< GET /, /web, /web/NAME */

#endif
