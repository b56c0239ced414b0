package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos"
)

const (
	burstCalls  = 1000
	callers     = 64
	killAfter   = 250 // calls done
	killBefore  = 800
	burstSocket = "pyfi.processors.sample.do_something"
)

// answer is what a client was told of one call.
type answer struct {
	id, result string
	took       time.Duration
}

type burst struct {
	network *chaos.Network
	client  *client.Client
	answers []answer
}

// runBurst sends the calls through all nodes and kills one of them when enough
// are done to know that it is in the middle.
func runBurst(ctx context.Context, network *chaos.Network) (*burst, error) {
	step("%d calls from %d callers, through any node", burstCalls, callers)
	c, err := client.New(client.Options{Addresses: network.Addresses()})
	if err != nil {
		return nil, err
	}
	b := &burst{network: network, client: c, answers: make([]answer, burstCalls)}
	var victim *chaos.Node
	var why string
	if err := chaos.Until(ctx, "the node that leads most partitions to run workers", func() bool {
		victim, why, err = b.victim(ctx)
		return err != nil || victim != nil
	}); err != nil || victim == nil {
		return nil, errors.Join(err, ctx.Err())
	}

	var next, done atomic.Int64
	var once sync.Once
	var killedAt int64
	var killer sync.WaitGroup
	errs := make(chan error, callers)
	var wait sync.WaitGroup
	for caller := range callers {
		wait.Go(func() {
			errs <- b.call(ctx, caller, &next, func() {
				if done.Add(1) < killAfter {
					return
				}
				once.Do(func() {
					killer.Go(func() { victim.Kill(); killedAt = done.Load() })
				})
			})
		})
	}
	wait.Wait()
	killer.Wait()
	for range callers {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	say("SIGKILL to %s, which %s, when %d calls were done", victim.Name, why, killedAt)
	if killedAt < 200 || killedAt > killBefore {
		return nil, fmt.Errorf("the node was killed when %d calls were done, want 200 to 800: too late to show anything", killedAt)
	}
	slowest := slices.MaxFunc(b.answers, func(x, y answer) int { return int(x.took - y.took) })
	say("all %d calls were answered; no caller saw an error; the slowest waited %.1f s", burstCalls, slowest.took.Seconds())
	return b, nil
}

// call is one caller: it starts at one node and sends calls until none is left.
func (b *burst) call(ctx context.Context, caller int, next *atomic.Int64, done func()) error {
	addresses := b.network.Addresses()
	first := caller % len(addresses)
	c, err := client.New(client.Options{Addresses: append(slices.Clone(addresses[first:]), addresses[:first]...), Connections: 1})
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		i := next.Add(1) - 1
		if i >= burstCalls {
			return nil
		}
		begin := time.Now()
		call, err := c.Run(ctx, burstSocket, fmt.Sprintf("call %d", i))
		if err != nil {
			return fmt.Errorf("call %d: %w", i, err)
		}
		b.answers[i] = answer{call.GetId(), call.GetResult(), time.Since(begin)}
		done()
	}
}

// victim is the node that leads most partitions, once it runs workers; nil
// until then.
func (b *burst) victim(ctx context.Context) (*chaos.Node, string, error) {
	info, err := b.client.Network(ctx)
	if err != nil {
		return nil, "", err
	}
	leads, workers, names := map[string]int{}, map[string]int{}, map[string]string{}
	for _, g := range info.GetGroups() {
		if g.GetGroup() != uint32(messages.Meta) {
			leads[g.GetLeader()]++
		}
	}
	for _, n := range info.GetNodes() {
		names[n.GetId()] = n.GetName()
	}
	for w, err := range b.client.All(ctx, messages.Kind_KIND_WORKER, "") {
		if err != nil {
			return nil, "", err
		}
		workers[names[w.GetWorker().GetNode()]]++
	}
	victim := b.network.Nodes[0]
	for _, n := range b.network.Nodes {
		if leads[n.Name] > leads[victim.Name] {
			victim = n
		}
	}
	if leads[victim.Name] == 0 || workers[victim.Name] == 0 {
		return nil, "", nil // not elected, or not reported yet
	}
	return victim, fmt.Sprintf("leads %d partitions and runs %d workers", leads[victim.Name], workers[victim.Name]), nil
}

// check compares what the clients were told with what is stored.
func (b *burst) check(ctx context.Context) error {
	step("What the callers were told, against what is stored")
	nodes := map[string]int{}
	again, attempts := 0, map[string]bool{}
	for i, a := range b.answers {
		want := fmt.Sprintf(`"TEXT:call %d"`, i)
		call, err := b.client.GetCall(ctx, a.id, false)
		if err != nil {
			return err
		}
		ends := 0
		for _, e := range call.GetEvents() {
			if e.GetName() == "postrun" {
				ends++
			}
		}
		switch {
		case attempts[a.id]:
			return fmt.Errorf("call %d has the id of another: %s", i, a.id)
		case a.result != want || call.GetResult() != want:
			return fmt.Errorf("call %d: told %s, stored %s, want %s", i, a.result, call.GetResult(), want)
		case call.GetState() != "finished" || ends != 1:
			return fmt.Errorf("call %d is %s and ended %d times", i, call.GetState(), ends)
		}
		attempts[a.id] = true
		nodes[call.GetNode()]++
		if call.GetAttempts() > 1 {
			again++
		}
	}
	list, err := b.client.ListCalls(ctx, &messages.ListCallsRequest{Socket: burstSocket, Rows: 1})
	if err != nil {
		return err
	}
	if list.GetTotal() != burstCalls {
		return fmt.Errorf("%d calls are stored, want %d", list.GetTotal(), burstCalls)
	}
	say("%d calls stored, each finished once, each result as the caller was told", burstCalls)
	for _, n := range b.network.Nodes {
		say("%s ran the last attempt of %d", n.Name, nodes[n.Name])
	}
	say("%d needed a second attempt, since the node with the first was killed", again)
	return nil
}
