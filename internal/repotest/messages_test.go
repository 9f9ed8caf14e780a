package repotest_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"wildcard/internal/fault"
	"wildcard/internal/messages"
)

// TestTranslations_InEachLanguage has every text that users read in the tables of each language, with the same things filled in, and
// nothing else there.
func TestTranslations_InEachLanguage(t *testing.T) {
	t.Parallel()
	texts := textsOf(t, checked(t, "./..."))
	for name, language := range messages.Languages() {
		if name == messages.English {
			continue // it stands in the source
		}
		for _, complaint := range untranslated(language, texts) {
			t.Errorf("%s: %s", name, complaint)
		}
	}
}

// TestTranslations_NewLanguage has what is told to who adds a language.
func TestTranslations_NewLanguage(t *testing.T) {
	t.Parallel()
	texts := []text{{"a.go:1", "%s has %d"}, {"a.go:2", "no"}, {"b.go:3", "renewed"}}
	klingon := func(tables ...map[messages.Text]string) messages.Translation {
		return messages.Translation{Tables: func() []map[messages.Text]string { return tables }, Script: []*unicode.RangeTable{unicode.Greek}}
	}
	for what, test := range map[string]struct {
		language messages.Translation
		want     []string
	}{
		"an entry alone": {klingon(), []string{
			`a.go:1: no translation of "%s has %d"`, `a.go:2: no translation of "no"`, `b.go:3: no translation of "renewed"`,
		}},
		"a whole table": {klingon(map[messages.Text]string{"%s has %d": "%[2]d ε %[1]s", "no": "ο"}, map[messages.Text]string{"renewed": "ρ"}), nil},
		"mistakes": {klingon(map[messages.Text]string{"%s has %d": "%s ε", "no": "no", "renewed": "ren", "old": "ω"}, map[messages.Text]string{"no": "ο"}), []string{
			`the verbs differ: "%s has %d", "%s ε"`, `two translations of "no"`, `in no letters of the language: "ren"`, `used nowhere any more: "old"`,
		}},
	} {
		got := untranslated(test.language, texts)
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", what, got, test.want)
		}
	}
}

// untranslated is what a language lacks and what is wrong in its tables.
func untranslated(language messages.Translation, texts []text) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	translations, used := map[messages.Text]string{}, map[messages.Text]bool{}
	for _, table := range language.Tables() {
		for english, translation := range table {
			if translations[english] != "" {
				complain("two translations of %q", english)
			}
			translations[english] = translation
			if !slices.Equal(verbs(string(english)), verbs(translation)) {
				complain("the verbs differ: %q, %q", english, translation)
			}
			if translation != string(english) && !written(translation, language.Script) { // a few words are the same
				complain("in no letters of the language: %q", translation)
			}
		}
	}
	for _, text := range texts {
		used[text.english] = true
		if translations[text.english] == "" {
			complain("%s: no translation of %q", text.at, text.english)
		}
	}
	for english := range translations {
		if !used[english] {
			complain("used nowhere any more: %q", english)
		}
	}
	return complaints
}

// written reports whether a text has a letter of a script.
func written(text string, script []*unicode.RangeTable) bool {
	return len(script) == 0 || strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, script...) })
}

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
	english messages.Text
}

// owners may make texts of what is no constant: the packages of the type, and the one that reads the fields of the flag library.
func owners() []string {
	return []string{"wildcard/internal/fault", "wildcard/internal/messages", "wildcard/internal/cli/display/help"}
}

// textsOf finds the texts that users read: the constants of the types of texts, and those of the flag library's fields.
func textsOf(t *testing.T, all []pkg) []text {
	t.Helper()
	var texts []text
	for _, p := range all {
		finder := finder{pkg: p, owner: slices.Contains(owners(), p.path)}
		for _, file := range p.files {
			ast.Inspect(file, finder.visit)
		}
		for _, complaint := range finder.complaints {
			t.Error(complaint)
		}
		texts = append(texts, finder.texts...)
	}
	return texts
}

// finder finds the texts of a package.
type finder struct {
	pkg
	owner      bool
	texts      []text
	complaints []string
}

func (f *finder) complain(n ast.Node, format string, args ...any) {
	f.complaints = append(f.complaints, fmt.Sprintf("%s: "+format, append([]any{f.fset.Position(n.Pos())}, args...)...))
}

// visit is for [ast.Inspect].
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if table, ok := f.info.Types[n].Type.Underlying().(*types.Map); ok && kindOf(table.Key()) == "Text" {
			return false // translations
		}
		for _, element := range n.Elts {
			if field, ok := element.(*ast.KeyValueExpr); ok {
				f.field(f.info.Types[n].Type, field.Key, field.Value)
			}
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if selector, ok := to.(*ast.SelectorExpr); ok && len(n.Rhs) == len(n.Lhs) {
				f.field(f.info.Types[selector.X].Type, selector.Sel, n.Rhs[i])
			}
			if n.Tok == token.ADD_ASSIGN && kindOf(f.info.Types[to].Type) != "" && !f.owner {
				f.complain(n, "a text that is put together")
			}
		}
	case *ast.CallExpr:
		f.call(n)
	}
	e, ok := n.(ast.Expr)
	if !ok {
		return true
	}
	kind, value := kindOf(f.info.Types[e].Type), f.info.Types[e].Value
	switch {
	case kind == "" || f.info.Types[e].IsType():
	case value != nil:
		f.add(e, kind, value)
		return false
	default:
		if _, sum := e.(*ast.BinaryExpr); sum && !f.owner {
			f.complain(e, "a text that is put together")
		}
	}
	return true
}

