#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The main job, shown as a transcript: every line behind a $ is really run, and
# the first one that fails ends the show. `make demo` runs it in a throwaway
# VM, `make demo HOST=1` on this host.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd -P)
build=$(realpath -m "${O:-$top/build}")
PATH=$build:$build/tests:$PATH
name=demo0
node='' vnode='' host_sum='' vm_sum=''
dir=$(mktemp -d)

clean_up() {
	mountpoint -q "$dir/mnt" && umount "$dir/mnt"
	vdusectl destroy --if-exists "$name" || true
	rm -rf "$dir"
}
trap clean_up EXIT

# Print a command as a user would type it, then run it.
show() {
	printf '\n$ %s\n' "$*"
	(cd "$dir" && eval "$*")
}

# The same, keeping what it printed.
show_into() {
	local variable=$1
	shift
	printf '\n$ %s\n' "$*"
	printf -v "$variable" '%s' "$(cd "$dir" && eval "$*")"
	printf '%s\n' "${!variable}"
}

say() { printf '\n# %s\n' "$*"; }

say 'What can this host do?'
show 'vdusectl doctor' || true

say 'A 10 GiB disk that a process serves.'
show "vdusectl create blk --size 10G $name"
show 'vdusectl list'

say 'Give it to this host.'
show_into node "vdusectl bind virtio $name"
show 'vdusectl list'

say 'Use it like any disk.'
show "mkfs.ext4 -q $node"
show "mkdir mnt && mount $node mnt"
show 'dd if=/dev/urandom of=data bs=1M count=32 status=none'
show 'cp data mnt/data && sync mnt/data'
show 'echo 3 > /proc/sys/vm/drop_caches'
show 'sha256sum data mnt/data'
sums=$(cd "$dir" && sha256sum data mnt/data | cut -d' ' -f1 | uniq | wc -l)
[ "$sums" = 1 ] || { echo 'the data differ' >&2; exit 1; }

say 'Look inside.'
show "vdusectl dump vq $name"
show "vdusectl dump config $name"
show "vdusectl stats $name"

say 'In use means in use.'
show "vdusectl destroy $name || echo \"exit code \$?\""
show 'umount mnt'

say 'The same disk for a virtual machine: a virtio driver in user space reads it.'
show_into host_sum "dd if=$node bs=1M count=64 iflag=direct status=none | sha256sum"
show "vdusectl unbind $name"
show_into vnode "vdusectl bind vhost $name"
show_into vm_sum "vhost-blk $vnode read 0 67108864 | sha256sum"
[ "$host_sum" = "$vm_sum" ] || { echo 'the data differ' >&2; exit 1; }

say 'And away with it.'
show "vdusectl destroy $name"
show 'vdusectl list'
say 'Done: nothing is left.'
