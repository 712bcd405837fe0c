#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual against what it describes: the tables of the command line, the
# headers and symbols of the library, the control socket. Whatever is checked
# is read from the built page, as a reader sees it.

bats_require_minimum_version 1.5.0

ROOT=$BATS_TEST_DIRNAME/../../..

setup_file() {
	local source page

	cd "$ROOT" || return
	O=$(realpath "${O:-build}")
	export O VDUSECTL=$O/vdusectl
	export PAGES=$BATS_FILE_TMPDIR/pages
	mkdir "$PAGES"
	for source in man/*.scd; do
		page=$PAGES/$(basename "$source" .scd)
		scdoc < "$source" > "$page"
		render "$page" ascii .txt
	done
	"$VDUSECTL" __commands > "$PAGES/commands.json"
	"$VDUSECTL" __fields --json > "$PAGES/fields.json"
}

setup() {
	cd "$ROOT" || return
}

# render PAGE DEVICE SUFFIX: one endless page without hyphenation, in
# PAGESUFFIX. groff may say nothing about it.
render() {
	local said
	said=$(groff -t -ww -man "-T$2" -P-cbou -rcR=1 -rHY=0 -rLL=80n "$1" \
		2>&1 > "$1$3")
	[[ -z $said ]] || {
		printf '%s: %s\n' "$1" "$said"
		return 1
	}
}

commands() {
	jq -r '.commands[] | select(.hidden | not).name' "$PAGES/commands.json"
}

# section PAGE TITLE: its lines.
section() {
	awk -v title="$2" '/^[^ ]/ { on = $0 == title; next } on' \
		"$PAGES/$1.txt"
}

# Blanks and line ends become one blank; a line may have ended in a hyphen.
flat() {
	tr -s ' \t\n' ' ' | sed 's/\([a-z]\)- /\1-/g'
}

# The literal blocks of a page: they stand deeper than all other text.
literal() {
	awk '/^\.nf/ { on = 1 } on { print } /^\.fi/ { on = 0 }' "$PAGES/$1" |
		groff -man -Tascii -P-cbou -rLL=200n | sed '/./!d'
}

# same WHAT IS WANTED: two lists, line by line.
same() {
	diff -u --label "$1: page" --label "$1: program" \
		<(echo "$2") <(echo "$3")
}

@test "every command has a page, every page of a command has one" {
	same commands \
		"$(find man -name 'vdusectl-*.8.scd' -printf '%f\n' |
			sed 's/^vdusectl-\(.*\)\.8\.scd/\1/' | sort)" \
		"$(commands | sort)"
}

@test "pages are clean for groff and man, within 80 columns" {
	local page
	for page in "$PAGES"/*.[378]; do
		render "$page" utf8 .utf8
		[[ $(LC_ALL=C.UTF-8 wc -L < "$page.utf8") -le 80 ]]
		run --separate-stderr env LC_ALL=C.UTF-8 MANWIDTH=80 \
			man --warnings -P cat -l "$page"
		[[ $status == 0 && -z $stderr ]]
	done
}

@test "pages have the sections that readers expect" {
	local page title
	for page in "$PAGES"/*.[378]; do
		for title in NAME SYNOPSIS DESCRIPTION EXAMPLES "SEE ALSO"; do
			[[ $page == */vdusectl-json.7 && $title == SYNOPSIS ]] ||
				[[ -n $(section "${page##*/}" "$title") ]]
		done
		[[ $page != *.8 ]] ||
			[[ -n $(section "${page##*/}" OPTIONS) ]]
	done
}

