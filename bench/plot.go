package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// plots is where the drawings go, from the repository's root.
const plots = "bench/plots"

// plot draws what a run found of latency by load, and of throughput by
// partitions, nodes, sockets and size.
func plot(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("plot wants a file that -json wrote, and maybe a directory; not %d arguments", len(args))
	}
	to := plots
	if len(args) == 2 {
		to = args[1]
	}
	b, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for name, c := range r.charts() {
		if len(c.lines) == 0 {
			continue // it was not measured
		}
		file := filepath.Join(to, name+".svg")
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		if err := c.write(f); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		fmt.Println(file)
	}
	return nil
}

func perSec(f Figure) float64 { return f.PerSec }
func p50(f Figure) float64    { return f.P50 }
func p99(f Figure) float64    { return f.P99 }

// charts gives each drawing, by name.
func (r *Report) charts() map[string]chart {
	nodes := func(f Figure) string { return fmt.Sprintf("%d nodes", f.Nodes) }
	load := chart{title: "Latency by load (open loop)", x: "calls a second", y: "ms", logX: true, logY: true}
	for _, q := range []struct {
		name  string
		value func(Figure) float64
	}{{"p50", p50}, {"p99", p99}} {
		load.lines = append(load.lines, r.lines(", open loop at ", "/s", q.value,
			func(f Figure) string {
				what, _, _ := strings.Cut(f.What, ",")
				return nodes(f) + ", " + what + ", " + q.name
			})...)
	}
	by := func(prefix, suffix string, c chart, value func(Figure) float64) chart {
		c.lines = r.lines(prefix, suffix, value, nodes)
		return c
	}
	return map[string]chart{
		"latency-by-load":          load,
		"throughput-by-nodes":      {title: "Throughput by nodes, 64 in flight", x: "nodes on this machine", y: "calls a second", lines: r.byNodes()},
		"throughput-by-partitions": by("echo, over ", " partitions", chart{title: "Throughput by partitions", x: "partitions", y: "calls a second", logX: true}, perSec),
		"throughput-by-sockets":    by("echo, over ", " sockets", chart{title: "Throughput by sockets", x: "sockets", y: "calls a second", logX: true}, perSec),
		"throughput-by-payload":    by("echo, payload of ", " bytes", chart{title: "Throughput by payload", x: "bytes of the argument, and of the result", y: "calls a second", logX: true, logY: true}, perSec),
		"latency-by-backlog":       by("echo beside a backlog of ", " calls", chart{title: "Latency by backlog (p50)", x: "calls that wait in the partition", y: "ms", logX: true}, p50),
	}
}

// lines gives a line for each name, of the figures whose name has a number
// between two texts.
func (r *Report) lines(before, after string, value func(Figure) float64, name func(Figure) string) []line {
	found := map[string][]point{}
	for _, f := range r.Figures {
		_, rest, ok := strings.Cut(f.What, before)
		text, isLast := strings.CutSuffix(rest, after)
		n, err := strconv.ParseFloat(text, 64)
		if ok && isLast && err == nil && value(f) > 0 {
			found[name(f)] = append(found[name(f)], point{n, value(f)})
		}
	}
	return sorted(found)
}

func (r *Report) byNodes() []line {
	found := map[string][]point{}
	for _, f := range r.Figures {
		if f.Nodes > 0 && f.InFlight == growthInFlight && (strings.HasSuffix(f.What, ", unary") || strings.HasSuffix(f.What, ", one stream")) {
			found[f.What] = append(found[f.What], point{float64(f.Nodes), f.PerSec})
		}
	}
	return sorted(found)
}

func sorted(found map[string][]point) (all []line) {
	for name, points := range found {
		sort.Slice(points, func(i, j int) bool { return points[i].x < points[j].x })
		all = append(all, line{name, points})
	}
	slices.SortFunc(all, func(a, b line) int { return strings.Compare(a.name, b.name) })
	return all
}
