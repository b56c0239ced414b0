//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/audit"
)

// storm is a random flow: sources that are fed, plugs of both types to sockets
// further on, and gates between them. One call in ten fails for good, by its id.
type storm struct {
	*lab
	random  *rand.Rand
	sources []string
	sockets int
	plugs   int

	mu       sync.Mutex
	accepted []messages.CallID
	errs     []error
}

const (
	stormSources = 12
	stormMiddle  = 18
	stormGates   = 10
	stormEnds    = 10
	stormFeeders = 32
)

// storms is how many calls are fed: 2,000, or what FLOW_STORM says (20,000 takes
// some minutes).
func storms(t *testing.T) int {
	text := os.Getenv("FLOW_STORM")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("FLOW_STORM=%q: %v", text, err)
	}
	return n
}

// TestStorm feeds a random flow on three nodes while nodes and workers are
// killed. Then an audit of all records, read from the disks of all three, must
// find every message where it belongs, and nothing else.
func TestStorm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FLOW_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("FLOW_SEED=%d", seed)
	s := &storm{lab: newLab(t, 3), random: rand.New(rand.NewPCG(seed, 0))}
	s.wire()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()

	begun, fed := time.Now(), make(chan struct{})
	go func() { defer close(fed); s.feed(ctx, storms(t)) }()
	nodes, workers := s.kill(ctx, fed)
	if err := s.drained(ctx); err != nil {
		s.stuck(err)
	}
	took := time.Since(begun)
	if len(s.errs) > 0 {
		t.Fatalf("%d callers saw an error, the first: %v", len(s.errs), s.errs[0])
	}
	plan := planOf(s.lab)
	for _, n := range s.w.Nodes {
		if err := n.Stop(); err != nil {
			t.Fatalf("node %s ended with %v", n.Name, err)
		}
	}
	records := atRest(t, s.w)
	wrong := audit.Check(plan, s.accepted, records)
	t.Logf("%d sockets, %d plugs: %d calls fed, %d calls and %d messages at gates in all, %d nodes and %d workers killed, in %s", s.sockets, s.plugs,
		len(s.accepted), len(records.Calls), len(records.Arrivals), nodes, workers, took.Round(time.Second))
	if len(wrong) > 0 {
		t.Errorf("%d things are wrong, the first:\n%s", len(wrong), strings.Join(wrong[:min(20, len(wrong))], "\n"))
	}
}

// wire makes processors in both partitions, and sockets and plugs at random. Plugs
// lead from a layer to a later one, three from each source.
func (s *storm) wire() {
	code := stormRepository(s.t, s.w.Dir)
	for i := range 4 {
		s.cli("add", "processor", "-n", fmt.Sprint("p", i), "-g", code, "-m", "storm", "-c", "1", "--retries", "1", "--retrydelay", "50ms")
	}
	layer := func(n int, function string, flags ...string) (names []string) {
		for range n {
			name := fmt.Sprint("s", s.sockets)
			s.sockets++
			s.cli(append([]string{"add", "socket", "-n", name, "-q", "q", "-pn", fmt.Sprint("p", s.random.IntN(4)), "-t", function}, flags...)...)
			names = append(names, name)
		}
		return names
	}
	s.sources = layer(stormSources, "work")
	middle := layer(stormMiddle, "work")
	gates := append(layer(stormGates/2, "join"), layer(stormGates-stormGates/2, "join", "--correlate", "tracking")...)
	ends := layer(stormEnds, "work")

	for i, source := range s.sources {
		s.plug(source, middle[s.random.IntN(len(middle))])
		s.plug(source, middle[s.random.IntN(len(middle))])
		s.plug(source, ends[s.random.IntN(len(ends))], "--type", "ERROR")
		// A gate is fed from two sources, so that both its sides get as much.
		s.plug(source, gates[i%len(gates)], "--argument", "one")
		s.plug(s.sources[(i+1)%len(s.sources)], gates[i%len(gates)], "--argument", "two")
	}
	for _, m := range middle {
		s.plug(m, ends[s.random.IntN(len(ends))])
		s.plug(m, ends[s.random.IntN(len(ends))], "--type", "ERROR")
	}
	for _, g := range gates {
		s.plug(g, ends[s.random.IntN(len(ends))])
	}
	for i := range 4 {
		s.processorIs(fmt.Sprint("p", i), "running")
	}
}

func (s *storm) plug(source, target string, flags ...string) {
	s.cli(append([]string{"add", "plug", "-n", fmt.Sprint("plug", s.plugs), "-q", "q", "-s", source, "-t", target}, flags...)...)
	s.plugs++
}

