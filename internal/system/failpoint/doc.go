// Package failpoint lets a test end a program, or fail it, at any of its outward steps: before and after each request, write,
// fsync, link, rename, exchange and unlink.
//
// It exists under the build tag failpoint alone. Without it, [Hit] and [Do] are inlined to nothing, and no program has a
// trace of them, of their names or of a variable that they would obey. With it, each process counts its points from 1 and
// obeys two variables:
//
//	WILDCARD_FAILPOINT_LOG=FILE      append a line to FILE for each point: its number and its name
//	WILDCARD_FAILPOINT=N:ACTION      do ACTION at point N: kill (SIGKILL), term (SIGTERM), ENOSPC or EIO
//	WILDCARD_FAILPOINT=N:ACTION:A|B  the same, but N counts only points with A or B in their names
//
// A signal is sent to the process itself. An error is what the step comes to: before a step, the step is not made; after it,
// it was made and the caller is not told. For a request both are a connection lost, before it was sent or with the reply on its way.
//
// The tests that walk along the points of a program are TestSweep… of internal/cli and hooks. They sample with a fixed seed;
// with WILDCARD_SWEEP=whole they take each action at each point:
//
//	go test -tags failpoint -run Sweep -v -parallel 12 ./internal/cli ./hooks
//	WILDCARD_SWEEP=whole go test -tags failpoint -run Sweep -v -parallel 12 -timeout 3h ./internal/cli ./hooks
//
// TestSweepSystemCalls of e2e does the same to system calls of the programs as they are, by strace:
//
//	WILDCARD_SWEEP=whole go test -tags e2e -run SweepSystemCalls -v -timeout 3h ./e2e
package failpoint
