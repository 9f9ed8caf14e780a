# Completion of wildcard for bash 4.4 and later. In ~/.bashrc: source <(wildcard completion bash)

_wildcard() {
	local line=${COMP_LINE:0:COMP_POINT} current answer one
	local -a words
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=('')
	current=${words[-1]}
	mapfile -t answer < <(printf '%s\n' "${words[@]:1}" | "${words[0]/#\~/$HOME}" completion words 2>/dev/null)
	COMPREPLY=()
	case ${answer[0]-} in
	:files) mapfile -t COMPREPLY < <(compgen -f -- "${current#--*=}") && compopt -o filenames 2>/dev/null ;;
	:dirs) mapfile -t COMPREPLY < <(compgen -d -- "${current#--*=}") && compopt -o filenames 2>/dev/null ;;
	*)
		for one in "${answer[@]}"; do
			one=${one%%$'\t'*}
			# What bash replaces begins after the last = or : of the word.
			[[ $current != *[=:]* ]] || one=${one#"${current%"${current##*[=:]}"}"}
			COMPREPLY+=("$one")
		done
		[[ ${COMPREPLY[*]-} != *[=:] ]] || compopt -o nospace 2>/dev/null
		;;
	esac
	return 0
}

complete -F _wildcard wildcard
