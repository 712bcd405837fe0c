#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What our module's extensions do: negotiation, configuration, features. Each
# point with what a device without them does, and the stock module.
# tests/kmod/ext*.c say what is done.

# shellcheck disable=SC2154 # output: set by capture

load helpers
load 85-ext

@test "ext: negotiation: what does not exist or does not fit is refused" {
	sees negotiate <<-'END'
	stock get: EINVAL
	ext get: 0
	ext extensions: 0x7f
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
	ext extensions=80: EINVAL
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
	sees write-killed write-broken write-restart write-full <<-'END'
	ext the writer: is killed
	ext the server reads: 9
	ext the server hears: type 0x80000001, offset 128, first byte 9
	ext a late write: 0
	ext after it: broken 1, pending 0
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