@test "SYNOPSIS is the usage line of -h, NAME its summary" {
	local name usage summary
	for name in $(commands); do
		usage=$("$VDUSECTL" "$name" -h | sed -n 's/^Usage: //p')
		same "$name" "$(section "vdusectl-$name.8" SYNOPSIS | flat)" \
			" $usage "
		summary=$(jq -r --arg name "$name" '.commands[] |
			select(.name == $name).summary' "$PAGES/commands.json")
		same "$name" \
			"$(section "vdusectl-$name.8" NAME | flat)" \
			" vdusectl-$name - ${summary,} "
	done
	usage=$("$VDUSECTL" -h | sed -n 's/^Usage: //p')
	same vdusectl "$(section vdusectl.8 SYNOPSIS | flat)" " $usage "
}

# The headings of OPTIONS as they are to be; jq's input has the options.
option_headings() {
	jq -r "$1"' | map(
		(if .letter then "-\(.letter), " else "" end) +
		"--\(.name)" +
		(if .takes_value then " " + ([.argument // empty] + .choices |
			join("|")) else "" end)
	) | .[]' "$PAGES/commands.json"
}

@test "OPTIONS are those of the tables, letters and values included" {
	local name
	for name in $(commands); do
		same "$name" \
			"$(section "vdusectl-$name.8" OPTIONS |
				sed -n 's/^       -/-/p')" \
			"$(option_headings ".commands[] |
				select(.name == \"$name\").options")"
	done
	same vdusectl "$(section vdusectl.8 OPTIONS | sed -n 's/^       -/-/p')" \
		"$(option_headings .global_options)"
}

@test "no page names an option that does not exist" {
	local page option options
	options=$(jq -r '[.commands[].options[], .global_options[]] |
		.[].name' "$PAGES/commands.json")
	for page in "$PAGES"/vduse*.[78].txt; do
		# --libs and --cflags are pkg-config's, in libvduse.3 alone.
		while read -r option; do
			grep -qx -- "$option" <<< "$options" || {
				echo "$page: --$option"
				return 1
			}
		done < <(grep -oE -- '--[a-z][a-z-]*' "$page" | cut -c3-)
	done
}

@test "the command list of vdusectl.8 is complete, in order, with summaries" {
	same COMMANDS \
		"$(section vdusectl.8 COMMANDS | grep -o '^       [a-z]*$' |
			tr -d ' ')" \
		"$(commands)"
	local text name summary
	text=$(section vdusectl.8 COMMANDS | flat)
	while IFS=$'\t' read -r name summary; do
		[[ $text == *" $name $summary. vdusectl-$name(8) "* ]] || {
			echo "$name"
			return 1
		}
	done < <(jq -r '.commands[] | select(.hidden | not) |
		"\(.name)\t\(.summary)"' "$PAGES/commands.json")
}

@test "the exit codes of vdusectl.8 are those of the program" {
	same codes \
		"$(section vdusectl.8 "EXIT STATUS" |
			sed -n 's/^       \([0-9]*\)$/\1/p')" \
		"$(jq -r '.exit_codes[].code' "$PAGES/commands.json")"
	local text code meaning
	text=$(section vdusectl.8 "EXIT STATUS" | flat)
	while IFS=$'\t' read -r code meaning; do
		[[ ${text,,} == *" $code ${meaning,,}"[.\;]* ]] || {
			echo "$code: $meaning"
			return 1
		}
	done < <(jq -r '.exit_codes[] | "\(.code)\t\(.meaning)"' \
		"$PAGES/commands.json")
}

@test "the environment of vdusectl.8 is what the sources read" {
	same ENVIRONMENT \
		"$(section vdusectl.8 ENVIRONMENT |
			grep -oE '^       [A-Z].*' | tr -s ' ,' '\n' |
			sed '/^$/d' | sort)" \
		"$({
			grep -rhoE '(getenv|setenv)\("[A-Z_]+"' cli lib \
				--include=*.c
		} | grep -oE '[A-Z_]+' | sort -u)"
}

@test "the checks of vdusectl-doctor.8 are those of the program" {
	local root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/run"
	run env VDUSECTL_ROOT="$root" "$VDUSECTL" doctor --raw -n -o CHECK
	same checks \
		"$(section vdusectl-doctor.8 DESCRIPTION |
			grep -E '^       [a-z][a-z_-]*(, [a-z_ ,-]*)?$' |
			tr -s ' ,' '\n' | sed '/^$/d')" "$output"
}

@test "the fields of vdusectl-json.7 are those of the program, with types" {
	# Headings "   list, show: devices", rows "       key  type  help".
	same fields \
		"$(section vdusectl-json.7 OBJECTS | awk '
			/^   [a-z]/ {
				split($0, part, ":")
				gsub(/ /, "", part[1])
				n = split(part[1], names, ",")
				kind = part[2]
				gsub(/ /, "", kind)
				next
			}
			$2 ~ /^(string|integer|boolean|array)$/ {
				for (i = 1; i <= n; i++)
					print names[i], kind, $1, $2
			}' | LC_ALL=C sort)" \
		"$(jq -r '.fields[] |
			"\(.command) \(.object) \(.key) \(.type)"' \
			"$PAGES/fields.json" | LC_ALL=C sort)"
}

