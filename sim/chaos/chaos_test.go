//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/sim/audit"
	"github.com/elasticcode/flow/sim/chaos/links"
)

const (
	// chaosShort is how long faults last in a run among the other tests; CHAOS_TIME
	// says otherwise.
	chaosShort = 20 * time.Second
	// healed is how long the network may take, after the last fault, until it serves
	// as if nothing had been; allDone how long until all calls have ended.
	healed  = 30 * time.Second
	allDone = 3 * time.Minute
	// gap is the most time between the beginnings of two faults.
	gap = 4 * time.Second
)

// chaos is a storm on nodes that faults befall, drawn from a seed.
type chaos struct {
	*storm
	seed  uint64
	begun time.Time
	disk  string // where the small disk is mounted; empty: it is not
	mesh  wires
	load  *load

	mu       sync.Mutex
	owner    []string       // by node: the fault that has it in hand; empty: none
	happened map[string]int // by kind
	skipped  map[string]string
	timeline *os.File
}

// wires are what lies between the nodes.
type wires interface {
	Set(from, to int, r links.Rule)
	Reset(one, other int) int
	Clear()
	Close()
}

// wiring says where nodes are, before there are any, and what lies between them.
type wiring struct {
	place   func(w *Network)
	between func(nodes []*Node) (wires, error)
}

// TestChaos feeds a random flow to three nodes while faults of all kinds befall
// them, by themselves and two at a time. Then all is healed: soon no client may
// see an error, all must end, and an audit of the records on all disks must find
// every message where it belongs, and nothing else. `make chaos` runs it for
// CHAOS_TIME; CHAOS_SEED repeats the draws of a run.
func TestChaos(t *testing.T) {
	newChaos(t, linked(), nil).run(chaosTime(t))
}

// linked is a wiring of programs that hand on what nodes send.
func linked() wiring {
	return wiring{
		place: func(w *Network) {
			w.Hosts = func(node int) (host, known string) {
				return fmt.Sprintf("127.0.2.%d", node+1), fmt.Sprintf("127.0.3.%d", node+1)
			}
		},
		between: func(nodes []*Node) (wires, error) {
			var all []links.Node
			for _, n := range nodes {
				all = append(all, links.Node{Inside: n.Host, Outside: n.Known, Streams: []int{n.Port, n.Port + 1, n.Port + 2}, Packets: []int{n.Port + 2}, PID: n.PID})
			}
			return links.New(all...)
		},
	}
}

// run lets faults befall the network for a while, and then looks whether all is
// well.
func (c *chaos) run(lasting time.Duration) {
	ctx, cancel := context.WithTimeout(c.t.Context(), lasting+15*time.Minute)
	defer cancel()
	c.wire()
	c.say("%d sockets, %d plugs, on three nodes; CHAOS_SEED=%d CHAOS_TIME=%s", c.sockets, c.plugs, c.seed, chaosTime(c.t))
	for kind, why := range c.skipped {
		c.say("SKIPPED: %s: %s", kind, why)
	}
	c.load = c.begin(ctx)
	watched := c.watch(ctx)
	c.befall(ctx, lasting)
	c.heal(ctx)
	c.load.stop()
	c.drain(ctx, watched)
	close(watched)
	c.audit()
	c.report()
}

func chaosTime(t *testing.T) time.Duration {
	text := os.Getenv("CHAOS_TIME")
	if text == "" {
		return chaosShort
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("CHAOS_TIME=%q: %v", text, err)
	}
	return d
}

func chaosSeed(t *testing.T) uint64 {
	text := os.Getenv("CHAOS_SEED")
	if text == "" {
		return uint64(time.Now().UnixNano())
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("CHAOS_SEED=%q: %v", text, err)
	}
	return seed
}

// newChaos starts three nodes, the third of them on a small disk, where this
// machine allows that. What faults cannot be had over the wires is told.
func newChaos(t *testing.T, wires wiring, lacking map[string]string) *chaos {
	t.Helper()
	dir, err := os.MkdirTemp("", "flow-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the nodes logged, their data and the timeline are in %s", dir)
		} else {
			os.RemoveAll(dir)
		}
	})
	c := &chaos{seed: chaosSeed(t), owner: make([]string, 3), happened: map[string]int{}, skipped: map[string]string{}}
	if c.timeline, err = os.Create(filepath.Join(dir, "timeline.txt")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.timeline.Close() })
	maps.Copy(c.skipped, lacking)
	w := &Network{Bin: bin(t), Dir: dir}
	wires.place(w)
	for i := range 3 {
		if _, err := w.Add(fmt.Sprint("n", i+1), "--snapshot-bytes", strconv.Itoa(4<<20)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(w.Close)
	c.smallDisk(t, w)
	c.probe(w.Nodes[0])
	if c.mesh, err = wires.between(w.Nodes); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.mesh.Close)
	c.begun = time.Now()
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, w, 1)
	c.storm = &storm{lab: labOn(t, w, ""), random: rand.New(rand.NewPCG(c.seed, 0))}
	return c
}

