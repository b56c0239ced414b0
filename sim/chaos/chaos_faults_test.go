//go:build e2e

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/elasticcode/flow/sim/chaos/links"
)

// longest is how long a fault lasts at most; some are shorter by nature.
const longest = 8 * time.Second

// fault is one kind of them. It takes the nodes that it needs for itself until
// they are well again; while another has them it does not happen.
type fault struct {
	kind string
	// happen carries it out, and gives what it did, in words; empty: nothing.
	happen func(ctx context.Context, random *rand.Rand, lasting time.Duration) string
}

func (c *chaos) faults() []fault {
	all := []fault{
		{"kill", c.kill},
		{"kill of all", c.killAll},
		{"pause", c.pause},
		{"kill of workers", c.killWorkers},
		{"cut", c.cut},
		{"delay", c.delay},
		{"loss", c.lose},
		{"reset", c.reset},
		{"full disk", c.full},
		{"slow fsync", c.slowSync},
		{"failing fsync", c.failingSync},
		{"loss of power", c.powerOff},
		{"loss of power of all", c.powerOffAll},
	}
	return slices.DeleteFunc(all, func(f fault) bool { return c.skipped[f.kind] != "" })
}

func (c *chaos) draw(random *rand.Rand) fault {
	all := c.faults()
	return all[random.IntN(len(all))]
}

func (c *chaos) carryOut(ctx context.Context, f fault, random *rand.Rand) {
	lasting := 200*time.Millisecond + time.Duration(random.Int64N(int64(longest)))
	if what := f.happen(ctx, random, lasting); what != "" {
		c.mu.Lock()
		c.happened[f.kind]++
		c.mu.Unlock()
		c.say("over: %s: %s", f.kind, what)
	}
}

// alone takes one node for a fault and releases it afterwards.
func (c *chaos) alone(kind string, i int, do func(n *Node) string) string {
	if !c.take(kind, i) {
		return ""
	}
	defer c.release(i)
	return do(c.w.Nodes[i])
}

func (c *chaos) all(kind string, do func() string) string {
	if !c.take(kind, 0, 1, 2) {
		return ""
	}
	defer c.release(0, 1, 2)
	return do()
}

func (c *chaos) start(nodes ...*Node) {
	for _, n := range nodes {
		if err := n.Start(); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *chaos) kill(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.alone("kill", random.IntN(3), func(n *Node) string {
		c.say("%s is killed", n.Name)
		n.Kill()
		rest(ctx, lasting)
		c.start(n)
		return fmt.Sprintf("%s started again", n.Name)
	})
}

func (c *chaos) killAll(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.all("kill of all", func() string {
		c.say("all nodes are killed")
		for _, n := range c.w.Nodes {
			n.Signal(syscall.SIGKILL)
		}
		for _, n := range c.w.Nodes {
			n.Kill()
		}
		for _, i := range random.Perm(3) {
			rest(ctx, time.Duration(random.Int64N(int64(lasting)/2)))
			c.start(c.w.Nodes[i])
		}
		return "all started again"
	})
}

func (c *chaos) pause(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.alone("pause", random.IntN(3), func(n *Node) string {
		c.say("%s is stopped by SIGSTOP", n.Name)
		n.Signal(syscall.SIGSTOP)
		rest(ctx, lasting)
		n.Signal(syscall.SIGCONT)
		return fmt.Sprintf("%s goes on after %s", n.Name, lasting.Round(time.Millisecond))
	})
}

// killWorkers kills up to three workers, wherever they are.
func (c *chaos) killWorkers(_ context.Context, random *rand.Rand, _ time.Duration) string {
	var pids []int
	for _, pid := range Below(c.w.Dir) {
		if c.isWorker(pid) {
			pids = append(pids, pid)
		}
	}
	random.Shuffle(len(pids), func(i, j int) { pids[i], pids[j] = pids[j], pids[i] })
	pids = pids[:min(len(pids), 1+random.IntN(3))]
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if len(pids) == 0 {
		return ""
	}
	return fmt.Sprintf("%d killed", len(pids))
}

// ways draws some of the ways between nodes: one, one in both directions, or all
// to, from or to and from one node.
func ways(random *rand.Rand) (from, to []int, what string) {
	i := random.IntN(3)
	j, k := (i+1)%3, (i+2)%3
	if random.IntN(2) == 0 {
		j, k = k, j
	}
	name := func(i int) string { return fmt.Sprint("n", i+1) }
	switch random.IntN(5) {
	case 0:
		return []int{i}, []int{j}, name(i) + " to " + name(j)
	case 1:
		return []int{i, j}, []int{j, i}, name(i) + " to " + name(j) + " and back"
	case 2:
		return []int{i, i}, []int{j, k}, "all that " + name(i) + " sends"
	case 3:
		return []int{j, k}, []int{i, i}, "all that is sent to " + name(i)
	default:
		return []int{i, i, j, k}, []int{j, k, i, i}, "all to and from " + name(i)
	}
}

// between lays a rule on some ways for a while.
func (c *chaos) rule(ctx context.Context, random *rand.Rand, lasting time.Duration, r links.Rule, what string) string {
	from, to, which := ways(random)
	c.say("%s: %s", what, which)
	for i := range from {
		c.mesh.Set(from[i], to[i], r)
	}
	rest(ctx, lasting)
	for i := range from {
		c.mesh.Set(from[i], to[i], links.Rule{})
	}
	ended := which + ", after " + lasting.Round(time.Millisecond).String()
	if random.IntN(2) == 0 {
		for i := range from {
			c.mesh.Reset(from[i], to[i])
		}
		ended += "; streams broken"
	}
	return ended
}

func (c *chaos) cut(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	return c.rule(ctx, random, lasting, links.Rule{Cut: true}, "cut")
}

func (c *chaos) delay(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	d := time.Duration(5+random.IntN(250)) * time.Millisecond
	return c.rule(ctx, random, lasting, links.Rule{Delay: d}, fmt.Sprintf("%s late", d))
}

func (c *chaos) lose(ctx context.Context, random *rand.Rand, lasting time.Duration) string {
	share := 0.05 + 0.25*random.Float64()
	return c.rule(ctx, random, lasting, links.Rule{Loss: share}, fmt.Sprintf("%.0f %% lost", 100*share))
}

func (c *chaos) reset(_ context.Context, random *rand.Rand, _ time.Duration) string {
	from, to, which := ways(random)
	n := 0
	for i := range from {
		n += c.mesh.Reset(from[i], to[i])
	}
	return fmt.Sprintf("%s, %d at once", which, n)
}
