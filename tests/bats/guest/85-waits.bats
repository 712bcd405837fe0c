#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What our module's extensions do, continued: status, waiting, inspection,
# suspend. Each point with what a device without them does, and the stock module.

# shellcheck disable=SC2154 # output: set by capture

load helpers
load 85-ext

@test "ext: status: the server needs a reset; a reset that is refused, late, aborted" {
	sees needs-reset reset-refused <<-'END'
	plain the server sees: ENOTTY
	plain needs reset: ENOTTY
	plain status: 0xf
	plain messages: 0
	ext the server sees: 0xf
	ext needs reset: 0
	ext interrupts: 1
	ext status: 0x4f
	ext messages: 0
	ext the server sees: 0x4f
	ext begun anew: 0xf
	plain reset, refused: EIO
	plain reset, refused: status 0x0
	plain reset, acknowledged: 0
	plain reset, acknowledged: status 0x0
	ext reset, refused: EIO
	ext reset, refused: status 0x40
	ext and another status: 0x40, 0 messages
	ext reset, acknowledged: 0
	ext reset, acknowledged: status 0x0
	END
	sees reset-late reset-abort reset-driver <<-'END'
	plain reset, not answered: EIO
	plain reset, not answered: status 0x0
	plain a late answer: ENOENT
	plain after it: 0
	plain after it: status 0x0
	plain reset, acknowledged: EIO
	plain reset, acknowledged: status 0x0
	ext reset, not answered: EIO
	ext reset, not answered: status 0x40
	ext a late answer: ENOENT
	ext after it: 0
	ext after it: status 0x40
	ext reset, acknowledged: 0
	ext reset, acknowledged: status 0x0
	ext reset, not answered: waits
	ext abort: 0
	ext reset, aborted: 0
	ext reset, nobody there: 0
	ext reset, nobody there: status 0x0
	ext unbind, nobody answers: 0
	ext unbind, nobody answers: status 0x0
	ext unbind, nobody answers: ENOTCONN
	ext bind, the next server: 0
	ext bind, the next server: status 0xe
	ext unbind, refused: 0
	ext unbind, refused: status 0x0
	ext unbind, refused: ENOTCONN
	ext bind, the next server: 0
	ext bind, the next server: status 0xe
	END
}

@test "ext: a late server costs a reset, and not the device" {
	sees late <<-'END'
	plain not answered in time: EIO
	plain a late answer: ENOENT
	plain status: 0xf
	plain interrupts: 0
	own the module says: late 1, broken 1, last error ETIMEDOUT of 0
	plain the server: poll says err
	plain a call of the server: EPERM
	plain the next server, a reset: 0x0
	plain status: 0x0
	plain the next message: EIO
	ext not answered in time: EIO
	ext a late answer: ENOENT
	ext status: 0x4f
	ext interrupts: 1
	ext the module says: late 1, broken 0, last error ETIMEDOUT of 0
	ext the server: poll says
	ext a call of the server: 0
	ext the next server, a reset: 0x0
	ext status: 0xf
	ext the next message: 0
	END
	expect_dmesg 'virtio: device refuses features: 0'
	sees late-disk <<-'END'
	plain the disk: read and written, status 0xf
	plain unbind, nobody answers: 0
	plain status: 0x0
	plain bind: ENODEV
	plain status: 0x0
	ext cache switched, nobody answers: 0
	ext the disk: read and written, status 0x4f
	ext unbind: 0
	ext status: 0x1
	ext bind: 0
	ext the disk: read and written, status 0xf
	END
}

@test "ext: waiting: a VMM waits until it is answered, or killed" {
	sees vhost-waits vhost-killed <<-'END'
	plain after longer than a driver waits: the VMM has given up
	plain status: 0x0
	ext after longer than a driver waits: the VMM waits
	ext status: 0x3
	plain a VMM that waits: is killed
	ext a VMM that waits: is killed
	END
}

@test "ext: waiting: a VMM killed while its server stands still" {
	sees killed-vmm <<-'END'
	plain a killed VMM: waits in state D until the message is too late
	ext a killed VMM: goes while nobody answers
	ext the next one: status 0x0
	END
}

