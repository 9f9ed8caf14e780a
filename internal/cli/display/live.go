package display

import (
	"fmt"
	"slices"
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
	lines := p.lines(width-1, height-1)
	if len(lines) > height-1 {
		lines = lines[len(lines)-(height-1):]
	}
	var b strings.Builder
	for range p.painted {
		b.WriteString(text.CursorUp.Sprint() + "\r" + text.EraseLine.Sprint())
	}
	b.WriteString(above)
	for _, line := range lines {
		if p.terminal.ASCII {
			line = messages.ASCII(line)
		}
		b.WriteString(text.Trim(line, width-1) + "\n")
	}
	if b.Len() > 0 && p.out.offer(b.String()) {
		p.painted = len(lines)
	}
}

func (p *liveView) lines(width, most int) []string {
	switch len(p.views) {
	case 0:
		return nil
	case 1:
		return p.whole(p.views[0], width, most)
	}
	var on []*lineageView
	over, failed := 0, 0
	for _, v := range p.views {
		if v.ended == 0 {
			on = append(on, v)
			continue
		}
		over++
		if v.failed {
			failed++
		}
	}
	summary := p.language.Sprintf("%d under way, %d over", len(on), over)
	if failed > 0 {
		summary = p.language.Sprintf("%d under way, %d over, %d of them failed", len(on), over, failed)
	}
	head := []string{p.paintIn(text.Bold, summary)}
	lines := slices.Clone(head)
	for _, v := range on {
		lines = append(lines, p.brief(v, width)...)
	}
	if len(lines) <= most {
		return lines
	}
	for _, v := range on { // a line each, then
		head = append(head, strings.Join(p.brief(v, 0), ""))
	}
	return head
}

// brief is a lineage in a line: its name gives way to what it does, which goes on below where that is not enough. Without a width it
// is one line, whatever is cut off it.
func (p *liveView) brief(v *lineageView, width int) []string {
	what := p.language.Sprintf("starting")
	for _, s := range v.steps {
		if s.state == issuance.Started {
			what = p.doing(s)
		}
	}
	took := Seconds(time.Since(v.began))
	room := width - cellsOf(what) - len(took) - 6
	switch {
	case width == 0:
		room = leastCells
	case room < min(cellsOf(v.name), leastCells):
		lines := []string{fmt.Sprintf("%s %s  %s", p.spinner(), shortened(v.name, width-len(took)-4), took)}
		for _, line := range messages.Wrap(what, width-4) {
			lines = append(lines, "    "+line)
		}
		return lines
	}
	return []string{fmt.Sprintf("%s %s  %s  %s", p.spinner(), shortened(v.name, room), what, took)}
}

// whole is a lineage with its steps and name servers.
func (p *liveView) whole(v *lineageView, width, most int) []string {
	lines := []string{p.paintIn(text.Bold, v.name)}
	for _, s := range v.steps {
		mark, words := p.spinner(), p.doing(s)
		took := time.Since(v.began) - s.began
		switch s.state {
		case issuance.Finished:
			mark, words, took = p.paintIn(text.FgGreen, p.mark("✓")), done(s.step, s.total).In(p.language), s.end-s.began
		case issuance.Failed:
			mark, took = p.paintIn(text.FgRed, p.mark("✗")), s.end-s.began
		case "":
			if s.note == "" {
				continue
			}
			mark, words, took = p.mark("·"), string(s.step), 0
		}
		const stopwatch = 8
		room := width - 4 - stopwatch
		for i, line := range messages.Wrap(words, room) {
			before := "    "
			if i == 0 {
				before = "  " + mark + " "
				line = text.Pad(line, min(50, room), ' ')
				if took >= 100*time.Millisecond {
					line += text.AlignRight.Apply(Seconds(took), stopwatch)
				}
			}
			lines = append(lines, before+line)
		}
		if s.note != "" {
			for _, line := range messages.Wrap(s.note, width-6) {
				lines = append(lines, "      "+line)
			}
		}
		if s.step == issuance.StepPublication && s.state != issuance.Finished {
			lines = append(lines, p.table(v, width, most-len(lines)-4)...)
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

// table is what the name servers say, in as many lines as there is room for: those that are waited for before those that have all,
// each in its place from the first picture to the last.
func (p *liveView) table(v *lineageView, width, most int) []string {
	if len(v.servers) == 0 || most < 3 {
		return nil
	}
	spare := max(0, len(v.servers)-(most-2)) // which there is no room for
	more := spare
	rows := slices.Clone(v.servers)
	for _, waited := range []bool{false, true} {
		for i := len(rows) - 1; i >= 0 && spare > 0; i-- {
			if (rows[i].state != propagation.Published) == waited {
				rows = slices.Delete(rows, i, i+1)
				spare--
			}
		}
	}
	t := NewTable("NAME SERVER", "ADDRESS", "RECORD OF", "STATE", "AFTER")
	t.GiveWay([]messages.Text{"RECORD OF", "NAME SERVER"}, []messages.Text{"ADDRESS", "AFTER", "RECORD OF"})
	for _, s := range rows {
		state := p.language.Translate(s.state.Text())
		switch s.state {
		case propagation.Published:
			state = p.paintIn(text.FgGreen, state)
		case propagation.Pending:
			state = p.spinner() + " " + state
		default:
			state = p.paintIn(text.FgYellow, state)
		}
		addr := s.addr
		if s.server == s.addr {
			addr = ""
		}
		t.Row(strings.TrimSuffix(s.server, "."), addr, s.record, state, Seconds(s.after))
	}
	indent := "      "
	if width < 60 {
		indent = "  "
	}
	var lines []string
	for line := range strings.SplitSeq(t.Within(width-len(indent)).In(p.language), "\n") {
		lines = append(lines, indent+line)
	}
	if more > 0 {
		lines = append(lines, indent+p.language.Sprintf("… and %d more", more))
	}
	return lines
}

func (p *liveView) spinner() string {
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	if p.terminal.ASCII {
		frames = []rune(`|/-\`)
	}
	return p.paintIn(text.FgCyan, string(frames[p.frame%len(frames)]))
}

// mark is a sign that the terminal can show.
func (p *liveView) mark(sign string) string {
	if p.terminal.ASCII {
		return messages.ASCII(sign)
	}
	return sign
}

func (p *liveView) paintIn(c text.Color, s string) string {
	if !p.terminal.Colour {
		return s
	}
	return c.EscapeSeq() + s + text.EscapeReset
}
