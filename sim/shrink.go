package sim

import (
	"context"
	"slices"
	"time"
)

// Shrink looks for a smaller run that breaks the same promise: it drops kinds
// of events and points of package buggify, then single events, then nodes and calls, and then time. It tries
// at most so many runs. Each step forward is told.
func Shrink(ctx context.Context, g *Guest, o Options, promise string, runs int, told func(Options, string)) (Options, error) {
	s := shrinker{left: runs, best: o, told: told, breaks: func(o Options) (bool, error) {
		r, err := Run(ctx, g, o)
		return err == nil && slices.ContainsFunc(r.Violations, func(v Violation) bool { return v.Promise == promise }), err
	}}
	err := s.shrink()
	return s.best, err
}

type shrinker struct {
	breaks func(Options) (bool, error)
	left   int // runs
	best   Options
	told   func(Options, string)
}

func (s *shrinker) shrink() error {
	for _, pass := range []func() error{s.kinds, s.points, s.events, s.nodes, s.calls, s.length} {
		if err := pass(); err != nil {
			return err
		}
	}
	return nil
}

// try makes a candidate the best one if it breaks the promise, too.
func (s *shrinker) try(o Options, what string) (bool, error) {
	if s.left <= 0 {
		return false, nil
	}
	s.left--
	ok, err := s.breaks(o)
	if ok {
		s.best = o
		s.told(o, what)
	}
	return ok, err
}

// kinds drops one kind of event after the other.
func (s *shrinker) kinds() error {
	for _, name := range slices.Clone(s.best.Faults) {
		o := s.best
		o.Faults = without(o.Faults, func(n string) bool { return n == name })
		o.Script = without(o.Script, func(e Event) bool { return e.Kind == name })
		if _, err := s.try(o, "without "+name); err != nil {
			return err
		}
	}
	return nil
}

// points drops one point of package buggify after the other.
func (s *shrinker) points() error {
	for _, name := range slices.Clone(s.best.Buggify) {
		o := s.best
		o.Buggify = without(o.Buggify, func(n string) bool { return n == name })
		if _, err := s.try(o, "without "+name); err != nil {
			return err
		}
	}
	return nil
}

// events drops pieces of the script, half of it first, single events last.
func (s *shrinker) events() error {
	for size := (len(s.best.Script) + 1) / 2; size > 0; size /= 2 {
		for at := 0; at < len(s.best.Script); {
			o := s.best
			o.Script = slices.Delete(slices.Clone(o.Script), at, min(at+size, len(o.Script)))
			smaller, err := s.try(o, "with fewer events")
			if err != nil {
				return err
			}
			if !smaller {
				at += size
			}
		}
	}
	return nil
}

// nodes takes the last node away, with what befalls it, as long as that goes.
func (s *shrinker) nodes() error {
	for s.best.Nodes > 1 {
		o := s.best
		o.Nodes--
		o.Script = without(o.Script, func(e Event) bool { return e.Node >= o.Nodes || e.Peer >= o.Nodes })
		if smaller, err := s.try(o, "with fewer nodes"); err != nil || !smaller {
			return err
		}
	}
	return nil
}

// calls takes away callers, and then calls of the one that is left.
func (s *shrinker) calls() error {
	for _, fewer := range []func(*Options) bool{
		func(o *Options) bool {
			if o.Callers == 0 {
				o.Callers = DefaultCallers
			}
			o.Callers /= 2
			return o.Callers > 0
		},
		func(o *Options) bool {
			if o.Calls == 0 {
				o.Calls = 64
			}
			o.Calls /= 2
			return o.Calls > 0
		},
	} {
		for {
			o := s.best
			if !fewer(&o) {
				break
			}
			smaller, err := s.try(o, "with fewer calls")
			if err != nil {
				return err
			}
			if !smaller {
				break
			}
		}
	}
	return nil
}

// afterLast is how long calls still come after a shrunk run's last event.
const afterLast = 5 * time.Second

// length ends the run soon after its last event.
func (s *shrinker) length() error {
	o := s.best
	o.For = Settle + afterLast
	for _, e := range o.Script {
		o.For = max(o.For, Settle+afterLast+e.At+e.For)
	}
	if o.For >= s.best.For {
		return nil
	}
	_, err := s.try(o, "in less time")
	return err
}

// without is a slice without some of its elements, and never nil: no script at
// all would be drawn anew.
func without[T any](all []T, gone func(T) bool) []T {
	return slices.DeleteFunc(append([]T{}, all...), gone)
}