@test "ext: abort ends a VMM's wait and a driver's, and cuts the server off" {
	sees abort <<-'END'
	stock abort: EINVAL
	stock the VMM: waits
	own abort: 0
	own the VMM: comes back
	own aborted: connected 0, aborted 1, broken 1
	own poll: err 1, hup 1
	own read: ENOTCONN
	own answer: ENOTCONN
	own call: ENOTCONN
	own interrupt: ENOTCONN
	own the next call of the VMM: 0
	own another server: connected 1, aborted 0, broken 1
	ext abort: 0
	ext the VMM: comes back
	ext aborted: connected 0, aborted 1, broken 0
	ext poll: err 1, hup 1
	ext read: ENOTCONN
	ext answer: ENOTCONN
	ext call: ENOTCONN
	ext interrupt: ENOTCONN
	ext the next call of the VMM: EINVAL
	ext another server: connected 1, aborted 0, broken 0
	ext status: needs reset
	ext begun anew: 0xf
	END
	expect_dmesg 'virtio_vdpa: probe of .* failed|probe with driver virtio_(blk|vdpa) failed'
	expect_dmesg 'virtio: device refuses features'
	sees abort-bind abort-memory <<-'END'
	plain the bind: waits
	stock abort: ENOENT
	stock the bind: waits
	own abort: 0
	own the bind: ends
	ext the bind: waits
	ext abort: 0
	ext the bind: ends
	own the ring: can be read
	own abort: 0
	own the ring: is gone
	own status: 0xf
	ext the ring: can be read
	ext abort: 0
	ext the ring: is gone
	ext status: 0xf
	ext the next server: the ring can be read
	END
}

# There must be one driver for what is attached.
@test "ext: a hostile server holds up nobody but its driver" {
	modprobe -r vhost_vdpa
	defer modprobe vhost_vdpa
	sees hostile <<-'END'
	plain the look-up of a netlink family: waits
	plain a list of devices: waits
	plain attaching and detaching another one: waits
	plain I/O of a disk: goes on
	plain it is attached: when it answers
	plain when it answers: it is a disk
	plain the look-up of a netlink family: waits
	plain a list of devices: waits
	plain attaching and detaching another one: waits
	plain I/O of a disk: goes on
	plain it is detached: when it answers
	plain when it answers: it is gone
	ext the look-up of a netlink family: goes on
	ext a list of devices: goes on
	ext attaching and detaching another one: goes on
	ext I/O of a disk: goes on
	ext it is attached: soon
	ext when it answers: it is a disk
	ext the look-up of a netlink family: goes on
	ext a list of devices: goes on
	ext attaching and detaching another one: goes on
	ext I/O of a disk: goes on
	ext it is detached: soon
	ext when it answers: it is gone
	END
}

@test "ext: a hostile server does not hold up memory of a VMM; what is detached can go" {
	sees hostile-mmap detached <<-'END'
	plain mmap() of a VMM whose update is not answered: waits
	ext mmap() of a VMM whose update is not answered: goes on
	plain destroyed when detached: 0 times busy
	ext destroyed when detached: 0 times busy
	END
}

