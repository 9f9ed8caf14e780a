package cli

import (
	"context"
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

// cause is why a context ended, nil if it did not.
func cause(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}
