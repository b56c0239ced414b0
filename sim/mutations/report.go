package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/plant"
)

// report is what was found, by mistake.
type report struct {
	rounds int
	file   *os.File // keeps it; nil: nothing does

	mu   sync.Mutex
	all  map[plant.Bug][]found
	told map[plant.Bug]bool
}

// add takes what one round gave, and tells of a mistake after its last.
func (r *report) add(m mutation, f found) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[m.bug] = append(r.all[m.bug], f)
	if r.whole(m.bug) {
		r.tell(m)
	}
	return r.keep(f)
}

// has says whether the search from a seed on was made already.
func (r *report) has(m mutation, first uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.all[m.bug], func(f found) bool { return f.First == first })
}

// whole says whether all rounds of a mistake are there.
func (r *report) whole(b plant.Bug) bool { return len(r.all[b]) >= r.rounds }

// tell prints the line of one mistake, as of a table in Markdown.
func (r *report) tell(m mutation) {
	r.told[m.bug] = true
	var seeds []int
	var took time.Duration
	var by []string
	for _, f := range r.all[m.bug] {
		seeds, took = append(seeds, f.Seeds), took+f.Took
		if f.Checker != "" && !slices.Contains(by, f.Checker) {
			by = append(by, f.Checker)
		}
	}
	if r.missed(m.bug) > 0 {
		fmt.Printf("| %s | %s | NOT FOUND in %d of %d rounds, up to %d seeds | %s |\n", m.bug, m.way(), r.missed(m.bug), r.rounds, m.most(), took.Round(time.Second))
		return
	}
	slices.Sort(seeds)
	fmt.Printf("| %s | %s | %d (%s) | %s | %s |\n", m.bug, m.way(), seeds[len(seeds)/2], strings.Trim(fmt.Sprint(seeds), "[]"), strings.Join(by, "; "), took.Round(100*time.Millisecond))
	for _, f := range r.all[m.bug] {
		if f.Detail != "" {
			fmt.Printf("<!-- %s -->\n", f.Detail)
			break
		}
	}
}

// missed is in how many rounds a mistake was not found.
func (r *report) missed(b plant.Bug) (n int) {
	for _, f := range r.all[b] {
		if f.Seeds == 0 {
			n++
		}
	}
	return n
}

// end tells what the file had already, and what all of it comes to.
func (r *report) end(chosen []mutation) error {
	var missed, left []string
	for _, m := range chosen {
		if r.whole(m.bug) && !r.told[m.bug] {
			r.tell(m)
		}
		switch {
		case r.missed(m.bug) > 0:
			missed = append(missed, string(m.bug))
		case !r.whole(m.bug):
			left = append(left, string(m.bug))
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("not found: %s", strings.Join(missed, ", "))
	}
	if len(left) > 0 {
		return fmt.Errorf("the time is over, and these are left: %s; run it again with the same --report", strings.Join(left, ", "))
	}
	fmt.Printf("%d mistakes, all found\n", len(chosen))
	return nil
}
