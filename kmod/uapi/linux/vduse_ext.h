/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What this project's vduse module adds to <linux/vduse.h>. A program that
 * never calls VDUSE_EXT_SETUP or VDUSE_SET_FEATURES sees the stock interface.
 * The behaviour is described in vduse(7).
 *
 * Numbers lie apart from those of mainline: ioctls from 0xe0 on, messages from
 * 0x80000000 on. All reserved fields are zero.
 */
#ifndef VDUSE_EXT_H
#define VDUSE_EXT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VDUSE_EXT_BASE		0x81	/* VDUSE_BASE */
#define VDUSE_EXT_NAME_MAX	256	/* VDUSE_NAME_MAX */

/*
 * --- from mainline -------------------------------------------------------
 *
 * Linux 7.3, which 6.12's <linux/vduse.h> is too old for, under names of our
 * own: instance features, for the devices that an open control node makes.
 */
#define VDUSE_EXT_GET_INSTANCE	_IOR(VDUSE_EXT_BASE, 0x04, __u64)
#define VDUSE_EXT_SET_INSTANCE	_IOW(VDUSE_EXT_BASE, 0x05, __u64)

#define VDUSE_EXT_INST_QUEUE_READY	(1ULL << 0) /* VDUSE_F_QUEUE_READY */
#define VDUSE_EXT_INST_SUSPEND		(1ULL << 1) /* VDUSE_F_SUSPEND */

#define VDUSE_EXT_MSG_QUEUE_READY	4	/* VDUSE_SET_VQ_READY */
#define VDUSE_EXT_MSG_SUSPEND		5	/* VDUSE_SUSPEND; no body */

/**
 * struct vduse_ext_queue_ready - body of VDUSE_EXT_MSG_QUEUE_READY
 * @num: which virtqueue
 * @ready: 1: the driver will use it; 0: it does not any more
 *
 * The kernel's own note of it (struct vduse_vq_info, ready) follows the answer.
 */
struct vduse_ext_queue_ready {
	__u32 num;
	__u32 ready;
};

/*
 * --- /dev/vduse/control --------------------------------------------------
 */

/* Extensions, one bit each. */
#define VDUSE_EXT_CONFIG	(1ULL << 0) /* drivers may write, read-to-clear */
#define VDUSE_EXT_RECOVER	(1ULL << 1) /* DEVICE_NEEDS_RESET, not broken */
#define VDUSE_EXT_FEATURES	(1ULL << 2) /* the kernel checks features */
#define VDUSE_EXT_RESUME	(1ULL << 3) /* VDUSE_EXT_MSG_RESUME */
#define VDUSE_EXT_VSTATS	(1ULL << 4) /* vendor statistics of any type */
#define VDUSE_EXT_INJECT	(1ULL << 5) /* other forms of an interrupt */
#define VDUSE_EXT_FILL		(1ULL << 6) /* the kernel copies for the server */

/* Those that the module has; changes nothing. The stock module: EINVAL. */
#define VDUSE_EXT_GET		_IOR(VDUSE_EXT_BASE, 0xe0, __u64)

/*
 * What may be done with a byte of the configuration space. A driver's write
 * that touches an ACKED byte waits for the server's answer, any other is only
 * told to it; reading a CLEAR byte makes it 0.
 */
#define VDUSE_EXT_WRITABLE	0x01
#define VDUSE_EXT_ACKED		0x02	/* only with WRITABLE */
#define VDUSE_EXT_CLEAR		0x04

/**
 * struct vduse_ext_setup - argument of VDUSE_EXT_SETUP
 * @extensions: VDUSE_EXT_x that the device is to have
 * @required: virtio features without which no driver is let in; needs FEATURES
 * @access: address of @access_size bytes, one for each byte of the
 *	configuration space, or 0; needs CONFIG
 * @access_size: config_size of the device, or 0
 * @virtio_timeout: seconds that a kernel driver waits for an answer, 0: until
 *	there is one; needs RECOVER, 30 without @VDUSE_EXT_TIMEOUTS
 * @vhost_timeout: the same for a vhost user; 0 without @VDUSE_EXT_TIMEOUTS
 * @flags: VDUSE_EXT_TIMEOUTS: the two above are given
 * @reserved: zero
 *
 * For the next device that this open file makes; a call that fails leaves what
 * was there, and VDUSE_CREATE_DEV that succeeds takes it away.
 */
