package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// constants is what the Go files of one service tell about the variables that it reads.
type constants struct {
	variables []string
	others    map[string]string // another name for a variable
	required  []string
}

var (
	variableForm  = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)
	namespaceForm = regexp.MustCompile(`^[A-Z0-9]+_$`)
)

// readConstants finds a service's constants with the names of variables (EnvAPIKey = envNamespace + "API_KEY") and its other
// namespaces (altEnvNamespace = "CF_").
func readConstants(dir string) (constants, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return constants{}, err
	}
	values := map[string]string{}
	var functions []*ast.FuncDecl
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return constants{}, err
		}
		for _, decl := range syntax.Decls {
			switch decl := decl.(type) {
			case *ast.GenDecl:
				if decl.Tok == token.CONST {
					evaluate(decl, values)
				}
			case *ast.FuncDecl:
				functions = append(functions, decl)
			}
		}
	}
	c := constants{others: map[string]string{}}
	for name, value := range values {
		if environmental(name) && variableForm.MatchString(value) {
			c.variables = append(c.variables, value)
		}
	}
	main := values["envNamespace"]
	for name, other := range values {
		if strings.HasPrefix(name, "altEnv") && strings.HasSuffix(name, "Namespace") &&
			!strings.HasSuffix(name, "SubNamespace") && namespaceForm.MatchString(other) {
			for _, v := range c.variables {
				if rest, ok := strings.CutPrefix(v, main); ok && main != "" {
					c.others[other+rest] = v
				}
			}
		}
	}
	c.required = required(functions, values)
	slices.Sort(c.variables)
	return c, nil
}

func environmental(constant string) bool {
	return strings.HasPrefix(constant, "Env") || strings.HasPrefix(constant, "env") ||
		strings.HasPrefix(constant, "altEnv")
}

// evaluate adds the string constants of a declaration.
func evaluate(decl *ast.GenDecl, values map[string]string) {
	for _, spec := range decl.Specs {
		spec := spec.(*ast.ValueSpec)
		for i, name := range spec.Names {
			if i < len(spec.Values) {
				if value, ok := text(spec.Values[i], values); ok {
					values[name.Name] = value
				}
			}
		}
	}
}

// text is the value of a string expression of constants that were there before it.
func text(e ast.Expr, values map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		return value, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		value, ok := values[e.Name]
		return value, ok
	case *ast.BinaryExpr:
		left, ok := text(e.X, values)
		right, also := text(e.Y, values)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}

// required are the variables without which the service cannot be opened: those of its one call of env.Get. A service that calls it
// several times, or has others for some, offers a choice, and then none alone is required.
func required(functions []*ast.FuncDecl, values map[string]string) []string {
	var names []string
	calls := 0
	for _, f := range functions {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "env" {
				return true
			}
			switch f.Sel.Name {
			case "GetWithFallback":
				calls += 2
			case "Get":
				calls++
				for _, arg := range call.Args {
					if name, ok := text(arg, values); ok {
						names = append(names, name)
					}
				}
			}
			return true
		})
	}
	if calls != 1 {
		return nil
	}
	return names
}
