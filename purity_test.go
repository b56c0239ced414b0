package flow_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed is what pure packages may import from outside: arithmetic on bytes,
// text and collections, and protobuf.
var allowed = []string{
	"bytes", "cmp", "container/heap", "container/list", "crypto/sha256", "encoding/base64", "encoding/binary", "encoding/hex", "encoding/json",
	"errors", "fmt", "hash", "hash/crc32", "hash/fnv", "iter", "maps", "math", "math/big", "math/bits", "regexp", "slices", "sort",
	"strconv", "strings", "time", "unicode", "unicode/utf16", "unicode/utf8",
	"google.golang.org/protobuf/proto", "google.golang.org/protobuf/reflect/protoreflect", "google.golang.org/protobuf/encoding/protowire",
}

// TestPurePackagesArePure holds the state machines to what makes replicas
// agree: the same commands give the same state, on any machine, at any time.
//
// It type-checks the packages' own files against the compiler's export data,
// which `go list -export` takes from the build cache. So it knows that a value
// is a map however it is written, and that a name is time.Now whatever the
// import is called, and costs little more than the build of the packages.
func TestPurePackagesArePure(t *testing.T) {
	args := []string{"-export", "-deps"}
	for _, pattern := range there(append([]string{"outbox"}, pure...)) {
		args = append(args, pattern+"/...")
	}
	exports := map[string]string{}
	var checked []pkg
	for _, p := range list(t, args...) {
		exports[p.ImportPath] = p.Export
		top, _, _ := strings.Cut(p.short(), "/")
		if !p.Standard && strings.HasPrefix(p.ImportPath, modulePath+"/") && (top == "outbox" || slices.Contains(pure, top)) {
			checked = append(checked, p)
		}
	}
	if len(checked) == 0 {
		t.Fatal("no pure package was found")
	}
	for _, p := range checked {
		var files []string
		for _, name := range p.GoFiles {
			files = append(files, filepath.Join(p.Dir, name))
		}
		for _, message := range impurities(t, p.ImportPath, files, exports) {
			t.Error(message)
		}
	}
}

// impurities parses and type-checks files and says what in them is not pure.
func impurities(t *testing.T, importPath string, files []string, exports map[string]string) []string {
	t.Helper()
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range files {
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}
	if _, err := config.Check(importPath, fset, parsed, info); err != nil {
		t.Fatalf("type-check %s: %v", importPath, err)
	}
	c := &purity{fset: fset, info: info, sorted: map[ast.Node]bool{}}
	for _, file := range parsed {
		for _, spec := range file.Imports {
			c.checkImport(spec)
		}
		ast.Inspect(file, c.visit)
	}
	return c.found
}

// purity collects what a package does that a pure one may not.
type purity struct {
	fset   *token.FileSet
	info   *types.Info
	sorted map[ast.Node]bool // calls that stand within a sorting one
	found  []string
}

func (c *purity) report(at ast.Node, what, why string) {
	c.found = append(c.found, fmt.Sprintf("%s: %s: %s", c.fset.Position(at.Pos()), what, why))
}

func (c *purity) checkImport(spec *ast.ImportSpec) {
	name, _ := strconv.Unquote(spec.Path.Value)
	switch {
	case strings.HasPrefix(name, modulePath+"/"), slices.Contains(allowed, name):
	case strings.HasPrefix(name, "math/rand") || name == "crypto/rand":
		c.report(spec, "imports "+name, "replicas would draw different numbers; let the proposer draw, and put the number into the command")
	case name == "os" || strings.HasPrefix(name, "os/") || name == "net" || strings.HasPrefix(name, "net/") || name == "io" || strings.HasPrefix(name, "io/") || name == "syscall":
		c.report(spec, "imports "+name, "a state machine does no input or output; give an effect, and let the leader carry it out")
	case strings.HasPrefix(name, "sync") || name == "context":
		c.report(spec, "imports "+name, "a state machine runs in one goroutine and waits for nothing")
	default:
		c.report(spec, "imports "+name, "pure packages import little; if this one reads no clock, no randomness and nothing outside, add it to the list in architecture_test.go")
	}
}

// clock is what of package time depends on when or where it runs.
var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"}

func (c *purity) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		c.report(n, "starts a goroutine", "the order of goroutines differs between replicas")
	case *ast.SelectStmt:
		c.report(n, "selects", "select chooses at random, and a state machine waits for nothing")
	case *ast.RangeStmt:
		c.checkRange(n)
	case *ast.CallExpr:
		c.checkCall(n)
	case *ast.Ident:
		if o := c.info.Uses[n]; o != nil && o.Pkg() != nil && o.Pkg().Path() == "time" && o.Parent() == o.Pkg().Scope() && slices.Contains(clock, n.Name) {
			c.report(n, "uses time."+n.Name, "replicas apply an entry at different times, and anew after a restart; take the time that the log gives")
		}
	}
	return true
}

