#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What our module's extensions do, each point with what a device without them
# does, and the stock module. tests/kmod/ext*.c say what is done.

# shellcheck disable=SC2154 # output: set by capture

load helpers
load 85-ext

@test "ext: negotiation: what does not exist or does not fit is refused" {
	sees negotiate <<-'END'
	stock get: EINVAL
	ext get: 0
	ext extensions: 0x1f
	stock get to nowhere: EINVAL
	ext get to nowhere: EFAULT
	stock setup: EINVAL
	ext setup: 0
	stock instances: EINVAL
	ext instances: 0
	ext instances: 0x3
	stock instance=4: EINVAL
	ext instance=4: EINVAL
	stock instance=3: EINVAL
	ext instance=3: 0
	stock instance of nowhere: EINVAL
	ext instance of nowhere: EFAULT
	ext all but resume: 0
	ext extensions=20: EINVAL
	ext extensions=1<<63: EINVAL
	ext flags=2: EINVAL
	ext reserved: EINVAL
	ext required alone: EINVAL
	ext required: 0
	ext access alone: EINVAL
	ext access: 0
	ext access of nowhere: EFAULT
	ext access=8: EINVAL
	ext acked alone: EINVAL
	ext acked: 0
	ext timeouts alone: EINVAL
	ext timeouts: 0
	ext setup of nowhere: EFAULT
	ext resume without suspend: EINVAL
	ext resume with suspend: 0
	ext required and not offered: EINVAL
	ext required and offered: 0
	ext too short a map: EINVAL
	ext too long a map: EINVAL
	stock abort: EINVAL
	ext abort: ENOENT
	stock abort of nowhere: EINVAL
	ext abort of nowhere: EFAULT
	stock info: EINVAL
	ext info: ENOENT
	stock info of nowhere: EINVAL
	ext info of nowhere: EFAULT
	END
}

@test "ext: negotiation: for one device of one open file; a cache that is switched" {
	sees used-once <<-'END'
	stock setup: EINVAL
	ext setup: 0
	ext first: extensions 0x2
	ext second: extensions 0x0
	ext a create that fails: EINVAL
	ext after it: extensions 0x2
	ext a setup that fails: EINVAL
	ext after it: extensions 0x2
	ext another file: extensions 0x0
	END
	sees wce <<-'END'
	stock without extensions: EINVAL
	ext without extensions: EINVAL
	stock nothing is writable: EINVAL
	ext nothing is writable: EINVAL
	stock others are writable: EINVAL
	ext others are writable: EINVAL
	stock it is writable: EINVAL
	ext it is writable: 0
	stock and acknowledged: EINVAL
	ext and acknowledged: 0
	END
	sees device-calls <<-'END'
	plain get config: ENOTTY
	plain set config: ENOTTY
	plain needs reset: ENOTTY
	plain get status: ENOTTY
	plain get status to nowhere: ENOTTY
	plain unknown: ENOTTY
	ext get config: 0
	ext set config: 0
	ext needs reset: EINVAL
	ext get status: 0
	ext get status to nowhere: EFAULT
	ext unknown: ENOTTY
	ext no CONFIG: get config: ENOTTY
	ext no CONFIG: set config: ENOTTY
	ext no RECOVER: needs reset: ENOTTY
	ext no RECOVER: get status: ENOTTY
	END
}

@test "ext: configuration: update and interrupt in one call, generations, read back" {
	sees update <<-'END'
	plain stock's update: 0
	plain the driver reads: 10
	own generations: 1
	plain read back: ENOTTY
	plain read back: 0
	plain update: ENOTTY
	plain the driver reads: 10
	own generations: 0
	plain update and interrupt without a driver: ENOTTY
	plain update and interrupt: 0 times
	plain the driver reads: 10
	own generations: 0
	plain interrupts without being asked for: 0
	ext stock's update: 0
	ext the driver reads: 10
	ext generations: 1
	ext read back: 0
	ext read back: 10
	ext update: 0
	ext the driver reads: 20
	ext generations: 1
	ext update and interrupt without a driver: 0
	ext update and interrupt: 5 times
	ext the driver reads: 45
	ext generations: 5
	ext interrupts without being asked for: 0
	END
	sees update-limits <<-'END'
	ext set all: 0
	ext get all: 0
	ext set the last byte: 0
	ext get the last byte: 0
	ext set nothing: EINVAL
	ext get nothing: EINVAL
	ext set the end: EINVAL
	ext get the end: EINVAL
	ext set beyond it: EINVAL
	ext get beyond it: EINVAL
	ext set too much: EINVAL
	ext get too much: EINVAL
	ext set around: EINVAL
	ext get around: EINVAL
	ext set very far: EINVAL
	ext get very far: EINVAL
	ext set flag 1: 0
	ext get flag 1: EINVAL
	ext set flag 2: EINVAL
	ext get flag 2: EINVAL
	ext set from nowhere: EFAULT
	ext get to nowhere: EFAULT
	ext set by nobody: EFAULT
	ext get by nobody: EFAULT
	END
}

