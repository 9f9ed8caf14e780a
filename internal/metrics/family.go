package metrics

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Family is one gauge: all samples of a name. This program has no counters, for it does not stay to count.
type Family struct {
	Name    string // with its base unit at the end: "…_timestamp_seconds", "…_seconds", "…_bytes"
	Help    string // one sentence
	Samples []Sample
}

// Sample is one value of a family.
type Sample struct {
	Labels []Label // in the order in which they are written
	Value  float64
}

// Label tells one sample of a family from the others.
type Label struct{ Name, Value string }

// Add appends a sample; labels are names and values in turn.
func (f *Family) Add(value float64, labels ...string) {
	s := Sample{Value: value}
	for pair := range slices.Chunk(labels, 2) {
		s.Labels = append(s.Labels, Label{pair[0], pair[1]})
	}
	f.Samples = append(f.Samples, s)
}

// AddTime appends an instant as Unix time, unless there is none.
func (f *Family) AddTime(at time.Time, labels ...string) {
	if !at.IsZero() {
		f.Add(float64(at.UnixMilli())/1e3, labels...)
	}
}

// nameForm is what names of families and labels look like here; Prometheus takes more.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// Write writes families, without those that have no sample. A name that Prometheus does not take, or a sample that is there
// twice, is an error, for the collector would drop the whole file.
func Write(to io.Writer, families []Family) error {
	var b strings.Builder
	seen := map[string]bool{}
	for _, f := range families {
		if !nameForm.MatchString(f.Name) || f.Help == "" || seen[f.Name] {
			return fmt.Errorf("metrics: %q cannot be a family's name, has no help or is there twice", f.Name)
		}
		seen[f.Name] = true
		if len(f.Samples) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", f.Name, escaped(f.Help), f.Name)
		samples := map[string]bool{}
		for _, s := range f.Samples {
			labels, err := labelText(s.Labels)
			if err != nil {
				return fmt.Errorf("metrics: %s: %w", f.Name, err)
			}
			if samples[labels] {
				return fmt.Errorf("metrics: %s%s is there twice", f.Name, labels)
			}
			samples[labels] = true
			b.WriteString(f.Name + labels + " " + strconv.FormatFloat(s.Value, 'f', -1, 64) + "\n")
		}
	}
	_, err := io.WriteString(to, b.String())
	return err
}

func labelText(labels []Label) (string, error) {
	if len(labels) == 0 {
		return "", nil
	}
	parts := make([]string, 0, len(labels))
	for i, l := range labels {
		if !nameForm.MatchString(l.Name) || slices.ContainsFunc(labels[:i], func(o Label) bool { return o.Name == l.Name }) {
			return "", errors.New("not a label's name, or there twice: " + strconv.QuoteToASCII(l.Name))
		}
		parts = append(parts, l.Name+`="`+strings.ReplaceAll(escaped(l.Value), `"`, `\"`)+`"`)
	}
	return "{" + strings.Join(parts, ",") + "}", nil
}

// escaped is what holds for help texts and for label values, which have quotes escaped too.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(strings.ToValidUTF8(text, "\ufffd"))
}
