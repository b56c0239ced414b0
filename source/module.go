package source

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/elasticcode/flow/messages"
)

// maxModule is the most bytes of a module's file, and maxFunctions the most
// public functions that it may have.
const (
	maxModule    = 4 << 20
	maxFunctions = 1000
)

// module is where a processor's code lies in its repository.
type module struct {
	name string // dotted
	file string // path in the repository
	root string // directory that is searched for the dotted name; empty: the repository's
	path bool   // the file is not where its dotted name would be looked for
}

// byFile is the file to load when the dotted name does not lead to it.
func (m module) byFile() string {
	if m.path {
		return m.file
	}
	return ""
}

var dotted = regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)

// findModule finds a processor's module in a tree: at its path, when that is
// given; else where Python would look, from the repository's root, from src,
// or from the one directory that has it.
func findModule(tree *object.Tree, p *messages.Processor) (module, error) {
	name, file := p.GetModule(), path.Clean("/" + p.GetModulepath())[1:]
	if name == "" && file == "" {
		return module{}, messages.Errorf(messages.Invalid, "find module", "", "no module was given").WithHint("name one, like pyfi.processors.sample")
	}
	if name != "" && !dotted.MatchString(name) {
		return module{}, messages.Errorf(messages.Invalid, "find module", name, "it is not the dotted name of a Python module").WithHint("it looks like pyfi.processors.sample")
	}
	if file != "" {
		return atPath(tree, name, file)
	}
	base := strings.ReplaceAll(name, ".", "/")
	for _, root := range []string{"", "src"} {
		for _, rel := range []string{base + ".py", base + "/__init__.py"} {
			if isFile(tree, path.Join(root, rel)) {
				return module{name: name, file: path.Join(root, rel), root: root}, nil
			}
		}
	}
	return below(tree, name, base)
}

func isFile(tree *object.Tree, file string) bool {
	e, err := tree.FindEntry(file)
	return err == nil && e.Mode.IsFile()
}

// atPath takes the file that was named. When its path ends like the dotted
// name, the name leads to it from what is before.
func atPath(tree *object.Tree, name, file string) (module, error) {
	if !isFile(tree, file) {
		return module{}, messages.Errorf(messages.NotFound, "find module", file, "the repository has no such file").
			WithHint("there are: %s", list(file, pythonFiles(tree)))
	}
	stem := strings.TrimSuffix(strings.TrimSuffix(file, ".py"), "/__init__")
	if name == "" {
		if name = strings.ReplaceAll(stem, "/", "."); !dotted.MatchString(name) {
			name = regexp.MustCompile(`[^\pL\pN_]`).ReplaceAllString(path.Base(stem), "_")
		}
	}
	base := strings.ReplaceAll(name, ".", "/")
	if stem == base {
		return module{name: name, file: file}, nil
	}
	if root, ok := strings.CutSuffix(stem, "/"+base); ok {
		return module{name: name, file: file, root: root}, nil
	}
	return module{name: name, file: file, path: true}, nil
}

// below finds the one directory from which the dotted name leads to a file.
func below(tree *object.Tree, name, base string) (module, error) {
	var roots, files, names []string
	for _, file := range pythonFiles(tree) {
		stem := strings.TrimSuffix(strings.TrimSuffix(file, ".py"), "/__init__")
		names = append(names, strings.ReplaceAll(stem, "/", "."))
		if root, ok := strings.CutSuffix(stem, "/"+base); ok {
			roots, files = append(roots, root), append(files, file)
		}
	}
	switch len(roots) {
	case 1:
		return module{name: name, file: files[0], root: roots[0]}, nil
	case 0:
		return module{}, messages.Errorf(messages.NotFound, "find module", name, "the repository has no such module").
			WithHint("there are: %s", list(name, slices.Compact(names)))
	}
	return module{}, messages.Errorf(messages.Invalid, "find module", name, "the repository has several").
		WithHint("name the file (--modulepath) of one: %s", strings.Join(files[:min(len(files), maxShown)], ", "))
}

// pythonFiles gives the paths of the Python files in a tree.
func pythonFiles(tree *object.Tree) []string {
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	var files []string
	for {
		file, e, err := walker.Next()
		if err != nil { // io.EOF, or a broken object: what was found is there
			return files
		}
		if e.Mode != filemode.Dir && strings.HasSuffix(file, ".py") {
			files = append(files, file)
		}
	}
}

func readFile(tree *object.Tree, file string) ([]byte, error) {
	f, err := tree.File(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", errBroken, file, err)
	}
	if f.Size > maxModule {
		return nil, messages.Errorf(messages.Exhausted, "read module", file, "it has %d bytes; at most %d are read", f.Size, maxModule)
	}
	r, err := f.Reader()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", errBroken, file, err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxModule))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", errBroken, file, err)
	}
	return text, nil
}

//go:embed python/functions.py
var functionsScript string

// readFunctions reads a module's syntax tree with the Python that will run it.
func readFunctions(ctx context.Context, python interpreter, m module, commit string, text []byte) ([]*messages.Function, error) {
	functions, reason, err := parseFunctions(ctx, python, m, text)
	switch {
	case err != nil:
		return nil, err
	case reason != "":
		return nil, messages.Errorf(messages.Invalid, "read module", m.name, "%s at commit %.10s cannot be read by Python %s: %s", m.file, commit, python.Version, reason)
	case len(functions) > maxFunctions:
		return nil, messages.Errorf(messages.Exhausted, "read module", m.name, "it has %d public functions; at most %d are taken", len(functions), maxFunctions)
	}
	return functions, nil
}

// parseFunctions gives the public functions of a text, or why it is no Python.
func parseFunctions(ctx context.Context, python interpreter, m module, text []byte) (functions []*messages.Function, reason string, err error) {
	out, err := python.script(ctx, functionsScript, text)
	if err != nil {
		return nil, "", messages.Errorf(messages.Unavailable, "read module", m.name, "%v", err)
	}
	var read struct {
		Error     string
		Functions []struct {
			Name, Doc, Source string
			Parameters        []struct {
				Name       string
				Kind       messages.ArgumentKind
				HasDefault bool   `json:"has_default"`
				Default    string `json:"default_text"`
			}
		}
	}
	if err := json.Unmarshal(out, &read); err != nil {
		return nil, "", messages.Errorf(messages.Unavailable, "read module", m.name, "%v", errors.Join(errors.New("the reader's answer is not JSON"), err))
	}
	for _, f := range read.Functions {
		function := &messages.Function{Name: f.Name, Doc: f.Doc, Source: f.Source}
		for _, a := range f.Parameters {
			function.Parameters = append(function.Parameters, &messages.Parameter{Name: a.Name, Kind: a.Kind, HasDefault: a.HasDefault, DefaultText: a.Default})
		}
		functions = append(functions, function)
	}
	return functions, read.Error, nil
}
