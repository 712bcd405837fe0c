// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fields of everything that is printed. Keys are an interface: adding one
 * is compatible, renaming or removing one needs a new JSON schema number.
 */
#include "cli/output.h"

#define D FIELD_DEFAULT

/* The first N_LIST need neither a server nor netlink: `list` has these. */
#define N_LIST 17
static const struct field device_fields[] = {
	{ "name", FIELD_TEXT, D, 0, "name of the device: /dev/vduse/NAME" },
	{ "type", FIELD_TEXT, D, 0, "device type: blk, net or fs" },
	{ "state", FIELD_TEXT, D | FIELD_STATE, 0,
	  "created, serving, bound, stalled or broken" },
	{ "size", FIELD_BYTES, D, 0, "capacity of a block device" },
	{ "driver", FIELD_TEXT, D, 0, "driver that it is bound to: virtio, vhost" },
	{ "node", FIELD_TEXT, D, 0, "what to open: /dev/vdX, /dev/vhost-vdpa-N" },
	{ "backend", FIELD_TEXT, D, 0, "where the bytes live: file:PATH, memory, null" },
	{ "owner", FIELD_TEXT, 0, 0, "who made the server: vdusectl or foreign" },
	{ "pid", FIELD_INT, 0, 0, "process that serves the device" },
	{ "serial", FIELD_TEXT, 0, 0, "serial number that the driver sees" },
	{ "block_size", FIELD_INT, 0, 0, "logical block size, in bytes" },
	{ "queues", FIELD_INT, 0, 0, "number of virtqueues" },
	{ "queue_size", FIELD_INT, 0, 0, "largest number of descriptors of a virtqueue" },
	{ "read_only", FIELD_BOOL, 0, 0, "whether writes are refused" },
	{ "attached", FIELD_BOOL, 0, 0, "whether it is on the vDPA bus" },
	{ "persist", FIELD_BOOL, 0, 0, "whether it comes back after a reboot" },
	{ "needs_reset", FIELD_BOOL, 0, 0,
	  "whether a server and a reset by its driver mend it" },
	/* show */
	{ "virtio_status", FIELD_HEX, 0, 0, "virtio status byte, as the kernel has it" },
	{ "msg_timeout", FIELD_INT, 0, 0,
	  "seconds that the kernel waits for the server; 0: for ever" },
	{ "bounce_size", FIELD_BYTES, 0, 0, "size of the kernel's bounce buffer" },
	{ "status", FIELD_LIST, 0, 0, "virtio status bits by name" },
	{ "device_id", FIELD_INT, 0, 0, "virtio device id" },
	{ "vendor_id", FIELD_HEX, 0, 0, "virtio vendor id" },
	{ "features_offered", FIELD_LIST, 0, 0, "feature bits of the device" },
	{ "features_negotiated", FIELD_LIST, 0, 0, "feature bits that the driver took" },
	{ "on_death", FIELD_TEXT, 0, 0,
	  "what I/O gets without a server: queue or fail=SECONDS" },
	{ "supervisor", FIELD_INT, 0, 0, "process that brings the server back" },
	{ "restarts", FIELD_INT, 0, 0, "how often it has done so" },
	{ "last_exit", FIELD_TEXT, 0, 0, "how the server ended that it replaced last" },
	{ "failing", FIELD_BOOL, 0, 0, "whether requests fail, by on_death" },
	{ "holders", FIELD_INT, 0, 0, "number of users of the node" },
	{ "held_by", FIELD_TEXT, 0, 0, "who they are" },
	{ "uptime_us", FIELD_INT, 0, 0, "age of the server, in microseconds" },
	{ "running", FIELD_BOOL, 0, 0, "whether the server processes requests" },
	{ "messages", FIELD_INT, 0, 0, "kernel messages that the server answered" },
	{ "resets", FIELD_INT, 0, 0, "device resets that it saw" },
	{ "iotlb_regions", FIELD_INT, 0, 0, "memory regions that it has mapped" },
	{ "malformed", FIELD_INT, 0, 0, "requests that broke the rules of virtio" },
	{ "errors", FIELD_INT, 0, 0, "requests that ended in an error" },
	{ "backend_errors", FIELD_INT, 0, 0,
	  "those of them that the backend gave" },
	{ "last_error", FIELD_TEXT, 0, 0,
	  "the last of those, empty if there was none" },
	{ "cache", FIELD_TEXT, 0, 0,
	  "when a write is safe: after a flush, writeback; when done, writethrough" },
	{ "cache_wanted", FIELD_TEXT, 0, 0,
	  "the same from the driver's next reset on" },
	{ "writeback_control", FIELD_BOOL, 0, 0, "whether the driver may change it" },
	{ "packed", FIELD_BOOL, 0, 0, "whether it offers packed virtqueues" },
	{ "poll", FIELD_INT, 0, 0,
	  "percent of a processor that each queue may lose by looking for requests" },
	{ "affinity", FIELD_TEXT, 0, 0,
	  "where a queue is served: anywhere, none; on the processors that use it, auto" },
	/* our module */
	{ "extensions", FIELD_LIST, 0, 0, "what it has beyond the stock interface" },
	{ "features_required", FIELD_LIST, 0, 0,
	  "feature bits without which no driver is let in" },
	{ "virtio_timeout", FIELD_INT, 0, 0,
	  "seconds that a driver of this host waits for the server; 0: for ever" },
	{ "vhost_timeout", FIELD_INT, 0, 0,
	  "seconds that a VM waits for the server; 0: for ever" },
	{ "conditions", FIELD_LIST, 0, 0,
	  "late, aborted or suspended, as the kernel sees the server" },
	{ "pending", FIELD_INT, 0, 0, "kernel messages without an answer" },
	{ "pending_age_us", FIELD_INT, 0, 0,
	  "age of the oldest of them, in microseconds" },
	{ "messages_sent", FIELD_INT, 0, 0, "kernel messages to the server" },
	{ "messages_failed", FIELD_INT, 0, 0,
	  "those that were refused, too late, killed or aborted" },
	{ "messages_late", FIELD_INT, 0, 0, "those that were too late" },
	{ "aborts", FIELD_INT, 0, 0, "how often it was aborted" },
	{ "message_error", FIELD_TEXT, 0, 0, "the last kernel message that failed, and why" },
	{ "message_error_age_us", FIELD_INT, 0, 0,
	  "how long ago that was, in microseconds" },
	{ "config_generation", FIELD_INT, 0, 0,
	  "counts the changes of the configuration space" },
	{ "config_writes", FIELD_INT, 0, 0, "writes of the driver that were taken" },
	{ "config_refused", FIELD_INT, 0, 0, "writes of the driver that were refused" },
	{ "config_cleared", FIELD_INT, 0, 0, "reads that cleared something" },
	{ "remedy", FIELD_TEXT, 0, 0, "what mends it, if it is broken" },
	{ "problem", FIELD_TEXT, 0, 0, "why something above is not known" },
};

