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
	spaces []*os.File

	mu      sync.Mutex
	rules   map[way]links.Rule
	refused map[way]bool
}

type way struct{ from, to int }

// refusing is how long a Reset lasts: whoever sends meanwhile finds its stream
// broken.
const refusing = 500 * time.Millisecond

// New makes namespaces for n nodes, with no rule between them.
func New(n int) (*Wall, error) {
	w := &Wall{rules: map[way]links.Rule{}, refused: map[way]bool{}}
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
func (w *Wall) Set(from, to int, r links.Rule) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules[way{from, to}] = r
	return w.lay()
}

// Clear lifts all rules.
func (w *Wall) Clear() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.rules)
	return w.lay()
}

// Reset refuses what two nodes send to each other for a moment, and gives how
// many packets that were.
func (w *Wall) Reset(one, other int) (n int, err error) {
	refuse := func(on bool) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, way := range []way{{one, other}, {other, one}} {
			w.refused[way] = on
		}
		return w.lay()
	}
	if err := refuse(true); err != nil {
		return 0, err
	}
	time.Sleep(refusing)
	n, counted := count()
	return n, errors.Join(counted, refuse(false))
}

// Close forgets the namespaces: they go when nothing runs in them any more.
func (w *Wall) Close() {
	for _, f := range w.spaces {
		f.Close()
	}
}
