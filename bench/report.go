package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run found. Its JSON form is for comparing runs.
type Report struct {
	Commit     string     `json:"commit"`
	Time       time.Time  `json:"time"`
	CPUs       int        `json:"cpus"`
	Go         string     `json:"go"`
	LoadBefore string     `json:"load_before"` // the machine's load averages: over 1, 5, 15 minutes
	LoadAfter  string     `json:"load_after"`
	Figures    []Figure   `json:"figures"`
	Resources  []Resource `json:"resources"`
}

// Resource is one figure that is no load's.
type Resource struct {
	Nodes int     `json:"nodes"`
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

func newReport(ctx context.Context) *Report {
	commit, _ := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output() // empty outside of a repository
	return &Report{Commit: strings.TrimSpace(string(commit)), Time: time.Now().UTC().Truncate(time.Second),
		CPUs: runtime.NumCPU(), Go: runtime.Version(), LoadBefore: loadAverage()}
}

func (r *Report) finish() { r.LoadAfter = loadAverage() }

// loadAverage is how busy the machine is; empty where it does not tell.
func loadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(b))[:min(3, len(strings.Fields(string(b))))], " ")
}

func (r *Report) add(nodes int, f Figure) {
	f.Nodes = nodes
	r.Figures = append(r.Figures, f)
	progress("%-40s %10.0f/s  p50 %.2f ms  p99 %.2f ms  node CPU %s us  worker CPU %s us  load CPU %s us  failed %d", f.name(), f.PerSec, f.P50, f.P99, cpuText(f.CPU), cpuText(f.Workers), cpuText(f.Own), f.Failed)
	if f.Error != "" {
		progress("the first that failed: %s", f.Error)
	}
}

func (r *Report) addResource(nodes int, what string, value float64, unit string) {
	r.Resources = append(r.Resources, Resource{nodes, what, value, unit})
	progress("%-40s %10.1f %s", what, value, unit)
}

func (f Figure) name() string { return fmt.Sprintf("%s, %d in flight", f.What, f.InFlight) }

// print writes the table. Latencies are milliseconds.
func (r *Report) print(to io.Writer) {
	fmt.Fprintf(to, "commit %s, %s, %d CPUs, %s, load before %s, after %s\n\n",
		r.Commit, r.Time.Format(time.RFC3339), r.CPUs, r.Go, r.LoadBefore, r.LoadAfter)
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "nodes\tin flight\tper second\tp50 ms\tp99 ms\tmax ms\tnode CPU us\tworker CPU us\tload CPU us\tfailed\t  what")
	for _, f := range r.Figures {
		fmt.Fprintf(t, "%s\t%d\t%.0f\t%.2f\t%.2f\t%.1f\t%s\t%s\t%s\t%d\t  %s\n", nodesText(f.Nodes), f.InFlight, f.PerSec, f.P50, f.P99, f.Max, cpuText(f.CPU), cpuText(f.Workers), cpuText(f.Own), f.Failed, f.What)
	}
	t.Flush()
	fmt.Fprintln(to)
	t = tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, x := range r.Resources {
		fmt.Fprintf(t, "%s\t%.1f %s\t  %s\n", nodesText(x.Nodes), x.Value, x.Unit, x.What)
	}
	t.Flush()
}

func cpuText(us float64) string {
	if us == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", us)
}

func nodesText(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func (r *Report) write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
