package repotest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"wildcard/providers/plugin"
)

// pageOf is the text of a page.
func pageOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// englishPages are the pages for developers, which are in English alone.
func englishPages() []string {
	return []string{"CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/faults.md"}
}

// pages are the names of all pages: those of the root and of docs/.
func pages(t *testing.T) []string {
	t.Helper()
	root, errRoot := filepath.Glob("*.md")
	docs, errDocs := filepath.Glob("docs/*.md")
	if errRoot != nil || errDocs != nil || len(root)+len(docs) < 25 {
		t.Fatal(root, docs, errRoot, errDocs)
	}
	return append(root, docs...)
}

// fence is a block of a page. Blocks begin at the margin, so that whatever reads them finds all.
var fence = regexp.MustCompile("(?ms)^```.*?^```$")

// TestPages_InTwoLanguages has the same commands and settings in both languages, and as many headings and rows of tables.
func TestPages_InTwoLanguages(t *testing.T) {
	t.Parallel()
	comment := regexp.MustCompile(`(?m)(^| +)# .*$`)
	row := regexp.MustCompile(`(?m)^(\||#+ )`)
	said := regexp.MustCompile(`(?m)^[^$\x60].*\n`) // what a command prints in a block of console is in the page's language
	for _, name := range pages(t) {
		english := pageOf(t, name)
		if strings.Contains(fence.ReplaceAllString(english, ""), "```") {
			t.Errorf("%s: a block is indented or has no end", name)
		}
		translation := strings.TrimSuffix(name, ".md") + ".ja.md"
		if strings.HasSuffix(name, ".ja.md") || slices.Contains(englishPages(), name) {
			continue
		}
		japanese := pageOf(t, translation)
		switched := "[日本語](" + filepath.Base(translation) + ")"
		if back := "[English](" + filepath.Base(name) + ")"; !strings.Contains(english, switched) || !strings.Contains(japanese, back) {
			t.Errorf("%s: no link between the languages", name)
		}
		blocks := func(text string) []string {
			all := fence.FindAllString(comment.ReplaceAllString(text, ""), -1)
			for i, block := range all {
				if strings.HasPrefix(block, "```console\n") {
					all[i] = said.ReplaceAllString(block, "")
				}
			}
			return all
		}
		if one, other := blocks(english), blocks(japanese); !slices.Equal(one, other) {
			t.Errorf("%s: the blocks differ: %q, %q", name, one, other)
		}
		if one, other := row.FindAllString(english, -1), row.FindAllString(japanese, -1); len(one) < 4 || !slices.Equal(one, other) {
			t.Errorf("%s: headings and rows differ: %q, %q", name, one, other)
		}
	}
}