@test "ext: inspection: all that the module knows of a device, by number and name" {
	sees info info-list <<-'END'
	own made: type 2, vendor 0x1af4, 2 queues, 72 bytes
	own made: features 0x300000000 0x0, required 0x0
	own made: extensions 0x0, instance 0x0, version 0
	own made: status 0x0, timeouts 30 30, bounce 67108864
	own made: connected 1, served by us 1, on the right bus 1
	own made: 2 queues, 0 messages
	own attached: 1
	own in use: type 2, vendor 0x1af4, 2 queues, 72 bytes
	own in use: features 0x300000000 0x300000000, required 0x0
	own in use: extensions 0x0, instance 0x0, version 0
	own in use: status 0xf, timeouts 30 30, bounce 67108864
	own in use: connected 1, served by us 1, on the right bus 1
	own in use: 2 queues, 0 messages
	own a queue: 0: flags 0xb, size 32 of 64, kicks 1, interrupts 3
	own a queue: 1: flags 0x1, size 0 of 64, kicks 0, interrupts 0
	own a message: 1 pending, 1 seen: type 1, about 0x1f, queued, by us 1, of age 1
	own a message: 1 pending, 1 seen: type 1, about 0x1f, read, by us 1, of age 1
	own refused: 0 pending, failed 1, last error EIO of 1, of age 1
	own one queue: 1: index 1
	own queues behind the last: 0
	own queues behind all: 0
	own queues to nowhere: EFAULT
	own messages to nowhere, of none: 0
	own unknown: ENOENT
	own reserved: EINVAL
	own a name without an end: ENOENT
	own a name without an end, aborted: ENOENT
	own a disk: 1
	own without a server: connected 0, pid 0
	ext made: type 2, vendor 0x1af4, 2 queues, 72 bytes
	ext made: features 0x300000000 0x0, required 0x200000000
	ext made: extensions 0x17, instance 0x0, version 0
	ext made: status 0x0, timeouts 17 18, bounce 67108864
	ext made: connected 1, served by us 1, on the right bus 1
	ext made: 2 queues, 0 messages
	ext attached: 1
	ext in use: type 2, vendor 0x1af4, 2 queues, 72 bytes
	ext in use: features 0x300000000 0x300000000, required 0x200000000
	ext in use: extensions 0x17, instance 0x0, version 0
	ext in use: status 0xf, timeouts 17 18, bounce 67108864
	ext in use: connected 1, served by us 1, on the right bus 1
	ext in use: 2 queues, 0 messages
	ext a queue: 0: flags 0xb, size 32 of 64, kicks 1, interrupts 3
	ext a queue: 1: flags 0x1, size 0 of 64, kicks 0, interrupts 0
	ext a message: 1 pending, 1 seen: type 1, about 0x1f, queued, by us 1, of age 1
	ext a message: 1 pending, 1 seen: type 1, about 0x1f, read, by us 1, of age 1
	ext refused: 0 pending, failed 1, last error EIO of 1, of age 1
	ext one queue: 1: index 1
	ext queues behind the last: 0
	ext queues behind all: 0
	ext queues to nowhere: EFAULT
	ext messages to nowhere, of none: 0
	ext unknown: ENOENT
	ext reserved: EINVAL
	ext a name without an end: ENOENT
	ext a name without an end, aborted: ENOENT
	ext a disk: 1
	ext without a server: connected 0, pid 0
	own next: probe1, further on 1
	own next: probe0, further on 1
	own next: probe2, further on 1
	own next: ENOENT
	own made anew: probe0, further on 1
	ext next: probe1, further on 1
	ext next: probe0, further on 1
	ext next: probe2, further on 1
	ext next: ENOENT
	ext made anew: probe0, further on 1
	END
}

@test "ext: inspection: the same in sysfs; statistics; a device called ext" {
	sees info-sysfs <<-'END'
	own a line of messages: 0x1 0x1f, by us 1, queued
	own no message: ''
	own virtio_timeout=21: 0
	own virtio_timeout: 21
	own msg_timeout: 21
	own vhost_timeout=22: 0
	own vhost_timeout: 22
	own msg_timeout: 22
	own vhost_timeout=x: EINVAL
	own vhost_timeout: 22
	own msg_timeout: 22
	own vhost_timeout=-1: EINVAL
	own vhost_timeout: 22
	own msg_timeout: 22
	own virtio_timeout: 23
	ext a line of messages: 0x1 0x1f, by us 1, queued
	ext no message: ''
	ext virtio_timeout=21: 0
	ext virtio_timeout: 21
	ext msg_timeout: 21
	ext vhost_timeout=22: 0
	ext vhost_timeout: 22
	ext msg_timeout: 21
	ext vhost_timeout=x: EINVAL
	ext vhost_timeout: 22
	ext msg_timeout: 21
	ext vhost_timeout=-1: EINVAL
	ext vhost_timeout: 22
	ext msg_timeout: 21
	ext virtio_timeout: 23
	END
	sees info-name vstats <<-'END'
	own a device called ext: status 0xf
	plain a device called ext: status 0xf
	ext a device called ext: status 0xf
	ext a device called ext: status 0xf
	plain statistics: none
	ext statistics: of kicks and interrupts
	END
}

@test "ext: a server gives data to the driver's own buffers" {
	sees fill <<-'END'
	plain a call: ENOTTY
	ext no piece: EINVAL
	ext too many: EINVAL
	ext reserved: EINVAL
	ext done already: EINVAL
	ext pieces from nowhere: EFAULT
	ext nowhere: EFAULT
	ext what nobody has: 0
	ext 0: EINVAL
	ext a small one: EINVAL
	ext no beginning: EINVAL
	ext a ring: EINVAL
	ext over the end: EINVAL
	ext far too long: EINVAL
	ext far away: EINVAL
	ext given: 1
	ext to what is not to be read: 0
	ext refused: 1
	ext not taken: 0
	ext abort: 0
	ext cut off: ENOTCONN
	END
}

