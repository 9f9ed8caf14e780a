// Package repotest_test keeps the module in the shape that is drawn as arrows between packages: who may import whom, what
// the programs that run as root are made of, and what no package has: hidden state, work before main, a way out below main.
package repotest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows has a line for each package: what it may import besides the standard library, in code that is not a test, on any
// system. "…/..." stands for a path and all below it. A new package and a new arrow need a line here, and a word in the
// commit that adds it.
func arrows() map[string][]string {
	const (
		dns          = "github.com/miekg/dns"
		godotenv     = "github.com/joho/godotenv"
		gophercloud  = "github.com/gophercloud/gophercloud/..."
		idna         = "golang.org/x/net/idna"
		legoACME     = "github.com/go-acme/lego/v4/acme"
		legoAPI      = "github.com/go-acme/lego/v4/acme/api"
		jose         = "github.com/go-jose/go-jose/v4"
		goPretty     = "github.com/jedib0t/go-pretty/v6/..."
		publicsuffix = "golang.org/x/net/publicsuffix"
		pkcs12       = "software.sslmate.com/src/go-pkcs12"
		keyStore     = "github.com/pavlo-v-chernykh/keystore-go/v4"
		pebble       = "github.com/letsencrypt/pebble/v2/..."
		unix         = "golang.org/x/sys/unix"
		urfave       = "github.com/urfave/cli/v2"
		yaml         = "go.yaml.in/yaml/v3"
	)
	return map[string][]string{
		"wildcard/internal/fault":                        nil,
		"wildcard/providers":                             nil, // so that a provider is written without our dependencies
		"wildcard/providers/acmedns":                     {"wildcard/internal/system/safepath", "wildcard/internal/system/wait", "wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/system/filelock", "wildcard/internal/settings", "wildcard/providers/httpclient", "wildcard/internal/system/atomicfile"},
		"wildcard/internal/testkit/bindtest":             {"wildcard/internal/testkit/nameservers", "wildcard/internal/testkit/zonetest"},
		"wildcard/providers/builtin":                     {"wildcard/conoha", "wildcard/internal/messages", "wildcard/internal/settings", "wildcard/providers/..."},
		"wildcard/providers/conformance":                 {"wildcard/providers"}, // no package testing: a program runs it, too
		"wildcard/providers/designate":                   {"wildcard/internal/system/environ", "wildcard/internal/system/wait", "wildcard/providers", "wildcard/internal/system/filelock", "wildcard/internal/settings", "wildcard/providers/httpclient", gophercloud, yaml},
		"wildcard/internal/dns01/journal":                {"wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/settings", unix},
		"wildcard/internal/system/filelock":              {"wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/settings"},
		"wildcard/providers/manual":                      {"wildcard/providers"},
		"wildcard/internal/dns01/memory":                 {"wildcard/internal/system/wait", "wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/dns01/journal", "wildcard/internal/system/filelock", "wildcard/internal/system/atomicfile"},
		"wildcard/providers/plugin":                      {"wildcard/internal/system/confine", "wildcard/internal/system/safepath", "wildcard/internal/system/environ", "wildcard/internal/system/wait", "wildcard/internal/system/failpoint", "wildcard/internal/system/subprocess", "wildcard/providers", "wildcard/internal/messages", "wildcard/internal/settings"},
		"wildcard/internal/dns01/propagation":            {"wildcard/internal/system/netaddr", "wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/system/atomicfile", dns},
		"wildcard/providers/conformance/conformancetest": {"wildcard/providers", "wildcard/providers/conformance"},
		"wildcard/providers/rfc2136":                     {"wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/settings", dns},
		"wildcard/internal/settings":                     {"wildcard/internal/system/safepath", "wildcard/internal/system/environ", "wildcard/internal/system/failpoint", "wildcard/providers", godotenv, unix},
		"wildcard/providers/conformance/live":            {"wildcard/providers", "wildcard/providers/conformance", "wildcard/internal/dns01", "wildcard/internal/dns01/journal", "wildcard/internal/dns01/propagation"},
		"wildcard/providers/httpclient":                  {"wildcard/internal/system/failpoint", "wildcard/internal/system/wait", "wildcard/providers"},
		"wildcard/internal/testkit/zonetest":             {"wildcard/providers", dns},

		"wildcard/providers/acmedns/acmednstest": {"wildcard/internal/testkit/zonetest", dns},

		"wildcard/conoha":            {"wildcard/internal/system/wait", "wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/settings", "wildcard/providers/httpclient", "wildcard/internal/system/atomicfile", gophercloud},
		"wildcard/conoha/conohatest": {dns},

		"wildcard/hooks":                     {"wildcard/internal/system/environ", "wildcard/internal/system/failpoint", "wildcard/internal/system/signals", "wildcard/internal/dns01/...", "wildcard/internal/settings", "wildcard/internal/messages", "wildcard/providers/...", unix},
		"wildcard/cmd/wildcard-auth-hook":    {"wildcard/hooks"},
		"wildcard/cmd/wildcard-cleanup-hook": {"wildcard/hooks"},

		"wildcard/internal/dns01":                  {"wildcard/providers", "wildcard/internal/dns01/..."},
		"wildcard/internal/persist":                {"wildcard/providers", "wildcard/internal/dns01/propagation", jose, idna},
		"wildcard/internal/issuance":               {"wildcard/internal/persist", "wildcard/internal/system/wait", "wildcard/internal/system/filelock", "wildcard/internal/system/failpoint", "wildcard/internal/dns01", "wildcard/internal/messages", "wildcard/providers", "wildcard/internal/dns01/journal", "wildcard/internal/dns01/memory", "wildcard/internal/dns01/propagation", legoACME, legoAPI, idna},
		"wildcard/internal/testkit/acmetest":       {jose, publicsuffix, dns, idna},
		"wildcard/internal/lineage":                {"wildcard/internal/system/filelock", "wildcard/internal/system/safepath", "wildcard/internal/system/subprocess", "wildcard/internal/system/atomicfile", "wildcard/internal/system/failpoint", "wildcard/providers", unix},
		"wildcard/internal/foreign":                {"wildcard/internal/lineage", "wildcard/internal/messages", "wildcard/internal/settings", "wildcard/internal/system/environ", unix, yaml},
		"wildcard/internal/state":                  {"wildcard/internal/system/failpoint", "wildcard/providers", "wildcard/internal/system/atomicfile"},
		"wildcard/internal/metrics":                nil,
		"wildcard/internal/timeline":               {"wildcard/internal/issuance", "wildcard/internal/messages", "wildcard/providers", "wildcard/internal/dns01/propagation"},
		"wildcard/internal/notify":                 {"wildcard/internal/issuance", "wildcard/internal/messages", "wildcard/internal/system/subprocess", "wildcard/providers", "wildcard/internal/settings", "wildcard/providers/httpclient", "wildcard/internal/state"},
		"wildcard/internal/deploy":                 {"wildcard/internal/system/safepath", "wildcard/internal/lineage", "wildcard/internal/messages", "wildcard/internal/system/failpoint", "wildcard/internal/system/subprocess", "wildcard/internal/system/wait", "wildcard/providers", keyStore, pkcs12},
		"wildcard/internal/deploy/target":          {"github.com/pkg/sftp", "golang.org/x/crypto/ssh/...", "wildcard/internal/system/environ", "wildcard/internal/system/safepath", "wildcard/providers", "wildcard/internal/deploy", "wildcard/internal/lineage", "wildcard/internal/messages", "wildcard/internal/settings", "wildcard/internal/system/failpoint", "wildcard/internal/system/safepath", "wildcard/internal/system/subprocess"},
		"wildcard/internal/system/subprocess":      {"wildcard/internal/system/safepath", "wildcard/internal/messages", "wildcard/internal/system/environ", "wildcard/internal/system/failpoint"},
		"wildcard/internal/system/failpoint":       nil, // nothing is left of it without its build tag
		"wildcard/internal/system/failpoint/sweep": nil,
		"wildcard/internal/system/safepath":        {unix}, // whom a path belongs to
		"wildcard/internal/testkit/takeover":       {"wildcard/internal/testkit/executable", unix},
		"wildcard/internal/system/confine":         {"wildcard/internal/system/safepath", "wildcard/internal/system/subprocess", "wildcard/internal/testkit/executable", unix}, // plugins without keys
		"wildcard/internal/system/wait":            nil,
		"wildcard/internal/system/environ":         nil,
		"wildcard/internal/system/netaddr":         nil,
		"wildcard/internal/system/signals":         nil,
		"wildcard/internal/system/terminal":        {unix},
		"wildcard/internal/system/atomicfile":      {"wildcard/internal/system/failpoint"},
		"wildcard/internal/testkit/secretscan":     nil,
		"wildcard/internal/testkit/advice":         nil,
		"wildcard/internal/messages":               {"wildcard/internal/system/environ"},
		"wildcard/internal/cli/display":            {"wildcard/internal/messages", "wildcard/internal/issuance", "wildcard/internal/dns01/propagation", "wildcard/providers/manual", goPretty, unix},
		"wildcard/internal/cli/display/help":       {"wildcard/internal/messages", urfave},
		"wildcard/internal/system/units":           {"wildcard/internal/system/failpoint", "wildcard/internal/system/subprocess", "wildcard/providers", "wildcard/internal/system/atomicfile"},
		"wildcard/internal/doctor": {"wildcard/internal/system/confine", "wildcard/internal/system/safepath",
			"wildcard/internal/system/environ",
			"wildcard/internal/certificates", "wildcard/internal/persist", "wildcard/internal/deploy/...", "wildcard/internal/dns01", "wildcard/internal/issuance", "wildcard/internal/lineage", "wildcard/internal/messages", "wildcard/internal/system/subprocess", "wildcard/providers", "wildcard/internal/dns01/journal",
			"wildcard/internal/dns01/propagation", "wildcard/internal/settings", "wildcard/internal/state", dns,
		},
		"wildcard/internal/acmeserver": {
			"wildcard/internal/certificates", "wildcard/internal/issuance", "wildcard/internal/lineage", "wildcard/internal/messages", "wildcard/internal/settings", "wildcard/internal/state", "wildcard/internal/system/atomicfile",
			"wildcard/internal/system/failpoint", "wildcard/internal/system/filelock", "wildcard/internal/system/wait", "wildcard/providers", jose,
			publicsuffix, // by which CAs count
		},
		"wildcard/cmd/wildcard": {"wildcard/internal/cli"},
		"wildcard/internal/certificates": {
			"wildcard/internal/system/safepath",
			"wildcard/internal/system/environ", "wildcard/internal/system/atomicfile", "wildcard/internal/system/failpoint",
			"wildcard/internal/deploy/...", "wildcard/internal/foreign", "wildcard/internal/dns01/...", "wildcard/internal/issuance", "wildcard/internal/lineage", "wildcard/internal/messages", "wildcard/internal/persist", "wildcard/internal/settings",
			"wildcard/internal/state", "wildcard/internal/system/filelock", "wildcard/internal/system/wait", "wildcard/internal/timeline", "wildcard/providers/...", dns,
		},
		"wildcard/internal/cli": {
			"wildcard/internal/acmeserver", "wildcard/internal/system/wait",
			"wildcard/internal/system/environ", "wildcard/internal/certificates", "wildcard/internal/deploy/...", "wildcard/internal/doctor", "wildcard/internal/foreign", "wildcard/internal/system/failpoint", "wildcard/internal/cli/display/...", "wildcard/internal/dns01/...", "wildcard/internal/settings", "wildcard/internal/issuance", "wildcard/internal/lineage", "wildcard/internal/messages", "wildcard/internal/metrics",
			"wildcard/internal/notify", "wildcard/providers/...", "wildcard/internal/state", "wildcard/internal/system/signals", "wildcard/internal/system/terminal", "wildcard/internal/system/units", "wildcard/internal/timeline", "wildcard/internal/system/atomicfile", unix, urfave, publicsuffix,
		},

		"wildcard/internal/testkit/pebbletest": {pebble},
		"wildcard/internal/testkit/executable": nil,
		"wildcard/internal/testkit/script":     {"github.com/rogpeppe/go-internal/testscript"},
		"wildcard/cmd/wildcard-sandbox":        {"wildcard/internal/system/environ", "wildcard/conoha/conohatest", "wildcard/internal/cli/display/help", "wildcard/internal/system/terminal", "wildcard/internal/messages", "wildcard/internal/system/signals", "wildcard/internal/testkit/pebbletest", "wildcard/providers", urfave, unix},
		"wildcard/e2e":                         nil,
		"wildcard/e2e/boulder":                 nil,

		"wildcard/internal/testkit/clienttree":  {"github.com/rogpeppe/go-internal/txtar"},
		"wildcard/internal/testkit/boulder":     {dns},
		"wildcard/internal/testkit/clock":       nil,
		"wildcard/internal/testkit/nameservers": {dns, unix},
		"wildcard/internal/testkit/parallel":    nil,
	}
}

