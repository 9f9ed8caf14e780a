package acmetest

import "time"

// bucket is what is left of an allowance that fills again evenly.
type bucket struct {
	left float64
	at   time.Time
}

// take takes n from a bucket that holds size and fills within period; else it says how long until it can. With peek nothing
// is taken.
func (b *bucket) take(now time.Time, n, size float64, period time.Duration, peek bool) (wait time.Duration, ok bool) {
	perSecond := size / period.Seconds()
	if b.at.IsZero() {
		b.left = size
	} else if passed := now.Sub(b.at); passed > 0 {
		b.left = min(size, b.left+passed.Seconds()*perSecond)
	}
	b.at = now
	if b.left < n {
		return time.Duration((n - b.left) / perSecond * float64(time.Second)), false
	}
	if !peek {
		b.left -= n
	}
	return 0, true
}

// spend takes n whether it is there or not.
func (b *bucket) spend(now time.Time, n, size float64, period time.Duration) {
	b.take(now, 0, size, period, true)
	b.left = max(0, b.left-n)
}
