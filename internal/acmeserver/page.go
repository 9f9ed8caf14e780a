package acmeserver

import (
	"bytes"
	_ "embed"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"wildcard/internal/messages"
)

//go:embed page.html
var pageText string

const (
	mostRows     = 500 // of a table
	keptRefusals = 50
	fewDays      = 7 // of a certificate, which are shown as a warning
)

// refusal is one that the page shows.
type refusal struct {
	at                             time.Time
	client, address, agent, detail string
}

// refusals are the last ones.
type refusals struct {
	mu  sync.Mutex
	all []refusal // the newest last
}

func (r *refusals) add(one refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
	r.all = slices.Delete(r.all, 0, max(0, len(r.all)-keptRefusals))
}

func (r *refusals) newest() []refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.all)
	slices.Reverse(all)
	return all
}

// page is what the template fills in.
type page struct {
	Language    messages.Language
	Origin, Now string
	Words       struct{ Title, None string }
	Tables      []table
}

type table struct {
	Title string
	Heads []string
	Rows  [][]cell
	More  string
}

// cell is one of a row; on a narrow screen Of stands before it.
type cell struct {
	Text, Of string
	Bad      bool
}

func newTable(l messages.Language, title messages.Message, heads ...messages.Message) table {
	t := table{Title: title.In(l)}
	for _, head := range heads {
		t.Heads = append(t.Heads, head.In(l))
	}
	return t
}

// row adds a row, if there is room.
func (t *table) row(l messages.Language, cells ...cell) {
	if len(t.Rows) == mostRows {
		t.More = messages.New("There are more, which this page does not show.").In(l)
		return
	}
	for i := range cells {
		if i > 0 {
			cells[i].Of = t.Heads[i]
		}
	}
	t.Rows = append(t.Rows, cells)
}

// page shows people on this machine how things stand. It has no script and asks for nothing else. A name that is not this machine's in
// the request is that of a web site whose name server led a browser here.
func (s status) page(w http.ResponseWriter, r *http.Request) {
	if !isHere(r.Host) {
		http.Error(w, "this page is for this machine alone", http.StatusForbidden)
		return
	}
	l := languageOf(r)
	p := page{Language: l, Origin: s.of.options.Origin, Now: messages.Instant(s.of.now())}
	p.Words.Title = messages.New("Certificates for other machines").In(l)
	p.Words.None = messages.New("none").In(l)
	for _, of := range []func(*Server, messages.Language) table{
		clientTable, certificateTable, queueTable, limitTable, refusalTable,
	} {
		p.Tables = append(p.Tables, of(s.of, l))
	}
	var b bytes.Buffer
	t, err := template.New("page").Parse(pageText)
	if err == nil {
		err = t.Execute(&b, p)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(b.Bytes())
}

// isHere reports whether the host of a request is this machine by an address or by the name localhost.
func isHere(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && address.IsLoopback()
}

// languageOf is the language that is asked for, else the browser's first one that there is.
func languageOf(r *http.Request) messages.Language {
	wanted := append([]string{r.URL.Query().Get("lang")}, strings.Split(r.Header.Get("Accept-Language"), ",")...)
	for _, one := range wanted {
		one, _, _ = strings.Cut(strings.TrimSpace(one), ";")
		one, _, _ = strings.Cut(one, "-")
		if slices.Contains(messages.LanguageNames(), one) {
			return messages.Language(one)
		}
	}
	return messages.English
}

func clientTable(s *Server, l messages.Language) table {
	t := newTable(l, messages.New("Clients"), messages.New("client"), messages.New("may have"),
		messages.New("from"), messages.New("accounts"))
	clients, errs := s.clients.All()
	for _, c := range clients {
		var from []string
		for _, net := range c.From {
			from = append(from, net.String())
		}
		if from == nil {
			from = []string{messages.New("anywhere").In(l)}
		}
		accounts := messages.New("%d of %d", s.store.accountsOf(c.Name), mostAccounts)
		t.row(l, cell{Text: c.Name}, cell{Text: strings.Join(c.Names, " ")}, cell{Text: strings.Join(from, " ")},
			cell{Text: accounts.In(l)})
	}
	for _, err := range errs {
		t.row(l, cell{Text: messages.OneLine(l.Error(err)), Bad: true})
	}
	return t
}

// certificateTable has the newest certificate of each client for the same names.
func certificateTable(s *Server, l messages.Language) table {
	t := newTable(l, messages.New("Certificates"), messages.New("names"), messages.New("client"),
		messages.New("issued"), messages.New("days left"))
	now, seen := s.now(), map[string]bool{}
	for _, o := range s.store.ordersWhere(func(o *Order) bool {
		return o.Status == statusValid && now.Before(o.NotAfter)
	}) {
		names := strings.Join(o.Names, " ")
		if seen[o.Client+" "+names] {
			continue
		}
		seen[o.Client+" "+names] = true
		days := int(o.NotAfter.Sub(now).Hours() / 24)
		left := messages.New("%d, until %s", days, messages.Instant(o.NotAfter))
		if o.Revoked {
			left = messages.New("revoked")
		}
		t.row(l, cell{Text: names}, cell{Text: o.Client}, cell{Text: messages.Instant(o.Issued)},
			cell{Text: left.In(l), Bad: o.Revoked || days < fewDays})
	}
	return t
}

func queueTable(s *Server, l messages.Language) table {
	t := newTable(l, messages.New("Under way"), messages.New("names"), messages.New("client"),
		messages.New("since"), messages.New("what is done"))
	for _, o := range s.store.ordersWhere(func(o *Order) bool {
		status := s.statusOf(o)
		return status == statusReady || status == statusProcessing
	}) {
		what, since := messages.New("the machine has not sent its CSR yet"), o.Created
		if o.Status == statusProcessing {
			what, since = messages.New("the CA is asked for the certificate"), o.Finalized
		}
		t.row(l, cell{Text: strings.Join(o.Names, " ")}, cell{Text: o.Client}, cell{Text: messages.Instant(since)},
			cell{Text: what.In(l)})
	}
	if n := s.queue.length(); n > 0 {
		t.More = messages.New("%d wait for their turn.", n).In(l)
	}
	return t
}

func limitTable(s *Server, l messages.Language) table {
	t := newTable(l, messages.New("Limits of the CA that are reached"),
		messages.New("what the CA said"), messages.New("until"))
	for _, one := range s.limits.standing(s.now()) {
		t.row(l, cell{Text: messages.OneLine(one.Detail), Bad: true}, cell{Text: messages.Instant(one.Until)})
	}
	return t
}

func refusalTable(s *Server, l messages.Language) table {
	t := newTable(l, messages.New("Last refusals"), messages.New("why"), messages.New("client"),
		messages.New("address"), messages.New("program"), messages.New("when"))
	for _, one := range s.refusals.newest() {
		t.row(l, cell{Text: messages.OneLine(one.detail)}, cell{Text: one.client}, cell{Text: one.address},
			cell{Text: messages.OneLine(one.agent)}, cell{Text: messages.Instant(one.at)})
	}
	return t
}