struct vduse_ext_setup {
	__u64 extensions;
	__u64 required;
	__u64 access;
	__u32 access_size;
	__u32 virtio_timeout;
	__u32 vhost_timeout;
	__u32 flags;
	__u32 reserved[6];
};

#define VDUSE_EXT_TIMEOUTS	0x1

/*
 * EINVAL: a bit, flag or byte that does not exist, or one that needs another
 * one. That @access_size is right and @required is offered is checked by
 * VDUSE_CREATE_DEV (EINVAL).
 */
#define VDUSE_EXT_SETUP		_IOW(VDUSE_EXT_BASE, 0xe1, struct vduse_ext_setup)

/*
 * End all waits on the device of that name and cut its server off: it may be
 * opened anew at once. Any device, extended or not. ENOENT: there is none.
 */
#define VDUSE_EXT_ABORT		_IOW(VDUSE_EXT_BASE, 0xe2, \
				     char[VDUSE_EXT_NAME_MAX])

/* What a queue does, as the kernel sees it. */
#define VDUSE_EXT_Q_READY	0x1	/* the driver uses it */
#define VDUSE_EXT_Q_KICKFD	0x2	/* the server listens */
#define VDUSE_EXT_Q_KICKED	0x4	/* a kick that nobody has heard yet */
#define VDUSE_EXT_Q_CALLBACK	0x8	/* the driver takes interrupts */

/**
 * struct vduse_ext_queue - a virtqueue, in VDUSE_EXT_GET_INFO
 * @index: number of the queue
 * @flags: VDUSE_EXT_Q_x
 * @num_max: greatest size, by the server
 * @num: size, by the driver
 * @group: its group
 * @avail_index: where the driver said to begin (split), or its packed state
 * @desc: ring addresses, I/O virtual
 * @driver: see @desc
 * @device: see @desc
 * @kicks: kicks by the driver
 * @interrupts: interrupts by the server
 * @reserved: zero
 */
struct vduse_ext_queue {
	__u32 index;
	__u32 flags;
	__u32 num_max;
	__u32 num;
	__u32 group;
	__u32 avail_index;
	__u64 desc;
	__u64 driver;
	__u64 device;
	__u64 kicks;
	__u64 interrupts;
	__u64 reserved[2];
};

#define VDUSE_EXT_M_READ	0x1	/* the server has read it */
#define VDUSE_EXT_M_POSTED	0x2	/* nobody waits for the answer */

/**
 * struct vduse_ext_message - a message without an answer, in VDUSE_EXT_GET_INFO
 * @type: which message
 * @id: its number
 * @flags: VDUSE_EXT_M_x
 * @arg: the status, queue, group, address space or offset that it is about
 * @age_ns: how old it is, in nanoseconds
 * @pid: who waits, in the PID namespace of the caller; 0: nobody it can see
 * @reserved: zero
 */
struct vduse_ext_message {
	__u32 type;
	__u32 id;
	__u32 flags;
	__u32 arg;
	__u64 age_ns;
	__s32 pid;
	__u32 reserved;
};

/* Who has the device on the vDPA bus. */
#define VDUSE_EXT_BUS_NONE	0	/* it is not there */
#define VDUSE_EXT_BUS_UNBOUND	1	/* no driver */
#define VDUSE_EXT_BUS_VIRTIO	2
#define VDUSE_EXT_BUS_VHOST	3
#define VDUSE_EXT_BUS_OTHER	4

#define VDUSE_EXT_I_CONNECTED	0x01	/* a server has it open */
#define VDUSE_EXT_I_BROKEN	0x02	/* given up for ever, no RECOVER */
#define VDUSE_EXT_I_ABORTED	0x04	/* until the next server comes */
#define VDUSE_EXT_I_SUSPENDED	0x08
#define VDUSE_EXT_I_LATE	0x10	/* the last answer did not come in time */