// linked has the modules that packages are made of, with all that these import in turn. The hooks run as root beside
// private keys: a module more in them is a decision, not an accident.
func linked() map[string][]string {
	hook := []string{
		"github.com/gophercloud/gophercloud", "github.com/joho/godotenv", "github.com/miekg/dns", "go.yaml.in/yaml/v3",
		"golang.org/x/net", "golang.org/x/sys", "wildcard",
	}
	return map[string][]string{
		"wildcard/providers":                             {"wildcard"},
		"wildcard/providers/conformance/conformancetest": {"wildcard"},
		"wildcard/internal/messages":                     {"wildcard"},
		"wildcard/conoha":                                hook,
		"wildcard/hooks":                                 hook,
		"wildcard/cmd/wildcard-auth-hook":                hook,
		"wildcard/cmd/wildcard-cleanup-hook":             hook,
	}
}

// state has the package-level variables that do change, with the reason for each.
func state() map[string]string {
	return map[string]string{
		"wildcard/internal/system/failpoint.points":        "counts the process's points, under the build tag failpoint alone",
		"wildcard/internal/testkit/pebbletest.environment": "locks the process environment, which is itself one per process",
	}
}

// faultPackage is the floor on which all stand: every package may give its errors a code and a class.
const faultPackage = "wildcard/internal/fault"

