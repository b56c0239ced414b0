package discovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// ErrTaken is what Options.Describe says of a slot that cannot be had, e.g.
// since another process uses its data directory.
var ErrTaken = errors.New("taken")

const maxSlots = 100

// Options say what a node wants.
type Options struct {
	// Given: the node has a data directory and thus no slot.
	Given bool
	Bind  string // IP address that the ports must be free at
	Port  int    // base port; 0: the first free one from FirstPort on
	// Describe gives the entry of a slot's node: id, name, network and so on,
	// from its data directory, for the base port. It is called with the gate
	// locked: nobody enters, or claims to found, meanwhile.
	Describe func(slot, port int) (Entry, error)
}

// Seat is a live node's place among the others. It ends with Close, or with
// the process.
type Seat struct {
	dir  string
	lock *os.File

	mu    sync.Mutex
	entry Entry
}

// Enter takes the lowest free slot and free ports, and tells others of it.
func Enter(ctx context.Context, dir string, o Options) (*Seat, error) {
	const op = "take a place among the nodes of this machine"
	held, err := lockWaiting(ctx, filepath.Join(dir, gate))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	defer held.Close()
	if err := sweep(dir); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	live, err := Live(dir)
	if err != nil {
		return nil, err
	}
	entry, err := choose(live, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	lock, err := lockWaiting(ctx, filepath.Join(dir, entry.Node+lockSuffix))
	if err != nil {
		return nil, fmt.Errorf("%s: node %s: %w", op, entry.Node, err)
	}
	if err := entry.write(dir); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return &Seat{dir: dir, lock: lock, entry: entry}, nil
}

// choose gives the entry of the lowest slot that is free.
func choose(live []Entry, o Options) (Entry, error) {
	for slot := range maxSlots {
		if !o.Given && slices.ContainsFunc(live, func(e Entry) bool { return e.Slot == slot }) {
			continue
		}
		port, err := choosePort(live, slot, o)
		if err != nil {
			return Entry{}, err
		}
		number := slot
		if o.Given {
			number = NoSlot
		}
		entry, err := o.Describe(number, port)
		if errors.Is(err, ErrTaken) && !o.Given {
			continue
		}
		entry.Slot, entry.Port, entry.PID = number, port, os.Getpid()
		return entry, err
	}
	return Entry{}, fmt.Errorf("%d nodes run already", maxSlots)
}

// Entry is what the others see.
func (s *Seat) Entry() Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entry
}

// Update changes what the others see. Slot and id stay.
func (s *Seat) Update(change func(*Entry)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry
	change(&e)
	e.Slot, e.Node = s.entry.Slot, s.entry.Node
	if err := e.write(s.dir); err != nil {
		return fmt.Errorf("tell the other nodes of this machine: %w", err)
	}
	s.entry = e
	return nil
}

// Others gives the live nodes that this one should join: those with a slot.
func (s *Seat) Others() ([]Entry, error) {
	live, err := Live(s.dir)
	if err != nil {
		return nil, err
	}
	self := s.Entry().Node
	return slices.DeleteFunc(live, func(e Entry) bool { return e.Node == self || e.Slot == NoSlot }), nil
}

// Claim says whether this node shall found the network: it may, if no live
// node has one or founds one. A founder that dies lets the next one claim.
func (s *Seat) Claim(ctx context.Context) (bool, error) {
	held, err := lockWaiting(ctx, filepath.Join(s.dir, gate))
	if err != nil {
		return false, fmt.Errorf("claim to found a network: %w", err)
	}
	defer held.Close()
	others, err := s.Others()
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(others, func(e Entry) bool { return e.Network != "" || e.Founding }) {
		return false, nil
	}
	return true, s.Update(func(e *Entry) { e.Founding = true })
}

// Close gives the place up.
func (s *Seat) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	os.Remove(filepath.Join(s.dir, s.entry.Node+entrySuffix))
	return s.lock.Close()
}
