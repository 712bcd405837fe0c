# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests of the module's extensions by kmod-ext (tests/kmod/ext*.c). Wants
# helpers, which whoever loads this has loaded from where he is.

# shellcheck disable=SC2154 # output: set by capture

setup_file() {
	guest_setup_file
	modprobe -a vduse virtio_vdpa vhost_vdpa virtio_blk
	if "$O/tests/kmod-ext" own; then
		export EXT_MODULE=own
	else
		export EXT_MODULE=stock
	fi
}

# The programs leave it off.
teardown_file() {
	echo 1 > /sys/bus/vdpa/drivers_autoprobe
	guest_teardown_file
}

# sees TEST...: on stdin, what kmod-ext TEST... sees, a line each. A line begins
# with the sort of device that it is about: "plain" has no extensions, "ext" has
# some, so only on our module; "stock" and "own" are plain on that module only.
sees() {
	local sort rest want=''

	while read -r sort rest; do
		case $EXT_MODULE:$sort in
		*:plain|own:ext) want+="$sort $rest"$'\n' ;;
		own:own|stock:stock) want+="plain $rest"$'\n' ;;
		own:stock|stock:own|stock:ext) ;;
		*) fail "what is '$sort $rest'?" ;;
		esac
	done
	RUN_TIMEOUT=100 run_ok "$O/tests/kmod-ext" "$@"
	diff <(printf '%s' "$want") <(sed '/^#/d; /^$/d' <<< "$output") ||
		fail "it sees something else"
}
