package messages

// Environment is a processor's code made ready to run on a node.
type Environment struct {
	Interpreter string   // absolute path of the Python to run
	Dir         string   // root of the checkout
	Module      string   // dotted name to import
	ModulePath  string   // file to load, relative to Dir; empty: by the dotted name
	Paths       []string // put before the interpreter's own search path
	Commit      string   // full hash
	Overrides   []*Override
}