static const struct field result_fields[] = {
	{ "name", FIELD_TEXT, D, 0, "name of the device" },
	{ "node", FIELD_TEXT, D, 0, "node that it is bound to" },
};

static const struct field restart_fields[] = {
	{ "name", FIELD_TEXT, D, 0, "name of the device" },
	{ "pause_us", FIELD_INT, D, 0,
	  "how long nobody served, in microseconds; unknown if nobody did before" },
};

static const struct field queue_fields[] = {
	{ "index", FIELD_INT, D, 0, "number of the virtqueue" },
	{ "size", FIELD_INT, D, 0, "descriptors" },
	{ "ready", FIELD_BOOL, D, 0, "whether the driver has enabled it" },
	{ "running", FIELD_BOOL, D, 0, "whether the server processes it" },
	{ "broken", FIELD_BOOL, D, 0, "whether the server gave up on it" },
	{ "avail_idx", FIELD_INT, D, 0, "what the driver has made available" },
	{ "last_avail_idx", FIELD_INT, D, 0, "what the server has taken" },
	{ "used_idx", FIELD_INT, D, 0, "what the server has completed" },
	{ "in_flight", FIELD_INT, D, 0, "requests taken and not completed" },
	{ "kicks", FIELD_INT, D, 0, "notifications from the driver" },
	{ "interrupts", FIELD_INT, D, 0, "notifications to the driver" },
	{ "ring", FIELD_TEXT, 0, 0, "split or packed" },
	{ "used_wrap", FIELD_BOOL, 0, 0, "packed: the wrap counter at used_idx" },
	{ "last_avail_wrap", FIELD_BOOL, 0, 0,
	  "packed: the wrap counter at last_avail_idx" },
	{ "avail_event_wrap", FIELD_BOOL, 0, 0, "packed: and at avail_event" },
	{ "used_event_wrap", FIELD_BOOL, 0, 0, "packed: and at used_event" },
	{ "avail_event", FIELD_INT, 0, 0, "index at which the server wants a kick" },
	{ "used_event", FIELD_INT, 0, 0, "index at which the driver wants an interrupt" },
	{ "avail_flags", FIELD_HEX, 0, 0,
	  "flags of the available ring; packed: of the driver's event area" },
	{ "used_flags", FIELD_HEX, 0, 0,
	  "flags of the used ring; packed: of the device's event area" },
	{ "desc", FIELD_HEX, 0, 0, "address of the descriptor table" },
	{ "avail", FIELD_HEX, 0, 0, "address of the available ring" },
	{ "used", FIELD_HEX, 0, 0, "address of the used ring" },
	/* our module */
	{ "size_max", FIELD_INT, 0, 0, "descriptors that the server allows" },
	{ "heard", FIELD_BOOL, 0, 0, "whether the server listens to notifications" },
	{ "kicked", FIELD_BOOL, 0, 0, "whether there is one that nobody has heard" },
};

