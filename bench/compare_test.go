package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompareTellsWhatChanged(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, r Report) string {
		file := filepath.Join(dir, name)
		if err := r.write(file); err != nil {
			t.Fatal(err)
		}
		return file
	}
	a := write("a.json", Report{Commit: "one", Figures: []Figure{
		{Nodes: 1, What: "echo, unary", InFlight: 64, PerSec: 1000, P50: 10, P99: 20, CPU: 200},
		{Nodes: 3, What: "only here", InFlight: 1, PerSec: 1}}, Resources: []Resource{{1, "memory", 40, "MiB"}}})
	b := write("b.json", Report{Commit: "two", Figures: []Figure{
		{Nodes: 1, What: "echo, unary", InFlight: 1, PerSec: 7},
		{Nodes: 1, What: "echo, unary", InFlight: 64, PerSec: 2500, P50: 5, P99: 30, CPU: 100}}, Resources: []Resource{{1, "memory", 50, "MiB"}}})
	var out bytes.Buffer
	if err := compare([]string{a, b}, &out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(out.String(), "\n")[3:] {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{"1 64 2500 x2.50 5.00 x0.50 30.00 x1.50 100 x0.50 0 echo, unary", "1 50.0 MiB x1.25 memory", ""}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if err := compare([]string{a}, &out); err == nil {
		t.Error("one file is compared")
	}
}
