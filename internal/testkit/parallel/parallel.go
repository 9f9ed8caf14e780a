// Package parallel runs more tests at the same time than there are processors, in packages whose tests wait most of the time: for
// packets that do not come, for the delays of servers, for processes of their own.
package parallel

import (
	"flag"
	"runtime"
	"strconv"
)

// each is how many tests run for each processor.
const each = 4

// Waiting is called at the beginning of TestMain, before the flags are read: -parallel on the command line is stronger.
func Waiting() {
	if err := flag.Set("test.parallel", strconv.Itoa(each*runtime.GOMAXPROCS(0))); err != nil {
		panic(err) // not in a test
	}
}
