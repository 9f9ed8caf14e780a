package timeline

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"wildcard/internal/dns01/propagation"
	"wildcard/internal/issuance"
	"wildcard/internal/messages"
)

//go:embed page.html
var pageText string

const (
	width      = 1000 // of a row's picture, in its own units
	laneHeight = 14
	mostLanes  = 8   // of calls side by side
	mostGroups = 100 // certificates that the page draws; the JSON has all
)

// page is what the template fills in.
type page struct {
	Document

	Language messages.Language
	Groups   []group
	More     int // certificates that are not drawn
	Ticks    []tick
	Legend   []legend
}

// group is the part of the page about one certificate, or about the whole run.
type group struct {
	Lineage      string
	Names        []string
	NamesHeading string
	State        State
	Took         string
	Shares       []share
	Rows         []row
}

// row is a line of the picture.
type row struct {
	Label, Detail, Took string
	State               State
	Height              float64
	Bars                []bar
	Marks               []bar
	Indent              bool
}

// bar is a rectangle in a row.
type bar struct {
	X, Y, Width, Height float64
	Class, Title        string
}

// share is a part of the time of a certificate.
type share struct {
	Class, Label, Took string
	Percent            float64
}

// Bar is the shares as one line, a hundred units long.
func (g group) Bar() []bar {
	var bars []bar
	x := 0.0
	for _, s := range g.Shares {
		bars = append(bars, bar{X: x, Width: s.Percent, Class: s.Class, Title: s.Label + ": " + s.Took})
		x += s.Percent
	}
	return bars
}

type tick struct {
	X     float64
	Text  string
	Right bool // the last one, which is written to the left of its line
}

type legend struct{ Class, Label string }

