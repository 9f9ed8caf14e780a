package cli

import (
	"runtime/debug"
	"testing"
)

// What the Go command puts into a program differs with where it is built: in a repository, from the module proxy, from sources alone.
func TestVersion_BuiltFrom(t *testing.T) {
	t.Parallel()
	settings := func(pairs ...string) (all []debug.BuildSetting) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
		}
		return all
	}
	hash := "886e247000000000000000000000000000000000"
	for name, c := range map[string]struct {
		info *debug.BuildInfo
		want versionAnswer
	}{
		"nothing is known": {nil, versionAnswer{Version: "devel"}},
		"sources alone":    {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, versionAnswer{Version: "devel"}},
		"-buildvcs, older Go": {
			&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings("vcs.revision", hash, "vcs.modified", "false")},
			versionAnswer{Version: "devel", Commit: hash},
		},
		"repository with changes": {
			&debug.BuildInfo{
				Main:     debug.Module{Version: "v0.0.0-20261129044357-886e24700000+dirty"},
				Settings: settings("vcs.revision", hash, "vcs.time", "2026-11-29T04:43:57Z", "vcs.modified", "true"),
			},
			versionAnswer{Version: "v0.0.0-20261129044357-886e24700000+dirty", Commit: hash, Modified: true},
		},
		"tag": {
			&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: settings("vcs.revision", hash)},
			versionAnswer{Version: "v1.2.3", Commit: hash},
		},
		"module proxy": {
			&debug.BuildInfo{Main: debug.Module{Version: "v1.2.4-0.20261129044357-886e24700000"}},
			versionAnswer{Version: "v1.2.4-0.20261129044357-886e24700000", Commit: "886e24700000"},
		},
	} {
		got := versionOf(c.info)
		if got.Version != c.want.Version || got.Commit != c.want.Commit || got.Modified != c.want.Modified {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if got.Go == "" || got.Platform == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
