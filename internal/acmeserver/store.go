package acmeserver

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/state"
)

// Account is an account of a client (RFC 8555 §7.1.2).
type Account struct {
	ID         string    `json:"id"`
	Client     string    `json:"client"`
	KeyID      string    `json:"kid"` // of the client's key that it was bound by
	Key        []byte    `json:"jwk"`
	Thumbprint string    `json:"thumbprint"`
	Contact    []string  `json:"contact,omitempty"`
	Status     string    `json:"status"`
	Created    time.Time `json:"created"`
	Used       time.Time `json:"used,omitzero"` // for the last order, to within a day
}

// lastUse is when the account was of use.
func (a *Account) lastUse() time.Time {
	if a.Used.After(a.Created) {
		return a.Used
	}
	return a.Created
}

// Order is an order of a client (RFC 8555 §7.1.3), with its certificate.
type Order struct {
	ID          string    `json:"id"`
	Account     string    `json:"account"`
	Client      string    `json:"client"`
	Names       []string  `json:"names"` // sorted
	Profile     string    `json:"profile,omitempty"`
	Replaces    string    `json:"replaces,omitempty"`
	Status      string    `json:"status"`
	Created     time.Time `json:"created"`
	Expires     time.Time `json:"expires"`
	Finalized   time.Time `json:"finalized,omitzero"`
	CSR         []byte    `json:"csr,omitempty"`
	Key         string    `json:"key,omitempty"` // SHA-256 of the CSR's public key
	Error       *Problem  `json:"error,omitempty"`
	CA          string    `json:"ca,omitempty"` // that issued the certificate
	Issued      time.Time `json:"issued,omitzero"`
	Chain       []byte    `json:"chain,omitempty"`
	Alternates  [][]byte  `json:"alternates,omitempty"`
	Certificate string    `json:"certificate,omitempty"` // its name in renewal information
	NotAfter    time.Time `json:"not_after,omitzero"`
	Revoked     bool      `json:"revoked,omitempty"`
}

// The states of accounts and orders (RFC 8555 §7.1.6).
const (
	statusReady       = "ready"
	statusProcessing  = "processing"
	statusValid       = "valid"
	statusInvalid     = "invalid"
	statusDeactivated = "deactivated"
)

// store has the accounts and orders, in memory and on disk. What it returns is never changed: a change is another value.
type store struct {
	accountFiles, orderFiles state.Documents

	mu       sync.RWMutex
	accounts map[string]*Account
	orders   map[string]*Order
	changing map[string]*sync.Mutex // one change of each at a time
}

// openStore loads what is on disk.
func openStore(s *state.State) (*store, error) {
	st := &store{
		accountFiles: s.Documents("accounts"), orderFiles: s.Documents("orders"),
		accounts: map[string]*Account{}, orders: map[string]*Order{}, changing: map[string]*sync.Mutex{},
	}
	accounts, err := st.accountFiles.Names()
	orders, orderErr := st.orderFiles.Names()
	if err := errors.Join(err, orderErr); err != nil {
		return nil, err
	}
	for _, id := range accounts {
		a := &Account{}
		if ok, err := st.accountFiles.Read(id, a); err != nil {
			return nil, err
		} else if ok && a.ID == id {
			st.accounts[id] = a
		}
	}
	for _, id := range orders {
		o := &Order{}
		if ok, err := st.orderFiles.Read(id, o); err != nil {
			return nil, err
		} else if ok && o.ID == id {
			st.orders[id] = o
		}
	}
	return st, nil
}

func (st *store) account(id string) *Account {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.accounts[id]
}

func (st *store) order(id string) *Order {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.orders[id]
}

// accountOf finds the account with a key; nil if there is none.
func (st *store) accountOf(thumbprint string) *Account {
	st.mu.RLock()
	defer st.mu.RUnlock()
	for _, a := range st.accounts {
		if a.Thumbprint == thumbprint {
			return a
		}
	}
	return nil
}

// accountsOf counts the accounts of a client that are valid.
func (st *store) accountsOf(client string) (n int) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	for _, a := range st.accounts {
		if a.Client == client && a.Status == statusValid {
			n++
		}
	}
	return n
}

// ordersWhere returns the orders that a function picks, the newest first.
func (st *store) ordersWhere(pick func(*Order) bool) []*Order {
	st.mu.RLock()
	defer st.mu.RUnlock()
	var found []*Order
	for _, o := range st.orders {
		if pick(o) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *Order) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	return found
}

// byCertificate finds the order of a CA's certificate by its name in renewal information; nil if there is none.
func (st *store) byCertificate(ca, id string) *Order {
	found := st.ordersWhere(func(o *Order) bool { return id != "" && o.Certificate == id && o.CA == ca })
	if len(found) == 0 {
		return nil
	}
	return found[len(found)-1] // the one that it was issued for
}

// same finds a certificate of the same client that a CA issued a short time ago for the same names and key. One that is to be replaced
// is not it.
func (st *store) same(o *Order, ca, key string, now time.Time) *Order {
	found := st.ordersWhere(func(old *Order) bool {
		return old.Status == statusValid && !old.Revoked && old.Client == o.Client && old.CA == ca && old.Key == key &&
			old.Profile == o.Profile && slices.Equal(old.Names, o.Names) &&
			now.Sub(old.Issued).Abs() < sameWithin && now.Before(old.NotAfter) &&
			(o.Replaces == "" || old.Certificate != o.Replaces)
	})
	if len(found) == 0 {
		return nil
	}
	return found[0]
}