/**
 * struct vduse_ext_info - argument of VDUSE_EXT_GET_INFO
 * @name: in: of which device; empty: of the one after number @cursor. out: its
 *	name
 * @cursor: in: 0 is before the first. out: number of the device; it grows from
 *	one device to the next and is never used again
 * @queues: in: address for @n_queues records from queue @first_queue on
 * @messages: in: address for @n_messages records, oldest first
 * @first_queue: see @queues
 * @n_queues: in: room. out: how many were written
 * @n_messages: in: room. out: how many were written
 * @pending: messages without an answer
 * @device_id: virtio device type
 * @vendor_id: virtio vendor
 * @features: offered features
 * @driver_features: accepted features
 * @required: see struct vduse_ext_setup
 * @instance: VDUSE_EXT_INST_x that were set
 * @extensions: see struct vduse_ext_setup
 * @api_version: VDUSE API version of its maker
 * @vq_num: how many queues it has
 * @config_size: bytes of configuration space
 * @generation: counts its changes
 * @status: virtio status
 * @flags: VDUSE_EXT_I_x
 * @bus: VDUSE_EXT_BUS_x
 * @server_pid: who serves, in the PID namespace of the caller; 0: nobody it
 *	can see
 * @virtio_timeout: see struct vduse_ext_setup; msg_timeout without RECOVER
 * @vhost_timeout: the same
 * @bounce_size: bytes of bounce memory
 * @sent: messages sent so far
 * @failed: those that were refused, too late, killed or aborted
 * @late: those that were too late
 * @aborts: how often it was aborted
 * @config_writes: writes of the driver that were stored
 * @config_refused: those that were refused, by the kernel or then by the server
 * @config_cleared: reads that cleared something
 * @last_error: errno of the last message that failed, 0: none
 * @last_error_type: type of that message
 * @last_error_age_ns: when, before now, in nanoseconds
 * @reserved: zero
 */
struct vduse_ext_info {
	char name[VDUSE_EXT_NAME_MAX];
	__u64 cursor;
	__u64 queues;
	__u64 messages;
	__u32 first_queue;
	__u32 n_queues;
	__u32 n_messages;
	__u32 pending;
	__u32 device_id;
	__u32 vendor_id;
	__u64 features;
	__u64 driver_features;
	__u64 required;
	__u64 instance;
	__u64 extensions;
	__u64 api_version;
	__u32 vq_num;
	__u32 config_size;
	__u32 generation;
	__u32 status;
	__u32 flags;
	__u32 bus;
	__s32 server_pid;
	__u32 virtio_timeout;
	__u32 vhost_timeout;
	__u32 last_error;
	__u64 bounce_size;
	__u64 sent;
	__u64 failed;
	__u64 late;
	__u64 aborts;
	__u64 config_writes;
	__u64 config_refused;
	__u64 config_cleared;
	__u64 last_error_age_ns;
	__u32 last_error_type;
	__u32 reserved[9];
};

/* Any device, extended or not. ENOENT: there is none, or no further one. */
#define VDUSE_EXT_GET_INFO	_IOWR(VDUSE_EXT_BASE, 0xe3, struct vduse_ext_info)

/*
 * --- /dev/vduse/NAME -----------------------------------------------------
 *
 * ENOTTY without the extension that a call belongs to.
 */

/**
 * struct vduse_ext_config - argument of the two below
 * @offset: in the configuration space
 * @length: bytes, not 0
 * @buffer: address of them
 * @flags: VDUSE_EXT_INTERRUPT: and tell the driver, if there is one (SET only)
 * @generation: out: the generation that these bytes belong to
 */
struct vduse_ext_config {
	__u32 offset;
	__u32 length;
	__u64 buffer;
	__u32 flags;
	__u32 generation;
};

#define VDUSE_EXT_INTERRUPT	0x1

/* Read back, as it was at one moment. It is no driver's read: nothing clears. */
#define VDUSE_EXT_GET_CONFIG	_IOWR(VDUSE_EXT_BASE, 0xe8, \
				      struct vduse_ext_config)
/* Update as a whole, with one new generation and at most one interrupt. */
#define VDUSE_EXT_SET_CONFIG	_IOWR(VDUSE_EXT_BASE, 0xe9, \
				      struct vduse_ext_config)

/*
 * The server cannot go on without a reset: DEVICE_NEEDS_RESET and a
 * configuration interrupt. EINVAL: there is no driver that could. RECOVER.
 */
#define VDUSE_EXT_NEEDS_RESET	_IO(VDUSE_EXT_BASE, 0xea)

/* The virtio status, for a server that comes to a running device. RECOVER. */
#define VDUSE_EXT_GET_STATUS	_IOR(VDUSE_EXT_BASE, 0xeb, __u8)

/**
 * struct vduse_ext_inject - argument of VDUSE_EXT_INJECT_MANY
 * @first: number of a virtqueue
 * @reserved: zero
 * @queues: bit i: an interrupt for queue @first + i; out: those that were
 *	refused
 */
