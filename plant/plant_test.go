package plant

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestEachMistakeIsPlanted holds the list against the places where the program
// asks: each mistake is made somewhere, and none is asked for that is not listed.
func TestEachMistakeIsPlanted(t *testing.T) {
	listed := map[string]bool{}
	file, err := parser.ParseFile(token.NewFileSet(), "plant.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range file.Scope.Objects {
		if object.Kind == ast.Con {
			listed[name] = false
		}
	}
	for name, at := range asked(t) {
		if _, ok := listed[name]; !ok {
			t.Errorf("%s: there is no mistake %s", at, name)
		}
		listed[name] = true
	}
	for name, there := range listed {
		if !there {
			t.Errorf("%s is planted nowhere", name)
		}
	}
}

// asked gives the mistakes that the program's own files name, and where.
func asked(t *testing.T) map[string]token.Position {
	t.Helper()
	found, set := map[string]token.Position{}, token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != ".." || path == filepath.Join("..", "sim", "mutations")) {
			return or(err, filepath.SkipDir)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "plant" && s.Sel.Name != "On" && s.Sel.Name != "InMapOrder" && s.Sel.Name != "Planted" && s.Sel.Name != "Bug" {
					found[s.Sel.Name] = set.Position(s.Pos())
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func or(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
