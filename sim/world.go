// Package sim runs the real node in a simulated world: the same seed gives the
// same run, to the last byte. docs/SIMULATION.md says how, and what is not
// modelled.
package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/plant"
	"github.com/elasticcode/flow/sim/twin"
)

// Options say what to run.
type Options struct {
	Seed     uint64        `json:"seed"`
	Nodes    int           `json:"nodes"`
	For      time.Duration `json:"for"`      // simulated; must be longer than Settle
	Callers  int           `json:"callers"`  // that call at the same time; 0: DefaultCallers
	Calls    int           `json:"calls"`    // of each caller; 0: as many as the time allows
	Snapshot int64         `json:"snapshot"` // bytes of a log until a snapshot is taken; 0: the node's own default
	Faults   []string      `json:"faults"`   // kinds, of Kinds()
	Buggify  []string      `json:"buggify"`  // points of package buggify that are on
	Script   []Event       `json:"script"`   // what happens; nil: what the seed draws of the kinds
	Flow     *twin.Flow    `json:"flow"`     // what runs, and is called; nil: the usual
	Trace    io.Writer     `json:"-"`        // takes each line of the trace; nil: nobody
	Log      io.Writer     `json:"-"`        // takes the guests' logs; nil: nobody
	Level    string        `json:"-"`        // of the nodes' logs; empty: none
}

// DefaultCallers is how many callers a run has that says nothing else.
const DefaultCallers = 4

// DefaultSnapshot is after how many bytes of a log bin/sim lets nodes take a
// snapshot: so few that a node that was away for a while needs one.
const DefaultSnapshot = 16 << 10

// Settle is how long the network has, after the last fault and the last call,
// until every call has ended.
const Settle = 20 * time.Second

// epoch is when a simulated world begins, in nanoseconds since 1970.
const epoch = 1767225600e9

// World is one run.
type World struct {
	events
	options  Options
	guest    *Guest
	machines []*machine // the nodes, and the clients' machine as the last
	net      *network
	trace    *trace
	script   []Event
	joined   int            // nodes that came later
	until    int64          // no event after it
	count    map[string]int // of events, by kind
	history  History
	taken    bool        // a copy of the data was taken away
	logs     Logs        // of the groups, as their replicas applied them
	broken   []Violation // of promises that the world itself looks at
	over     bool        // what dies now dies because the run is over
}

// Result is what a run gave.
type Result struct {
	Hash       string
	Lines      int
	History    History
	Violations []Violation
	Faults     map[string]int
	Script     []Event
	Simulated  time.Duration
	Took       time.Duration
	machines   []*machine
}

// Run runs a guest until the time is over.
func Run(ctx context.Context, g *Guest, o Options) (*Result, error) {
	if o.Nodes < 1 || o.For <= Settle {
		return nil, fmt.Errorf("simulate %d nodes for %s: want at least 1 node, and more than %s, which the network has to settle in", o.Nodes, o.For, Settle)
	}
	if err := errors.Join(CheckScript(o.Nodes, o.Faults, o.Script), CheckPoints(o.Buggify)); err != nil {
		return nil, err
	}
	if o.Flow == nil {
		var err error
		if o.Flow, err = ParseFlow(usualFlow); err != nil {
			return nil, err
		}
	}
	if o.Callers == 0 {
		o.Callers = DefaultCallers
	}
	began := time.Now()
	w := &World{options: o, guest: g, trace: newTrace(o.Trace)}
	w.now = epoch
	w.net = &network{world: w, rng: w.stream("network"), conditions: map[link]*condition{}}
	w.logs = Logs{}
	w.script, w.until, w.count = o.Script, epoch+int64(o.For-Settle), map[string]int{}
	if w.script == nil {
		w.script = draw(w.stream("faults"), o)
	}
	w.build()
	for i, m := range w.machines {
		w.at(epoch+int64(i)*int64(50*time.Millisecond), m.boot)
	}
	end := epoch + int64(o.For)
	for ctx.Err() == nil && w.step(end) {
	}
	w.now, w.over = end, true
	for _, m := range w.machines {
		m.kill()
		w.record(m.name, m.boots, fmt.Sprintf("memory %d", m.memory))
	}
	return &Result{Hash: w.trace.String(), Lines: w.trace.lines, History: w.history, Violations: inOrder(w.broken, Check(w.history), checkLogs(w.logs, w.history)),
		Faults: w.count, Script: w.script, Simulated: o.For, Took: time.Since(began), machines: w.machines}, ctx.Err()
}