func TestArrows(t *testing.T) {
	t.Parallel()
	allowed := arrows()
	for _, file := range sources(t) {
		lines, ok := allowed[file.pkg]
		if !ok {
			t.Errorf("%s: package %s has no line in arrows", file.name, file.pkg)
			continue
		}
		for _, spec := range file.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !standard(imported) && imported != faultPackage && !slices.ContainsFunc(lines, func(line string) bool { return covers(line, imported) }) {
				t.Errorf("%s imports %s, to which no arrow leads", file.name, imported)
			}
			if imported == "C" {
				t.Errorf("%s imports C; programs are built with CGO_ENABLED=0", file.name)
			}
		}
	}
}

func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return first != "wildcard" && !strings.Contains(first, ".")
}

func covers(line, imported string) bool {
	if root, ok := strings.CutSuffix(line, "/..."); ok {
		return imported == root || strings.HasPrefix(imported, root+"/")
	}
	return imported == line
}

func TestLinked(t *testing.T) {
	t.Parallel()
	for pkg, allowed := range linked() {
		for _, module := range modules(t, pkg) {
			if !slices.Contains(allowed, module) {
				t.Errorf("%s is linked with %s", pkg, module)
			}
		}
	}
}

// TestNoTesting keeps the parts of tests out of programs, although one of them runs the conformance suite.
func TestNoTesting(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "wildcard/cmd/wildcard", "wildcard/cmd/wildcard-auth-hook").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if slices.Contains(deps, "testing") || !slices.Contains(deps, "wildcard/providers") {
		t.Errorf("linked with %q", deps)
	}
}