@test "ext: configuration: read while the server stands still; a storm of resizes" {
	sees read-in-flight <<-'END'
	stock a read of the configuration: waits for the server
	own a read of the configuration: returns
	plain the status: waits for the server
	plain the read: 0
	plain the status: 0x3
	ext a read of the configuration: returns
	ext the status: waits for the server
	ext the read: 0
	ext the status: 0x3
	END
	sees update-storm <<-'END'
	ext a VMM reads: both 1, torn 0
	ext a generation for each update: 1
	ext a disk is as large: both 1, torn 0
	ext a generation for each update: 1
	END
}

@test "ext: configuration writes: posted, acknowledged, refused, in pieces" {
	sees write <<-'END'
	plain posted write: 0
	plain posted write: reads 0
	plain posted write: the server does not hear of it
	plain acknowledged write: 0
	plain acknowledged write: reads 0
	plain acknowledged write: the server does not hear of it
	ext posted write: 0
	ext posted write: reads 7
	ext posted write: the server is told
	ext posted write: type 0x80000001, offset 64, length 1, posted, first byte 7, generation of now
	ext posted write: answered: 0
	ext acknowledged write: type 0x80000001, offset 128, length 2, acknowledged, first byte 9, generation of now
	ext acknowledged write: waits before the answer
	ext acknowledged write: the server reads 9
	ext accepted: 0
	ext accepted: reads 9
	ext acknowledged write: type 0x80000001, offset 128, length 2, acknowledged, first byte 8, generation of now
	ext acknowledged write: waits before the answer
	ext acknowledged write: the server reads 8
	ext refused: 0
	ext refused: reads 9
	ext refused: 2 generations
	END
	sees write-refused <<-'END'
	plain outside: 0
	plain outside: bytes as before
	own outside: taken 0, refused 1, generations 0
	plain half outside: 0
	plain half outside: bytes as before
	own half outside: taken 0, refused 1, generations 0
	plain from outside to its end: 0
	plain from outside to its end: bytes as before
	own from outside to its end: taken 0, refused 1, generations 0
	plain behind the end: EINVAL
	plain behind the end: bytes as before
	own behind the end: taken 0, refused 0, generations 0
	plain messages: 0
	plain inside: 0
	plain inside: bytes as before
	own inside: taken 0, refused 1, generations 0
	plain messages of one inside: 0
	ext outside: 0
	ext outside: bytes as before
	ext outside: taken 0, refused 1, generations 0
	ext half outside: 0
	ext half outside: bytes as before
	ext half outside: taken 0, refused 1, generations 0
	ext from outside to its end: 0
	ext from outside to its end: bytes as before
	ext from outside to its end: taken 0, refused 1, generations 0
	ext behind the end: EINVAL
	ext behind the end: bytes as before
	ext behind the end: taken 0, refused 0, generations 0
	ext messages: 0
	ext inside: 0
	ext inside: bytes changed
	ext inside: taken 1, refused 0, generations 1
	ext messages of one inside: 1
	END
	sees write-pieces <<-'END'
	plain a long write: 0
	plain pieces: 0, 0 bytes
	plain reads: as before
	ext a long write: 0
	ext pieces: 3, 300 bytes
	ext reads: what was written
	ext over the border: 0
	ext over the border: acknowledged, 65 bytes
	END
}

