package dns01

import (
	"context"
	"time"
)

// Lingering returns a context for the creation of a record, that ends when ctx has been over for as long as limit: a creation that
// is broken off half-way leaves nobody knowing whether the service will still carry it out.
func Lingering(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(limit, cancel)
		context.AfterFunc(lasting, func() { timer.Stop() })
	})
	return lasting, func() { stop(); cancel() }
}
