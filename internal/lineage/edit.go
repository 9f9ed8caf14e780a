package lineage

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"wildcard/internal/fault"
)

// Bytes returns the text of the file.
func (c *Conf) Bytes() []byte { return []byte(c.text) }

func (c *Conf) find(section, key string) (item, bool) {
	i := slices.IndexFunc(c.items, func(i item) bool { return !i.header && i.section == section && i.name == key })
	if i < 0 {
		return item{}, false
	}
	return c.items[i], true
}

// Get returns the value of a key in a section ("" is the top of the file). A list is given with ", " between its members.
func (c *Conf) Get(section, key string) (value string, ok bool) {
	i, ok := c.find(section, key)
	return strings.Join(i.values, ", "), ok
}

// List returns the members of a list; a single value is a list of one, a missing key an empty one.
func (c *Conf) List(section, key string) []string {
	i, _ := c.find(section, key)
	return slices.Clone(i.values)
}

// Key is a key of a .conf. A section within a section counts as a key of that.
type Key struct{ Section, Name string } // Section "" is the top of the file

// Keys are all keys, in their order in the file.
func (c *Conf) Keys() (keys []Key) {
	for _, i := range c.items {
		if nested := strings.Contains(i.section, "\x00"); !nested && (!i.header || i.depth == 2) {
			keys = append(keys, Key{i.section, i.name})
		}
	}
	return keys
}

// Misplaced are the hooks that stand elsewhere than in [renewalparams], as at the end of a file whose last section is another one:
// certbot runs none of them.
func (c *Conf) Misplaced() (keys []Key) {
	for _, i := range c.items {
		if IsHook(i.name) && !i.header && i.section != params {
			keys = append(keys, Key{strings.ReplaceAll(i.section, "\x00", "]["), i.name})
		}
	}
	return keys
}

// Has reports whether the file has a section of that name at its top level.
func (c *Conf) Has(section string) bool {
	return slices.ContainsFunc(c.items, func(i item) bool { return i.header && i.depth == 1 && i.name == section })
}

// Set gives a key its value; the section is made when there is none, at the end of the file. Nothing changes when the key has
// that value. A value that certbot would read otherwise than it was meant (line breaks and other control characters, both
// kinds of quotes in a list, %(name)s, odd white space at an end) is refused: CodeConf, Usage.
func (c *Conf) Set(section, key, value string) error {
	if i, ok := c.find(section, key); ok && !i.list && slices.Equal(i.values, []string{value}) {
		return nil
	}
	return c.put(section, key, []string{value}, false)
}

// SetList gives a key a list as its value, with a comma after a single member; an empty list removes the key.
func (c *Conf) SetList(section, key string, values []string) error {
	if len(values) == 0 {
		c.Remove(section, key)
		return nil
	}
	if i, ok := c.find(section, key); ok && i.list && slices.Equal(i.values, values) {
		return nil
	}
	return c.put(section, key, values, true)
}

func (c *Conf) put(section, key string, values []string, list bool) error {
	refuse := func(why string) error {
		return fault.Errorf(CodeConf, fault.Usage, "lineage: set %s to %s: %s", key,
			fault.Excerpt(strings.Join(values, ", ")), why)
	}
	for _, v := range values {
		if !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
			return refuse("it is not UTF-8 or has control characters")
		}
		if interpolated.MatchString(v) {
			return refuse("certbot would replace its %(…)s")
		}
	}
	quoted, err := quoteValue(values, list)
	if err != nil {
		return refuse(err.Error())
	}
	next := c.with(section, key, quoted)
	got := &Conf{text: next, nl: "\n"}
	if err := got.parse(); err != nil {
		return refuse("certbot could not read it back")
	}
	if i, ok := got.find(section, key); !ok || i.list != list || !slices.Equal(i.values, values) {
		return refuse("certbot would read something else")
	}
	*c = *got
	return nil
}

// with returns the text with a key's line put in or replaced, in the form in which ConfigObj writes it.
func (c *Conf) with(section, key, quoted string) string {
	indent := ""
	if section != "" {
		indent = c.ind
	}
	line := indent + key + " = " + quoted
	if i, ok := c.find(section, key); ok {
		line = i.lead + " = " + quoted
		if i.comment != "" {
			line += " " + i.comment
		}
	}
	return c.place(section, key, line)
}

// place returns the text with a line in the place of a key's; without the key behind the section's last key, else behind its header,
// at the top before everything, and in a section that is not there at the end.
func (c *Conf) place(section, key, line string) string {
	if i, ok := c.find(section, key); ok {
		return c.splice(i.from, i.to, line)
	}
	if section != "" && !c.Has(section) {
		end := len(c.lines())
		return c.splice(end, end, "["+section+"]", line)
	}
	at := 0
	for _, i := range c.items {
		if i.header && i.depth == 1 && i.name == section || !i.header && i.section == section {
			at = i.to
		}
	}
	return c.splice(at, at, line)
}

// splice puts lines in place of the lines from (included) to to (not included).
func (c *Conf) splice(from, to int, with ...string) string {
	lines := c.lines()
	var b strings.Builder
	part := func(text string) {
		if b.Len() > 0 && text != "" && !strings.HasSuffix(b.String(), "\n") {
			b.WriteString(c.nl)
		}
		b.WriteString(text)
	}
	if from == 0 && strings.HasPrefix(c.text, byteOrderMark) {
		b.WriteString(byteOrderMark)
		lines[0] = strings.TrimPrefix(lines[0], byteOrderMark)
		b.WriteString(strings.Join(with, c.nl) + c.nl + strings.Join(lines[min(to, len(lines)):], ""))
		return b.String()
	}
	part(strings.Join(lines[:min(from, len(lines))], ""))
	for _, line := range with {
		part(line + c.nl)
	}
	part(strings.Join(lines[min(to, len(lines)):], ""))
	return b.String()
}

// Remove takes out a key; comments before it stay. No error when there is none.
func (c *Conf) Remove(section, key string) {
	if i, ok := c.find(section, key); ok {
		c.cut(i.from, i.to)
	}
}

// RemoveSection takes out a section of the top level with all that stands in it. Comments before its header stay.
func (c *Conf) RemoveSection(section string) {
	from, to := -1, -1
	for _, i := range c.items {
		switch {
		case i.header && i.depth == 1 && i.name == section:
			from, to = i.from, i.to
		case from >= 0 && (i.section == section || strings.HasPrefix(i.section, section+"\x00")):
			to = i.to
		}
	}
	if from >= 0 {
		c.cut(from, to)
	}
}

func (c *Conf) cut(from, to int) {
	next := &Conf{text: c.splice(from, to), nl: "\n"}
	if err := next.parse(); err != nil {
		return // cannot be: taking away a whole item leaves the others as they were
	}
	*c = *next
}