// TestPages_Links: Each link of a page leads to a file or heading that is there, and from a Japanese page to a
// Japanese one.
func TestPages_Links(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	checked := 0
	for _, name := range pages(t) {
		for i, line := range strings.Split(fence.ReplaceAllStringFunc(pageOf(t, name), blank), "\n") {
			for _, match := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(match[1], "://") {
					continue
				}
				checked++
				target := filepath.Join(filepath.Dir(name), match[1])
				if match[1] == "" {
					target = name
				}
				translation := strings.TrimSuffix(target, ".md") + ".ja.md"
				_, err := os.Stat(target)
				switch {
				case err != nil:
					t.Errorf("%s:%d: %v", name, i+1, err)
				case match[2] != "" && !slices.Contains(anchors(pageOf(t, target)), match[2]):
					t.Errorf("%s:%d: %s has no heading %s", name, i+1, target, match[2])
				case strings.HasSuffix(name, ".ja.md") && !strings.HasPrefix(line, "[English](") && slices.Contains(pages(t), translation):
					t.Errorf("%s:%d: leads to %s, and there is %s", name, i+1, target, translation)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d links", checked)
	}
}

// TestContributing_Paths: The files and folders that the table of changes names are there. What stands for any name is not looked at,
// nor the folders that certbot makes.
func TestContributing_Paths(t *testing.T) {
	t.Parallel()
	path := regexp.MustCompile("`([a-z][A-Za-z0-9_.-]*/[A-Za-z0-9_./-]*)`")
	checked := 0
	for _, name := range []string{"CONTRIBUTING.md", "docs/architecture.md"} {
		for i, line := range strings.Split(fence.ReplaceAllStringFunc(pageOf(t, name), blank), "\n") {
			for _, match := range path.FindAllStringSubmatch(line, -1) {
				if strings.Contains(match[1], "NAME") || match[1] == "archive/" || match[1] == "live/" {
					continue
				}
				checked++
				if _, err := os.Stat(match[1]); err != nil {
					t.Errorf("%s:%d: %v", name, i+1, err)
				}
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d paths", checked)
	}
}

// blank is a text of as many lines without anything in them.
func blank(text string) string { return strings.Repeat("\n", strings.Count(text, "\n")) }

// anchors are the ends of addresses by which a page's headings are reached, "#servers", as GitHub makes them.
func anchors(page string) []string {
	not := regexp.MustCompile(`[^\p{L}\p{M}\p{N}_ -]`)
	var all []string
	for line := range strings.Lines(fence.ReplaceAllString(page, "")) {
		if _, title, ok := strings.Cut(line, "# "); ok && strings.HasPrefix(line, "#") {
			slug := not.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			all = append(all, "#"+strings.ReplaceAll(slug, " ", "-"))
		}
	}
	return all
}

// TestReadme_Short has the first page of each language within 8000 characters, and a way from there to every other page.
func TestReadme_Short(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]bool{"README.md": false, "README.ja.md": true} {
		text := pageOf(t, name)
		if n := utf8.RuneCountInString(text); n > 8000 {
			t.Errorf("%s has %d characters", name, n)
		}
		for _, page := range pages(t) {
			ours := strings.HasSuffix(page, ".ja.md") == other || slices.Contains(englishPages(), page)
			if ours && page != name && !strings.Contains(text, "]("+page+")") {
				t.Errorf("%s does not lead to %s", name, page)
			}
		}
	}
}

// TestLegoServices_OfTheCatalogue has the services that wildcard knows without its plugin as the plugin's catalogue does.
func TestLegoServices_OfTheCatalogue(t *testing.T) {
	t.Parallel()
	var services []struct {
		Name    string
		Aliases []string
	}
	if err := json.Unmarshal([]byte(pageOf(t, "cmd/wildcard-dns-lego/catalogue/services.json")), &services); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range services {
		names = append(append(names, s.Name), s.Aliases...)
	}
	slices.Sort(names)
	if known := plugin.LegoServices(); !slices.Equal(known, names) || len(names) < 190 {
		t.Errorf("providers/plugin knows\n%q, the catalogue has\n%q", known, names)
	}
}

// TestPages_PriceOfLego: report N31. What the plugin of lego's services costs is said before the commands that build it.
func TestPages_PriceOfLego(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"docs/dns-services.md", "docs/dns-services.ja.md"} {
		text := pageOf(t, name)
		command := strings.Index(text, "go -C cmd/wildcard-dns-lego build")
		for _, price := range []string{"2.6 GB", "61 MB", "packaging/build /tmp/packages wildcard-dns-lego"} {
			if at := strings.Index(text, price); at < 0 || at > command {
				t.Errorf("%s: not %q before the command", name, price)
			}
		}
	}
}

// TestMigrationVariables has lego's services and variables in docs/migration.md as our plugin knows them.
func TestMigrationVariables(t *testing.T) {
	t.Parallel()
	var services []struct {
		Name      string
		Variables []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(pageOf(t, "cmd/wildcard-dns-lego/catalogue/services.json")), &services); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range services {
		known["lego:"+s.Name] = true
		for _, v := range s.Variables {
			known[s.Name+" "+v.Name] = true
		}
	}
	word := regexp.MustCompile("`([^`]+)`")
	checked := 0
	for _, name := range []string{"docs/migration.md", "docs/migration.ja.md"} {
		service := ""
		for line := range strings.Lines(pageOf(t, name)) {
			columns := strings.Split(line, "|")
			if len(columns) != 5 {
				service = ""
				continue
			}
			if column := strings.Trim(columns[2], " `"); column != "" {
				service = column
			}
			if !strings.HasPrefix(service, "lego:") {
				continue
			}
			if !known[service] {
				t.Errorf("%s: there is no %s", name, service)
			}
			for _, match := range word.FindAllStringSubmatch(columns[3], -1) {
				checked++
				if !known[strings.TrimPrefix(service, "lego:")+" "+match[1]] {
					t.Errorf("%s: %s has no variable %s", name, service, match[1])
				}
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d variables", checked)
	}
}
