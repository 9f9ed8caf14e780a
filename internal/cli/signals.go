package cli

import (
	"runtime/debug"
)

// version is that of the module, as the Go command put it into the program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func userAgent() string { return "wildcard/" + version() }