// say writes a line of the timeline.
func (c *chaos) say(format string, args ...any) {
	line := fmt.Sprintf("%7.1fs  %s", time.Since(c.begun).Seconds(), fmt.Sprintf(format, args...))
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.timeline, line)
	if os.Getenv("CHAOS_TIME") != "" {
		fmt.Println(line)
	}
}

// befall lets faults befall the network for a while. What the nth of them is, the
// seed says; when it ends depends on what it does.
func (c *chaos) befall(ctx context.Context, lasting time.Duration) {
	var running sync.WaitGroup
	defer running.Wait()
	two := make(chan struct{}, 2) // at a time
	end := time.Now().Add(lasting)
	for n := uint64(1); time.Now().Before(end) && ctx.Err() == nil && !c.t.Failed(); n++ {
		random := rand.New(rand.NewPCG(c.seed, n))
		f := c.draw(random)
		select {
		case two <- struct{}{}:
			running.Go(func() { c.carryOut(ctx, f, random); <-two })
		case <-ctx.Done():
		}
		rest(ctx, time.Duration(rand.New(rand.NewPCG(c.seed, n+1<<32)).Int64N(int64(gap))))
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// take gives a fault the nodes that it needs, or says that another has one.
func (c *chaos) take(kind string, nodes ...int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range nodes {
		if c.owner[i] != "" {
			return false
		}
	}
	for _, i := range nodes {
		c.owner[i] = kind
	}
	return true
}

func (c *chaos) release(nodes ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range nodes {
		c.owner[i] = ""
	}
}

// watch looks for nodes that end although no fault has them in hand.
func (c *chaos) watch(ctx context.Context) (enough chan struct{}) {
	enough = make(chan struct{})
	go func() {
		for tick := time.NewTicker(200 * time.Millisecond); ; {
			select {
			case <-tick.C:
			case <-enough:
				tick.Stop()
				return
			case <-ctx.Done():
				return
			}
			for i, n := range c.w.Nodes {
				if c.take("look", i) {
					if n.PID() == 0 {
						c.t.Errorf("node %s has ended by itself: %s", n.Name, lastLine(n))
						return
					}
					c.release(i)
				}
			}
		}
	}()
	return enough
}

// heal waits until no fault is left, and lets the load go on a little: from then
// on no client may see an error.
func (c *chaos) heal(ctx context.Context) {
	c.mesh.Clear()
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, healed)
	defer cancel()
	if err := c.w.WaitReady(limited, 1); err != nil {
		c.t.Fatalf("the network does not heal: %v", err)
	}
	c.say("healed: all nodes are ready after %s", time.Since(began).Round(100*time.Millisecond))
	if err := c.load.settled(limited); err != nil {
		c.t.Fatal(err)
	}
	c.load.strict()
	rest(ctx, 3*time.Second)
}

func (c *chaos) drain(ctx context.Context, watched chan<- struct{}) {
	limited, cancel := context.WithTimeout(ctx, allDone)
	defer cancel()
	if err := c.drained(limited); err != nil {
		close(watched) // the nodes are about to be ended
		c.stuck(err)
	}
	c.say("all calls have ended")
}

// audit holds the records on all disks against the plan, and against what the
// clients were told.
func (c *chaos) audit() {
	plan := planOf(c.lab)
	for _, n := range c.w.Nodes {
		if err := n.Stop(); err != nil {
			c.t.Errorf("node %s ended with %v", n.Name, err)
		}
		c.panics(n)
	}
	records := atRest(c.t, c.w)
	wrong := append(audit.Check(plan, c.load.accepted, records), c.load.untrue(records)...)
	c.say("%d calls were accepted, which made %d calls and %d messages at gates", len(c.load.accepted), len(records.Calls), len(records.Arrivals))
	for _, line := range wrong[:min(100, len(wrong))] {
		c.say("WRONG: %s", line)
	}
	if len(wrong) > 0 {
		c.t.Errorf("%d things are wrong, the first:\n%s", len(wrong), strings.Join(wrong[:min(20, len(wrong))], "\n"))
	}
}

// panics: a node that was killed by a fault must not have ended by a bug before.
func (c *chaos) panics(n *Node) {
	log, err := os.ReadFile(n.LogFile())
	if err != nil {
		c.t.Error(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			c.t.Errorf("node %s: %s", n.Name, line)
		}
	}
}

func (c *chaos) report() {
	var kinds []string
	for kind, n := range c.happened {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(kinds)
	c.say("faults: %s", strings.Join(kinds, ", "))
	c.say("%s", c.load.figures())
	if !c.t.Failed() {
		c.say("nothing is wrong; CHAOS_SEED=%d draws the same faults again", c.seed)
	} else {
		c.say("FAILED; CHAOS_SEED=%d CHAOS_TIME=%s make chaos draws the same faults again", c.seed, chaosTime(c.t))
	}
}

// clientFrom gives a client that begins at one node, and goes on to the others.
func clientFrom(w *Network, first int) (*client.Client, error) {
	addresses := w.Addresses()
	first %= len(addresses)
	return client.New(client.Options{Addresses: append(slices.Clone(addresses[first:]), addresses[:first]...), Connections: 1, Patience: -1})
}
