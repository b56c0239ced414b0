package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/twin"
)

// load is the work that the clients give the network.
type load struct {
	addresses []string
	flow      *twin.Flow
	callers   int       // at the same time, each through a client of its own
	calls     int       // of each; 0: until the time is over
	until     time.Time // no new call after it
	end       time.Time // each call must have ended by then
}

func runClients() error {
	l := load{addresses: words("SIM_NODES"), flow: twin.OwnFlow(), callers: int(number("SIM_CALLERS")), calls: int(number("SIM_CALLS")), until: moment("SIM_UNTIL"), end: moment("SIM_END")}
	ctx, cancel := context.WithDeadline(context.Background(), l.end)
	defer cancel()
	if err := l.prepare(ctx); err != nil {
		return fmt.Errorf("set the network up: %w", err)
	}
	twin.Note("prepared")
	operator := l.operate(ctx)
	var wait sync.WaitGroup
	for changer := range l.flow.Changers {
		wait.Go(func() { l.change(ctx, changer) })
	}
	for caller := range l.callers {
		wait.Go(func() { l.call(ctx, caller) })
	}
	wait.Wait()
	twin.Note("rested")
	operator.end()
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

// queue is the one that all sockets are on.
const queue = "jobs"

// prepare adds what the flow has.
func (l load) prepare(ctx context.Context) error {
	c := l.connect()
	defer c.Close()
	for _, o := range l.objects() {
		o.Enabled, o.RequestedStatus = true, "running"
		if _, err := c.Create(ctx, o); err != nil {
			return fmt.Errorf("create %s: %w", o.GetName(), err)
		}
	}
	for _, p := range l.flow.Plugs {
		twin.Note(fmt.Sprintf("plug %s %s %s %s %s %s", p.Name, p.Type, p.From, p.To, dash(p.Argument), dash(l.flow.Correlates(p.To))))
	}
	return nil
}

func (l load) objects() []*messages.Object {
	all := []*messages.Object{{Kind: messages.Kind_KIND_QUEUE, Name: queue, Spec: &messages.Object_Queue{Queue: &messages.Queue{}}}}
	for _, q := range l.flow.Queues {
		all = append(all, &messages.Object{Kind: messages.Kind_KIND_QUEUE, Name: q.Name, Spec: &messages.Object_Queue{Queue: &messages.Queue{
			Qtype: "fanout", MessageTtl: time.Duration(q.TTL).Milliseconds()}}})
	}
	for _, p := range l.flow.Processors {
		all = append(all, &messages.Object{Kind: messages.Kind_KIND_PROCESSOR, Name: p.Name, Spec: &messages.Object_Processor{Processor: &messages.Processor{
			Gitrepo: "https://example.org/code.git", Module: "code", Concurrency: p.Concurrency, Retries: p.Retries,
			Retrydelay: time.Duration(p.RetryDelay).Milliseconds(), Timelimit: time.Duration(p.TimeLimit).Milliseconds()}}})
	}
	for _, s := range l.flow.Sockets {
		all = append(all, &messages.Object{Kind: messages.Kind_KIND_SOCKET, Name: s.Name, Spec: &messages.Object_Socket{Socket: scheduled(&messages.Socket{
			Processor: s.Processor, Queue: cmp.Or(s.Queue, queue), Function: s.Function, Wait: s.Wait, Ordered: s.Ordered, Correlate: s.Correlate,
			Ratelimit: s.Ratelimit}, s.Every)}})
	}
	for _, p := range l.flow.Plugs {
		all = append(all, &messages.Object{Kind: messages.Kind_KIND_PLUG, Name: p.Name, Spec: &messages.Object_Plug{Plug: &messages.Plug{
			Type: p.Type, Source: p.From, Target: p.To, Argument: p.Argument, Queue: queue}}})
	}
	return all
}

// scheduled adds the schedule that a socket has, if any: whole seconds apart.
func scheduled(s *messages.Socket, every twin.Duration) *messages.Socket {
	if every > 0 {
		s.ScheduleType, s.Scheduled, s.Interval = "INTERVAL", true, int64(time.Duration(every).Seconds())
		s.Missed, s.ScheduleData = "run_once", `"tick"`
	}
	return s
}

// call sends calls one after the other, and reads what became of each: right
// after its end, and once more when all is over, with what it led to.
func (l load) call(ctx context.Context, caller int) {
	c := l.connect()
	defer c.Close()
	var accepted, leading []string // leading: those that lead to others
	for i := 0; (l.calls == 0 || i < l.calls) && time.Now().Before(l.until); i++ {
		key := fmt.Sprintf("c%d-%d", caller, i)
		way := l.choose()
		ids := l.send(ctx, c, way, key)
		accepted = append(accepted, ids...)
		if l.flow.Leads(way.Socket) {
			leading = append(leading, ids...)
		}
		if len(ids) == 1 && !way.Cancel {
			l.look(ctx, c, ids[0])
		}
		time.Sleep(rand.N(max(1, time.Duration(l.flow.Pause))))
	}
	c.Close()
	last := l.connect() // another node, perhaps
	defer last.Close()
	for _, id := range accepted {
		l.look(ctx, last, id)
	}
	for _, id := range leading {
		l.follow(ctx, last, id)
	}
}

// choose draws one of the flow's ways to call.
func (l load) choose() twin.Calls {
	all := 0
	for _, c := range l.flow.Calls {
		all += c.Share
	}
	n := rand.IntN(all)
	for _, c := range l.flow.Calls {
		if n -= c.Share; n < 0 {
			return c
		}
	}
	panic("the shares are less than their sum")
}

// send makes one call, or a batch, and gives the ids of those that were accepted.
func (l load) send(ctx context.Context, c *client.Client, way twin.Calls, key string) []string {
	if way.Batch > 0 {
		return l.batch(ctx, c, way, key)
	}
	if way.Publish != "" {
		return l.publish(ctx, c, way, key)
	}
	data := strconv.Quote(key)
	twin.Note(fmt.Sprintf("invoke %s %s", key, l.flow.Result(way.Socket, key)))
	r, err := c.Submit(ctx, &messages.RunRequest{Socket: way.Socket, Data: &data, Id: key, WaitFull: true})
	if err != nil {
		twin.Note(fmt.Sprintf("unknown %s %v", key, kind(err)))
		return nil
	}
	twin.Note(fmt.Sprintf("accepted %s %s", key, r.GetId()))
	l.reread(ctx, c, way.Socket, r.GetId())
	if way.Cancel {
		l.cancel(ctx, c, r.GetId())
	}
	return []string{r.GetId()}
}

func (l load) batch(ctx context.Context, c *client.Client, way twin.Calls, key string) (ids []string) {
	m := &messages.SubmitBatchRequest{Socket: way.Socket, Id: key}
	var keys []string
	for i := range way.Batch {
		one := fmt.Sprintf("%s.%d", key, i)
		twin.Note(fmt.Sprintf("invoke %s %s", one, l.flow.Result(way.Socket, one)))
		keys, m.Data = append(keys, one), append(m.Data, strconv.Quote(one))
	}
	r, err := c.SubmitBatch(ctx, m)
	if err != nil {
		twin.Note(fmt.Sprintf("unknown %s %v", key, kind(err)))
		return nil
	}
	first, err := messages.ParseCallID(r.GetFirst())
	if err != nil {
		panic(err) // the node has told something that is no id
	}
	for i, one := range keys {
		id := first.At(i).String()
		twin.Note(fmt.Sprintf("accepted %s %s", one, id))
		ids = append(ids, id)
	}
	return ids
}

// rereadOneIn is how often a client looks at once whether its own call is listed.
const rereadOneIn = 4

// rereadRows is how many rows a page of that list has: the newest come first, so
// that hardly ever a second one is needed.
const rereadRows = 20

// reread tells whether a list shows a call that this client has sent just now.
func (l load) reread(ctx context.Context, c *client.Client, socket, id string) {
	if rand.IntN(rereadOneIn) > 0 {
		return
	}
	m := &messages.ListCallsRequest{Socket: socket, Rows: rereadRows}
	for {
		r, err := c.ListCalls(ctx, m)
		if err != nil {
			return
		}
		there := slices.ContainsFunc(r.GetCalls(), func(one *messages.CallInfo) bool { return one.GetId() == id })
		if there || r.GetNextPageToken() == "" {
			twin.Note(fmt.Sprintf("own %s %v", id, there))
			return
		}
		m.PageToken = r.GetNextPageToken()
	}
}

// maxRegret is the longest time until a call that is to be cancelled is.
const maxRegret = 50 * time.Millisecond

func (l load) cancel(ctx context.Context, c *client.Client, id string) {
	time.Sleep(rand.N(maxRegret))
	info, err := c.Cancel(ctx, id, "its sender thought better of it")
	if err != nil {
		twin.Note(fmt.Sprintf("uncancelled %s %v", id, kind(err)))
		return
	}
	twin.Note(fmt.Sprintf("cancel %s %s", id, info.GetState()))
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
