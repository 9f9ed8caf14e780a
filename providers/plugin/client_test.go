package plugin_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"wildcard/providers"
)

// Who gives up on one request of a plugin that takes several does not end it: the others go on, in the same process, and the
// answer to a call that was given up is passed over.
func TestAsk_CallerGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.program("wildcard-dns-patient", `#!/bin/sh
field() { printf '%s\n' "$line" | sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }
held=
echo started >&2
while IFS= read -r line; do
	id=$(printf '%s\n' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
	reply="{\"protocol\":1,\"id\":$id,\"fqdn\":\"$(field fqdn)\""
	case $(field op) in
	describe) echo "$reply,\"concurrent\":true}" ;;
	present) # the first waits for the cleanup, and is answered before it
		if [ -z "$held" ]; then held="$reply}"; echo waiting >&2; else echo "$reply}"; fi ;;
	cleanup) echo "$held"; echo "$reply}" ;;
	*) echo "$reply}" ;;
	esac
done
`)
	a := w.must("example.com=plugin:patient")
	ctx, cancel := context.WithCancelCause(t.Context())
	errs := make(chan error, 1)
	go func() { _, err := a.Present(ctx, challenge("1")); errs <- err }()
	w.said("waiting")
	enough := errors.New("enough")
	cancel(enough)
	if err := <-errs; !errors.Is(err, enough) || providers.ClassOf(err) != providers.Temporary {
		t.Errorf("%v", err)
	}
	if _, err := a.Present(t.Context(), challenge("2")); err != nil {
		t.Error(err)
	}
	if err := a.CleanUp(t.Context(), challenge("2"), ""); err != nil {
		t.Error(err)
	}
	if started := strings.Count(w.stderr.String(), "started"); started != 2 {
		t.Errorf("started %d times, want twice: to describe itself and to work\n%s", started, w.stderr)
	}
}