struct vduse_ext_inject {
	__u32 first;
	__u32 reserved;
	__u64 queues;
};

/*
 * Interrupts for several queues, as VDUSE_VQ_INJECT_IRQ gives one. EINVAL: some
 * were refused, or do not exist; all others have theirs. INJECT.
 */
#define VDUSE_EXT_INJECT_MANY	_IOWR(VDUSE_EXT_BASE, 0xec, \
				      struct vduse_ext_inject)

/*
 * With INJECT, VDUSE_VQ_INJECT_IRQ is a command of io_uring, too
 * (IORING_OP_URING_CMD): the number of the queue, a __u32, is at the beginning
 * of the command's own bytes. It is done when it is submitted.
 */

/*
 * From now on each signal of the eventfd is an interrupt of the queue, whoever
 * gives it; several in a row may be one. One that VDUSE_VQ_INJECT_IRQ would
 * refuse is lost. The fields as of struct vduse_vq_eventfd; fd -1: no more. It
 * ends with the server. INJECT.
 */
#define VDUSE_EXT_SETUP_IRQFD	_IOW(VDUSE_EXT_BASE, 0xed, __u32[2])

/**
 * struct vduse_ext_piece - where data goes, and from where
 * @iova: in the bounce buffers, a multiple of 4096, and of a buffer of more than
 *	64 bytes
 * @from: address in the server's memory
 * @len: bytes
 */
struct vduse_ext_piece {
	__u64 iova;
	__u64 from;
	__u64 len;
};

#define VDUSE_EXT_PIECES_MAX	1024

/**
 * struct vduse_ext_fill - argument of VDUSE_EXT_FILL
 * @pieces: address of the array
 * @n: how many, up to VDUSE_EXT_PIECES_MAX
 * @reserved: zero
 * @done: zero; out: bytes that the driver has, from the first on
 */
struct vduse_ext_fill {
	__u64 pieces;
	__u32 n;
	__u32 reserved;
	__u64 done;
};

/*
 * Give data to buffers of the driver, past the bounce memory: one copy less. A
 * unit of 4096 bytes from @iova on, or what the driver has of it, is given as a
 * whole or not at all. If it is, the bounce memory of that unit counts no more,
 * and else it does again. It ends at the first unit that the driver does not
 * read, that is not covered by its piece, or for which the server's memory is
 * not at hand: touch it, or use the bounce memory for that unit. FILL.
 */
#define VDUSE_EXT_FILL_BUFFERS	_IOWR(VDUSE_EXT_BASE, 0xee, \
				      struct vduse_ext_fill)

/*
 * --- messages ------------------------------------------------------------
 *
 * Each is answered by the server, a posted one as well: what is not answered
 * is read again by the next server.
 */

#define VDUSE_EXT_CONFIG_DATA	112

/**
 * struct vduse_ext_config_write - body of VDUSE_EXT_MSG_CONFIG_WRITE
 * @offset: in the configuration space
 * @length: bytes
 * @generation: of the configuration space with them
 * @flags: VDUSE_EXT_M_POSTED
 * @data: what the driver wrote; it stands in the configuration space already
 *
 * A longer write comes in pieces. An answer that refuses an acknowledged write
 * puts back what was there before.
 */
struct vduse_ext_config_write {
	__u32 offset;
	__u32 length;
	__u32 generation;
	__u32 flags;
	__u8 data[VDUSE_EXT_CONFIG_DATA];
};

#define VDUSE_EXT_MSG_CONFIG_WRITE	0x80000001

/**
 * struct vduse_ext_config_cleared - body of VDUSE_EXT_MSG_CONFIG_CLEARED
 * @offset: first byte that reads have cleared
 * @length: from there to the last one; a byte between may not have been read
 * @generation: of the last of them
 * @reads: how many, since the last such message
 */
struct vduse_ext_config_cleared {
	__u32 offset;
	__u32 length;
	__u32 generation;
	__u32 reads;
};

#define VDUSE_EXT_MSG_CONFIG_CLEARED	0x80000002

/*
 * Go on after VDUSE_EXT_MSG_SUSPEND, where it stopped; ring addresses may be
 * others. No body. Needs VDUSE_EXT_INST_SUSPEND.
 */
#define VDUSE_EXT_MSG_RESUME		0x80000003

#endif /* VDUSE_EXT_H */
