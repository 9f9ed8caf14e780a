// Package advice reads the commands out of the texts that users read: the program's messages in each language, README and the pages of
// docs. Tests run what it finds, so that a text with a new command brings its test.
package advice

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Command is a command that some text has.
type Command struct {
	At   string // file
	Line string // as it is typed; %s and %d stand for what a message fills in
}

// Program is the first word of the command, without variables before it.
func (c Command) Program() string {
	for _, word := range strings.Fields(c.Line) {
		if !assignment.MatchString(word) {
			return filepath.Base(strings.TrimLeft(word, "("))
		}
	}
	return ""
}

var assignment = regexp.MustCompile(`^[A-Z_]+=`)

// starts has for each program what may follow its name in a sentence: "certbot renews" is none of its commands.
var starts = map[string]string{
	"wildcard": `[a-z-]+`, "wildcard-auth-hook": `--`, "wildcard-cleanup-hook": `--`, "wildcard-sandbox": `(demo|run|serve)\b`,
	"certbot": `(renew|delete|certonly|certificates)\b`, "systemctl": `(enable|start|status|edit|reload|try-)`,
	"journalctl": `-`, "timedatectl": `set-`, "chmod": `(\+x|go|%s|\d)`, "chown": `(root|-h|%d)`, "ls": `-`, "df": `-`,
	"mv": `[%$/]`, "rm": `%`, "sed": `-i`, "echo": `(%|>)`, "dig": `[%+@]`, "openssl": `(s_client|req|x509)\b`, "curl": `-`,
	"apt-get": `install\b`, "install": `-`, "sudo": `wildcard`, "go": `(test|run|doc|generate|-C|build -)\b`,
	"bash": `(packaging|\.ci)/`, "cd": `[%/"]`, "source": `<`, "nginx": `-`, "apachectl": `-t`, "a2enmod": `ssl`, "a2ensite": `e`,
	"cp": `[%/]`, "printf": `[%']`, "useradd": `-`,
}

// Inside are the words that a program's name has around it in sentences, and that make no command of it.
var inside = regexp.MustCompile(`^(certificates?|names?|beside|has|deletes|and|or|it|is|does|itself|here|a|in|of|that|which|for|not|to|into|` +
	`conoha|finds|from|version %s)\b`)

// ends of a command in a sentence: what cannot be part of it, and the words that say what it does.
var ends = regexp.MustCompile(`, |: | \(|\)( |$|,|\.|:|;)|"|` + "`" + `|\\"|\.( |$)|\n|[^ -~…]|` +
	` (replaces|deletes|gets|renews|hands|takes|and|or|then|makes|enables|runs|lists|shows|tells|names|repairs|gives|says|with|as|does|is|of|from|keeps|changes|registers|tries|checks|has|in|finds|instead|again|without|by|at)\b`)

// E2E are the programs that only the ring of real programs has: its test runs their commands.
func E2E() []string {
	return []string{"certbot", "dig", "openssl", "curl", "systemctl", "journalctl", "timedatectl", "nginx", "apachectl",
		"a2enmod", "a2ensite", "apt-get"}
}

// Commands are those of all texts in a checkout, each once.
func Commands(root string) ([]Command, error) {
	var all []Command
	add := func(at string, lines []string) {
		for _, line := range lines {
			for _, each := range alternatives(line) {
				all = append(all, Command{at, each})
			}
		}
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "testdata" || name == "testkit" || strings.HasPrefix(name, ".") && rel != "."):
			return filepath.SkipDir
		case strings.HasSuffix(name, "_test.go"), entry.IsDir():
		case strings.HasSuffix(name, ".go"):
			texts, err := literals(path)
			for _, text := range texts {
				add(rel, OfText(text))
			}
			return err
		case strings.HasPrefix(rel, "README") || filepath.Dir(rel) == "docs" && strings.HasSuffix(name, ".md"):
			text, err := os.ReadFile(path)
			add(rel, OfPage(string(text)))
			return err
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b Command) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.At, b.At))
	})
	return slices.CompactFunc(all, func(a, b Command) bool { return a.Line == b.Line }), err
}

// alternatives are the commands of a line that has some: a|b is one of two, [c] may be there. A synopsis is no command.
func alternatives(line string) []string {
	line = strings.NewReplacer("[NAME…]", "NAME", "[NAME]", "NAME", "[CODE]", "CODE", "NAME…", "NAME").Replace(line)
	either := regexp.MustCompile(`\S+\w\|\w\S+`).FindString(line)
	switch {
	case line == "", strings.Contains(line, "[options]"), strings.HasPrefix(line, "wildcard help ["):
		return nil
	case either == "" || strings.Contains(line, "'"):
		return []string{line}
	}
	var all []string
	for _, word := range strings.Split(either, "|") {
		all = append(all, strings.Replace(line, either, word, 1))
	}
	return all
}