@test "ext: configuration writes: a writer killed, a server that dies, too many" {
	sees write-killed write-restart write-full <<-'END'
	ext the writer: is killed
	ext the server reads: 9
	ext the server hears: type 0x80000001, offset 128, first byte 9
	ext pending: 3
	ext the same message: 1
	ext the next server hears: type 0x80000001, offset 64, first byte 1
	ext the next server hears: type 0x80000001, offset 64, first byte 2
	ext the next server hears: type 0x80000001, offset 64, first byte 3
	ext pending: 0
	ext pending: 64
	ext one more: waits
	ext one more: 0
	END
}

@test "ext: configuration writes: a disk's driver switches its cache, and waits a while" {
	sees write-virtio <<-'END'
	plain at first: write back
	plain write through: EACCES
	ext at first: write back
	ext write through: 0
	ext write through: write through
	ext write through: the server hears of 32: 0
	ext write back, refused: 0
	ext write back, refused: write through
	ext write back, nobody answers: 0
	ext write back, nobody answers: write back
	ext write back, later: type 0x80000001, offset 32, first byte 1
	ext status: 0x4f
	END
}

@test "ext: reads that clear: each code is read once, and no read waits" {
	sees clear clear-alone <<-'END'
	plain a read: 0xaaaaaaaa
	plain another one: 0xaaaaaaaa
	plain bytes left: 60
	own generations: 0
	plain messages of it: 0
	ext a read: 0xaaaaaaaa
	ext another one: 0x0
	ext bytes left: 56
	ext generations: 0
	ext messages of it: 1
	ext codes: 200 read once, 0 lost, 0 read twice, 0 strange
	ext the server hears: of 200 reads, 0 of other bytes
	ext counted: 200
	ext a read: 1
	ext a read: 2
	ext a read: 3
	ext the server hears: of 3 reads, from 40 to 44
	END
}

@test "ext: features: only what is offered, with what is required" {
	sees features <<-'END'
	plain never offered: taken: 0
	plain never offered: status: 0xb
	plain without one that is required: taken: 0
	plain without one that is required: status: 0xb
	plain none: taken: 0
	plain none: status: 0xb
	plain all: taken: 0
	plain all: status: 0xb
	plain refused by the server: taken: 0
	plain refused by the server: status: 0x3
	plain all again: taken: 0
	plain all again: status: 0xb
	own driver features: 0x300000020
	ext never offered: taken: EINVAL
	ext never offered: status: 0x3
	ext without one that is required: taken: EINVAL
	ext without one that is required: status: 0x3
	ext none: taken: EINVAL
	ext none: status: 0x3
	ext all: taken: 0
	ext all: status: 0xb
	ext refused by the server: taken: 0
	ext refused by the server: status: 0x3
	ext all again: taken: 0
	ext all again: status: 0xb
	ext driver features: 0x300000020
	END
	expect_dmesg 'probe with driver virtio_blk failed with error -22'
	sees features-virtio <<-'END'
	plain required, and the driver does not know it: 1 disks
	plain required, and the driver knows it: 1 disks
	ext required, and the driver does not know it: 0 disks
	ext required, and the driver knows it: 1 disks
	END
}

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
	plain reset, refused: status 0
	plain reset, acknowledged: 0
	plain reset, acknowledged: status 0
	ext reset, refused: EIO
	ext reset, refused: status not 0
	ext reset, acknowledged: 0
	ext reset, acknowledged: status 0
	END
	sees reset-late reset-abort reset-driver <<-'END'
	plain reset, not answered: EIO
	plain reset, not answered: status 0
	plain a late answer: ENOENT
	plain after it: 0
	plain after it: status 0
	plain reset, acknowledged: EIO
	plain reset, acknowledged: status 0
	ext reset, not answered: EIO
	ext reset, not answered: status not 0
	ext a late answer: ENOENT
	ext after it: 0
	ext after it: status not 0
	ext reset, acknowledged: 0
	ext reset, acknowledged: status 0
	ext reset, not answered: waits
	ext abort: 0
	ext reset, aborted: 0
	ext reset, nobody there: 0
	ext reset, nobody there: status 0
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

@test "ext: a hostile server does not hold up memory of a VMM" {
	sees hostile-mmap <<-'END'
	plain mmap() of a VMM whose update is not answered: waits
	ext mmap() of a VMM whose update is not answered: goes on
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
	END
}
