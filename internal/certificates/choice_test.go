package certificates

import (
	"reflect"
	"testing"

	"wildcard/internal/fault"
	"wildcard/internal/lineage"
	"wildcard/providers"
)

// A firm choice counts more than what is stored, and that more than another; where nothing is said, conoha it is.
func TestDNS_Over(t *testing.T) {
	t.Parallel()
	spec := func(name string) []providers.Spec { return []providers.Spec{{Name: name}} }
	firm := DNS{
		Providers: Choice[[]providers.Spec]{spec("rfc2136"), true}, EnvFile: Choice[string]{"/given", true},
		Resolvers: Choice[[]string]{nil, true}, ExtraWait: Choice[string]{"5", true},
	}
	loose := firm
	loose.Providers.Firm, loose.EnvFile.Firm, loose.Resolvers.Firm, loose.ExtraWait.Firm = false, false, false, false
	stored := lineage.Settings{Providers: spec("designate"), EnvFile: "/stored", Resolvers: []string{"192.0.2.1:53"}, ExtraWait: "7", CACache: "9"}
	for name, c := range map[string]struct {
		dns          DNS
		stored, want lineage.Settings
	}{
		"firm over stored":   {firm, stored, lineage.Settings{Providers: spec("rfc2136"), EnvFile: "/given", ExtraWait: "5", CACache: "9"}},
		"stored over loose":  {loose, stored, stored},
		"loose over nothing": {loose, lineage.Settings{}, lineage.Settings{Providers: spec("rfc2136"), EnvFile: "/given", ExtraWait: "5"}},
		"nothing at all":     {DNS{}, lineage.Settings{}, lineage.Settings{Providers: spec("conoha")}},
	} {
		got := c.stored
		if err := c.dns.Over(&got); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, bad := range []lineage.Settings{{ExtraWait: "soon"}, {CACache: "-1"}} {
		if err := (DNS{}).Over(&bad); fault.CodeOf(err) != fault.CodeBadSettings {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