// followed reports whether the client has finalized a newer order for the same names, having given up on this one. One of the future
// was made under a clock that was wrong.
func (st *store) followed(o *Order, now time.Time) bool {
	return len(st.ordersWhere(func(newer *Order) bool {
		return newer.Account == o.Account && newer.Finalized.After(o.Finalized) && !newer.Finalized.After(now) &&
			slices.Equal(newer.Names, o.Names) &&
			(newer.Status == statusProcessing || newer.Status == statusValid)
	})) > 0
}

// lock keeps other changes of an account or order out until unlock is called.
func (st *store) lock(id string) (unlock func()) {
	st.mu.Lock()
	own := st.changing[id]
	if own == nil {
		own = &sync.Mutex{}
		st.changing[id] = own
	}
	st.mu.Unlock()
	own.Lock()
	return own.Unlock
}

// saveAccount keeps an account, on disk first. The caller has its lock, or is the only one who knows it.
func (st *store) saveAccount(a Account) (*Account, error) {
	if err := st.accountFiles.Save(a.ID, a); err != nil {
		return nil, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.accounts[a.ID] = &a
	return &a, nil
}

// saveOrder likewise.
func (st *store) saveOrder(o Order) (*Order, error) {
	if err := st.orderFiles.Save(o.ID, o); err != nil {
		return nil, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.orders[o.ID] = &o
	return &o, nil
}

// changeOrder changes an order, if change says so.
func (st *store) changeOrder(id string, change func(*Order) bool) (*Order, error) {
	defer st.lock(id)()
	before := st.order(id)
	if before == nil {
		return nil, errForgotten
	}
	after := *before
	if !change(&after) {
		return before, nil
	}
	return st.saveOrder(after)
}

var errForgotten = errors.New("the order is not there any more")

const (
	keptOrder   = 7 * 24 * time.Hour   // after its end, or of more than [mostSame] certificates for the same
	mostSame    = 10                   // certificates of one client for the same names
	keptAccount = 400 * 24 * time.Hour // after the last order: the yearly machine comes within that
	keptEnded   = 30 * 24 * time.Hour  // that is deactivated, or whose client is not there any more
	idleAccount = 24 * time.Hour       // after which it gives way to another of the same client, having no certificate
)

// prune forgets orders that are of no use any more: a week after their end, or when their certificate has expired. Of certificates for the
// same names of one client, those beyond the newest ten go after a week.
func (st *store) prune(now time.Time) error {
	var errs []error
	same := map[string]int{}
	for _, o := range st.ordersWhere(func(o *Order) bool { return o.Status != statusProcessing }) { // the newest first
		old := o.NotAfter.IsZero() || now.After(o.NotAfter)
		if o.Status == statusValid {
			names := o.Client + " " + strings.Join(o.Names, " ")
			same[names]++
			old = old || same[names] > mostSame
		}
		if !old || !now.After(o.Expires.Add(keptOrder)) {
			continue
		}
		if err := st.orderFiles.Remove(o.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		st.mu.Lock()
		delete(st.orders, o.ID)
		delete(st.changing, o.ID)
		st.mu.Unlock()
	}
	return errors.Join(errs...)
}

// inUse are the accounts that have an order under way or a certificate that has not expired.
func (st *store) inUse(now time.Time) map[string]bool {
	used := map[string]bool{}
	for _, o := range st.ordersWhere(func(o *Order) bool {
		return o.Status == statusProcessing || o.Status == statusReady && now.Before(o.Expires) || now.Before(o.NotAfter)
	}) {
		used[o.Account] = true
	}
	return used
}

// pruneAccounts forgets accounts that have no order under way and no certificate: of the clients that there are, by their kids, after
// [keptAccount] without an order; those that can do nothing any more after [keptEnded].
func (st *store) pruneAccounts(clients map[string]string, now time.Time) error {
	used := st.inUse(now)
	return st.forgetAccounts(func(a *Account) bool {
		kept := keptAccount
		if a.Status != statusValid || clients[a.Client] != a.KeyID {
			kept = keptEnded
		}
		return !used[a.ID] && now.Sub(a.lastUse()) > kept
	})
}

// makeRoom forgets those accounts of a client that were of use longest ago, if they are too many for another one, as far as they give way.
func (st *store) makeRoom(client string, now time.Time) error {
	more := st.accountsOf(client) - mostAccounts + 1
	if more <= 0 {
		return nil
	}
	used := st.inUse(now)
	var idle []*Account
	st.mu.RLock()
	for _, a := range st.accounts {
		if a.Client == client && a.Status == statusValid && !used[a.ID] && now.Sub(a.lastUse()) > idleAccount {
			idle = append(idle, a)
		}
	}
	st.mu.RUnlock()
	slices.SortFunc(idle, func(a, b *Account) int { return a.lastUse().Compare(b.lastUse()) })
	idle = idle[:min(more, len(idle))]
	return st.forgetAccounts(func(a *Account) bool { return slices.Contains(idle, a) })
}

func (st *store) forgetAccounts(pick func(*Account) bool) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	var errs []error
	for id, a := range st.accounts {
		if !pick(a) {
			continue
		}
		if err := st.accountFiles.Remove(id); err != nil {
			errs = append(errs, err)
			continue
		}
		delete(st.accounts, id)
		delete(st.changing, id)
	}
	return errors.Join(errs...)
}
