//go:build e2e

package main

import "testing"

func TestSize_Wildcard(t *testing.T) { size(t, recipes[0], 25_000_000) }