// feed sends calls until n were accepted: one by one, and every tenth time in a
// batch of ten. Each goes on with its key until a node takes it.
func (s *storm) feed(ctx context.Context, n int) {
	var wait sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	for feeder := range stormFeeders {
		random := rand.New(rand.NewPCG(s.random.Uint64(), uint64(feeder)))
		wait.Go(func() {
			addresses := s.w.Addresses()
			c, err := client.New(client.Options{Addresses: append(addresses[feeder%3:], addresses[:feeder%3]...), Connections: 1, Patience: -1})
			if err != nil {
				s.note(nil, err)
				return
			}
			defer c.Close()
			for ctx.Err() == nil {
				batch := 1
				if random.IntN(10) == 0 {
					batch = 10
				}
				if left.Add(-int64(batch)) < 0 {
					return
				}
				s.note(s.send(ctx, c, s.sources[random.IntN(len(s.sources))], batch))
			}
		})
	}
	wait.Wait()
}

func (s *storm) send(ctx context.Context, c *client.Client, socket string, n int) ([]messages.CallID, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return submit(ctx, c, socket, uuid.Must(uuid.NewV7()).String(), n)
}

func (s *storm) note(ids []messages.CallID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = append(s.accepted, ids...)
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// kill kills nodes and workers by turns until all is fed, and three nodes at
// least, and gives how many.
func (s *storm) kill(ctx context.Context, fed <-chan struct{}) (nodes, workers int) {
	for {
		select {
		case <-fed:
			if nodes >= 3 {
				return nodes, workers
			}
		default:
		}
		workers += s.killWorker()
		victim := s.w.Nodes[s.random.IntN(3)]
		before := s.ended(ctx)
		victim.Kill()
		nodes++
		if err := Until(ctx, "calls to go on without "+victim.Name, func() bool { now := s.ended(ctx); return now > before+20 || s.idle(ctx) }); err != nil {
			s.t.Fatal(err)
		}
		if err := victim.Start(); err != nil {
			s.t.Fatal(err)
		}
		if err := s.w.WaitReady(ctx, 1); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *storm) killWorker() int {
	var pids []int
	for _, o := range s.list(messages.Kind_KIND_WORKER, "") {
		if pid := int(o.GetWorker().GetProcess()); pid > 1 && len(Alive(pid)) == 1 {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return 0
	}
	if syscall.Kill(pids[s.random.IntN(len(pids))], syscall.SIGKILL) != nil {
		return 0
	}
	return 1
}

// counts gives how many calls there are in all, and how many have not ended.
func (s *storm) counts(ctx context.Context) (all, left int64) {
	info, err := s.c.Network(ctx)
	if err != nil {
		return 0, 1
	}
	for _, g := range info.GetGroups() {
		all, left = all+g.GetCalls(), left+g.GetQueued()+g.GetRunning()
	}
	return all, left
}

func (s *storm) ended(ctx context.Context) int64 {
	all, left := s.counts(ctx)
	return all - left
}

func (s *storm) idle(ctx context.Context) bool {
	_, left := s.counts(ctx)
	return left == 0
}

// drained waits until nothing has moved for a while: no call is left, and none
// has come.
func (s *storm) drained(ctx context.Context) error {
	var before int64
	still := 0
	return Until(ctx, "all calls to end", func() bool {
		all, left := s.counts(ctx)
		if still++; left > 0 || all != before {
			before, still = all, 0
		}
		return still == 40
	})
}

// stuck ends a test whose calls do not end: it writes down what the network says
// of itself, and ends the nodes with what each goroutine was at.
func (s *storm) stuck(err error) {
	all, left := s.counts(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var told strings.Builder
	ask := func(args ...string) string {
		out, err := s.w.CLI(ctx, strings.Join(s.w.Addresses(), ","), nil, args...)
		fmt.Fprintf(&told, "flowcli %s: %v\n%s%s\n", strings.Join(args, " "), err, out.Stdout, out.Stderr)
		return out.Stdout
	}
	ask("network")
	ask("ls", "processors")
	ask("ls", "workers")
	ask("ls", "calls", "-u", "-a", "-r", "1000")
	for i, id := range strings.Fields(ask("ls", "calls", "-u", "-a", "-i", "-r", "1000")) {
		if i%20 == 0 {
			ask("explain", "call", id)
		}
	}
	if err := os.WriteFile(filepath.Join(s.w.Dir, "stuck.txt"), []byte(told.String()), 0o644); err != nil {
		s.t.Error(err)
	}
	for _, n := range s.w.Nodes {
		n.Dump()
	}
	s.t.Fatalf("%v; of %d calls %d have not ended", err, all, left)
}
