//go:build !race

package builtin_test

const raceFactor = 1
