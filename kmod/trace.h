/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events: /sys/kernel/tracing/events/vduse.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vduse

#if !defined(VDUSE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VDUSE_TRACE_H

#include <linux/tracepoint.h>

#include "vduse.h"

#define vduse_show_type(type) __print_symbolic(type,		\
	{ VDUSE_GET_VQ_STATE,	"get_vq_state" },		\
	{ VDUSE_SET_STATUS,	"set_status" },			\
	{ VDUSE_UPDATE_IOTLB,	"update_iotlb" },		\
	{ VDUSE_MSG_GROUP_ASID,	"set_group_asid" },		\
	{ VDUSE_EXT_MSG_QUEUE_READY, "queue_ready" },		\
	{ VDUSE_EXT_MSG_SUSPEND, "suspend" },			\
	{ VDUSE_EXT_MSG_RESUME,	"resume" },			\
	{ VDUSE_EXT_MSG_CONFIG_WRITE, "config_write" },		\
	{ VDUSE_EXT_MSG_CONFIG_CLEARED, "config_cleared" })

TRACE_EVENT(vduse_message,
	TP_PROTO(struct vduse_dev *dev, const struct vduse_request *req),
	TP_ARGS(dev, req),
	TP_STRUCT__entry(
		__string(name, dev_name(&dev->dev))
		__field(u32, type)
		__field(u32, id)
		__field(u32, arg)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->type = req->type;
		__entry->id = req->id;
		__entry->arg = vduse_request_arg(req);
	),
	TP_printk("%s id=%u %s 0x%x", __get_str(name), __entry->id,
		  vduse_show_type(__entry->type), __entry->arg)
);

TRACE_EVENT(vduse_answer,
	TP_PROTO(struct vduse_dev *dev, const struct vduse_request *req,
		 int error),
	TP_ARGS(dev, req, error),
	TP_STRUCT__entry(
		__string(name, dev_name(&dev->dev))
		__field(u32, type)
		__field(u32, id)
		__field(u32, result)
		__field(u8, status)
		__field(bool, broken)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->type = req->type;
		__entry->id = req->id;
		__entry->result = error ? VDUSE_REQ_RESULT_FAILED :
					  VDUSE_REQ_RESULT_OK;
		__entry->status = READ_ONCE(dev->status);
		__entry->broken = READ_ONCE(dev->broken);
	),
	TP_printk("%s id=%u %s result=%u status=0x%x%s", __get_str(name),
		  __entry->id, vduse_show_type(__entry->type), __entry->result,
		  __entry->status, __entry->broken ? " broken" : "")
);

TRACE_EVENT(vduse_reset,
	TP_PROTO(struct vduse_dev *dev),
	TP_ARGS(dev),
	TP_STRUCT__entry(
		__string(name, dev_name(&dev->dev))
	),
	TP_fast_assign(
		__assign_str(name);
	),
	TP_printk("%s", __get_str(name))
);

TRACE_EVENT(vduse_abort,
	TP_PROTO(struct vduse_dev *dev),
	TP_ARGS(dev),
	TP_STRUCT__entry(
		__string(name, dev_name(&dev->dev))
	),
	TP_fast_assign(
		__assign_str(name);
	),
	TP_printk("%s", __get_str(name))
);

TRACE_EVENT(vduse_config_write,
	TP_PROTO(struct vduse_dev *dev, u32 offset, u32 length, int error),
	TP_ARGS(dev, offset, length, error),
	TP_STRUCT__entry(
		__string(name, dev_name(&dev->dev))
		__field(u32, offset)
		__field(u32, length)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->offset = offset;
		__entry->length = length;
		__entry->error = error;
	),
	TP_printk("%s offset=%u length=%u error=%d", __get_str(name),
		  __entry->offset, __entry->length, __entry->error)
);

#define vduse_show_how(how) __print_symbolic(how,		\
	{ VDUSE_KICK_REMEMBERED, "remembered" },		\
	{ VDUSE_KICK_SIGNALLED,	"signalled" },			\
	{ VDUSE_KICK_DEFERRED,	"deferred" })

TRACE_EVENT(vduse_kick,
	TP_PROTO(struct vduse_queue *vq, enum vduse_kick_how how),
	TP_ARGS(vq, how),
	TP_STRUCT__entry(
		__string(name, dev_name(&vq->dev->dev))
		__field(u16, index)
		__field(u8, how)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->index = vq->index;
		__entry->how = how;
	),
	TP_printk("%s vq%u %s", __get_str(name), __entry->index,
		  vduse_show_how(__entry->how))
);

#define vduse_show_irq(how) __print_symbolic(how,		\
	{ VDUSE_IRQ_DIRECT,	"direct" },			\
	{ VDUSE_IRQ_QUEUED,	"queued" },			\
	{ VDUSE_IRQ_EVENTFD,	"eventfd" })

TRACE_EVENT(vduse_interrupt,
	TP_PROTO(struct vduse_queue *vq, enum vduse_irq_how how),
	TP_ARGS(vq, how),
	TP_STRUCT__entry(
		__string(name, dev_name(&vq->dev->dev))
		__field(u16, index)
		__field(u8, how)
		__field(u32, cpu)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->index = vq->index;
		__entry->how = how;
		__entry->cpu = how == VDUSE_IRQ_QUEUED ? vq->irq_cpu :
			       raw_smp_processor_id();
	),
	TP_printk("%s vq%u %s cpu=%u", __get_str(name), __entry->index,
		  vduse_show_irq(__entry->how), __entry->cpu)
);

#endif /* VDUSE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
