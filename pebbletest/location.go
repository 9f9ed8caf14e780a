package pebbletest

import (
	"net/http"
	"strings"
)

// Where Pebble's orders are, and where they are finalized.
const (
	orderPath    = "/my-order/"
	finalizePath = "/finalize-order/"
)

// namesOrder is [Options.OrderLocation].
func namesOrder(acme http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, finalize := strings.CutPrefix(r.URL.Path, finalizePath); finalize {
			w.Header().Set("Location", "https://"+r.Host+orderPath+id)
		}
		acme.ServeHTTP(w, r)
	})
}