@test "ext: a buffer that the driver has back is not filled any more" {
	sees fill-late <<-'END'
	ext filled: 1
	ext afterwards: 0
	END
}

@test "ext: interrupts for several queues at once, by io_uring, and by an eventfd" {
	sees inject <<-'END'
	plain both: ENOTTY
	plain command: the first: EOPNOTSUPP
	plain an eventfd: ENOTTY
	ext before a driver: EINVAL
	ext command: before a driver: EINVAL
	ext both: 0
	ext both: refused 0x0, came 1 1
	ext the second: 0
	ext the second: refused 0x0, came 0 1
	ext one that there is not: EINVAL
	ext one that there is not: refused 0x4, came 1 0
	ext none: 0
	ext none: refused 0x0, came 0 0
	ext behind all: EINVAL
	ext behind all: refused 0x3, came 0 0
	ext command: the first: 0
	ext command: the first: came 1 0
	ext command: the second: 0
	ext command: the second: came 0 1
	ext command: one that there is not: EINVAL
	ext command: one that there is not: came 0 0
	ext command: another: EOPNOTSUPP
	ext reserved: EINVAL
	ext nowhere: EFAULT
	ext an eventfd: 0
	ext its signal: 1
	ext is read: 1
	ext another one: 0
	ext its signal: 1
	ext the first one's: 0
	ext the same for both: 0
	ext its signal: 1 1
	ext no file: EBADF
	ext no eventfd: EINVAL
	ext no queue: EINVAL
	ext less than none: EINVAL
	ext no more: 0
	ext its signal: 0 1
	END
}

@test "ext: suspend and resume: kicks are kept, interrupts refused" {
	sees suspend suspend-reset <<-'END'
	plain a VMM is offered: suspend 0, resume 0
	plain at first: a kick: arrives
	plain at first: an interrupt: 0
	plain at first: a configuration interrupt: 0
	plain suspend: EOPNOTSUPP
	ext a VMM is offered: suspend 1, resume 1
	ext at first: a kick: arrives
	ext at first: an interrupt: 0
	ext at first: a configuration interrupt: 0
	ext suspend: EIO
	ext refused: a kick: arrives
	ext refused: an interrupt: 0
	ext refused: a configuration interrupt: 0
	ext suspend: 0
	ext messages: suspend 2
	ext suspended: 1
	ext suspended: a kick: is kept
	ext suspended: an interrupt: EINVAL
	ext suspended: a configuration interrupt: 0
	ext the state of a queue: 0
	ext resume: EIO
	ext suspended: 1
	ext resume: 0
	ext the kick that was kept: arrives
	ext resumed: a kick: arrives
	ext resumed: an interrupt: 0
	ext resumed: a configuration interrupt: 0
	ext messages: resume 2
	ext a VMM is offered: suspend 1, resume 0
	ext resume: EOPNOTSUPP
	ext suspend: 0
	ext suspended: 1
	ext suspended: 0
	ext begun anew: a kick: arrives
	ext begun anew: an interrupt: 0
	ext begun anew: a configuration interrupt: 0
	END
}

@test "ext: queues that become ready, before DRIVER_OK and after" {
	sees queue-ready <<-'END'
	plain a queue: 0: 1 returns 0, ready 1, not told
	plain driver ok: 0xf
	plain a queue: 1: 1 returns 0, ready 1, not told
	plain a queue: 0: 0 returns 0, ready 0, not told
	plain a queue: 0: 1 returns 0, ready 1, not told
	plain refused: status 0xf
	plain a queue: 0: 1 returns 0, ready 1, not told
	ext a queue: 0: 1 returns 0, ready 1, told of 0: 1
	ext driver ok: 0xf
	ext a queue: 1: 1 returns 0, ready 1, told of 1: 1
	ext a queue: 0: 0 returns 0, ready 0, told of 0: 0
	ext a queue: 0: 1 returns 0, ready 0, told of 0: 1
	ext refused: status 0x4f
	ext a queue: 0: 1 returns 0, ready 1, told of 0: 1
	ext refused without RECOVER: status 0xb, broken 1
	ext a disk: 1 queues
	ext it goes: told of 0
	END
}
