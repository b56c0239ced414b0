package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/plant"
)

// report is what was found, by mistake.
type report struct {
	rounds int

	mu  sync.Mutex
	all map[plant.Bug][]found
}

func newReport(rounds int) *report { return &report{rounds: rounds, all: map[plant.Bug][]found{}} }

// add takes what one round gave, and tells of a mistake after its last.
func (r *report) add(m mutation, f found) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[m.bug] = append(r.all[m.bug], f)
	if len(r.all[m.bug]) == r.rounds {
		r.tell(m)
	}
}

// tell prints the line of one mistake, as of a table in Markdown.
func (r *report) tell(m mutation) {
	var seeds []int
	var took time.Duration
	var by []string
	for _, f := range r.all[m.bug] {
		seeds, took = append(seeds, f.seeds), took+f.took
		if f.checker != "" && !slices.Contains(by, f.checker) {
			by = append(by, f.checker)
		}
	}
	if r.missed(m.bug) > 0 {
		fmt.Printf("| %s | %s | NOT FOUND in %d of %d rounds, up to %d seeds | %s |\n", m.bug, m.way(), r.missed(m.bug), r.rounds, m.most(), took.Round(time.Second))
		return
	}
	slices.Sort(seeds)
	fmt.Printf("| %s | %s | %d (%s) | %s | %s |\n", m.bug, m.way(), seeds[len(seeds)/2], strings.Trim(fmt.Sprint(seeds), "[]"), strings.Join(by, "; "), took.Round(100*time.Millisecond))
	for _, f := range r.all[m.bug] {
		if f.detail != "" {
			fmt.Printf("<!-- %s -->\n", f.detail)
			break
		}
	}
}

// missed is in how many rounds a mistake was not found.
func (r *report) missed(b plant.Bug) (n int) {
	for _, f := range r.all[b] {
		if f.seeds == 0 {
			n++
		}
	}
	return n
}

func (r *report) end(chosen []mutation) error {
	var missed []string
	for _, m := range chosen {
		if r.missed(m.bug) > 0 {
			missed = append(missed, string(m.bug))
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("not found: %s", strings.Join(missed, ", "))
	}
	fmt.Printf("%d mistakes, all found\n", len(chosen))
	return nil
}
