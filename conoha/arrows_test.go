package conoha_test

import (
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// DESIGN §4: this package is linked into the hooks, which must stay small. gophercloud's types stay in one file.
func TestImports(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := file.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(path, "/")
			switch {
			case path == "wildcard/internal/system/failpoint", path == "wildcard/providers", path == "wildcard/internal/settings", path == "wildcard/providers/httpclient", path == "wildcard/internal/system/atomicfile":
			case strings.HasPrefix(path, "github.com/gophercloud/gophercloud") && name == "auth.go":
			case first != "wildcard" && !strings.Contains(first, "."):
			default:
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
