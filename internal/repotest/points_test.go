package repotest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outward has what leaves a process: calls that change files, and calls that go to the network or start a program. A sweep
// (package failpoint) has to come by each of them.
func outward() []string {
	return []string{
		"os.Chmod", "os.Chown", "os.Chtimes", "os.Create", "os.CreateTemp", "os.Link", "os.Mkdir", "os.MkdirAll", "os.MkdirTemp", "os.OpenFile", "os.Remove",
		"os.RemoveAll", "os.Rename", "os.Symlink", "os.Truncate", "os.WriteFile",
		"(*os.File).Chmod", "(*os.File).Chown", "(*os.File).Sync", "(*os.File).Truncate", "(*os.File).Write", "(*os.File).WriteAt", "(*os.File).WriteString",
		"syscall.Flock", "unix.Chmod", "unix.Fchmod", "unix.FcntlFlock", "unix.Flock", "unix.Fsetxattr", "unix.Linkat", "unix.Lremovexattr", "unix.Lsetxattr",
		"unix.Renameat2", "unix.Unlinkat",
		"(wildcard/internal/system/safepath.Held).Chmod", "(wildcard/internal/system/safepath.Held).Chown", "unix.Fchownat",
		"unix.Removexattr", "unix.Setxattr",
		"(*net/http.Client).Do", "(net/http.RoundTripper).RoundTrip", "(*net/http.Transport).RoundTrip", "(net.Conn).Write", "(*net.Dialer).DialContext",
		"(*os/exec.Cmd).CombinedOutput", "(*os/exec.Cmd).Output", "(*os/exec.Cmd).Run", "(*os/exec.Cmd).Start",
	}
}

// unswept has the functions with such calls and without a point, with the reason for each; "/..." is a whole package.
func unswept() map[string]string {
	return map[string]string{
		"wildcard/internal/doctor/...":                      "it looks, and is no part of the work on certificates",
		"wildcard/internal/system/failpoint/...":            "it has the points",
		"wildcard/providers/httpclient.Do":                  "its transport is an Exchange, which has points",
		"wildcard/providers/httpclient.NewTransport":        "Client.send, which calls it, has points",
		"wildcard/providers/rfc2136.connect":                "its callers have points",
		"wildcard/internal/dns01/propagation.newHTTPClient": "askHTTPS has points",
		"wildcard/conoha.tryLock":                           "openLock, which comes before it, has a point",
		"wildcard/internal/issuance.newBase":                "transport.send has points",
		"wildcard/internal/lineage.Open":                    "each flush is a step of disk.do",
		"wildcard/internal/system/safepath/...":             "its callers have points",
		"wildcard/internal/system/confine/...":              "its caller has a point before it",
	}
}

// TestPoints finds what leaves a process without a fail point: outside of a step of failpoint.Do, or of lineage's disk.do, and
// in a function that has no failpoint.Hit.
func TestPoints(t *testing.T) {
	t.Parallel()
	excused, used := unswept(), map[string]bool{}
	for _, pkg := range checked(t, "wildcard/cmd/wildcard", "wildcard/cmd/wildcard-auth-hook", "wildcard/cmd/wildcard-cleanup-hook") {
		for _, file := range pkg.files {
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				name := pkg.path + "." + f.Name.Name
				for _, call := range pkg.outside(f) {
					excuse := name
					if excused[excuse] == "" {
						excuse = pkg.path + "/..."
					}
					if used[excuse] = true; excused[excuse] == "" {
						t.Errorf("%s: %s in %s without a fail point", pkg.fset.Position(call.Pos()), pkg.info.Uses[call].Name(), name)
					}
				}
			}
		}
	}
	for excuse := range excused {
		if !used[excuse] && excuse != "wildcard/internal/system/failpoint/..." {
			t.Errorf("%s needs no excuse", excuse)
		}
	}
}

// pkg is a package of this module, with the types of its expressions.
type pkg struct {
	path  string
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
	scope *types.Scope
}

// outside has the outward calls of a function that are within no step.
func (p pkg) outside(f *ast.FuncDecl) (calls []*ast.Ident) {
	swept := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch p.called(n.Fun) {
			case "wildcard/internal/system/failpoint.Do", "(*wildcard/internal/lineage.disk).do":
				return false
			case "wildcard/internal/system/failpoint.Hit":
				swept = true
			case "os.OpenFile":
				var flags bytes.Buffer
				ast.Inspect(n.Args[1], func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						flags.WriteString(id.Name + " ")
					}
					return true
				})
				if !strings.Contains(flags.String(), "O_CREATE") {
					return false // it changes nothing
				}
			}
		case *ast.Ident:
			if fn, ok := p.info.Uses[n].(*types.Func); ok && slices.Contains(outward(), short(fn)) {
				calls = append(calls, n)
			}
		}
		return true
	})
	if swept {
		return nil
	}
	return calls
}

func (p pkg) called(fun ast.Expr) string {
	var id *ast.Ident
	switch fun := fun.(type) {
	case *ast.Ident:
		id = fun
	case *ast.SelectorExpr:
		id = fun.Sel
	}
	if fn, ok := p.info.Uses[id].(*types.Func); ok {
		return short(fn)
	}
	return ""
}

func short(fn *types.Func) string {
	return strings.ReplaceAll(fn.FullName(), "golang.org/x/sys/unix.", "unix.")
}

// checked returns those of this module's packages that packages are made of, such as programs. Other packages are read as the compiler left
// them.
func checked(t *testing.T, packages ...string) (all []pkg) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export"}, packages...)...)
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", list, err, &stderr)
	}
	exports := map[string]string{}
	fset := token.NewFileSet()
	compiled := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var dep struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		if err := decoder.Decode(&dep); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		exports[dep.ImportPath] = dep.Export
		if first, _, _ := strings.Cut(dep.ImportPath, "/"); first != "wildcard" {
			continue
		}
		p := pkg{path: dep.ImportPath, fset: fset, info: &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}}
		for _, name := range dep.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(dep.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			p.files = append(p.files, file)
		}
		config := types.Config{Importer: compiled}
		compiled, err := config.Check(dep.ImportPath, fset, p.files, p.info)
		if err != nil {
			t.Fatal(err)
		}
		p.scope = compiled.Scope()
		all = append(all, p)
	}
}
