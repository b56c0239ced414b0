package flow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/elasticcode/flow"

// vocabulary is what everybody may import.
var vocabulary = []string{"messages", "kv", "outbox", "plant"}

// pure is what the shells may read besides: state machines, which other pure
// packages do not know.
var pure = []string{"flow", "model", "access"}

// shells do the work of the world. They meet in node, and nowhere else.
var shells = []string{"cluster", "raftstore", "actors", "worker", "source", "api", "client"}

// rules says what of the house each of its rooms may import besides its own
// subpackages. A room that is not listed may not be built: give it a rule.
func rules() map[string][]string {
	everything := slices.Concat(vocabulary, pure, shells, []string{"discovery", "calendar", "node", "sim", "buggify"})
	r := map[string][]string{
		"":         everything, // the tests in the root
		"messages": nil,
		"kv":       nil,
		"outbox":   {"messages", "kv", "plant"},
		// plant is mistakes that tests put into the program.
		"plant": nil,
		// buggify is what the simulated world makes happen often; pure packages leave nothing to chance.
		"buggify":  nil,
		"node":     everything,
		"sim":      everything,
		"bench":    everything,
		"examples": {"messages", "client"},
		"cmd/node": {"messages", "node"},
		"cmd/sim":  {"sim", "plant"},
		// flowcli is a client like any other, so that whatever it can do, all can.
		"cmd/flowcli": {"messages", "client", "discovery"},
		// discovery is how nodes and clients of a machine find each other.
		"discovery": {"messages"},
		// calendar is what cron lines and zones mean: the API checks them, nodes ask when.
		"calendar": {"messages"},
	}
	for _, p := range pure {
		r[p] = vocabulary
	}
	for _, s := range shells {
		r[s] = slices.Concat(vocabulary, pure, []string{"buggify"})
	}
	r["cluster"] = append(r["cluster"], "discovery")
	r["api"] = append(r["api"], "calendar")
	return r
}

// pkg is a package as `go list` describes it.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
	Export       string
	Standard     bool
}

// short is a package's path in the house: "raftstore/boltlog".
func (p pkg) short() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
}

// list runs `go list`, which knows the files that a build takes, and with
// -export compiles what it lists and says where the export data is.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	return listFor(t, nil, args...)
}

// listFor lists as for another target.
func listFor(t *testing.T, environment []string, args ...string) []pkg {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports,Deps,Export,Standard"}, args...)...)
	command.Stderr = &stderr
	command.Env = append(os.Environ(), environment...)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	var packages []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// room is the longest room of the house that a package lies in.
func room(r map[string][]string, short string) (string, bool) {
	for ; short != "."; short = path.Dir(short) {
		if _, ok := r[short]; ok {
			return short, true
		}
	}
	return "", false
}

// TestImportsFollowTheHouse keeps siblings apart, in tests too: a package that
// needs another's work says so in an interface of its own, which node fills.
func TestImportsFollowTheHouse(t *testing.T) {
	r := rules()
	for _, p := range list(t, "./...") {
		for _, message := range foreignImports(r, p) {
			t.Error(message)
		}
	}
}

func foreignImports(r map[string][]string, p pkg) (wrong []string) {
	home, ok := room(r, p.short())
	if !ok {
		return []string{fmt.Sprintf("%s has no rule: say in architecture_test.go what it may import", p.short())}
	}
	for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		if !strings.HasPrefix(imported, modulePath+"/") {
			continue
		}
		to := pkg{ImportPath: imported}.short()
		if target, _ := room(r, to); target != home && !slices.Contains(r[home], target) {
			wrong = append(wrong, fmt.Sprintf("%s imports %s: %s may import %v only. Siblings meet in node, through interfaces of the one that needs, so that each can be read, tested and replaced alone",
				p.short(), to, home, r[home]))
		}
	}
	return wrong
}

// simulated are packages that the simulated world runs as they are. It is built
// for GOOS=wasip1, for which the stores do not compile: those stand behind
// interfaces, in leaves that only node imports.
var simulated = []string{"raftstore", "cluster", "actors", "flow", "model", "api"}

var notSimulated = []string{"go.etcd.io/bbolt", "github.com/boltdb/bolt", "github.com/hashicorp/raft-boltdb", "github.com/hashicorp/raft-wal", "github.com/cockroachdb/pebble"}

func TestSimulatedPackagesNeedNoStore(t *testing.T) {
	for _, p := range listFor(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, append([]string{"-e"}, there(simulated)...)...) {
		for _, message := range storesBelow(p) {
			t.Error(message)
		}
	}
}

// there gives the patterns of those rooms that have been built.
func there(rooms []string) (patterns []string) {
	for _, r := range rooms {
		if _, err := os.Stat(r); err == nil {
			patterns = append(patterns, "./"+r)
		}
	}
	return patterns
}

func storesBelow(p pkg) (wrong []string) {
	for _, dependency := range p.Deps {
		for _, store := range notSimulated {
			if dependency == store || strings.HasPrefix(dependency, store+"/") {
				wrong = append(wrong, fmt.Sprintf("%s depends on %s, which does not compile for the simulated world: put what needs it into a leaf behind an interface, and let node choose it",
					p.short(), dependency))
			}
		}
	}
	return wrong
}

// TestBreachesOfTheHouseAreFound shows that the rules bite.
func TestBreachesOfTheHouseAreFound(t *testing.T) {
	for _, test := range []struct {
		from, to string
		allowed  bool
	}{
		{"cluster", "raftstore", false}, {"cluster", "cluster/gossip", true}, {"raftstore/boltlog", "raftstore", true},
		{"api", "model", true}, {"api", "model/placement", true}, {"model", "flow", false}, {"flow/mailbox", "outbox", true}, {"flow", "actors", false},
		{"node", "raftstore/boltlog", true}, {"actors", "node", false}, {"messages", "kv", false}, {"cmd/flowcli", "api", false}, {"cmd/other", "messages", false},
	} {
		p := pkg{ImportPath: modulePath + "/" + test.from, XTestImports: []string{modulePath + "/" + test.to}}
		if wrong := foreignImports(rules(), p); (len(wrong) == 0) != test.allowed {
			t.Errorf("%s imports %s: %v", test.from, test.to, wrong)
		}
	}
	p := pkg{ImportPath: modulePath + "/raftstore", Deps: []string{"fmt", "github.com/cockroachdb/pebble/v2/sstable"}}
	if len(storesBelow(p)) != 1 {
		t.Error("a store below raftstore was not found")
	}
}
