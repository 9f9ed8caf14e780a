package repotest_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

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

// TestPages_InTwoLanguages has the same commands and settings in both languages, and as many headings and rows of tables.
func TestPages_InTwoLanguages(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?ms)^```.*?^```$")
	comment := regexp.MustCompile(`(?m) +# .*$`)
	row := regexp.MustCompile(`(?m)^(\||#+ )`)
	for _, name := range []string{"docs/servers", "docs/migration", "docs/errors"} {
		english, japanese := pageOf(t, name+".md"), pageOf(t, name+".ja.md")
		if one, other := block.FindAllString(comment.ReplaceAllString(english, ""), -1), block.FindAllString(comment.ReplaceAllString(japanese, ""), -1); !slices.Equal(one, other) {
			t.Errorf("%s: the blocks differ: %q, %q", name, one, other)
		}
		if one, other := row.FindAllString(english, -1), row.FindAllString(japanese, -1); len(one) < 5 || !slices.Equal(one, other) {
			t.Errorf("%s: headings and rows differ: %q, %q", name, one, other)
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

// TestReadme_PriceOfLego: report N31. What the plugin of lego's services costs is said before the commands that build it.
func TestReadme_PriceOfLego(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"README.md", "README.ja.md"} {
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