// literals are the texts in a source file; what is put together from variables has %s in their place.
func literals(path string) (texts []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		return nil, err
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ImportSpec:
			return false
		case ast.Expr:
			if text, ok := literal(node); ok {
				texts = append(texts, text)
				return false
			}
		}
		return true
	})
	return texts, nil
}

func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.ParenExpr:
		return literal(e.X)
	case *ast.BinaryExpr:
		left, okLeft := literal(e.X)
		right, okRight := literal(e.Y)
		if !okLeft {
			left = "%s"
		}
		if !okRight {
			right = "%s"
		}
		return left + right, okLeft || okRight
	}
	return "", false
}

// OfText are the commands of a message: the lines of its examples, and those in its sentences.
func OfText(text string) (all []string) {
	text = placeholders(text)
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", ""), "\n") {
		if example := strings.TrimLeft(line, " "); len(line) > len(example)+1 {
			if at := starter.FindStringSubmatchIndex(example); at != nil && (at[2] == 0 || strings.Contains(example, "$(")) {
				all = append(all, strings.Join(strings.Fields(example), " "))
			}
			continue
		}
		all = append(all, sentence(line)...)
	}
	return all
}

// placeholders puts into one spelling what people put something else in the place of.
func placeholders(text string) string {
	return strings.NewReplacer("...", "…", "名前", "NAME", "ファイル", "FILE", "理由", "REASON", "サーバー", "SERVER", "ゾーン",
		"ZONE").Replace(text)
}

// starter finds the beginning of a command, in a sentence too.
var starter = regexp.MustCompile(`(?:^|[ "(:;>` + "`" + `]|[^ -~])(` + strings.Join(names(), "|") + `) `)

func names() (all []string) {
	for name := range starts {
		all = append(all, regexp.QuoteMeta(name))
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return all
}

func sentence(text string) (all []string) {
	for text != "" {
		at := starter.FindStringSubmatchIndex(text)
		if at == nil {
			return all
		}
		name, rest := text[at[2]:at[3]], text[at[1]:]
		if ok, _ := regexp.MatchString("^"+starts[name], rest); !ok || inside.MatchString(rest) {
			text = rest
			continue
		}
		line := text[at[2]:]
		parts := strings.Split(cut(line), "; ")
		if strings.HasSuffix(cut(line), "; done") {
			parts = []string{cut(line)}
		}
		for i, part := range parts {
			if at := starter.FindStringSubmatchIndex(part); i == 0 || at != nil && at[2] == 0 {
				all = append(all, ended(part))
			}
		}
		text = line[len(cut(line)):]
	}
	return all
}

// ended is a command without what ends its sentence.
func ended(part string) string {
	part = strings.TrimRight(part, " .;\"")
	if !strings.Contains(part, "(") {
		part = strings.TrimRight(part, ")")
	}
	return part
}

// cut is the command that a text begins with; what stands in single quotes belongs to it, whatever it is.
func cut(text string) string {
	if loop := strings.Index(text, "; done"); loop >= 0 && strings.Contains(text[:loop], "; do ") {
		return text[:loop+len("; done")]
	}
	quoted := regexp.MustCompile(`'[^']*'`).ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("q", len(s)) })
	if end := ends.FindStringIndex(quoted); end != nil {
		return text[:end[0]]
	}
	return text
}

// OfPage are the commands of a page: the lines of its blocks for shells, and the code in its sentences that begins with a program.
func OfPage(text string) (all []string) {
	block := regexp.MustCompile("(?ms)^ *```([^\n]*)\n(.*?)^ *```$")
	for _, match := range block.FindAllStringSubmatch(text, -1) {
		if match[1] == "" || strings.HasPrefix(match[1], "sh") {
			all = append(all, ofBlock(match[2])...)
		}
	}
	for _, match := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(block.ReplaceAllString(text, ""), -1) {
		line := strings.ReplaceAll(match[1], `\|`, "|")
		if at := starter.FindStringSubmatchIndex(line); at != nil && at[2] == 0 {
			all = append(all, line)
		}
	}
	return all
}

// ofBlock are the lines of a block, without comments, documents and settings.
func ofBlock(block string) (all []string) {
	document := ""
	for line := range strings.SplitSeq(strings.ReplaceAll(block, "\\\n", ""), "\n") {
		line = regexp.MustCompile(` +# .*$`).ReplaceAllString(line, "")
		line = strings.Join(strings.Fields(line), " ")
		switch {
		case document != "":
			if line == document {
				document = ""
			}
		case line == "", strings.HasPrefix(line, "#"), assignment.MatchString(line) && !strings.Contains(line, " go "):
		default:
			if _, after, ok := strings.Cut(line, "<<"); ok {
				document = after
			}
			all = append(all, line)
		}
	}
	return all
}
