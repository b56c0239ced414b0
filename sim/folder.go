package sim

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// The files of a folder that holds all about one run.
const (
	fileSummary  = "summary.txt"
	fileOptions  = "options.json" // with the script
	fileHistory  = "history.txt"
	fileTrace    = "trace.txt"
	fileTimeline = "timeline.svg"
	dirDisks     = "disks"
)

// Keep runs a run once more and keeps all that there is to know about it in a
// folder: what was broken, options and script, history, trace, the disks as
// they were at the end, and a picture. The run is the same one: nothing of this
// had to be kept the first time.
func Keep(ctx context.Context, g *Guest, o Options, dir string) (r *Result, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	trace, err := os.Create(filepath.Join(dir, fileTrace))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, trace.Close()) }()
	buffered := bufio.NewWriter(trace)
	if o.Trace = buffered; o.Faults == nil {
		o.Faults = []string{}
	}
	if r, err = Run(ctx, g, o); err != nil {
		return nil, err
	}
	o.Script = r.Script
	options, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, errors.Join(
		buffered.Flush(),
		put(dir, fileOptions, string(options)+"\n"),
		put(dir, fileHistory, r.History.String()),
		put(dir, fileSummary, summary(g, o, r, dir)),
		put(dir, fileTimeline, Timeline(o, r)),
		r.keepDisks(filepath.Join(dir, dirDisks)))
}

func put(dir, name, text string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
}

// summary says in a few lines what was broken, of what, and how to see it again.
func summary(g *Guest, o Options, r *Result, dir string) string {
	var b strings.Builder
	if len(r.Violations) == 0 {
		b.WriteString("No promise was broken.\n")
	}
	for i, v := range r.Violations {
		if i == 0 {
			fmt.Fprintf(&b, "Broken:    %s\nFirst at:  %.6f s\nWhat:      %s\n", v.Promise, float64(v.At)/1e9, v.Detail)
			continue
		}
		fmt.Fprintf(&b, "Also:      %s\n", v)
	}
	fmt.Fprintf(&b, "\nRun:       seed %d, %d nodes, %s, %d events of %s\n", o.Seed, o.Nodes, o.For, len(r.Script), strings.Join(o.Faults, ", "))
	fmt.Fprintf(&b, "Hash:      %s, %d lines of trace\n", r.Hash, r.Lines)
	fmt.Fprintf(&b, "Commit:    %s\nGuest:     SHA-256 %s\nVersions:  %s, wazero %s\n", messages.Version, g.sum, runtime.Version(), wazeroVersion())
	fmt.Fprintf(&b, "\nAgain:     sim replay %s\nSmaller:   sim shrink %s\n", dir, dir)
	return b.String()
}

func wazeroVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/tetratelabs/wazero" {
				return m.Version
			}
		}
	}
	return "unknown"
}

// keepDisks writes the machines' files below a directory.
func (r *Result) keepDisks(dir string) error {
	for _, m := range r.machines {
		for _, name := range m.disk.names() {
			path, i := filepath.Join(dir, m.name, name), m.disk.inodes[name]
			var err error
			if i.dir {
				err = os.MkdirAll(path, 0o755)
			} else if name != arrivals {
				err = os.WriteFile(path, i.data, 0o644)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadOptions reads what a folder, or a file of the corpus, says to run.
func ReadOptions(path string) (o Options, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, fileOptions)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return o, fmt.Errorf("read options %s: %w", path, err)
	}
	return o, nil
}

// Kept reads the hash that a folder's summary tells; empty: it tells none.
func Kept(dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, fileSummary))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(b), "Hash:      ")
	hash, _, _ := strings.Cut(after, ",")
	return hash
}
