package display

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

const framesEvery = 100 * time.Millisecond

// liveView is the live view of a run: each lineage's steps, and while it waits for publication, what every name server says.
// With several lineages at once each has a line. A terminal that was stopped (Ctrl-S) shows the next frame when it goes on.
type liveView struct {
	out      *Lines
	terminal Terminal
	language messages.Language

	mu      sync.Mutex
	views   []*lineageView
	painted int // lines on the screen
	frame   int
	closed  bool
	stop    chan struct{}
	stopped chan struct{}
}

// lineageView is one lineage's part of it.
type lineageView struct {
	name    string
	began   time.Time
	steps   []*stepView
	servers []*serverView
	ended   time.Duration // 0 while it goes on
	failed  bool
}

type stepView struct {
	step        issuance.Step
	state       issuance.State
	done, total int
	began, end  time.Duration
	note        string
	left        time.Duration // of StepExtraWait and StepMemory
}

// serverView is what one name server says about one record.
type serverView struct {
	server, addr, record string
	state                propagation.State
	after                time.Duration
}

func newLiveView(out *Lines, language messages.Language, terminal Terminal) *liveView {
	p := &liveView{out: out, terminal: terminal, language: language, stop: make(chan struct{}),
		stopped: make(chan struct{})}
	go p.run()
	return p
}

func (p *liveView) run() {
	defer close(p.stopped)
	ticker := time.NewTicker(framesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			p.mu.Lock()
			p.frame++
			if !p.out.behind() {
				p.paint("")
			}
			p.mu.Unlock()
		case <-p.stop:
			return
		}
	}
}

// event takes up what happened to a lineage.
func (p *liveView) event(name string, e issuance.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.view(name)
	s := v.stepView(e.Step, e.Elapsed)
	switch e.State {
	case issuance.Progress:
		s.done, s.total = max(s.done, e.Done), max(s.total, e.Total)
		if e.Publication != nil {
			v.publication(e)
		}
		if e.Step == issuance.StepExtraWait {
			s.left = e.Left
		}
		if e.Step == issuance.StepMemory {
			s.left, s.note = e.Left, remembered(e).In(p.language)
		}
	case issuance.Noted:
		s.note = noted(e).In(p.language)
	case issuance.Failed:
		s.state, s.end, v.failed = e.State, e.Elapsed, true
	case issuance.Finished:
		s.state, s.end, s.done = e.State, e.Elapsed, e.Done
		if e.Step == issuance.StepMemory {
			s.note = ""
		}
	case issuance.Started:
		s.state, s.total = e.State, e.Total
	}
	if v.over() {
		v.ended = e.Elapsed
	}
}

func (p *liveView) view(name string) *lineageView {
	for _, v := range p.views {
		if v.name == name {
			return v
		}
	}
	v := &lineageView{name: name, began: time.Now()}
	p.views = append(p.views, v)
	return v
}

func (v *lineageView) stepView(step issuance.Step, now time.Duration) *stepView {
	for _, s := range v.steps {
		if s.step == step {
			return s
		}
	}
	s := &stepView{step: step, began: now}
	v.steps = append(v.steps, s)
	return s
}

// over reports whether no step is under way any more, after a failure or the download.
func (v *lineageView) over() bool {
	last := v.failed
	for _, s := range v.steps {
		if s.state == issuance.Started {
			return false
		}
		last = last || s.step == issuance.StepDownload
	}
	return last
}

func (v *lineageView) publication(e issuance.Event) {
	p := e.Publication
	for _, s := range v.servers {
		if s.server == p.Server && s.addr == p.Addr && (s.record == e.Domain || e.Domain == "") {
			s.state, s.after = p.State, p.Elapsed
			if e.Domain != "" {
				return
			}
		}
	}
	if e.Domain != "" {
		v.servers = append(v.servers, &serverView{p.Server, p.Addr, e.Domain, p.State, p.Elapsed})
	}
}

// above prints a line above the picture. It reports false after the end, when there is none.
func (p *liveView) above(line string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.paint(line + "\n")
	}
	return !p.closed
}

func (p *liveView) close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.paint("")
	p.mu.Unlock()
	close(p.stop)
	<-p.stopped
}

// paint draws the picture in place of the last one, no larger than the terminal, under the lines that are to stay above it.
// Callers hold mu.
func (p *liveView) paint(above string) {
	width, height := p.terminal.Size()
	lines := p.lines(height - 1)
	if len(lines) > height-1 {
		lines = lines[len(lines)-(height-1):]
	}
	var b strings.Builder
	for range p.painted {
		b.WriteString(text.CursorUp.Sprint() + "\r" + text.EraseLine.Sprint())
	}
	b.WriteString(above)
	for _, line := range lines {
		b.WriteString(text.Trim(line, width-1) + "\n")
	}
	if b.Len() > 0 && p.out.offer(b.String()) {
		p.painted = len(lines)
	}
}

