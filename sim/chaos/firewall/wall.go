// Package firewall gives each node a network namespace, and joins them by a
// router whose firewall cuts and loses what goes from one to another. Package
// links takes what a node sends and hands it on; here the system's own TCP must
// cope: it sends again, waits longer each time, and gives up in the end.
//
// It needs root, ip, nft and nsenter, and a process that has a namespace of its
// own, which is the router's: Again.
//go:build linux

package firewall

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/elasticcode/flow/sim/chaos/links"
)

// Wall is the router between nodes.
type Wall struct {
	failed func(error)
	spaces []*os.File

	mu      sync.Mutex
	rules   map[way]links.Rule
	refused map[way]bool
}

type way struct{ from, to int }

// refusing is how long a Reset lasts: whoever sends meanwhile finds its stream
// broken.
const refusing = 500 * time.Millisecond

// New makes namespaces for n nodes, with no rule between them. Rules that cannot
// be laid later are told.
func New(n int, failed func(error)) (*Wall, error) {
	w := &Wall{failed: failed, rules: map[way]links.Rule{}, refused: map[way]bool{}}
	err := route()
	for i := 0; i < n && err == nil; i++ {
		err = w.add(i)
	}
	if err = errors.Join(err, w.lay()); err != nil {
		w.Close()
		return nil, fmt.Errorf("build a firewall between %d nodes: %w", n, err)
	}
	return w, nil
}

// Host is where a node listens, and where the others and the router reach it.
func (w *Wall) Host(node int) string { return fmt.Sprintf("10.77.%d.2", node+1) }

// gate is the router's end of the way to a node.
func gate(node int) string { return fmt.Sprintf("10.77.%d.1", node+1) }

// Command is what starts a program in a node's namespace, as one process.
func (w *Wall) Command(node int, program string, args ...string) (string, []string) {
	return "nsenter", append([]string{"--net=" + w.path(node), "--", program}, args...)
}

// path is where other processes find a node's namespace.
func (w *Wall) path(node int) string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), w.spaces[node].Fd())
}

// Set lays down what befalls what goes from one node to another: Cut and Loss
// are of packets, also of those that streams are made of. A Delay is beyond a
// firewall.
func (w *Wall) Set(from, to int, r links.Rule) {
	w.change(func() { w.rules[way{from, to}] = r })
}

// Clear lifts all rules.
func (w *Wall) Clear() { w.change(func() { clear(w.rules) }) }

// Reset refuses what two nodes send to each other for a moment, and gives how
// many packets that were.
func (w *Wall) Reset(one, other int) (n int) {
	refuse := func(on bool) {
		w.change(func() { w.refused[way{one, other}], w.refused[way{other, one}] = on, on })
	}
	refuse(true)
	time.Sleep(refusing)
	n, err := count()
	if err != nil {
		w.failed(err)
	}
	refuse(false)
	return n
}

// change lays the rules anew, after something has changed them.
func (w *Wall) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	if err := w.lay(); err != nil {
		w.failed(err)
	}
}

// Close forgets the namespaces: they go when nothing runs in them any more.
func (w *Wall) Close() {
	for _, f := range w.spaces {
		f.Close()
	}
}
