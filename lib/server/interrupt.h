// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Interrupts for the driver, from a data thread. One is owed when
 * queue->interrupts.due is set: it goes with the next wait, in the same system
 * call, or at once where the thread goes on.
 */
#pragma once

struct vdu__queue;

/* The queue begins to run: nothing is owed. */
void vdu__interrupt_begin(struct vdu__queue *queue);

/* What is owed goes now. */
void vdu__interrupt_now(struct vdu__queue *queue);

/* What is owed goes with what is submitted next. */
void vdu__interrupt_submit(struct vdu__queue *queue);

/* VDU_TAG_INTERRUPT: one that was submitted did not go. */
void vdu__interrupt_failed(struct vdu__queue *queue);

/* VDU_TAG_RETRY: some time has gone by since one was refused. */
void vdu__interrupt_again(struct vdu__queue *queue);
