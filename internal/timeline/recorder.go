package timeline

import (
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/fault"
	"wildcard/internal/issuance"
)

// mostSpans is what is kept: a run of a thousand certificates is read by machines, and some thousand calls are enough.
const mostSpans = 20000

// Recorder gathers what happens in a run.
type Recorder struct {
	program, command string

	mu      sync.Mutex
	began   time.Time
	spans   []*Span
	open    map[string]*Span          // steps under way, by lineage and step
	servers map[string]*Span          // name servers of a wait under way, by lineage, server and address
	missing map[*Span]map[string]bool // records that a server does not have yet
	notes   []Note
}

// New begins to record a run of a program's command.
func New(program, command string) *Recorder {
	return &Recorder{
		program: program, command: command, began: time.Now(),
		open: map[string]*Span{}, servers: map[string]*Span{}, missing: map[*Span]map[string]bool{},
	}
}

func (r *Recorder) now() float64 { return time.Since(r.began).Seconds() }

// add keeps a span, as long as there is room. Callers hold mu.
func (r *Recorder) add(s *Span) *Span {
	if len(r.spans) < mostSpans {
		r.spans = append(r.spans, s)
	}
	return s
}

// Begin starts a span of the machine's own work; the function it returns ends it.
func (r *Recorder) Begin(lineage, name string) (end func(error)) {
	if r == nil {
		return func(error) {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.add(&Span{Lineage: lineage, Kind: Work, Name: name, Start: r.now(), State: Unfinished})
	return func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		s.finish(r.now(), err)
	}
}

func (s *Span) finish(at float64, err error) {
	s.End, s.State = at, Done
	if err != nil {
		s.State, s.Detail = Failed, line(err.Error())
	}
}

// Event takes up an event of a lineage's run.
func (r *Recorder) Event(lineage string, e issuance.Event) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at, key := r.now(), lineage+" "+string(e.Step)
	s := r.open[key]
	switch e.State {
	case issuance.Started:
		r.open[key] = r.add(&Span{Lineage: lineage, Kind: Step, Name: string(e.Step), Start: at, State: Unfinished})
		if e.Step == issuance.StepMemory {
			r.open[key].Detail = e.FQDN
		}
	case issuance.Progress:
		switch {
		case e.Publication != nil:
			r.publication(lineage, e, at)
		case e.Step == issuance.StepExtraWait, e.Step == issuance.StepMemory: // which counts down
		case s != nil:
			text, bad := e.Domain, false
			if rest, invalid := strings.CutPrefix(e.Text.String(), "invalid"); invalid {
				text, bad = e.Domain+rest, true
			}
			s.Marks = append(s.Marks, Mark{at, line(text), bad})
		}
	case issuance.Finished, issuance.Failed:
		if s != nil {
			s.finish(at, e.Err)
			delete(r.open, key)
		}
		if e.Step == issuance.StepPublication {
			maps.DeleteFunc(r.servers, func(key string, _ *Span) bool { return strings.HasPrefix(key, lineage+" ") })
		}
	case issuance.Noted:
		text := e.Text.String()
		if e.Domain != "" {
			text = e.Domain + ": " + text
		}
		r.notes = append(r.notes, Note{at, lineage, line(text)})
	}
}

// Note keeps what a person should know.
func (r *Recorder) Note(lineage, text string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, Note{r.now(), lineage, line(text)})
}

// publication takes up what a name server says. Callers hold mu.
func (r *Recorder) publication(lineage string, e issuance.Event, at float64) {
	p := e.Publication
	if p.Server == "" {
		if p.State == propagation.Blocked || p.State == propagation.Intercepted {
			r.notes = append(r.notes, Note{at, lineage, string(p.State)})
		}
		return
	}
	key := lineage + " " + p.Server + " " + p.Addr + " " + p.Zone
	s := r.servers[key]
	if s == nil {
		s = r.add(&Span{Lineage: lineage, Kind: Server, Name: strings.TrimSuffix(p.Server, "."), Start: at,
			State: Unfinished})
		if p.Addr != p.Server {
			s.Detail = p.Addr
		}
		r.servers[key], r.missing[s] = s, map[string]bool{}
	}
	record := p.FQDN + " " + p.Value // stays here
	switch p.State {
	case propagation.Pending:
		r.missing[s][record] = true
	case propagation.Published:
		delete(r.missing[s], record)
		s.Marks = append(s.Marks, Mark{At: at, Text: line(e.Domain)})
		if len(r.missing[s]) == 0 {
			s.End, s.State = at, Done
		}
	default:
		s.Marks = append(s.Marks, Mark{at, string(p.State), true})
		if p.State == propagation.SteppedOver {
			s.End, s.State = at, Failed
		}
	}
}

// call takes up a call of a service that ended just now.
func (r *Recorder) call(service, detail string, took time.Duration, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	end := r.now()
	s := &Span{Kind: Request, Name: service, Detail: line(detail), Start: max(0, end-took.Seconds()), End: end,
		State: Done}
	if failed {
		s.State = Failed
	}
	r.add(s)
}

// Document is the run as it is now; err is what came of it, nil if it went well. What is under way is shown up to now.
func (r *Recorder) Document(err error) Document {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := Document{
		Version: 1, Program: r.program, Command: r.command, Began: r.began.UTC().Truncate(time.Millisecond),
		Seconds: rounded(r.now()), State: Done,
		Spans: make([]*Span, 0, len(r.spans)), Notes: make([]Note, 0, len(r.notes)),
	}
	for _, n := range r.notes {
		n.At = rounded(n.At)
		d.Notes = append(d.Notes, n)
	}
	if err != nil {
		d.State, d.Code, d.Error = Failed, fault.CodeOf(err), line(err.Error())
	}
	for _, s := range r.spans {
		c := *s
		c.Marks = slices.Clone(s.Marks)
		if c.State == Unfinished {
			c.End = d.Seconds
		}
		c.Start, c.End = rounded(c.Start), rounded(c.End)
		for i := range c.Marks {
			c.Marks[i].At = rounded(c.Marks[i].At)
		}
		d.Spans = append(d.Spans, &c)
	}
	slices.SortStableFunc(d.Spans, func(a, b *Span) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	})
	return d
}

// rounded is to the tenth of a millisecond.
func rounded(seconds float64) float64 { return math.Round(seconds*1e4) / 1e4 }

// line is text of others on one line, of a length that can be read.
func line(s string) string {
	const most = 500
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return s
}
