package repotest_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"wildcard/internal/doctor"
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
func textsOf(t *testing.T, all []pkg) (texts []text) {
	t.Helper()
	for _, p := range all {
		found, complaints := p.texts()
		for _, complaint := range complaints {
			t.Error(complaint)
		}
		texts = append(texts, found...)
	}
	return texts
}

// texts are those of a package, and what is wrong with them.
func (p pkg) texts() ([]text, []string) {
	f := finder{pkg: p, owner: slices.Contains(owners(), p.path)}
	for _, file := range p.files {
		ast.Inspect(file, f.visit)
	}
	return f.texts, f.complaints
}

// TestTexts_Written has for each way to write a text whether it is found, or what is said of it.
func TestTexts_Written(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]struct{ text, complaint string }{
		`messages.New("as an argument")`:                                  {text: "as an argument"},
		`messages.New("in " + "two " + half)`:                             {text: "in two halves"},
		`kind{What: "as a field"}`:                                        {text: "as a field"},
		`[]fault.Text{"as an element"}`:                                   {text: "as an element"},
		`func() fault.Text { return "as a result" }`:                      {text: "as a result"},
		`messages.Count(2, "thing")`:                                      {text: "%d things"},
		`messages.Page("a paragraph\n\n  an example")`:                    {text: "a paragraph"},
		`cli.Command{Usage: "what a command does"}`:                       {text: "what a command does"},
		`&cli.Command{Description: "  an example\n\nat length"}`:          {text: "at length"},
		`func(c *cli.Command) { c.Usage = "what is set later" }`:          {text: "what is set later"},
		`messages.New("%s: %d", name, 2)`:                                 {},
		`fault.Verbatim("wildcard renew")`:                                {},
		`kind{Code: "a.code"}`:                                            {},
		`fmt.Sprintf("no text of ours %s", name)`:                         {},
		`messages.New("%s has %d", name)`:                                 {text: "%s has %d", complaint: `"%s has %d" with 1 arguments`},
		`fault.Text(name)`:                                                {complaint: "a text for users that is no constant"},
		`messages.New(fault.Text(name + half))`:                           {complaint: "a text for users that is no constant"},
		`cli.Command{Usage: name}`:                                        {complaint: "a text for users that is no constant"},
		`func(text fault.Text) fault.Text { return text + ", and more" }`: {text: ", and more", complaint: "a text that is put together"},
		`func(l messages.Language) bool { return l == "ja" }`:             {complaint: "a language is compared"},
		`func(l messages.Language) { switch l { case "ja": } }`:           {complaint: "a language is compared"},
		`map[messages.Language]int{"ja": 14}`:                             {complaint: "a language is compared"},
	} {
		p := invented(t, `package invented
			import ("fmt"; "github.com/urfave/cli/v2"; "wildcard/internal/fault"; "wildcard/internal/messages")
			const half = "halves"
			type kind struct { Code string; What fault.Text }
			var ( _ fault.Text; _ cli.Command; _ messages.Page; _ = fmt.Sprintf )
			func f(name string) any { return `+written+` }`)
		texts, complaints := p.texts()
		var got, said string
		for _, text := range texts {
			got += string(text.english)
		}
		for _, complaint := range complaints {
			_, complaint, _ = strings.Cut(complaint, ": ")
			said += complaint
		}
		if got != want.text || said != want.complaint {
			t.Errorf("%s: %q, %q; want %q, %q", written, got, said, want.text, want.complaint)
		}
	}
}

