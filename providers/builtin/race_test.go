//go:build race

package builtin_test

const raceFactor = 8 // the race detector's own memory
