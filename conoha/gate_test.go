package conoha

import (
	"context"
	"testing"
)

func TestGateEndsWithContext(t *testing.T) {
	g := newGate()
	if !g.enter(t.Context()) {
		t.Fatal("a free gate is closed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	entered := make(chan bool)
	go func() { entered <- g.enter(ctx) }()
	cancel()
	if <-entered {
		t.Error("entered an occupied gate")
	}
	g.leave()
	if g.enter(ctx) {
		t.Error("entered although the context had ended")
	}
}