// modules returns the modules of all packages that pkg is linked with.
func modules(t *testing.T, pkg string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Module", pkg)
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", list, err, &stderr)
	}
	var modules []string
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var dep struct{ Module *struct{ Path string } }
		if err := decoder.Decode(&dep); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if dep.Module != nil {
			modules = append(modules, dep.Module.Path)
		}
	}
	if len(modules) == 0 {
		t.Errorf("%s lists nothing", list)
	}
	slices.Sort(modules)
	return slices.Compact(modules)
}

// TestPackages has every package named for what it holds, and saying so.
func TestPackages(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, file := range sources(t) {
		documented[file.pkg] = documented[file.pkg] || file.syntax.Doc != nil
		for label := range strings.SplitSeq(file.pkg, "/") {
			switch label {
			case "util", "utils", "helper", "helpers", "common", "misc", "base", "shared", "lib", "pkg":
				t.Errorf("%s: %q says nothing of what the package holds", file.pkg, label)
			}
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

// TestNoHiddenState finds what would make two uses of a package in one process meet: variables that change, and init.
func TestNoHiddenState(t *testing.T) {
	t.Parallel()
	excused := state()
	files := sources(t)
	compile, written := compilers(files), writes(files)
	for _, file := range files {
		for _, decl := range file.syntax.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil && decl.Name.Name == "init" {
					t.Errorf("%s has an init function", file.at(decl))
				}
			case *ast.GenDecl:
				if decl.Tok != token.VAR {
					continue
				}
				for _, spec := range decl.Specs {
					spec := spec.(*ast.ValueSpec)
					for i, name := range spec.Names {
						id := file.pkg + "." + name.Name
						fixed := name.Name == "_" || embedded(decl.Doc, spec.Doc) ||
							i < len(spec.Values) && isConstant(spec.Values[i], compile[file.pkg]) && !written[id]
						if !fixed && excused[id] == "" {
							t.Errorf("%s: %s is state of the package", file.at(name), name.Name)
						}
					}
				}
			}
		}
	}
}

func embedded(docs ...*ast.CommentGroup) bool {
	return slices.ContainsFunc(docs, func(doc *ast.CommentGroup) bool {
		return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
	})
}

// isConstant reports whether a variable with this initial value is meant to keep it: an error to compare with, a compiled
// pattern, a table. compile has the package's functions that compile patterns.
func isConstant(value ast.Expr, compile []string) bool {
	switch value := value.(type) {
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		if f, ok := value.Fun.(*ast.Ident); ok {
			return slices.Contains(compile, f.Name)
		}
		q := qualified(value.Fun)
		return q == "errors.New" || q == "regexp.MustCompile"
	}
	return false
}

// compilers returns, by package, the functions whose result is a compiled pattern.
func compilers(files []source) map[string][]string {
	found := map[string][]string{}
	for _, file := range files {
		for _, decl := range file.syntax.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || f.Type.Results == nil || len(f.Type.Results.List) != 1 {
				continue
			}
			if star, ok := f.Type.Results.List[0].Type.(*ast.StarExpr); ok && qualified(star.X) == "regexp.Regexp" {
				found[file.pkg] = append(found[file.pkg], f.Name.Name)
			}
		}
	}
	return found
}