func (w *World) stream(purpose string) *rand.Rand { return stream(w.options.Seed, purpose) }

// stream is a source of chance for one purpose: what one takes out of it does
// not change what another gets.
func stream(seed uint64, purpose string) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	copy(key[8:], purpose)
	return rand.New(rand.NewChaCha8(key))
}

// build makes the machines: nodes that join the first, and clients.
func (w *World) build() {
	var addresses []string
	for i := range w.options.Nodes {
		m := w.machine("n" + strconv.Itoa(i+1))
		m.env = append(m.env, w.nodeEnv()...)
		if i > 0 {
			m.join(w.machines[0])
		}
		m.older = w.changesVersion()
		addresses = append(addresses, m.address().String()+":7460")
	}
	clients := w.machine("clients")
	clients.env = append(clients.env, [][2]string{{"SIM_ROLE", "clients"}, {"SIM_NODES", strings.Join(addresses, " ")},
		{"SIM_CALLERS", strconv.Itoa(w.options.Callers)}, {"SIM_CALLS", strconv.Itoa(w.options.Calls)},
		{"SIM_UNTIL", strconv.FormatInt(w.until, 10)}, {"SIM_END", strconv.FormatInt(epoch+int64(w.options.For), 10)}}...)
}

// leastCPUs is what each node has at least.
const leastCPUs = 2

// nodeEnv is what every node is told.
func (w *World) nodeEnv() [][2]string {
	slots := w.options.Flow.Slots() // without a slot for each, a processor may wait for ever, as it should
	cpus := max(leastCPUs, (slots+w.options.Nodes-1)/w.options.Nodes)
	env := [][2]string{{"SIM_ROLE", "node"}, {"SIM_CPUS", strconv.Itoa(cpus)}, {"SIM_LOG", w.options.Level}, {"SIM_SNAPSHOT", strconv.FormatInt(w.options.Snapshot, 10)},
		{buggify.Variable, strings.Join(w.options.Buggify, ",")}}
	if bug := plant.Planted(); bug != "" {
		env = append(env, [2]string{"PLANT", string(bug)})
	}
	return env
}

func (w *World) machine(name string) *machine {
	m := &machine{world: w, index: len(w.machines), name: name, rng: w.stream(name), disk: newDisk()}
	variable, value := w.options.Flow.Environment()
	m.env = [][2]string{{variable, value}}
	m.disk.now = func() int64 { return w.now }
	m.disk.seen = func(payload []byte, format string, args ...any) {
		m.seen(payload, format, args...)
		m.call()
	}
	w.machines = append(w.machines, m)
	return m
}

// note takes down what a guest tells.
func (w *World) note(m *machine, line string) {
	m.seen(nil, "note %s", line)
	w.record(m.name, m.boots, line)
	switch {
	case line == "prepared":
		w.perform()
	case strings.HasPrefix(line, noteDeleted):
		w.deleted(line)
	}
}

// record takes down what the world itself knows, or was told.
func (w *World) record(machine string, boot int, line string) {
	w.history = append(w.history, Entry{At: w.now - epoch, Machine: machine, Boot: boot, Line: line})
}

// killedAt is called when an instance was killed.
func (w *World) killedAt(m *machine) {
	w.net.died(m)
	w.again(m)
}

// again starts a machine that is down, when its time comes.
func (w *World) again(m *machine) {
	switch {
	case m.removed: // it was killed, or its disk failed, before it had said so
		w.returns(m, m.downFor)
		return
	case m.leaving:
		w.leaves(m)
		return
	}
	w.at(w.now+m.downFor, func() {
		if !m.running && !m.leaving && w.now < epoch+int64(w.options.For) {
			m.boot()
		}
	})
}

// ended is called when an instance ended by itself.
func (w *World) ended(m *machine, err error) {
	m.sleep++
	m.asleep = false
	if m.ends != nil {
		w.net.died(m)
	}
	if err == nil && m.stopping {
		w.note(m, "stopped")
		w.again(m)
		return
	}
	defer w.recover(m)
	text := "exited"
	if err != nil {
		text = "exited " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	w.note(m, text)
}
