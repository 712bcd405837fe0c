// SPDX-License-Identifier: LGPL-2.1-or-later
/* What can be asked on the control socket: PROTOCOL.md, as a table. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include <vduse/virtio.h>

#include "lib/blk/cache.h"
#include "lib/server/server.h"

#define INTERFACE "org.vdusectl.Device"

static const char description[] =
	"# A VDUSE device and its server\n"
	"interface " INTERFACE "\n\n"
	"type Request (head: int, op: string, sector: int, bytes: int,"
	" age_us: int)\n\n"
	"type Queue (index: int, size: int, ready: bool, running: bool,"
	" broken: bool, desc: int, avail: int, used: int, ring: ?string,"
	" avail_idx: ?int, used_idx: int, used_wrap: ?bool,"
	" last_avail_idx: int, last_avail_wrap: ?bool, avail_event: int,"
	" avail_event_wrap: ?bool, used_event: int,"
	" used_event_wrap: ?bool, avail_flags: int, used_flags: int,"
	" in_flight: int, kicks: int, interrupts: int,"
	" requests: []Request)\n\n"
	"type Stats (index: int, reads: int, writes: int, flushes: int,"
	" discards: int, write_zeroes: int, get_ids: int, syncs: int,"
	" read_bytes: int,"
	" write_bytes: int, errors: int, malformed: int, kicks: int,"
	" interrupts: int, p50_us: int, p99_us: int, max_us: int)\n\n"
	"method Ping() -> (pid: int, queues: int)\n"
	"method GetStatus() -> (name: string, type: string, pid: int,"
	" uptime_us: int, running: bool, broken: bool, virtio_status: int,"
	" device_features: int, driver_features: int, queues: int,"
	" queue_size: int, capacity: int, read_only: bool, backend: string,"
	" messages: int, resets: int, iotlb_regions: int, malformed: int,"
	" errors: int, backend_errors: int, last_error: string,"
	" cache: string, cache_wanted: string, writeback_control: bool,"
	" packed: bool, poll: int, affinity: string, suspended: bool)\n"
	"method GetConfig() -> (device_id: int, device_features: int,"
	" driver_features: int, config: string)\n"
	"method GetQueues() -> (queues: []Queue)\n"
	"method GetStats() -> (queues: []Stats)\n"
	"# Change it. cache: now, cache_wanted: at the driver's next reset.\n"
	"method Set(cache: string) -> (cache: string, cache_wanted: string)\n"
	"method Stop() -> ()\n"
	"# With the backend's open file; an error for one that has none.\n"
	"method ShareBackend() -> ()\n"
	"# With the open device and this socket, once all requests are done;\n"
	"# the server ends.\n"
	"method HandOver() -> (stopped_ns: int)\n\n"
	"error NoFile (backend: string)\n"
	"error Broken (name: string)\n"
	"error Lost (reason: string)\n";

static void send_json(struct vdu__connection *conn, json_object *root)
{
	const char *text = json_object_to_json_string_ext(root,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text)
		vdu__socket_reply(conn, text);
	else
		vdu__socket_close(conn);
	json_object_put(root);
}

static void send_reply(struct vdu__connection *conn, json_object *parameters)
{
	json_object *root = json_object_new_object();

	json_object_object_add(root, "parameters", parameters);
	send_json(conn, root);
}

static void send_error(struct vdu__connection *conn, const char *error,
		       const char *key, const char *value)
{
	json_object *root = json_object_new_object();
	json_object *parameters = json_object_new_object();

	json_object_object_add(root, "error", json_object_new_string(error));
	json_object_object_add(parameters, key, json_object_new_string(value));
	json_object_object_add(root, "parameters", parameters);
	send_json(conn, root);
}

static void put_u64(json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

static void put_bool(json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

static void put_text(json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, json_object_new_string(value));
}

static uint64_t sum(const struct vdu__server *server, size_t counter)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < server->n_queues; i++)
		total += vdu__counted((const vdu__counter *)(const void *)
			((const char *)&server->queues[i].stats + counter));
	return total;
}

static void put_cache(const struct vdu__server *server, json_object *to)
{
	put_text(to, "cache", vdu__cache_text(server->cache.through));
	put_text(to, "cache_wanted", vdu__cache_text(server->file.spec.cache));
}

static json_object *get_status(struct vdu__server *server)
{
	const struct vdu_blk_spec *spec = &server->file.spec;
	json_object *to = json_object_new_object();
	char backend[sizeof(spec->backend) + sizeof(spec->path) + 1];

	(void)snprintf(backend, sizeof(backend), "%s%s%s", spec->backend,
		       spec->path[0] ? ":" : "", spec->path);
	put_text(to, "name", spec->name);
	put_text(to, "type", "blk");
	put_u64(to, "pid", (uint64_t)getpid());
	put_u64(to, "uptime_us", (vdu__now_ns() - server->started_ns) / 1000);
	put_bool(to, "running", server->status & 4 /* DRIVER_OK */);
	put_bool(to, "broken", server->broken);
	put_u64(to, "virtio_status", server->status);
	put_u64(to, "device_features", server->features);
	put_u64(to, "driver_features", server->driver_features);
	put_u64(to, "queues", server->n_queues);
	put_u64(to, "queue_size", spec->queue_size);
	put_u64(to, "capacity", spec->size_bytes / 512);
	put_bool(to, "read_only", spec->read_only);
	put_text(to, "backend", backend);
	put_u64(to, "messages", vdu__counted(&server->messages));
	put_u64(to, "resets", vdu__counted(&server->resets));
	put_u64(to, "iotlb_regions", atomic_load(&server->iotlb->n));
	put_u64(to, "malformed", sum(server,
				     offsetof(struct vdu__stats, malformed)));
	put_u64(to, "errors", sum(server, offsetof(struct vdu__stats, errors)));
	put_u64(to, "backend_errors", server->trouble.seen);
	put_text(to, "last_error", server->trouble.last);
	put_cache(server, to);
	put_bool(to, "writeback_control", spec->writeback_control);
	put_bool(to, "packed", spec->packed);
	put_u64(to, "poll", spec->poll_percent);
	put_text(to, "affinity", spec->affinity ? "auto" : "none");
	put_bool(to, "suspended", server->suspended);
	return to;
}

