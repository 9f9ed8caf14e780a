#compdef wildcard
# Completion of wildcard for zsh. As _wildcard in a folder of fpath, or in ~/.zshrc: source <(wildcard completion zsh)

_wildcard() {
	local -a answer described
	local one
	answer=("${(@f)$(printf '%s\n' "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" | ${(Q)words[1]} completion words 2>/dev/null)}")
	case $answer[1] in
	'') return 1 ;;
	:files) compset -P '--*='; _files ;;
	:dirs) compset -P '--*='; _files -/ ;;
	*)
		for one in $answer; do
			described+=("${${one%%$'\t'*}//:/\\:}:${one#*$'\t'}")
		done
		_describe wildcard described
		;;
	esac
}

compdef _wildcard wildcard
# Loaded from fpath, this file is the function's first call.
[[ $funcstack[1] != _wildcard ]] || _wildcard
