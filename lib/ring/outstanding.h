// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a server that is gone has left unanswered, as far as the rings alone
 * can tell: for devices whose server kept no log that we could read.
 *
 * How many is certain: the available index less the used index. Which ones is
 * certain if they were answered in order: those available from the used index
 * on. Else it takes the history that both rings still hold, for no descriptor
 * says whether it is in use. A head goes to and fro: an answer to it is either
 * that to the last time it was available, or to the time before, and then it
 * is outstanding. Only the first story or only the second fits, for most, with
 * what is known of all the others: nothing is answered before it was made
 * available, nothing is made available again before it was answered, and the
 * used index never goes back.
 */
#pragma once

#include <stdint.h>

/*
 * Fill heads (room for num) with the outstanding ones, the certain ones first;
 * *ret_certain of them. Returns their number, which can be less than that of
 * the requests if one is so old that the ring has forgotten it; -EPROTO: no
 * correct driver and server leave the rings so; -ENOMEM. num is a power of two,
 * the rings are mapped for it. Nobody may be serving them meanwhile; what the
 * driver adds then is not among the heads.
 */
int vdu__ring_outstanding(uint16_t num, const void *avail, uint16_t avail_idx,
			  const void *used, uint16_t used_idx, uint16_t *heads,
			  unsigned int *ret_certain);