static const struct field message_fields[] = {
	{ "device", FIELD_TEXT, D, 0, "name of the device" },
	{ "id", FIELD_INT, 0, 0, "number of the message" },
	{ "type", FIELD_TEXT, D, 0, "SET_STATUS, UPDATE_IOTLB, ..." },
	{ "arg", FIELD_HEX, D, 0, "the status, queue, group or offset that it is about" },
	{ "age_us", FIELD_INT, D, 0, "how old it is, in microseconds" },
	{ "state", FIELD_TEXT, D, 0, "queued, or read by the server" },
	{ "posted", FIELD_BOOL, D, 0, "whether nobody waits for the answer" },
	{ "pid", FIELD_INT, D, 0, "process that waits" },
	{ "command", FIELD_TEXT, D, 0, "its name" },
};

static const struct field request_fields[] = {
	{ "queue", FIELD_INT, D, 0, "number of the virtqueue" },
	{ "head", FIELD_INT, D, 0, "its first descriptor" },
	{ "op", FIELD_TEXT, D, 0, "read, write, flush, ..." },
	{ "sector", FIELD_INT, D, 0, "start, in units of 512 bytes" },
	{ "bytes", FIELD_INT, D, 0, "length" },
	{ "age_us", FIELD_INT, D, 0, "time since the server took it, in microseconds" },
};

static const struct field config_fields[] = {
	{ "name", FIELD_TEXT, D, 0, "field of the configuration space" },
	{ "offset", FIELD_INT, D, 0, "where it is, in bytes" },
	{ "width", FIELD_INT, 0, 0, "its size, in bytes" },
	{ "value", FIELD_INT, D, 0, "its value" },
	{ "unit", FIELD_TEXT, D, 0, "unit of the value" },
	{ "raw", FIELD_TEXT, D, 0, "its bytes, in hex" },
	{ "valid", FIELD_BOOL, D, 0, "whether the feature that it needs is offered" },
	{ "feature", FIELD_TEXT, 0, 0, "the feature that it needs" },
	{ "description", FIELD_TEXT, 0, 0, "what it says" },
};

static const struct field feature_fields[] = {
	{ "bit", FIELD_INT, D, 0, "number of the feature bit" },
	{ "name", FIELD_TEXT, D, 0, "its name" },
	{ "offered", FIELD_BOOL, D, 0, "whether the device offers it" },
	{ "negotiated", FIELD_BOOL, D, 0, "whether the driver took it" },
};

static const struct field bench_fields[] = {
	{ "io", FIELD_TEXT, D, 0, "read, write or mixed" },
	{ "pattern", FIELD_TEXT, D, 0, "random or sequential" },
	{ "block_size", FIELD_BYTES, D, 0, "bytes of each request" },
	{ "depth", FIELD_INT, D, 0, "requests in flight of each job" },
	{ "jobs", FIELD_INT, D, 0, "threads, each with requests of its own" },
	{ "iops", FIELD_INT, D, 0, "requests in a second" },
	{ "mb_s", FIELD_INT, D, 0, "million bytes in a second" },
	{ "mean_us", FIELD_INT, D, 0, "time of a request, mean, in microseconds" },
	{ "p50_us", FIELD_INT, D, 0, "half of the requests took at most that" },
	{ "p99_us", FIELD_INT, D, 0, "99 of 100 requests took at most that" },
	{ "max_us", FIELD_INT, 0, 0, "the slowest request" },
	{ "reads", FIELD_INT, 0, 0, "requests that read" },
	{ "writes", FIELD_INT, 0, 0, "requests that wrote" },
	{ "read_bytes", FIELD_INT, 0, 0, "bytes read" },
	{ "write_bytes", FIELD_INT, 0, 0, "bytes written" },
	{ "duration_us", FIELD_INT, 0, 0, "until the last request had ended" },
	{ "latency_sum_us", FIELD_INT, 0, 0, "time of all requests together" },
};