// invented is a package of a test's own, among others of which it knows what it uses.
func invented(t *testing.T, source string) pkg {
	t.Helper()
	p := pkg{fset: token.NewFileSet()}
	known := packages{}
	for _, source := range []string{
		`package fmt; func Sprintf(format string, args ...any) string`,
		`package fault; type Text string; func Verbatim(text string) Text`,
		`package messages; import "wildcard/internal/fault"; type (Noun string; Page string; Language string)
			func New(format fault.Text, args ...any) any; func Count(n int, noun Noun) any`,
		`package cli; type Command struct { Name, Usage, Description string }`,
		source,
	} {
		file, err := parser.ParseFile(p.fset, "invented.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		path := map[string]string{"fmt": "fmt", "cli": "github.com/urfave/cli/v2", "invented": "wildcard/invented"}[file.Name.Name]
		if path == "" {
			path = "wildcard/internal/" + file.Name.Name
		}
		p.path, p.files, p.info = path, []*ast.File{file}, &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		config := types.Config{Importer: known}
		if known[path], err = config.Check(path, p.fset, p.files, p.info); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// packages is an importer of these.
type packages map[string]*types.Package

func (p packages) Import(path string) (*types.Package, error) { return p[path], nil }

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
				f.language(field.Key)
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
	case *ast.BinaryExpr:
		if n.Op == token.EQL || n.Op == token.NEQ {
			f.language(n.X)
		}
	case *ast.SwitchStmt:
		if n.Tag != nil {
			f.language(n.Tag)
		}
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

// language complains of what is done for one language and not for another: that is the part of the language's [messages.Translation].
func (f *finder) language(compared ast.Expr) {
	if of := f.info.Types[compared].Type; of != nil && types.TypeString(of, nil) == "wildcard/internal/messages.Language" && f.path != "wildcard/internal/messages" {
		f.complain(compared, "a language is compared")
	}
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

// TestCodes_Explained has every code that an error can have among the codes that are explained, with the exit statuses that it is
// given in the source, and no other.
func TestCodes_Explained(t *testing.T) {
	t.Parallel()
	codes := codesOf(t, checked(t, "./..."))
	for _, code := range messages.Codes() {
		exits, ok := codes[code.Name]
		switch {
		case !ok:
			t.Errorf("%s is explained, and no error has it", code.Name)
		case code.Cause == "" || code.Next == "" || len(code.Exits) == 0 || strings.ContainsAny(string(code.Cause+code.Next), "\n\t"):
			t.Errorf("%s lacks a part, or takes more than a line: %+v", code.Name, code)
		}
		for _, exit := range exits {
			if !slices.Contains(code.Exits, exit) {
				t.Errorf("%s: exit status %d is missing", code.Name, exit)
			}
		}
		delete(codes, code.Name)
	}
	for code := range codes {
		t.Errorf("%s is not explained", code)
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

var update = flag.Bool("update", false, "write what is generated anew")

// TestErrorPages_Generated has the pages of all codes as they are generated, in each language, and linked from its README.
func TestErrorPages_Generated(t *testing.T) {
	t.Parallel()
	for language := range messages.Languages() {
		suffix := "." + string(language) + ".md"
		if language == messages.English {
			suffix = ".md"
		}
		page, generated := "docs/errors"+suffix, language.ErrorPage(messages.Codes(), doctor.Codes())
		if *update {
			if err := os.WriteFile(page, []byte(generated), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if pageOf(t, page) != generated {
			t.Errorf("%s is not what its codes make it: go generate ./internal/messages", page)
		}
		if readme, err := os.ReadFile("README" + suffix); err == nil && !strings.Contains(string(readme), "]("+page+")") {
			t.Errorf("README%s does not lead to %s", suffix, page)
		}
	}
}

// TestExitStatuses_Codes has every code of the pages' table under an exit status that it comes with.
func TestExitStatuses_Codes(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`(?m)^\| ([0-9]+) \|(.*)$`)
	code := regexp.MustCompile("`([a-z0-9]+\\.[a-z0-9-]+|usage|internal)`")
	for _, name := range []string{"docs/commands.md", "docs/commands.ja.md"} {
		page := pageOf(t, name)
		found := 0
		for _, line := range row.FindAllStringSubmatch(page, -1) {
			exit, _ := strconv.Atoi(line[1])
			for _, match := range code.FindAllStringSubmatch(line[2], -1) {
				found++
				if e, ok := messages.English.Explain(match[1]); !ok || !slices.Contains(e.Exits, exit) {
					t.Errorf("%s: %s is under %d: %+v", name, match[1], exit, e)
				}
			}
		}
		if found < 10 {
			t.Errorf("%s: only %d codes", name, found)
		}
	}
}
