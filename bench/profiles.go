package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/elasticcode/flow/sim/chaos"
)

// profiles takes a CPU profile of each node while a load runs.
type profiles struct {
	dir       string            // empty: none are wanted
	addresses map[string]string // where each node serves them, by its name
}

// ask lets a node that is yet to start serve its profiles.
func (p *profiles) ask(n *chaos.Node) error {
	if p.dir == "" {
		return nil
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	address := l.Addr().String()
	p.addresses[n.Name] = address
	n.Flags = append(n.Flags[:len(n.Flags):len(n.Flags)], "--pprof", address)
	return nil
}

// take profiles all nodes for a while, and this program, which shares their CPUs.
// What it gives waits for them.
func (p *profiles) take(ctx context.Context, load string, d time.Duration) (wait func() error) {
	if p.dir == "" {
		return func() error { return nil }
	}
	file := func(of string) string {
		return filepath.Join(p.dir, strings.NewReplacer(", ", "-", " ", "-").Replace(load)+"-"+of+".prof")
	}
	var all errgroup.Group
	for name, address := range p.addresses {
		all.Go(func() error {
			url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, max(1, int(d.Seconds())))
			if err := fetch(ctx, url, file(name)); err != nil {
				return fmt.Errorf("profile node %s: %w", name, err)
			}
			return nil
		})
	}
	own, err := profileItself(file("load"))
	return func() error { return errors.Join(err, all.Wait(), own()) }
}

// profileItself profiles this program until what it gives is called.
func profileItself(file string) (end func() error, err error) {
	none := func() error { return nil }
	f, err := os.Create(file)
	if err != nil {
		return none, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return none, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

func fetch(ctx context.Context, url, file string) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return errors.New(a.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, a.Body)
	return errors.Join(err, f.Close())
}