static json_object *get_config(struct vdu__server *server)
{
	json_object *to = json_object_new_object();
	char hex[sizeof(server->config) * 2 + 1];

	for (size_t i = 0; i < sizeof(server->config); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", server->config[i]);
	put_u64(to, "device_id", 2);
	put_u64(to, "device_features", server->features);
	put_u64(to, "driver_features", server->driver_features);
	put_text(to, "config", hex);
	return to;
}

static json_object *in_flight(const struct vdu__queue *queue)
{
	json_object *list = json_object_new_array();
	unsigned int n = atomic_load(&queue->used_slots);
	uint64_t now = vdu__now_ns();

	for (unsigned int i = 0; i < n; i++) {
		struct vdu__slot *slot = vdu__slot(queue, i);
		uint32_t type = atomic_load(&slot->shown_type);
		uint64_t start = atomic_load(&slot->shown_start_ns);
		const char *op = vdu_blk_op_name(type - 1);
		json_object *to;

		if (!type)
			continue;
		to = json_object_new_object();
		put_u64(to, "head", atomic_load(&slot->shown_head));
		put_text(to, "op", op ? op : "unknown");
		put_u64(to, "sector", atomic_load(&slot->shown_sector));
		put_u64(to, "bytes", atomic_load(&slot->shown_bytes));
		put_u64(to, "age_us", now > start ? (now - start) / 1000 : 0);
		json_object_array_add(list, to);
	}
	return list;
}

/* A place in a packed ring: its index, and the wrap counter there. */
static void put_place(json_object *to, const char *index, const char *wrap,
		      uint16_t place)
{
	put_u64(to, index, place & ~VDU_PACKED_WRAP);
	put_bool(to, wrap, place & VDU_PACKED_WRAP);
}

static void put_packed(json_object *to, const struct started *started,
		       uint16_t last_avail, const struct vdu__ring_view *view)
{
	put_place(to, "used_idx", "used_wrap", vdu__packed_used(started->keep));
	put_place(to, "last_avail_idx", "last_avail_wrap", last_avail);
	put_place(to, "avail_event", "avail_event_wrap", view->avail_event);
	put_place(to, "used_event", "used_event_wrap", view->used_event);
}

static json_object *one_queue(struct vdu__server *server, unsigned int index)
{
	const struct vdu__queue *queue = &server->queues[index];
	const struct started *started = &server->started[index];
	json_object *to = json_object_new_object();
	struct vdu__ring_view view = { 0 };

	/* Only this thread unmaps: the pointers hold while we are here. */
	if (started->avail_ptr && started->keep)
		vdu__packed_look(started->avail_ptr, started->used_ptr, &view);
	else if (started->avail_ptr)
		vdu__ring_look(started->num, started->avail_ptr,
			       started->used_ptr, &view);
	put_u64(to, "index", index);
	put_u64(to, "size", started->num ? started->num : queue->max_size);
	put_bool(to, "ready", started->num);
	put_bool(to, "running", !atomic_load(&queue->idle));
	put_bool(to, "broken", atomic_load(&queue->broken));
	put_u64(to, "desc", started->desc);
	put_u64(to, "avail", started->avail);
	put_u64(to, "used", started->used);
	if (started->num)
		put_text(to, "ring", started->keep ? "packed" : "split");
	if (started->keep) {
		put_packed(to, started, atomic_load(&queue->last_avail), &view);
	} else {
		put_u64(to, "avail_idx", view.avail_idx);
		put_u64(to, "used_idx", view.used_idx);
		put_u64(to, "last_avail_idx", atomic_load(&queue->last_avail));
		put_u64(to, "avail_event", view.avail_event);
		put_u64(to, "used_event", view.used_event);
	}
	put_u64(to, "avail_flags", view.avail_flags);
	put_u64(to, "used_flags", view.used_flags);
	put_u64(to, "in_flight", atomic_load(&queue->in_flight));
	put_u64(to, "kicks", vdu__counted(&queue->stats.kicks));
	put_u64(to, "interrupts", vdu__counted(&queue->stats.interrupts));
	json_object_object_add(to, "requests", in_flight(queue));
	return to;
}

static json_object *one_stats(struct vdu__server *server, unsigned int index)
{
	const struct vdu__stats *stats = &server->queues[index].stats;
	json_object *to = json_object_new_object();

	put_u64(to, "index", index);
	put_u64(to, "reads", vdu__counted(&stats->ops[VDU_IO_READ]));
	put_u64(to, "writes", vdu__counted(&stats->ops[VDU_IO_WRITE]));
	put_u64(to, "flushes", vdu__counted(&stats->ops[VDU_IO_FLUSH]));
	put_u64(to, "discards", vdu__counted(&stats->ops[VDU_IO_DISCARD]));
	put_u64(to, "write_zeroes",
		vdu__counted(&stats->ops[VDU_IO_WRITE_ZEROES]));
	put_u64(to, "get_ids", vdu__counted(&stats->get_ids));
	put_u64(to, "syncs", vdu__counted(&stats->syncs));
	put_u64(to, "read_bytes", vdu__counted(&stats->read_bytes));
	put_u64(to, "write_bytes", vdu__counted(&stats->write_bytes));
	put_u64(to, "errors", vdu__counted(&stats->errors));
	put_u64(to, "malformed", vdu__counted(&stats->malformed));
	put_u64(to, "kicks", vdu__counted(&stats->kicks));
	put_u64(to, "interrupts", vdu__counted(&stats->interrupts));
	put_u64(to, "p50_us", vdu__stats_percentile(stats, 50));
	put_u64(to, "p99_us", vdu__stats_percentile(stats, 99));
	put_u64(to, "max_us", vdu__counted(&stats->max_us));
	return to;
}

static json_object *per_queue(struct vdu__server *server,
			      json_object *(*one)(struct vdu__server *server,
						  unsigned int index))
{
	json_object *to = json_object_new_object();
	json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < server->n_queues; i++)
		json_object_array_add(list, one(server, i));
	json_object_object_add(to, "queues", list);
	return to;
}

