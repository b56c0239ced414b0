package sim

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestCorpusHasEachKind: each kind of event, and each point of buggify, is in a
// run of the corpus, and so of each `make sim`. A change of version needs a
// second program.
func TestCorpusHasEachKind(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("corpus", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	has := []string{operationVersion}
	for _, file := range files {
		o, err := ReadOptions(file)
		if err != nil {
			t.Fatal(err)
		}
		if o.Script == nil {
			o.Script = draw(stream(o.Seed, "faults"), o)
		}
		has = append(has, o.Buggify...)
		for _, e := range o.Script {
			has = append(has, e.Kind)
		}
	}
	for _, name := range slices.Concat(Kinds(), Points()) {
		if !slices.Contains(has, name) {
			t.Errorf("no run of the corpus has %s", name)
		}
	}
}