@test "the error object of vdusectl-json.7 is the one on stderr" {
	local keys want
	keys=$(section vdusectl-json.7 ERRORS | awk '
		$2 ~ /^(string|integer)$/ { print $1, $2 }' | sort)
	run --separate-stderr env VDUSECTL_ROOT="$BATS_TEST_TMPDIR" \
		"$VDUSECTL" --json destroy nosuchdevice
	[[ $status == 3 ]]
	want=$(jq -r 'to_entries[] | "\(.key) " +
		(.value | type | if . == "number" then "integer" else . end)' \
		<<< "$stderr" | sort)
	same "error object" "$keys" "$want"
}

@test "the stages are in vdusectl-json.7 and libvduse.3" {
	local stage stages
	stages=$(sed -n 's/.*\[VDU_STAGE_[A-Z]*\] = "\([a-z]*\)".*/\1/p' \
		lib/util/error.c)
	[[ $(wc -l <<< "$stages") -gt 10 ]]
	for stage in $stages; do
		section vdusectl-json.7 ERRORS | sed '/The stages:/,$!d' | flat |
			grep -q "[ :]${stage}[,.]"
		grep -q "VDU_STAGE_${stage^^} ($stage)" "$PAGES/libvduse.3.txt"
	done
}

@test "every public symbol is in libvduse.3, and no other" {
	same symbols \
		"$(flat < "$PAGES/libvduse.3.txt" |
			grep -oE '\bvdu_[a-z_0-9]+\(' | tr -d '(' |
			LC_ALL=C sort -u)" \
		"$(sed -n 's/^\t\(vdu_[a-z_0-9]*\);/\1/p' lib/libvduse.map |
			LC_ALL=C sort)"
}

# The declarations of functions in the public headers, a line each.
prototypes() {
	gcc -fpreprocessed -E -P lib/include/vduse/*.h 2> /dev/null |
		sed -e '/^#/d' -e '/^extern "C"/d' | tr '\n\t' '  ' |
		tr -s ' ' | tr ';' '\n' |
		sed -e 's/^ *//' -e 's/^} //' | grep 'vdu_[a-z_0-9]*)\?(' |
		sed 's/$/;/'
}

@test "the prototypes of libvduse.3 are those of the headers" {
	local text prototype n=0
	text=$(literal libvduse.3 | flat | sed 's/( /(/g')
	while read -r prototype; do
		n=$((n + 1))
		[[ $text == *"$prototype"* ]] || {
			echo "$prototype"
			return 1
		}
	done < <(prototypes)
	# All of the symbols, and the types of two functions of the caller.
	[[ $n == $(($(grep -c '^	vdu_' lib/libvduse.map) + 2)) ]]
}

