package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/elasticcode/flow/sim/chaos"
)

// ticksPerSecond is the unit of /proc/PID/stat: USER_HZ, which is 100 on every
// Linux that Go runs on.
const ticksPerSecond = 100

// cpuTime is what all nodes have used; 0 for one that is gone.
func (w *network) cpuTime() (all time.Duration) {
	for _, n := range w.Nodes {
		used, _ := cpuTime(n.PID())
		all += used
	}
	return all
}

// ownCPU is what this process has used.
func ownCPU() time.Duration {
	used, _ := cpuTime(os.Getpid())
	return used
}

// workersCPU is what all processes have used that nodes have started: their
// workers, and the watchdogs between.
func (w *network) workersCPU() (all time.Duration) {
	parents := map[int]int{}
	entries, _ := os.ReadDir("/proc") // without it there are no figures at all
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if fields, err := statOf(pid); err == nil { // else it has just ended
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	nodes := map[int]bool{}
	for _, n := range w.Nodes {
		nodes[n.PID()] = true
	}
	for pid := range parents {
		for above := parents[pid]; above > 0; above = parents[above] {
			if nodes[above] {
				used, _ := cpuTime(pid)
				all += used
				break
			}
		}
	}
	return all
}

// statOf gives the fields of a process's stat behind its name, which is in brackets
// and may hold spaces: its state, its parent, and so on.
func statOf(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return nil, fmt.Errorf("read figures of process %d: %q is not what was expected", pid, b)
	}
	return fields, nil
}

// cpuTime is what a process has used, without its children.
func cpuTime(pid int) (time.Duration, error) {
	fields, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	user, err1 := strconv.Atoi(fields[11]) // utime and stime
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("read CPU time of process %d: %q and %q are no numbers", pid, fields[11], fields[12])
	}
	return time.Duration(user+system) * time.Second / ticksPerSecond, nil
}

// resident is how much memory a process has, in MiB.
func resident(pid int) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("read memory of process %d: it has none", pid)
}

// idle measures what nodes use while nobody calls.
func idle(ctx context.Context, o options, w *network, r *Report) error {
	for _, settle := range []bool{true, false} {
		before := make([]time.Duration, len(w.Nodes))
		for i, n := range w.Nodes {
			var err error
			if before[i], err = cpuTime(n.PID()); err != nil {
				return err
			}
		}
		begin := time.Now()
		if err := pause(ctx, 2*o.each); err != nil {
			return err
		}
		if settle {
			continue // what the start left to do is done now
		}
		took := time.Since(begin)
		for i, n := range w.Nodes {
			after, err := cpuTime(n.PID())
			if err != nil {
				return err
			}
			r.addResource(len(w.Nodes), "idle CPU of "+n.Name+", of one core", 100*(after-before[i]).Seconds()/took.Seconds(), "%")
			if err := addMemory(n, len(w.Nodes), "memory of "+n.Name+", idle", r); err != nil {
				return err
			}
		}
	}
	return nil
}

func addMemory(n *chaos.Node, nodes int, what string, r *Report) error {
	mib, err := resident(n.PID())
	if err == nil {
		r.addResource(nodes, what, mib, "MiB")
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// profileTo writes a CPU profile of this process to a file until it is stopped.
func profileTo(file string) (stop func(), err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}