const mapOrder = "the order of a map differs from run to run; range over slices.Sorted(maps.Keys(m))"

func (c *purity) checkRange(n *ast.RangeStmt) {
	if t := c.info.TypeOf(n.X); t != nil && isMap(t) {
		c.report(n, "ranges over a map", mapOrder)
	}
}

// isMap says whether a type is a map, or a type parameter that may be one.
func isMap(t types.Type) bool {
	if parameter, ok := types.Unalias(t).(*types.TypeParam); ok {
		constraint, _ := parameter.Constraint().Underlying().(*types.Interface)
		for embedded := range constraint.EmbeddedTypes() {
			union, ok := embedded.(*types.Union)
			if !ok {
				continue
			}
			for term := range union.Terms() {
				if isMap(term.Type()) {
					return true
				}
			}
		}
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// checkCall refuses what gives a map's content in the map's order, unless it
// is handed to what sorts it.
func (c *purity) checkCall(call *ast.CallExpr) {
	pkg, name := c.callee(call)
	switch {
	case pkg == "slices" && strings.HasPrefix(name, "Sorted"):
		for _, argument := range call.Args {
			c.sorted[argument] = true
		}
	case pkg == "maps" && (name == "Keys" || name == "Values" || name == "All") && !c.sorted[call]:
		c.report(call, "uses maps."+name+" unsorted", mapOrder)
	case pkg == "google.golang.org/protobuf/reflect/protoreflect" && name == "Range":
		c.report(call, "ranges over the fields of a message", "protobuf gives them in no order")
	}
}

// callee gives the package and name of what is called.
func (c *purity) callee(call *ast.CallExpr) (pkg, name string) {
	function := ast.Unparen(call.Fun)
	if index, ok := function.(*ast.IndexExpr); ok {
		function = index.X
	}
	selector, ok := function.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if o := c.info.Uses[selector.Sel]; o != nil && o.Pkg() != nil {
		return o.Pkg().Path(), o.Name()
	}
	return "", ""
}

// TestImpuritiesAreFound shows that each ban bites, and that what only looks
// like a breach does not.
func TestImpuritiesAreFound(t *testing.T) {
	exports := map[string]string{}
	for _, p := range list(t, "-export", "-deps", "time", "maps", "slices", "math/rand/v2", "os", "sync", "net/url", "google.golang.org/protobuf/reflect/protoreflect") {
		exports[p.ImportPath] = p.Export
	}
	for _, test := range []struct{ code, want string }{
		{`import "time"; var x = time.Now()`, "time.Now"},
		{`import clock "time"; func f(t clock.Time) clock.Duration { return clock.Since(t) }`, "time.Since"},
		{`import "time"; var now = time.Now`, "time.Now"},
		{`import "time"; func f(t time.Time) time.Time { return t.In(time.Local) }`, "time.Local"},
		{`import "time"; func f(n int64) time.Time { return time.UnixMicro(n).UTC().Add(time.Second) }`, ""},
		{`type local struct{ Now int }; var x = local{}.Now`, ""},
		{`import "math/rand/v2"; var x = rand.Int()`, "draw different numbers"},
		{`import "os"; var x = os.Args`, "input or output"},
		{`import "net/url"; var x url.URL`, "input or output"},
		{`import "sync"; var x sync.Mutex`, "one goroutine"},
		{`func f() { go f() }`, "goroutine"},
		{`func f(c chan int) { select { case <-c: default: } }`, "select"},
		{`func f(m map[int]int) { for range m {} }`, "ranges over a map"},
		{`type named map[int]int; type s struct{ m named }; func f(x s) { for k := range x.m { _ = k } }`, "ranges over a map"},
		{`func f[M ~map[K]V, K comparable, V any](m M) { for range m {} }`, "ranges over a map"},
		{`func f(m []int) { for range m {} }`, ""},
		{`import "maps"; func f(m map[int]int) { for range maps.Keys(m) {} }`, "maps.Keys"},
		{`import ("maps"; "slices"); func f(m map[int]int) []int { return slices.Collect(maps.Values(m)) }`, "maps.Values"},
		{`import ("maps"; "slices"); func f(m map[int]int) { for range slices.Sorted(maps.Keys(m)) {} }`, ""},
		{`import "google.golang.org/protobuf/reflect/protoreflect"; func f(m protoreflect.Message) { m.Range(nil) }`, "fields of a message"},
	} {
		file := filepath.Join(t.TempDir(), "code.go")
		if err := os.WriteFile(file, []byte("package code; "+test.code), 0o600); err != nil {
			t.Fatal(err)
		}
		found := strings.Join(impurities(t, "code", []string{file}, exports), "\n")
		if test.want == "" && found != "" || !strings.Contains(found, test.want) {
			t.Errorf("%s\nfound: %q\nwant: %q", test.code, found, test.want)
		}
	}
}