@test "every constant and structure field of the headers is in libvduse.3" {
	local word text
	text=$(flat < "$PAGES/libvduse.3.txt")
	for word in $(grep -ohE '\bVDU_[A-Z][A-Z_]+\b' lib/include/vduse/*.h |
			sort -u); do
		[[ $text =~ ${word}[^A-Z_] ]] || {
			echo "$word"
			return 1
		}
	done
	for word in $(sed -n '/^struct vdu_blk_spec {/,/^};/p' \
			lib/include/vduse/spec.h |
			sed -n 's/^\t[a-z].* \([a-z_]*\)[;[].*/\1/p'); do
		literal libvduse.3 | grep -q "\b$word\b" || {
			echo "$word"
			return 1
		}
	done
}

@test "the example of libvduse.3 compiles without a warning and links" {
	local dir=$BATS_TEST_TMPDIR
	section libvduse.3 EXAMPLES | sed -n '/#include/,$p' > "$dir/example.c"
	grep -q 'int main' "$dir/example.c"
	gcc -std=c11 -Wall -Wextra -Werror -Ilib/include -o "$dir/example" \
		"$dir/example.c" -L"$O" -lvduse -Wl,-rpath,"$O"
	# Built with sanitizers, the library wants to be there first.
	ldd "$dir/example" | grep -q 'libvduse\.so\.0 => /'
}

# What kmod/uapi has, as words: constants, structures and their fields.
uapi_words() {
	local header=kmod/uapi/linux/vduse_ext.h
	{
		sed -n 's/^#define \(VDUSE_EXT_[A-Z_]*\)[	 ].*/\1/p' "$header" |
			grep -vxE 'VDUSE_EXT_(BASE|NAME_MAX)'
		sed -n 's/^struct \(vduse_ext_[a-z_]*\) {.*/\1/p' "$header"
		sed -n '/^struct/,/^}/s/^	[a-z_0-9]* \([a-z_]*\)[;[].*/\1/p' \
			"$header"
	} | LC_ALL=C sort -u
}

@test "every constant, structure and field of our module is in vduse.7, and no other" {
	local word text
	text=" $(flat < "$PAGES/vduse.7.txt") "
	[[ $(uapi_words | wc -l) -gt 100 ]]
	for word in $(uapi_words); do
		[[ $text =~ [^A-Za-z_]${word}[^A-Za-z_] ]] || {
			echo "$word"
			return 1
		}
	done
	same constants \
		"$(grep -oE '\bVDUSE_EXT_[A-Z_]+' "$PAGES/vduse.7.txt" |
			LC_ALL=C sort -u)" \
		"$(uapi_words | grep '^VDUSE_')"
}

@test "the numbers in vduse.7 are those of the headers" {
	local name number n=0
	{
		printf '#include <linux/%s>\n' vduse.h vduse_ext.h
		# In tables "NAME  0x80088100  type", in text "NAME (1".
		while read -r name number; do
			n=$((n + 1))
			echo "_Static_assert($name == $number, \"\");"
		done < <(flat < "$PAGES/vduse.7.txt" |
			grep -oE '\bVDUSE_[A-Z_0-9]+ (0x[0-9a-f]{8}|\((0x)?[0-9a-f]+)' |
			tr -d '(' | grep -vE '^VDUSE_(SET_VQ_GROUP_ASID|IOTLB_GET_FD2)')
	} > "$BATS_TEST_TMPDIR/numbers.c"
	[[ $n -gt 50 ]]
	gcc -Werror -fsyntax-only -idirafter kmod/uapi \
		"$BATS_TEST_TMPDIR/numbers.c"
	# Each call has one.
	for name in $(sed -n 's/^#define \(VDUSE_[A-Z_]*\)[	 ]*_IO.*/\1/p' \
			kmod/uapi/linux/vduse_ext.h /usr/include/linux/vduse.h); do
		grep -q "($name == 0x" "$BATS_TEST_TMPDIR/numbers.c"
	done
}

@test "sysfs attributes, parameters and trace events are in vduse.7, and no other" {
	local text n
	same sysfs \
		"$(section vduse.7 SYSFS |
			grep -xE ' {7}([a-zN]+/)?[a-z_]+(, ([a-zN]+/)?[a-z_]+)*' |
			tr -s ' ,' '\n' | sed -e 's|.*/||' -e '/^$/d' |
			LC_ALL=C sort -u)" \
		"$(grep -hoE '\b(VDUSE_EXT_NUMBER|(DEVICE|_)_ATTR[A-Z_]*)\([a-z][a-z_]*' \
			kmod/attrs*.c | sed 's/.*(//' | LC_ALL=C sort -u)"
	same parameters \
		"$(section vduse.7 "MODULE PARAMETERS" |
			sed -n 's/^       \([a-z_]*\)$/\1/p')" \
		"$(grep -hoE '\bmodule_param[a-z_]*\([a-z_]+' kmod/main.c |
			sed 's/.*(//')"
	same events \
		"$(section vduse.7 "TRACE EVENTS" | grep -E '^       vduse_' |
			tr -s ' ,' '\n' | sed '/^$/d')" \
		"$(sed -n 's/^TRACE_EVENT(\(.*\),$/\1/p' kmod/trace.h)"
	text=$(section vduse.7 "THE REVIEW" | flat)
	for n in {1..14}; do
		[[ $text =~ [\ ,]S${n}[\ ,] ]]
	done
}

