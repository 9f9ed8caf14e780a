# Completion of wildcard for fish. In ~/.config/fish/completions/wildcard.fish, or: wildcard completion fish | source

function __wildcard_complete
	set -l before (commandline -opc)
	set -l current (commandline -ct)
	set -l answer (printf '%s\n' $before[2..-1] "$current" | $before[1] completion words 2>/dev/null)
	set -l flag (string match -r '^--[^=]*=' -- "$current")
	set -l path (string replace -r '^--[^=]*=' '' -- "$current")
	switch "$answer[1]"
		case :files
			for one in (__fish_complete_path "$path")
				printf '%s%s\n' "$flag" $one
			end
		case :dirs
			for one in (__fish_complete_directories "$path")
				printf '%s%s\n' "$flag" $one
			end
		case '*'
			printf '%s\n' $answer
	end
end

complete -c wildcard -f -a '(__wildcard_complete)'
