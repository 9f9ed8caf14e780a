package repotest_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"wildcard/internal/messages"
)

// said has, by package, the functions and methods whose arguments users read: the number of the English format, which the
// things to fill in follow. "" is for all packages.
func said() map[string]map[string]int {
	return map[string]map[string]int{
		"": {"messages.New": 0, "Sprintf": 0},
		"wildcard/internal/cli": {
			"say": 0, "Notice": 0, "usage": 0, "confirm": 1, "Entry": 0, "Value": 0, "sayAccounts": 1, "adopted": 3,
		},
		"wildcard/internal/messages":         {"New": 0},
		"wildcard/internal/issuance":         {"note": 1},
		"wildcard/providers/designate":       {"optional": 1},
		"wildcard/internal/doctor":           {"text": 0, "because": 0, "good": 1},
		"wildcard/internal/cli/display":      {"Entry": 0, "Value": 0},
		"wildcard/internal/cli/display/help": {"say": 0},
		"wildcard/cmd/wildcard-sandbox":      {"say": 0, "step": 0, "detail": 0, "usage": 0},
		"wildcard/hooks":                     {"usage": 0, "line": 0, "flag": 1},
	}
}

// unfilled are those whose further arguments do not fill in the format.
func unfilled() []string {
	return []string{"optional", "Entry", "Value", "sayAccounts", "adopted", "text"}
}

// TestTranslations has every text that users read in the catalogue, with the same things filled in, and nothing else there.
func TestTranslations(t *testing.T) {
	t.Parallel()
	catalogue := map[string]string{}
	for english, japanese := range messages.Catalogue() {
		if catalogue[english] != "" {
			t.Errorf("two translations of %q", english)
		}
		catalogue[english] = japanese
		if !slices.Equal(verbs(english), verbs(japanese)) {
			t.Errorf("the verbs differ: %q, %q", english, japanese)
		}
		if japanese != english && !strings.ContainsFunc(japanese, isJapanese) { // a few words are the same in both
			t.Errorf("no Japanese: %q", japanese)
		}
	}
	used := map[string]bool{}
	for _, text := range textsOf(t) {
		used[text.english] = true
		if catalogue[text.english] == "" {
			t.Errorf("%s: no translation of %q", text.at, text.english)
		}
	}
	for english := range catalogue {
		if !used[english] {
			t.Errorf("nobody says %q any more", english)
		}
	}
}

// isJapanese reports whether r is written in Japanese only.
func isJapanese(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }

// verbs returns what a format fills in, by the number of the argument, without widths.
func verbs(format string) []string {
	pattern := regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?(?:\[([0-9]+)\])?([a-zA-Z%])`)
	var found []string
	next := 1
	for _, match := range pattern.FindAllStringSubmatch(format, -1) {
		if match[2] == "%" {
			continue
		}
		if match[1] != "" {
			next, _ = strconv.Atoi(match[1])
		}
		found = append(found, strconv.Itoa(next)+strings.ReplaceAll(match[2], "w", "v"))
		next++
	}
	slices.Sort(found)
	return found
}

// wordless reports whether a format consists of verbs, flags and punctuation alone.
func wordless(format string) bool {
	bare := regexp.MustCompile(`--[a-z-]+|%[-+# 0]*[0-9]*(?:\.[0-9]+)?(?:\[[0-9]+\])?[a-zA-Z%]`).ReplaceAllString(format, "")
	return !strings.ContainsFunc(bare, unicode.IsLetter)
}

// text is an English text in the source.
type text struct {
	at      string
	english string
}

// textsOf finds the texts that users read.
func textsOf(t *testing.T) []text {
	t.Helper()
	files := sources(t)
	constants := constantsOf(files)
	functions := said()
	var texts []text
	for _, file := range files {
		add := func(n ast.Expr, suffix string) string {
			english, ok := literal(n, constants[file.pkg])
			if !ok {
				if name, is := n.(*ast.Ident); !is || name.Name != "format" && name.Name != "word" { // the parameter of one of those functions
					t.Errorf("%s: a text for users that is no constant", file.at(n))
				}
				return ""
			}
			if !wordless(english) {
				texts = append(texts, text{file.at(n), english + suffix})
			}
			return english
		}
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name, qualified := callee(n)
				index, ok := functions[file.pkg][name]
				if !ok {
					index, ok = functions[""][qualified]
				}
				if !ok && name == "Sprintf" && qualified != "fmt.Sprintf" {
					index, ok = 0, true
				}
				switch {
				case qualified == "messages.Count":
					if noun, ok := literal(n.Args[1], constants[file.pkg]); ok {
						texts = append(texts, text{file.at(n), "%d " + noun + "s"})
					} else {
						t.Errorf("%s: a noun that is no constant", file.at(n))
					}
				case name == "NewTable":
					for _, head := range n.Args {
						add(head, "")
					}
				case ok && len(n.Args) > index:
					english := add(n.Args[index], "")
					if english != "" && !slices.Contains(unfilled(), name) && !n.Ellipsis.IsValid() && len(verbs(english)) != len(n.Args)-index-1 {
						t.Errorf("%s: %q with %d arguments", file.at(n), english, len(n.Args)-index-1)
					}
				}
			case *ast.CompositeLit:
				if file.pkg == "wildcard/providers/conformance" && len(n.Elts) == 3 { // a rule; "wildcard providers test" shows its name
					if english, ok := literal(n.Elts[0], constants[file.pkg]); ok {
						texts = append(texts, text{file.at(n), english})
					}
				}
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				if key == nil {
					break
				}
				provider := file.pkg == "wildcard/conoha" || strings.HasPrefix(file.pkg, "wildcard/providers/")
				if english, ok := literal(n.Value, constants[file.pkg]); ok && provider && (key.Name == "Help" || key.Name == "Summary") {
					texts = append(texts, text{file.at(n), english}) // "wildcard providers" shows them
				}
				if !strings.HasPrefix(file.pkg, "wildcard/cmd/") && file.pkg != "wildcard/internal/cli" {
					break
				}
				switch key.Name {
				case "Usage":
					add(n.Value, "")
				case "Description":
					english, ok := literal(n.Value, constants[file.pkg])
					if !ok {
						t.Errorf("%s: a description that is no constant", file.at(n))
					}
					for _, paragraph := range strings.Split(english, "\n\n") {
						if !strings.HasPrefix(paragraph, "  ") { // an example
							texts = append(texts, text{file.at(n), paragraph})
						}
					}
				}
			}
			return true
		})
	}
	return texts
}

// callee returns the name of a called function or method, and the same with what stands before it.
func callee(call *ast.CallExpr) (name, full string) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name, f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name, qualified(f)
	}
	return "", ""
}

// constantsOf returns the string constants of each package.
func constantsOf(files []source) map[string]map[string]string {
	found := map[string]map[string]string{}
	for _, file := range files {
		if found[file.pkg] == nil {
			found[file.pkg] = map[string]string{}
		}
		for _, decl := range file.syntax.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						if value, ok := literal(spec.Values[i], nil); ok {
							found[file.pkg][name.Name] = value
						}
					}
				}
			}
		}
	}
	return found
}

// literal returns the value of a constant string.
func literal(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		return value, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		left, ok := literal(e.X, constants)
		right, too := literal(e.Y, constants)
		return left + right, ok && too
	case *ast.Ident:
		value, ok := constants[e.Name]
		return value, ok
	}
	return "", false
}