@test "the example of vduse.7 compiles without a warning" {
	local dir=$BATS_TEST_TMPDIR
	section vduse.7 EXAMPLES | sed -n '/#include/,$p' > "$dir/example.c"
	grep -q 'int main' "$dir/example.c"
	mkdir "$dir/vduse"
	cp kmod/uapi/linux/vduse_ext.h "$dir/vduse"
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$dir" -o "$dir/example" \
		"$dir/example.c"
}

@test "every method and key of the control socket is in page and PROTOCOL.md" {
	local word page n=0
	page=$PAGES/vdusectl-control.7.txt
	for word in $(grep -oE '(INTERFACE "|"org\.varlink\.service)\.[A-Z][A-Za-z]+"' \
			lib/server/methods.c | sed -E 's/.*\.([A-Za-z]+)"/\1/' | sort -u); do
		n=$((n + 1))
		grep -qE "org\.(vdusectl\.Device|varlink\.service)\.$word\$" "$page"
		grep -q "[\`.]${word}[\`\"]" lib/server/PROTOCOL.md
	done
	[[ $n -ge 9 ]]
	for word in $(grep -oE '(put_[a-z0-9]+|object_add)\(to, "[a-z0-9_]+"' \
			lib/server/methods.c | sed 's/.*"\(.*\)"/\1/' | sort -u); do
		grep -qw "$word" "$page" || {
			echo "page lacks $word"
			return 1
		}
		grep -q "\`$word\`" lib/server/PROTOCOL.md || {
			echo "PROTOCOL.md lacks $word"
			return 1
		}
	done
}

@test "every method of the page and of PROTOCOL.md exists" {
	local word
	for word in $(section vdusectl-control.7 METHODS |
			grep -oE '^       org\.[A-Za-z.]+' | sed 's/.*\.//') \
			$(grep '^| `' lib/server/PROTOCOL.md | cut -d'|' -f2 |
			grep -oE '[A-Za-z]+`' | tr -d '`'); do
		grep -q "\.$word\"" lib/server/methods.c || {
			echo "$word"
			return 1
		}
	done
}

# The calls of vdusectl in the literal blocks of a page, a line each.
example_calls() {
	literal "$1" | sed -e ':again' -e '/\\$/N; s/\\\n/ /; t again' |
		grep -oE 'vdusectl( --json)? [a-z]+[^|)>]*' |
		sed -e 's/ 2$//' -e '/^vdusectl create, /d'
}

@test "the examples are command lines that the program accepts" {
	local page call words n=0
	for page in "$PAGES"/vdusectl*.8; do
		while read -r call; do
			read -ra words <<< "$call"
			n=$((n + 1))
			run --separate-stderr "$VDUSECTL" "${words[@]:1}" -h
			[[ $status == 0 && $output == Usage:* ]] || {
				echo "${page##*/}: $call: $stderr"
				return 1
			}
		done < <(example_calls "${page##*/}")
	done
	[[ $n -gt 35 ]]
}

@test "pages refer only to pages that exist" {
	local page name
	for page in "$PAGES"/*.[378]; do
		for name in $(flat < "$page.txt" |
				grep -oE '(vdusectl[a-z-]*|(lib)?vduse)\([0-9]\)'); do
			[[ -e $PAGES/${name%(*}.${name: -2:1} ]] || {
				echo "$page: $name"
				return 1
			}
		done
	done
}

@test "help COMMAND and --help show the page on a terminal" {
	local page dir=$BATS_TEST_TMPDIR/man call
	for page in "$PAGES"/*.[378]; do
		mkdir -p "$dir/man${page##*.}"
		cp "$page" "$dir/man${page##*.}/"
	done
	for call in "help create" "create --help"; do
		run env MANPATH="$dir" MANPAGER=cat TERM=dumb LC_ALL=C.UTF-8 \
			script -qec "'$VDUSECTL' $call" /dev/null
		[[ $status == 0 ]]
		[[ $output == *"vdusectl-create(8)"*"lowest free name"* ]]
	done
	# Without pages it is the usage text.
	run env MANPATH="$BATS_TEST_TMPDIR/none" \
		script -qec "'$VDUSECTL' help create" /dev/null
	[[ $output == "Usage: vdusectl create"* ]]
}
