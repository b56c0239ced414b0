package buggify_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/elasticcode/flow/buggify"
)

// TestEachPointIsSomewhere holds the list of points against the constants, and
// these against the program, which asks for each of them.
func TestEachPointIsSomewhere(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "buggify.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	asked := asked(t)
	n := 0
	for name, object := range file.Scope.Objects {
		if object.Kind != ast.Con || name == "Variable" {
			continue
		}
		if n++; !slices.Contains(asked, name) {
			t.Errorf("nothing asks for %s", name)
		}
	}
	if n != len(buggify.All()) {
		t.Errorf("there are %d points, of which %d are listed", n, len(buggify.All()))
	}
}

func TestNothingIsUnlikelyOutsideOfTheSimulator(t *testing.T) {
	t.Setenv(buggify.Variable, string(buggify.SmallEntry))
	if buggify.On(buggify.SmallEntry) {
		t.Error("a point is on")
	}
}

var on = regexp.MustCompile(`buggify\.On\(buggify\.(\w+)\)`)

// asked are the points that the program asks for.
func asked(t *testing.T) (names []string) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, found := range on.FindAllSubmatch(b, -1) {
			names = append(names, string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