// TestExplanations has a cause and a next step, in both languages, for every code that an error can have, with the exit
// statuses that it is given in the source, and for no other.
func TestExplanations(t *testing.T) {
	t.Parallel()
	codes := codesOf(t)
	for code, exits := range codes {
		for _, language := range []messages.Language{messages.English, messages.Japanese} {
			e, ok := language.Explain(code)
			switch {
			case !ok:
				t.Errorf("%s is not explained", code)
			case e.Cause == "" || e.Next == "" || len(e.Exits) == 0:
				t.Errorf("%s lacks a part in %s: %+v", code, language, e)
			case language == messages.Japanese && !strings.ContainsFunc(e.Cause, isJapanese):
				t.Errorf("%s is explained in another language: %s", code, e.Cause)
			case language == messages.English && strings.ContainsFunc(e.Cause+e.Next, isJapanese):
				t.Errorf("%s is explained in another language: %s %s", code, e.Cause, e.Next)
			case strings.ContainsAny(e.Cause+e.Next, "\n\t"):
				t.Errorf("%s takes more than a line", code)
			}
			for _, exit := range exits {
				if ok && !slices.Contains(e.Exits, exit) {
					t.Errorf("%s: exit status %d is missing", code, exit)
				}
			}
		}
	}
	for _, code := range messages.Codes() {
		if _, ok := codes[code]; !ok {
			t.Errorf("%s is explained, and no error has it", code)
		}
	}
}

// codesOf returns the codes that errors have, with the exit statuses that stand beside them in calls of providers.Errorf.
func codesOf(t *testing.T) map[string][]int {
	t.Helper()
	files := sources(t)
	constants := constantsOf(files)
	pattern := regexp.MustCompile(`^[cC]ode[A-Z]`)
	valid := regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)
	codes := map[string][]int{}
	for pkg, values := range constants {
		for name, code := range values {
			if pattern.MatchString(name) {
				codes[code] = nil
				if !valid.MatchString(code) {
					t.Errorf("%s.%s: %q is no code", pkg, name, code)
				}
			}
		}
	}
	exits := map[string]int{"Failed": 1, "Usage": 2, "Internal": 70, "Temporary": 75, "Refused": 77, "Misconfigured": 78}
	for _, file := range files {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, full := callee(call); full != "providers.Errorf" && (name != "Errorf" || file.pkg != "wildcard/providers") || len(call.Args) < 3 {
				return true
			}
			code, ok := literal(call.Args[0], constants[file.pkg])
			if s, is := call.Args[0].(*ast.SelectorExpr); is {
				if x, is := s.X.(*ast.Ident); is {
					for pkg, values := range constants {
						if pkg == "wildcard/"+x.Name || strings.HasSuffix(pkg, "/"+x.Name) {
							code, ok = values[s.Sel.Name], values[s.Sel.Name] != ""
						}
					}
				}
			}
			if !ok {
				return true
			}
			class := fmt.Sprint(call.Args[1])
			if s, is := call.Args[1].(*ast.SelectorExpr); is {
				class = s.Sel.Name
			}
			codes[code] = append(codes[code], nil...)
			if exit, known := exits[class]; known {
				codes[code] = append(codes[code], exit)
			}
			return true
		})
	}
	if len(codes) == 0 {
		t.Error("there are no codes")
	}
	return codes
}

// TestReadmeCodes has every code of the table in the READMEs under an exit status that it comes with.
func TestReadmeCodes(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`(?m)^\| ([0-9]+) \|(.*)$`)
	code := regexp.MustCompile("`([a-z0-9]+\\.[a-z0-9-]+|usage|internal)`")
	for _, name := range []string{"README.md", "README.ja.md"} {
		readme, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, line := range row.FindAllStringSubmatch(string(readme), -1) {
			exit, _ := strconv.Atoi(line[1])
			for _, match := range code.FindAllStringSubmatch(line[2], -1) {
				found++
				if e, ok := messages.English.Explain(match[1]); !ok || !slices.Contains(e.Exits, exit) {
					t.Errorf("%s: %s is under %d: %+v", name, match[1], exit, e)
				}
			}
		}
		if found < 20 {
			t.Errorf("%s: only %d codes", name, found)
		}
	}
}
