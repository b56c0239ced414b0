package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlotDrawsWhatARunFound(t *testing.T) {
	dir := t.TempDir()
	b, err := json.Marshal(Report{Figures: []Figure{
		{Nodes: 1, What: "echo, over 1 partitions", InFlight: 64, PerSec: 5000},
		{Nodes: 1, What: "echo, over 16 partitions", InFlight: 64, PerSec: 4000},
		{Nodes: 1, What: "echo, open loop at 500/s", PerSec: 500, P50: 1.2, P99: 4},
		{Nodes: 1, What: "echo, open loop at 2000/s", PerSec: 2000, P50: 2, P99: 40},
		{Nodes: 3, What: "python, unary", InFlight: 64, PerSec: 1000},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "run.json")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := plot([]string{file, dir}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ lines, points int }{
		"throughput-by-partitions": {1, 2}, "latency-by-load": {2, 4}, "throughput-by-nodes": {1, 1},
	} {
		text, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil {
			t.Error(err)
			continue
		}
		if lines, points := strings.Count(string(text), "<polyline"), strings.Count(string(text), "<circle"); lines != want.lines || points != want.points {
			t.Errorf("%s has %d lines and %d points, want %v", name, lines, points, want)
		}
		for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
		if strings.Contains(string(text), "NaN") || strings.Contains(string(text), "Inf") {
			t.Errorf("%s has coordinates that are no numbers", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "throughput-by-payload.svg")); err == nil {
		t.Error("a drawing of what was not measured")
	}
}
