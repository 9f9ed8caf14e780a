package acmeserver

import (
	"net/netip"
	"sync"
	"time"
)

const (
	refusalsPerSecond = 20
	mostRefusals      = 200 // at once
	mostAddresses     = 10_000
)

// allowances are how many refusals each address may still cause. An IPv6 network of 64 bits counts as one address.
type allowances struct {
	mu   sync.Mutex
	left map[netip.Addr]*allowance
}

type allowance struct {
	spent float64
	at    time.Time
}

func newAllowances() *allowances { return &allowances{left: map[netip.Addr]*allowance{}} }

func network(address netip.Addr) netip.Addr {
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return address
}

// refill is what an allowance has spent by now.
func (a *allowance) refill(now time.Time) {
	a.spent = max(0, a.spent-refusalsPerSecond*max(0, now.Sub(a.at).Seconds()))
	a.at = now
}

// spend counts a refusal, and reports whether it was within the allowance: what is beyond is not worth a line.
func (a *allowances) spend(address netip.Addr, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := network(address)
	one := a.left[at]
	if one == nil {
		if len(a.left) >= mostAddresses {
			for other, old := range a.left { // those that have it all again
				if old.refill(now); old.spent == 0 || len(a.left) >= 2*mostAddresses {
					delete(a.left, other)
				}
			}
		}
		one = &allowance{at: now}
		a.left[at] = one
	}
	one.refill(now)
	one.spent = min(one.spent+1, mostRefusals+refusalsPerSecond)
	return one.spent <= mostRefusals
}

// wait is how long an address has to wait until it is heard again; 0 if it is.
func (a *allowances) wait(address netip.Addr, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.left[network(address)]
	if one == nil {
		return 0
	}
	one.refill(now)
	if one.spent < mostRefusals {
		return 0
	}
	return time.Second + time.Duration((one.spent-mostRefusals)/refusalsPerSecond*float64(time.Second))
}