static json_object *get_queues(struct vdu__server *server)
{
	return per_queue(server, one_queue);
}

static json_object *get_stats(struct vdu__server *server)
{
	return per_queue(server, one_stats);
}

static json_object *get_info(struct vdu__server *server)
{
	json_object *to = json_object_new_object();
	json_object *list = json_object_new_array();

	(void)server;
	json_object_array_add(list,
			      json_object_new_string("org.varlink.service"));
	json_object_array_add(list, json_object_new_string(INTERFACE));
	put_text(to, "vendor", "vdusectl");
	put_text(to, "product", "vdusectl serve");
	put_text(to, "version", VDU_VERSION);
	put_text(to, "url", "");
	json_object_object_add(to, "interfaces", list);
	return to;
}

static json_object *get_description(struct vdu__server *server)
{
	json_object *to = json_object_new_object();

	(void)server;
	put_text(to, "description", description);
	return to;
}

static json_object *stop(struct vdu__server *server)
{
	vdu__server_leave(server);
	return json_object_new_object();
}

static const struct method {
	const char *name;
	json_object *(*get)(struct vdu__server *server);
} methods[] = {
	{ INTERFACE ".GetStatus", get_status },
	{ INTERFACE ".GetConfig", get_config },
	{ INTERFACE ".GetQueues", get_queues },
	{ INTERFACE ".GetStats", get_stats },
	{ INTERFACE ".Stop", stop },
	{ "org.varlink.service.GetInfo", get_info },
	{ "org.varlink.service.GetInterfaceDescription", get_description },
};

