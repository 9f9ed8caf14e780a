// Package e2e holds the tests in which programs that we did not write meet ours: real certbot runs the hooks against the
// offline ConoHa and Pebble. They are behind the tag e2e, under which a missing program is a failure, never a skip:
//
//	go test -tags e2e ./...
package e2e