// HTML is the document as a page for people.
func (d Document) HTML(l messages.Language) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{"percent": func(x float64) float64 {
		return x / width * 100
	}}).Parse(pageText)
	if err != nil {
		return nil, err
	}
	p := page{Document: d, Language: l, Ticks: d.ticks()}
	for _, class := range []string{"dns", "servers", "ca", "machine"} {
		p.Legend = append(p.Legend, legend{class, classLabel(l, class)})
	}
	lineages := d.lineages()
	spans := d.of(lineages)
	for _, name := range lineages {
		if len(p.Groups) == mostGroups {
			p.More++
			continue
		}
		p.Groups = append(p.Groups, d.group(l, name, spans[name]))
	}
	if calls := d.calls(l, len(lineages) == 1); len(calls.Rows) > 0 {
		p.Groups = append(p.Groups, calls)
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

// lineages are those that the document has something about, by time.
func (d Document) lineages() []string {
	var names []string
	seen := map[string]bool{}
	for _, s := range d.Spans {
		if s.Lineage != "" && !seen[s.Lineage] {
			seen[s.Lineage] = true
			names = append(names, s.Lineage)
		}
	}
	return names
}

// of are the spans that are drawn with each certificate: also the whole run's work, if there is only one.
func (d Document) of(lineages []string) map[string][]*Span {
	spans := map[string][]*Span{}
	for _, s := range d.Spans {
		switch {
		case s.Lineage != "":
			spans[s.Lineage] = append(spans[s.Lineage], s)
		case s.Kind == Work && len(lineages) == 1:
			spans[lineages[0]] = append(spans[lineages[0]], s)
		}
	}
	return spans
}

// scale is how many units a second has.
func (d Document) scale() float64 { return width / max(d.Seconds, 0.001) }

// group draws one certificate: its steps, below the wait for publication the name servers, and the machine's work.
func (d Document) group(l messages.Language, lineage string, spans []*Span) group {
	g := group{Lineage: lineage, State: Done}
	var servers []row
	after := 0 // where the name servers stand
	first, last := d.Seconds, 0.0
	for _, s := range spans {
		first, last = min(first, s.Start), max(last, s.End)
		r := d.row(l, s)
		switch s.Kind {
		case Server:
			servers = append(servers, r)
			continue
		case Step:
			if s.State != Done {
				g.State = s.State
			}
			for _, m := range s.Marks {
				if name := m.Text; s.Name == string(issuance.StepRecords) && !slices.Contains(g.Names, name) {
					g.Names = append(g.Names, name)
				}
			}
		}
		g.Rows = append(g.Rows, r)
		if s.Name == string(issuance.StepPublication) {
			after = len(g.Rows)
		}
	}
	g.Rows = slices.Insert(g.Rows, after, servers...)
	slices.Sort(g.Names)
	g.NamesHeading = l.Sprintf("%s", messages.Count(len(g.Names), "name"))
	g.Took = took(max(0, last-first))
	g.Shares = shares(l, spans)
	return g
}

func (d Document) row(l messages.Language, s *Span) row {
	r := row{Label: label(l, s), Took: took(s.End - s.Start), State: s.State, Height: laneHeight, Indent: s.Kind == Server}
	switch {
	case s.Kind == Server:
		r.Detail = serverDetail(l, s)
	case s.State == Failed:
		r.Detail = l.Sprintf("failed") // why stands above, or among the notes
	case s.Kind == Work:
		r.Detail = s.Detail
	}
	if s.State == Unfinished {
		r.Took = l.Sprintf("%s, not over", r.Took)
	}
	class := classOf(s)
	if s.State != Done {
		class += " " + string(s.State)
	}
	x := s.Start * d.scale()
	r.Bars = []bar{{x, 3, max(2.5, (s.End-s.Start)*d.scale()), laneHeight - 6, class,
		r.Label + ": " + took(s.End-s.Start)}}
	for _, m := range s.Marks {
		class := "mark"
		if m.Bad {
			class += " bad"
		}
		r.Marks = append(r.Marks, bar{min(m.At*d.scale(), width-2), 1, 2, laneHeight - 2, class,
			took(m.At-s.Start) + ": " + m.Text})
	}
	return r
}

// serverDetail is a name server's address, and if it did not get so far, what was the matter last.
func serverDetail(l messages.Language, s *Span) string {
	parts := []string{s.Detail}
	for i := len(s.Marks) - 1; i >= 0 && s.State != Done && len(parts) == 1; i-- {
		if s.Marks[i].Bad {
			parts = append(parts, l.Translate(propagation.State(s.Marks[i].Text).Text()))
		}
	}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ", ")
}

// calls draws the calls of services, and what is of no certificate in particular, unless it is the single certificate's.
func (d Document) calls(l messages.Language, single bool) group {
	g := group{State: Done}
	rows := map[string]*row{}
	ends := map[string][]float64{}
	count := map[string]int{}
	var services []string
	for _, s := range d.Spans {
		switch {
		case s.Kind == Work && s.Lineage == "" && !single:
			g.Rows = append(g.Rows, d.row(l, s))
		case s.Kind == Request:
			r := rows[s.Name]
			if r == nil {
				r = &row{Label: label(l, s), State: Done}
				rows[s.Name] = r
				services = append(services, s.Name)
			}
			lane := slices.IndexFunc(ends[s.Name], func(end float64) bool { return end <= s.Start })
			switch {
			case lane >= 0:
				ends[s.Name][lane] = s.End
			case len(ends[s.Name]) < mostLanes:
				lane = len(ends[s.Name])
				ends[s.Name] = append(ends[s.Name], s.End)
			default:
				lane = mostLanes - 1
			}
			class := classOf(s) + " call"
			if s.State == Failed {
				class += " failed"
			}
			r.Bars = append(r.Bars, bar{s.Start * d.scale(), float64(lane)*9 + 2, max(2, (s.End-s.Start)*d.scale()), 7, class,
				s.Detail + ": " + took(s.End-s.Start)})
			count[s.Name]++
		}
	}
	for _, name := range services {
		r := rows[name]
		r.Height = float64(len(ends[name]))*9 + 4
		r.Took = l.Sprintf("%s", messages.Count(count[name], "call"))
		g.Rows = append(g.Rows, *r)
	}
	return g
}

