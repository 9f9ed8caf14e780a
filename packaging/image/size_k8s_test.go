//go:build k8s

package main

import "testing"

func TestSize_Webhook(t *testing.T) { size(t, recipes[1], 30_000_000) }