// add adds a constant, unless it has no words.
func (f *finder) add(e ast.Expr, kind string, value constant.Value) {
	english := constant.StringVal(value)
	texts := []messages.Text{messages.Text(english)}
	switch kind {
	case "Noun":
		texts = []messages.Text{messages.Text("%d " + english + "s")}
	case "Page":
		texts, _ = messages.Page(english).Paragraphs()
	}
	for _, english := range texts {
		if !wordless(string(english)) {
			f.texts = append(f.texts, text{f.fset.Position(e.Pos()).String(), english})
		}
	}
}

// field adds what a field of the flag library's is set to.
func (f *finder) field(of types.Type, field, value ast.Expr) {
	name, ok := field.(*ast.Ident)
	if pointer, is := of.(*types.Pointer); is {
		of = pointer.Elem()
	}
	named, is := types.Unalias(of).(*types.Named)
	if !ok || !is || named.Obj().Pkg() == nil || !strings.HasPrefix(named.Obj().Pkg().Path(), "github.com/urfave/cli/") {
		return
	}
	kind := map[string]string{"Usage": "Text", "Description": "Page"}[name.Name]
	if kind == "" {
		return
	}
	if set := f.info.Types[value].Value; set != nil {
		f.add(value, kind, set)
	} else {
		f.complain(value, "a text for users that is no constant")
	}
}

// call looks at the arguments of a call: a text that is followed by any number of things is a format, and they fill it in.
func (f *finder) call(call *ast.CallExpr) {
	if f.info.Types[call.Fun].IsType() {
		if to := call.Args[0]; kindOf(f.info.Types[call.Fun].Type) != "" && f.info.Types[to].Value == nil && !f.owner {
			f.complain(call, "a text for users that is no constant")
		}
		return
	}
	signature, ok := f.info.Types[call.Fun].Type.Underlying().(*types.Signature)
	if !ok || !signature.Variadic() || signature.Params().Len() < 2 || call.Ellipsis.IsValid() {
		return
	}
	format, rest := signature.Params().Len()-2, signature.Params().At(signature.Params().Len()-1).Type().(*types.Slice)
	given := f.info.Types[call.Args[format]].Value
	if kindOf(signature.Params().At(format).Type()) != "Text" || !types.Identical(rest.Elem().Underlying(), types.NewInterfaceType(nil, nil)) || given == nil {
		return
	}
	if english, filled := constant.StringVal(given), len(call.Args)-format-1; len(verbs(english)) != filled {
		f.complain(call, "%q with %d arguments", english, filled)
	}
}

// kindOf returns the name of a type of texts: "Text", "Noun" or "Page"; "" for any other.
func kindOf(t types.Type) string {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return ""
	}
	switch name := named.Obj().Pkg().Path() + "." + named.Obj().Name(); name {
	case "wildcard/internal/fault.Text", "wildcard/internal/messages.Noun", "wildcard/internal/messages.Page":
		return named.Obj().Name()
	}
	return ""
}

// TestExplanations has a cause and a next step, in both languages, for every code that an error can have, with the exit
// statuses that it is given in the source, and for no other.
func TestExplanations(t *testing.T) {
	t.Parallel()
	codes := codesOf(t, checked(t, "./..."))
	for code, exits := range codes {
		for _, language := range []messages.Language{messages.English, messages.Japanese} {
			e, ok := language.Explain(code)
			switch {
			case !ok:
				t.Errorf("%s is not explained", code)
			case e.Cause == "" || e.Next == "" || len(e.Exits) == 0:
				t.Errorf("%s lacks a part in %s: %+v", code, language, e)
			case !written(e.Cause, messages.Languages()[language].Script):
				t.Errorf("%s is explained in another language: %s", code, e.Cause)
			case language == messages.English && strings.ContainsFunc(e.Cause+e.Next, func(r rune) bool { return r > 0x3000 }):
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

// codesOf returns the codes that errors have, with the exit statuses that stand beside them in calls of fault.Errorf.
func codesOf(t *testing.T, all []pkg) map[string][]int {
	t.Helper()
	named := regexp.MustCompile(`^[cC]ode[A-Z]`)
	valid := regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)
	codes := map[string][]int{}
	for _, p := range all {
		for id, object := range p.info.Defs {
			if c, ok := object.(*types.Const); ok && named.MatchString(id.Name) && c.Parent() == p.scope {
				codes[constant.StringVal(c.Val())] = nil
			}
		}
	}
	for _, p := range all {
		for _, file := range p.files {
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 3 || !slices.Contains([]string{"wildcard/internal/fault.Errorf", "wildcard/providers.Errorf"}, p.called(call.Fun)) {
					return true
				}
				if code, class := p.info.Types[call.Args[0]].Value, p.info.Types[call.Args[1]].Value; code != nil && class != nil {
					n, _ := constant.Int64Val(class)
					name := constant.StringVal(code)
					codes[name] = append(codes[name], fault.Class(n).ExitCode())
				} else if code != nil {
					codes[constant.StringVal(code)] = append(codes[constant.StringVal(code)], nil...)
				}
				return true
			})
		}
	}
	for code := range codes {
		if !valid.MatchString(code) {
			t.Errorf("%q is no code", code)
		}
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