// shares says whose time it was: at each instant that of the step that was begun first and is not over.
func shares(l messages.Language, spans []*Span) []share {
	seconds := map[string]float64{}
	total, at := 0.0, -1.0
	for _, s := range spans {
		if s.Kind != Step && s.Kind != Work {
			continue
		}
		if from := max(s.Start, at); s.End > from {
			seconds[classOf(s)] += s.End - from
			total += s.End - from
			at = s.End
		}
	}
	var shares []share
	for _, class := range []string{"dns", "servers", "ca", "machine"} {
		if seconds[class] > 0 {
			shares = append(shares, share{class, classLabel(l, class), took(seconds[class]), seconds[class] / total * 100})
		}
	}
	return shares
}

// classOf says whose time a span is.
func classOf(s *Span) string {
	switch s.Kind {
	case Server:
		return "servers"
	case Work:
		return "machine"
	case Request:
		if s.Name == "acme" {
			return "ca"
		}
		return "dns"
	}
	switch issuance.Step(s.Name) {
	case issuance.StepZones, issuance.StepRecords, issuance.StepCleanup:
		return "dns"
	case issuance.StepPublication:
		return "servers"
	}
	return "ca"
}

// ticks divides the time into parts that people count in.
func (d Document) ticks() []tick {
	const most = 6
	step := math.Pow(10, math.Floor(math.Log10(max(d.Seconds, 0.001)/most)))
	for _, times := range []float64{1, 2, 5, 10} {
		if d.Seconds/(step*times) <= most {
			step *= times
			break
		}
	}
	var ticks []tick
	for i := range most + 1 {
		at := float64(i) * step
		if at > d.Seconds {
			break
		}
		ticks = append(ticks, tick{X: at * d.scale(), Text: tickText(at, step), Right: at*d.scale() > width*0.94})
	}
	return ticks
}

func tickText(at, step float64) string {
	if at >= 120 && step >= 60 {
		return fmt.Sprintf("%g min", at/60)
	}
	return fmt.Sprintf("%g s", math.Round(at*1000)/1000)
}

// took writes seconds as a stopwatch does.
func took(seconds float64) string {
	switch {
	case seconds < 0.0005:
		return "0 s"
	case seconds < 1:
		return fmt.Sprintf("%.0f ms", seconds*1000)
	case seconds < 60:
		return fmt.Sprintf("%.1f s", seconds)
	}
	return fmt.Sprintf("%d min %02d s", int(seconds)/60, int(seconds)%60)
}

// The page's own words.

func (p page) CallsHeading() string {
	return p.Language.Sprintf("calls, and what concerns the whole run")
}
func (p page) SharesLabel() string  { return p.Language.Sprintf("whose time it was") }
func (p page) NotesHeading() string { return p.Language.Sprintf("to know") }
func (p page) MoreText() string {
	return p.Language.Sprintf("%s are in the JSON only.", messages.Count(p.More, "more certificate"))
}

func (p page) Footer() string {
	return p.Language.Sprintf("Thin lines are instants: a name that is done, a record that a name server has. Point at anything for its time.")
}

// Title is what the run was, in a line.
func (p page) Title() string {
	names := p.lineages()
	what := strings.Join(names, ", ")
	if len(names) > 3 {
		what = p.Language.Sprintf("%s and %d more", strings.Join(names[:2], ", "), len(names)-2)
	}
	return strings.TrimSuffix("wildcard "+p.Command+": "+what, ": ")
}

// Outcome says how it ended.
func (p page) Outcome() string {
	if p.State == Done {
		return p.Language.Sprintf("succeeded")
	}
	return p.Language.Sprintf("failed")
}

// Duration is the whole time.
func (p page) Duration() string { return took(p.Seconds) }