func (p *liveView) lines(most int) []string {
	switch len(p.views) {
	case 0:
		return nil
	case 1:
		return p.whole(p.views[0], most)
	}
	var lines []string
	over, failed := 0, 0
	for _, v := range p.views {
		switch {
		case v.ended == 0:
			lines = append(lines, p.brief(v))
		case v.failed:
			failed++
			over++
		default:
			over++
		}
	}
	summary := p.language.Sprintf("%d under way, %d over", len(lines), over)
	if failed > 0 {
		summary = p.language.Sprintf("%d under way, %d over, %d of them failed", len(lines), over, failed)
	}
	return append([]string{p.paintIn(text.Bold, summary)}, lines...)
}

// brief is a lineage in a line.
func (p *liveView) brief(v *lineageView) string {
	what := p.language.Sprintf("starting")
	for _, s := range v.steps {
		if s.state == issuance.Started {
			what = p.doing(s)
		}
	}
	return fmt.Sprintf("%s %s  %s  %s", p.spinner(), v.name, what, Seconds(time.Since(v.began)))
}

// whole is a lineage with its steps and name servers.
func (p *liveView) whole(v *lineageView, most int) []string {
	lines := []string{p.paintIn(text.Bold, v.name)}
	for _, s := range v.steps {
		mark, words := p.spinner(), p.doing(s)
		took := time.Since(v.began) - s.began
		switch s.state {
		case issuance.Finished:
			mark, words, took = p.paintIn(text.FgGreen, "✓"), done(s.step, s.total).In(p.language), s.end-s.began
		case issuance.Failed:
			mark, took = p.paintIn(text.FgRed, "✗"), s.end-s.began
		case "":
			if s.note == "" {
				continue
			}
			mark, words, took = "·", string(s.step), 0
		}
		line := "  " + mark + " " + text.Pad(words, 50, ' ')
		if took >= 100*time.Millisecond {
			line += " " + text.AlignRight.Apply(Seconds(took), 7)
		}
		lines = append(lines, line)
		if s.note != "" {
			lines = append(lines, "      "+s.note)
		}
		if s.step == issuance.StepPublication && s.state != issuance.Finished {
			lines = append(lines, p.table(v, most-len(lines)-4)...)
		}
	}
	return lines
}

// doing says what a step that is under way does, and how far it is.
func (p *liveView) doing(s *stepView) string {
	what := doing(s.step, s.total)
	if s.left > 0 {
		what = messages.New("%s (%d s)", what, wholeSeconds(s.left))
	}
	if s.done > 0 && s.done < s.total {
		what = messages.New("%s (%d done)", what, s.done)
	}
	return what.In(p.language)
}

// table is what the name servers say, in as many lines as there is room for; those that are waited for come first.
func (p *liveView) table(v *lineageView, most int) []string {
	if len(v.servers) == 0 || most < 3 {
		return nil
	}
	rows := make([]*serverView, 0, len(v.servers))
	for _, want := range []bool{false, true} {
		for _, s := range v.servers {
			if (s.state == propagation.Published) == want {
				rows = append(rows, s)
			}
		}
	}
	t := NewTable("NAME SERVER", "ADDRESS", "RECORD OF", "STATE", "AFTER")
	more := 0
	for i, s := range rows {
		if i >= most-2 {
			more = len(rows) - i
			break
		}
		state := p.language.Translate(s.state.Text())
		switch s.state {
		case propagation.Published:
			state = p.paintIn(text.FgGreen, state)
		case propagation.Pending:
			state = p.spinner() + " " + state
		default:
			state = p.paintIn(text.FgYellow, state)
		}
		server := strings.TrimSuffix(s.server, ".")
		if server == s.addr {
			server = ""
		}
		t.Row(server, s.addr, s.record, state, Seconds(s.after))
	}
	var lines []string
	for line := range strings.SplitSeq(t.In(p.language), "\n") {
		lines = append(lines, "      "+line)
	}
	if more > 0 {
		lines = append(lines, p.language.Sprintf("      … and %d more", more))
	}
	return lines
}

func (p *liveView) spinner() string {
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	return p.paintIn(text.FgCyan, string(frames[p.frame%len(frames)]))
}

func (p *liveView) paintIn(c text.Color, s string) string {
	if !p.terminal.Colour {
		return s
	}
	return c.EscapeSeq() + s + text.EscapeReset
}
