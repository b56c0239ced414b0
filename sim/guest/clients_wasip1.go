package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

// socket is what they call.
const socket = "sample.do_something"

// load is the work that the clients give the network.
type load struct {
	addresses []string
	callers   int       // at the same time, each through a client of its own
	calls     int       // of each; 0: until the time is over
	until     time.Time // no new call after it
	end       time.Time // each call must have ended by then
}

func runClients() error {
	l := load{addresses: words("SIM_NODES"), callers: int(number("SIM_CALLERS")), calls: int(number("SIM_CALLS")), until: moment("SIM_UNTIL"), end: moment("SIM_END")}
	ctx, cancel := context.WithDeadline(context.Background(), l.end)
	defer cancel()
	if err := l.prepare(ctx); err != nil {
		return fmt.Errorf("set the network up: %w", err)
	}
	twin.Note("prepared")
	var wait sync.WaitGroup
	for caller := range l.callers {
		wait.Go(func() { l.call(ctx, caller) })
	}
	wait.Wait()
	twin.Note("rested")
	return nil
}

// moment reads a time in nanoseconds since 1970.
func moment(name string) time.Time { return time.Unix(0, number(name)) }

func number(name string) int64 {
	n, err := strconv.ParseInt(os.Getenv(name), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("read %s: %v", name, err))
	}
	return n
}

// connect makes a client that begins at a random node.
func (l load) connect() *client.Client {
	addresses := append([]string(nil), l.addresses...)
	rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
	dialTimeout := 2 * time.Second
	c, err := client.New(client.Options{Addresses: addresses, User: "clients", Connections: 1, Patience: -1,
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return twin.Network{}.Dial(ctx, address)
		}})
	if err != nil {
		panic(err)
	}
	return c
}

// prepare adds a queue, a processor and a socket.
func (l load) prepare(ctx context.Context) error {
	c := l.connect()
	defer c.Close()
	for _, o := range []*messages.Object{
		{Kind: messages.Kind_KIND_QUEUE, Name: "jobs", Spec: &messages.Object_Queue{Queue: &messages.Queue{}}},
		{Kind: messages.Kind_KIND_PROCESSOR, Name: "worker", Spec: &messages.Object_Processor{Processor: &messages.Processor{
			Gitrepo: "https://example.org/code.git", Module: "sample", Concurrency: 3, Retries: 3, Retrydelay: 100}}},
		{Kind: messages.Kind_KIND_SOCKET, Name: socket, Spec: &messages.Object_Socket{Socket: &messages.Socket{
			Processor: "worker", Queue: "jobs", Function: twin.Function}}},
	} {
		o.Enabled, o.RequestedStatus = true, "running"
		if _, err := c.Create(ctx, o); err != nil {
			return fmt.Errorf("create %s: %w", o.GetName(), err)
		}
	}
	return nil
}

// maxPause is the longest time between two calls of a caller.
const maxPause = 200 * time.Millisecond

// call submits calls one after the other, and reads what became of each: right
// after its end, and once more when all is over.
func (l load) call(ctx context.Context, caller int) {
	c := l.connect()
	defer c.Close()
	var accepted []string
	for i := 0; (l.calls == 0 || i < l.calls) && time.Now().Before(l.until); i++ {
		key := fmt.Sprintf("c%d-%d", caller, i)
		data := strconv.Quote(key)
		twin.Note("invoke " + key)
		r, err := c.Submit(ctx, &messages.RunRequest{Socket: socket, Data: &data, Id: key, WaitFull: true})
		if err != nil {
			twin.Note(fmt.Sprintf("unknown %s %v", key, kind(err)))
			continue
		}
		twin.Note(fmt.Sprintf("accepted %s %s", key, r.GetId()))
		accepted = append(accepted, r.GetId())
		l.look(ctx, c, r.GetId())
		time.Sleep(rand.N(maxPause))
	}
	c.Close()
	last := l.connect() // another node, perhaps
	defer last.Close()
	for _, id := range accepted {
		l.look(ctx, last, id)
	}
}

// look waits for a call's end and tells what it was.
func (l load) look(ctx context.Context, c *client.Client, id string) {
	info, err := c.Result(ctx, id, time.Until(l.end))
	if err != nil {
		twin.Note(fmt.Sprintf("unread %s %v", id, kind(err)))
		return
	}
	twin.Note(fmt.Sprintf("read %s %s %s", id, info.GetState(), info.GetResult()))
}

// kind is the kind of an error, in a word.
func kind(err error) string {
	var known *messages.Error
	if errors.As(err, &known) {
		return fmt.Sprintf("%v", known.Kind)
	}
	return strconv.Quote(err.Error())
}
