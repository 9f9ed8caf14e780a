package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := For(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := For(t.Context(), -time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("a wait for less than nothing: %v after %v", err, time.Since(began))
		}
	})
}

func TestFor_ContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the cause")
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() { ended <- For(ctx, time.Hour) }()
		synctest.Wait()
		cancel(cause)
		if err := <-ended; !errors.Is(err, cause) {
			t.Error(err)
		}
	})
}

func TestMutex_ContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMutex()
		if err := m.Lock(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		locked := make(chan error)
		go func() { locked <- m.Lock(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-locked; !errors.Is(err, context.Canceled) {
			t.Errorf("an occupied mutex: %v", err)
		}
		m.Unlock()
		if err := m.Lock(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a free mutex, after the end of the context: %v", err)
		}
		if err := m.Lock(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
