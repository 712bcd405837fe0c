# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion: what a word can become is asked from vdusectl itself.

function __vdusectl_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	$words[1] __complete $words[2..-1] "$current" 2>/dev/null
end

complete -c vdusectl -f -a '(__vdusectl_complete)'
