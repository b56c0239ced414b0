package main

import (
	"embed"
	"fmt"
	"time"

	"github.com/elasticcode/flow/plant"
	"github.com/elasticcode/flow/sim"
)

// mutation is a mistake, and how it is looked for: in the tests of a package, or
// in simulated worlds.
type mutation struct {
	bug plant.Bug

	pkg, test string // the tests; empty: in worlds
	story     bool   // the tests are no random walks

	faults  []string
	nodes   int           // 0: 3
	callers int           // 0: as usual
	calls   int           // of each caller; 0: as many as the time allows
	during  time.Duration // in which there are calls; 0: usual
	flow    string        // file of this directory; empty: the usual one
	seeds   int           // most that it may take; 0: most
}

// Ways to look for a mistake.
const (
	walks   = "walks"   // random steps of the pure machines, against an oracle
	stories = "stories" // tests of one package
	worlds  = "worlds"  // whole nodes, simulated
)

func (m mutation) way() string {
	switch {
	case m.pkg == "":
		return worlds
	case m.story:
		return stories
	}
	return walks
}

// Limits of a search.
const (
	mostSeeds = 20
	mostWalks = 3000
	usualTime = 6 * time.Second
)

func (m mutation) most() int {
	switch {
	case m.seeds > 0:
		return m.seeds
	case m.way() == walks:
		return mostWalks
	case m.story:
		return 1
	}
	return mostSeeds
}

//go:embed *.yaml
var flows embed.FS

// options are those of one world.
func (m mutation) options(seed uint64) (o sim.Options, err error) {
	o = sim.Options{Seed: seed, Nodes: 3, For: sim.Settle + usualTime, Callers: m.callers, Calls: m.calls, Snapshot: sim.DefaultSnapshot, Faults: m.faults}
	if o.Faults == nil {
		o.Faults = []string{}
	}
	if m.nodes > 0 {
		o.Nodes = m.nodes
	}
	if m.during > 0 {
		o.For = sim.Settle + m.during
	}
	if m.flow != "" {
		text, err := flows.ReadFile(m.flow)
		if err != nil {
			return o, err
		}
		if o.Flow, err = sim.ParseFlow(text); err != nil {
			return o, fmt.Errorf("read the flow %s: %w", m.flow, err)
		}
	}
	return o, nil
}

const (
	flowWalk  = "TestPlugsAndGatesDoWhatTheOracleSays"
	aloneWalk = "TestMachineDoesWhatTheOracleSays"
	modelWalk = "TestRandomCommandsAgreeWithTheOracle"
)

// mutations are all there are.
func mutations() []mutation {
	return []mutation{
		{bug: plant.AckBeforeFsync, faults: []string{"kill"}},
		{bug: plant.ApplyTwice, faults: []string{"kill"}},
		{bug: plant.SnapshotNoDedup, faults: []string{"kill", "partition"}, during: 15 * time.Second},
		{bug: plant.SnapshotNoTimers, faults: []string{"kill", "partition"}, during: 15 * time.Second},
		{bug: plant.StaleRead, faults: []string{"partition", "split"}, flow: "model.yaml", callers: 1, during: 10 * time.Second},
		{bug: plant.OutboxLeftBehind, faults: []string{"transfer", "kill"}},
		{bug: plant.StartsNotSent, faults: []string{"transfer", "kill"}},
		{bug: plant.TimersNotSet, faults: []string{"transfer", "kill"}, callers: 1, flow: "patient.yaml"},
		{bug: plant.CancelUnfenced},
		{bug: plant.ReusedAttempt},
		{bug: plant.CreditTwice},
		{bug: plant.RequeueDropped, faults: []string{"kill"}},
		{bug: plant.TooManySlots, faults: []string{"kill"}},
		{bug: plant.PlugsTwice},
		{bug: plant.ErrorOnSuccess},
		{bug: plant.LIFOGate, flow: "gates.yaml"},
		{bug: plant.OrderedTwo, flow: "gates.yaml"},
		{bug: plant.CutResult},
		{bug: plant.OneTaker, flow: "queues.yaml"},
		{bug: plant.MapOrder, flow: "queues.yaml"},

		{bug: plant.RepeatedMessage, pkg: "outbox", test: "TestEachMessageCountsOnceAndInOrder", seeds: 300},
		{bug: plant.SharedAnswer, pkg: "raftstore", test: "TestManyCallersShareEntriesAndGetTheirOwnResults", story: true},
		{bug: plant.ForgetVote, pkg: "raftstore", test: "TestVoteIsOneWrite", story: true},
		{bug: plant.PromotedEarly, pkg: "cluster", test: "TestNoVoteBeforeTheNodeItselfIsCurrent", story: true},
		{bug: plant.OldReport, pkg: "model", test: "TestNewBootStartsItsSlotsAgain", story: true},
		{bug: plant.OldSession, pkg: "flow", test: flowWalk},
		{bug: plant.LateResult, pkg: "flow", test: flowWalk},
		{bug: plant.SlotLeaked, pkg: "flow", test: flowWalk},
		{bug: plant.ExpiredStarts, pkg: "flow", test: flowWalk},
		{bug: plant.RateForgotten, pkg: "flow", test: flowWalk},
		{bug: plant.TickTwice, pkg: "flow", test: aloneWalk},
		{bug: plant.DefaultJoined, pkg: "flow", test: flowWalk},
		{bug: plant.DeadLetterLost, pkg: "flow", test: flowWalk},
		{bug: plant.LetterStays, pkg: "flow", test: flowWalk},
		{bug: plant.BatchCut, pkg: "flow", test: "TestBatchIsTakenWholeOrNotAtAll", story: true},
		{bug: plant.AbortedDropped, pkg: "flow", test: flowWalk},
		{bug: plant.NamedDropped, pkg: "flow", test: flowWalk},
	}
}