// writes returns the package-level names that are written to, or whose address is taken, anywhere in their package.
func writes(files []source) map[string]bool {
	written := map[string]bool{}
	for _, file := range files {
		mark := func(e ast.Expr) {
			for {
				switch x := e.(type) {
				case *ast.IndexExpr:
					e = x.X
				case *ast.SliceExpr:
					e = x.X
				case *ast.SelectorExpr:
					e = x.X
				case *ast.StarExpr:
					e = x.X
				case *ast.ParenExpr:
					e = x.X
				case *ast.Ident:
					// The parser resolves names within their file: to one of its package-level specs, to a local variable,
					// or not at all if another file declares them.
					if x.Obj == nil || slices.ContainsFunc(file.syntax.Decls, func(d ast.Decl) bool {
						g, ok := d.(*ast.GenDecl)
						return ok && slices.ContainsFunc(g.Specs, func(spec ast.Spec) bool { return spec == x.Obj.Decl })
					}) {
						written[file.pkg+"."+x.Name] = true
					}
					return
				default:
					return
				}
			}
		}
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, left := range n.Lhs {
						mark(left)
					}
				}
			case *ast.IncDecStmt:
				mark(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					mark(n.X)
				}
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.Ident)
				if ok && len(n.Args) > 0 && slices.Contains([]string{"append", "clear", "copy", "delete"}, f.Name) {
					mark(n.Args[0])
				}
			}
			return true
		})
	}
	return written
}

// TestNoExitBelowMain keeps deferred clean-up running: only main functions end the process.
func TestNoExitBelowMain(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		for _, decl := range file.syntax.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "main" && file.syntax.Name.Name == "main" {
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				if e, ok := n.(ast.Expr); ok {
					switch q := qualified(e); q {
					case "os.Exit", "syscall.Exit", "unix.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln":
						t.Errorf("%s calls %s", file.at(n), q)
					}
				}
				return true
			})
		}
	}
}

// qualified returns "pkg.Name" for such an expression, else "".
func qualified(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

// source is a Go file of this module that is not a test, for whatever system it is meant.
type source struct {
	name   string // path below the module's root
	pkg    string // import path
	fset   *token.FileSet
	syntax *ast.File
}

func (s source) at(n ast.Node) string {
	return s.fset.Position(n.Pos()).String()
}

// sources parses the module's files. Tests run in the folder of their package, which is the module's root here.
func sources(t *testing.T) []source {
	t.Helper()
	fset := token.NewFileSet()
	var files []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if entry.IsDir() {
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			if err == nil || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		syntax, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, source{name: name, pkg: path.Join("wildcard", filepath.ToSlash(filepath.Dir(name))), fset: fset, syntax: syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no Go files here")
	}
	return files
}
