package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// compare prints what two runs have in common beside each other: what the second
// has for each one of the first. Yardsticks come along: where they differ, the
// machine did.
func compare(files []string, to io.Writer) error {
	if len(files) != 2 {
		return fmt.Errorf("compare wants two files that -json wrote, not %d", len(files))
	}
	var runs [2]Report
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &runs[i]); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
	}
	before, after := &runs[0], &runs[1]
	fmt.Fprintf(to, "commit %s, load %s  ->  commit %s, load %s\n\n", before.Commit, before.LoadBefore, after.Commit, after.LoadBefore)
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "nodes\tin flight\tper second\t\tp50 ms\t\tp99 ms\t\tnode CPU us\t\tfailed\t  what")
	for _, f := range before.Figures {
		g, ok := after.figure(f)
		if !ok {
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%.0f\t%s\t%.2f\t%s\t%.2f\t%s\t%s\t%s\t%d\t  %s\n", nodesText(f.Nodes), f.InFlight, g.PerSec, ratio(f.PerSec, g.PerSec),
			g.P50, ratio(f.P50, g.P50), g.P99, ratio(f.P99, g.P99), cpuText(g.CPU), ratio(f.CPU, g.CPU), g.Failed, f.What)
	}
	for _, x := range before.Resources {
		if y, ok := after.resource(x); ok {
			fmt.Fprintf(t, "%s\t\t%.1f %s\t%s\t\t\t\t\t\t\t\t  %s\n", nodesText(x.Nodes), y.Value, y.Unit, ratio(x.Value, y.Value), x.What)
		}
	}
	return t.Flush()
}

// figure gives the one of the same measurement.
func (r *Report) figure(like Figure) (Figure, bool) {
	for _, f := range r.Figures {
		if f.Nodes == like.Nodes && f.What == like.What && f.InFlight == like.InFlight {
			return f, true
		}
	}
	return Figure{}, false
}

func (r *Report) resource(like Resource) (Resource, bool) {
	for _, x := range r.Resources {
		if x.Nodes == like.Nodes && x.What == like.What && x.Unit == like.Unit {
			return x, true
		}
	}
	return Resource{}, false
}

func ratio(before, after float64) string {
	if before == 0 || after == 0 {
		return ""
	}
	return fmt.Sprintf("x%.2f", after/before)
}