void vdu__method_pong(struct vdu__server *server, struct vdu__connection *conn)
{
	json_object *to = json_object_new_object();

	put_u64(to, "pid", (uint64_t)getpid());
	put_u64(to, "queues", server->n_queues);
	send_reply(conn, to);
}

static void ping(struct vdu__server *server, struct vdu__connection *conn,
		 json_object *parameters)
{
	(void)parameters;
	conn->ping_seq = vdu__server_ping_queues(server);
}

static void share_backend(struct vdu__server *server,
			  struct vdu__connection *conn, json_object *parameters)
{
	(void)parameters;
	if (server->backend.fd < 0)
		send_error(conn, INTERFACE ".NoFile", "backend",
			   server->file.spec.backend);
	else
		vdu__handover_share(server, conn);
}

static void hand_over(struct vdu__server *server, struct vdu__connection *conn,
		      json_object *parameters)
{
	(void)parameters;
	if (server->broken)
		send_error(conn, INTERFACE ".Broken", "name",
			   server->file.spec.name);
	else
		vdu__handover_ask(server, conn);
}

/* The data threads are in the mode that was asked for. */
void vdu__method_set(struct vdu__server *server, struct vdu__connection *conn)
{
	int r = vdu__cache_result(server);
	json_object *to;

	if (r < 0) {
		send_error(conn, INTERFACE ".Lost", "reason", strerror(-r));
		return;
	}
	to = json_object_new_object();
	put_cache(server, to);
	send_reply(conn, to);
}

static void set(struct vdu__server *server, struct vdu__connection *conn,
		json_object *parameters)
{
	struct vdu_blk_spec wanted = { 0 };
	json_object *cache = NULL;

	if (!json_object_object_get_ex(parameters, "cache", &cache) ||
	    !json_object_is_type(cache, json_type_string) ||
	    vdu_blk_spec_set_cache(&wanted, json_object_get_string(cache),
				   NULL) < 0) {
		send_error(conn, "org.varlink.service.InvalidParameter",
			   "parameter", "cache");
		return;
	}
	vdu__cache_set(server, wanted.cache);
	if (vdu__cache_settled(server))
		vdu__method_set(server, conn);
	else
		conn->sets_cache = true;
}

/* Those that are not answered by a simple reply, or not at once. */
static const struct special {
	const char *name;
	void (*answer)(struct vdu__server *server, struct vdu__connection *conn,
		       json_object *parameters);
} specials[] = {
	{ INTERFACE ".Set", set },
	{ INTERFACE ".Ping", ping },
	{ INTERFACE ".ShareBackend", share_backend },
	{ INTERFACE ".HandOver", hand_over },
};

void vdu__method_call(struct vdu__server *server, struct vdu__connection *conn,
		      const char *text)
{
	json_object *call = json_tokener_parse(text), *value;
	const char *name;

	if (!json_object_is_type(call, json_type_object) ||
	    !json_object_object_get_ex(call, "method", &value) ||
	    !json_object_is_type(value, json_type_string)) {
		json_object_put(call);
		vdu__socket_close(conn);
		return;
	}
	name = json_object_get_string(value);
	for (size_t i = 0; i < ARRAY_SIZE(specials); i++) {
		if (strcmp(specials[i].name, name))
			continue;
		specials[i].answer(server, conn,
				   json_object_object_get(call, "parameters"));
		json_object_put(call);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		if (strcmp(methods[i].name, name))
			continue;
		json_object_put(call);
		send_reply(conn, methods[i].get(server));
		return;
	}
	send_error(conn, "org.varlink.service.MethodNotFound", "method", name);
	json_object_put(call);
}
