# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion: what a word can become is asked from vdusectl itself. Does
# not need the bash-completion package.

_vdusectl()
{
	local rest=${COMP_LINE:0:COMP_POINT} line candidate current tail cut=
	local breaks=${COMP_WORDBREAKS//[^:=]} words=() i

	# bash splits words at ':' and '='; join again what stands together.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		line=${rest#"${rest%%[![:space:]]*}"}
		if ((i == COMP_CWORD)); then
			candidate=$line
		else
			candidate=${COMP_WORDS[i]}
		fi
		if ((i == 0)) || [[ $line != "$rest" || -z $rest ]]; then
			words+=("$candidate")
		else
			words[${#words[@]} - 1]+=$candidate
		fi
		rest=${line#"$candidate"}
	done
	words=("${words[@]//\\/}")
	current=${words[${#words[@]} - 1]}

	# readline replaces only what follows the last break.
	if [[ $breaks ]]; then
		tail=${current##*["$breaks"]}
		cut=${current%"$tail"}
	fi
	COMPREPLY=()
	while IFS= read -r line; do
		candidate=${line%%$'\t'*}
		COMPREPLY+=("$(printf %q "${candidate#"$cut"}")")
	done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)

	if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[/:,=] ]]; then
		compopt -o nospace 2>/dev/null
	fi
}

complete -F _vdusectl vdusectl