static const struct field stats_fields[] = {
	{ "index", FIELD_INT, D, 0, "number of the virtqueue" },
	{ "reads", FIELD_INT, D, 0, "read requests" },
	{ "writes", FIELD_INT, D, 0, "write requests" },
	{ "flushes", FIELD_INT, D, 0, "flush requests" },
	{ "discards", FIELD_INT, 0, 0, "discard requests" },
	{ "write_zeroes", FIELD_INT, 0, 0, "write-zeroes requests" },
	{ "get_ids", FIELD_INT, 0, 0, "requests for the serial number" },
	{ "syncs", FIELD_INT, 0, 0,
	  "flushes, and writes that were safe when done" },
	{ "read_bytes", FIELD_BYTES, D, 0, "bytes read" },
	{ "write_bytes", FIELD_BYTES, D, 0, "bytes written" },
	{ "errors", FIELD_INT, D, 0, "requests that ended in an error" },
	{ "malformed", FIELD_INT, 0, 0, "requests that broke the rules of virtio" },
	{ "kicks", FIELD_INT, D, 0, "notifications from the driver" },
	{ "interrupts", FIELD_INT, D, 0, "notifications to the driver" },
	{ "p50_us", FIELD_INT, D, 0, "half of the requests took at most this, in microseconds" },
	{ "p99_us", FIELD_INT, D, 0, "99 of 100 requests took at most this, in microseconds" },
	{ "max_us", FIELD_INT, D, 0, "the slowest request, in microseconds" },
};

static const struct field event_fields[] = {
	{ "seqnum", FIELD_INT, 0, 8, "number that the kernel gave the event" },
	{ "action", FIELD_TEXT, D, 8, "add, remove, bind, unbind, change" },
	{ "subsystem", FIELD_TEXT, D, 10, "vduse, vdpa, virtio, block, ..." },
	{ "device", FIELD_TEXT, D, 12, "the VDUSE device that it belongs to" },
	{ "node", FIELD_TEXT, D, 18, "node that came or went" },
	{ "driver", FIELD_TEXT, D, 0, "driver, with bind and unbind" },
	{ "devpath", FIELD_TEXT, 0, 0, "path below /sys" },
};

static const struct field check_fields[] = {
	{ "number", FIELD_INT, D, 0, "number of the check" },
	{ "status", FIELD_TEXT, D | FIELD_STATE, 0, "ok, warn or fail" },
	{ "check", FIELD_TEXT, D, 0, "what was looked at" },
	{ "detail", FIELD_TEXT, D, 0, "what was found" },
	{ "remedy", FIELD_TEXT, 0, 0, "what to do about it" },
};

static const struct field program_fields[] = {
	{ "name", FIELD_TEXT, D, 0, "vdusectl or libvduse" },
	{ "version", FIELD_TEXT, D, 0, "MAJOR.MINOR.PATCH" },
};

static const struct field field_fields[] = {
	{ "command", FIELD_TEXT, D, 0, "the command that prints the object" },
	{ "object", FIELD_TEXT, D, 0, "key in the JSON envelope" },
	{ "key", FIELD_TEXT, D, 0, "key of the field; in upper case, its column" },
	{ "type", FIELD_TEXT, D, 0, "string, integer, boolean or array" },
	{ "default", FIELD_BOOL, D, 0, "whether it is a column without -o" },
	{ "help", FIELD_TEXT, D, 0, "what it says" },
};

#define KIND(id, name, help, fields) \
	const struct object_kind id = \
		{ name, help, fields, ARRAY_SIZE(fields), false }

const struct object_kind kind_devices = {
	"devices", "VDUSE devices, as list prints them", device_fields, N_LIST,
	false
};
const struct object_kind kind_device_details = {
	"devices", "VDUSE devices, as show prints them", device_fields,
	ARRAY_SIZE(device_fields), true
};
KIND(kind_results, "devices", "devices that a command changed", result_fields);
KIND(kind_restarts, "devices", "devices whose server was replaced",
     restart_fields);
KIND(kind_queues, "queues", "virtqueues of a device", queue_fields);
KIND(kind_requests, "requests", "requests in flight", request_fields);
KIND(kind_config, "config", "fields of the configuration space", config_fields);
KIND(kind_features, "features", "feature bits", feature_fields);
KIND(kind_messages, "messages", "kernel messages without an answer",
     message_fields);
KIND(kind_bench, "runs", "what bench measured", bench_fields);
KIND(kind_stats, "queues", "counters of a virtqueue", stats_fields);
KIND(kind_events, "events", "events, one object a line", event_fields);
KIND(kind_checks, "checks", "what doctor looked at", check_fields);
KIND(kind_programs, "programs", "versions", program_fields);
KIND(kind_fields, "fields", "fields of the objects above", field_fields);
