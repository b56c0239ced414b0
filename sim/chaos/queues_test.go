//go:build e2e

package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// TestQueues publishes to queues whose sockets are in two partitions, on three
// nodes, and holds what has a bound or a rate limit against it.
func TestQueues(t *testing.T) {
	l := newLab(t, 3)
	for _, name := range []string{"near", "far"} {
		l.cli("add", "processor", "-n", name, "--builtin-echo", "-c", "2")
	}
	l.processor("code", "-c", "1", "-r", "2", "--retrydelay", "100ms", "--no-retry", "ValueError")
	for _, row := range []struct {
		name string
		test func(*lab)
	}{
		{"direct", (*lab).directRow}, {"topic", (*lab).topicRow}, {"fanout", (*lab).fanoutRow}, {"never fits", (*lab).neverFitsRow}, {"ttl", (*lab).ttlRow},
		{"full", (*lab).fullRow}, {"rate", (*lab).rateRow}, {"retries", (*lab).retriesRow}, {"unused", (*lab).unusedRow}, {"bad input", (*lab).badQueueRow},
	} {
		t.Run(row.name, func(t *testing.T) { row.test(l.in(t)) })
	}
}

// on adds a socket of an echo processor on a queue.
func (l *lab) on(queue, name, processor string, flags ...string) string {
	l.t.Helper()
	l.cli(append([]string{"add", "socket", "-n", name, "-q", queue, "-pn", processor, "-t", "echo"}, flags...)...)
	return name
}

// publish publishes data, and gives the publish and the sockets that got it.
func (l *lab) publish(queue, key, data, id string) (published *messages.PublishResponse, sockets string) {
	l.t.Helper()
	published, err := l.c.Publish(l.t.Context(), &messages.PublishRequest{Queue: queue, RoutingKey: key, Data: &data, Id: id})
	if err != nil {
		l.t.Fatalf("publish %s to %s: %v", key, queue, err)
	}
	var names []string
	for _, call := range published.Calls {
		names = append(names, call.Socket)
	}
	return published, strings.Join(names, " ")
}

// goes publishes, and checks which sockets ran what was published.
func (l *lab) goes(queue, key, want string) *messages.PublishResponse {
	l.t.Helper()
	data := fmt.Sprintf("%q", queue+" "+key)
	published, sockets := l.publish(queue, key, data, "")
	if sockets != want {
		l.t.Errorf("%s published to %s goes to %q, want %q", key, queue, sockets, want)
	}
	for _, p := range published.Calls {
		call := l.ended(p.Id, "finished")
		if call.GetResult() != data || call.Socket != p.Socket || call.Tracking != published.Id || call.Parent != published.Id || call.RoutingKey != key {
			l.t.Errorf("a call of the publish %s is %v", published.Id, call)
		}
	}
	return published
}

func (l *lab) directRow() {
	l.cli("add", "queue", "-n", "direct", "-t", "direct")
	l.on("direct", "direct.near", "near")
	l.goes("direct", "", "direct.near")
	l.on("direct", "direct.far", "far", "--binding", "over.there")
	l.goes("direct", "direct.near", "direct.near")
	l.goes("direct", "over.there", "direct.far")
	l.rejected("publish", "-q", "direct", "-d", "1", "no routing key says for which")
	l.rejected("publish", "-q", "direct", "-k", "direct.far", "-d", "1", "none of its sockets takes the routing key")
}

func (l *lab) topicRow() {
	l.cli("add", "queue", "-n", "topic", "-t", "topic")
	l.on("topic", "topic.all", "near", "--binding", "#")
	l.on("topic", "topic.eu", "far", "--binding", "eu.*")
	l.on("topic", "topic.orders", "far", "--binding", "#.orders.#")
	l.goes("topic", "us", "topic.all")
	l.goes("topic", "eu.bills", "topic.all topic.eu")
	l.goes("topic", "eu.orders", "topic.all topic.eu topic.orders")
	l.goes("topic", "eu.orders.new", "topic.all topic.orders")
	l.cli("update", "socket", "-n", "topic.all", "--binding", "us")
	l.goes("topic", "eu.bills", "topic.eu")
}

func (l *lab) fanoutRow() {
	l.cli("add", "queue", "-n", "fanout", "-t", "fanout")
	want := "fanout.far1 fanout.far2 fanout.near1 fanout.near2"
	for _, name := range strings.Fields(want) {
		l.on("fanout", name, strings.TrimRight(strings.TrimPrefix(name, "fanout."), "12"))
	}
	l.goes("fanout", "any.key", want)
	l.large("fanout", want)
	first, _ := l.publish("fanout", "", `"once"`, "a key of mine")
	again, sockets := l.publish("fanout", "", `"once"`, "a key of mine")
	if !again.Duplicate || again.Id != first.Id || sockets != want {
		l.t.Errorf("the same key again gives %v to %s", again, sockets)
	}
	other := "2"
	if _, err := l.c.Publish(l.t.Context(), &messages.PublishRequest{Queue: "fanout", Data: &other, Id: "a key of mine"}); !errors.Is(err, messages.Conflict) {
		l.t.Errorf("the same key with other data: %v", err)
	}
	for _, call := range first.Calls {
		l.ended(call.Id, "finished")
	}
	var named []struct{ Socket, Call string }
	if err := json.Unmarshal([]byte(l.cli("task", "result", first.Id)), &named); err != nil || len(named) != 4 || named[0].Call != first.Calls[0].Id {
		l.t.Errorf("the result of the publish is %v, %v", named, err)
	}
	tree := l.cli("ls", "call", first.Id, "--tree")
	for _, name := range append(strings.Fields(want), "fanout") {
		if !strings.Contains(tree, name) {
			l.t.Errorf("the tree lacks %s:\n%s", name, tree)
		}
	}
	calls, err := l.c.ListCalls(l.t.Context(), &messages.ListCallsRequest{Tracking: first.Id, Rows: 100})
	if err != nil || len(calls.Calls) != 5 {
		l.t.Errorf("%d calls of the run, %v; want the publish and four", len(calls.GetCalls()), err)
	}
}

func (l *lab) ttlRow() {
	l.cli("add", "queue", "-n", "ttl", "-t", "fanout", "--message-ttl", "400ms")
	for _, name := range []string{"near", "far"} {
		l.cli("proc", "stop", name)
		l.on("ttl", "ttl."+name, name)
	}
	published, _ := l.publish("ttl", "", "1", "")
	for _, call := range published.Calls {
		ended := l.ended(call.Id, "expired")
		if waited := ended.Finished - ended.Received; waited < 400_000 || ended.Started != 0 {
			l.t.Errorf("it expired after %d µs: %v", waited, ended)
		}
	}
	for _, name := range []string{"near", "far"} {
		l.cli("proc", "start", name)
	}
	l.goes("ttl", "in.time", "ttl.far ttl.near")
}

// fullRow: what has no room is refused whole, here and in the other partition,
// or waits until there is room.
// neverFitsRow: nobody waits for room that there will never be.
func (l *lab) neverFitsRow() {
	l.cli("add", "queue", "-n", "narrow", "-t", "fanout", "--max-length-bytes", "10")
	l.on("narrow", "narrow.near", "near")
	l.on("narrow", "narrow.far", "far")
	const data, reason = "12345678901", "holds 10 at the most"
	l.rejected("task", "run", "-s", "narrow.near", "-d", data, "--wait-for-room", reason)
	l.rejected("publish", "-q", "narrow", "-d", data, "--wait-for-room", reason)
	if got := l.cli("task", "run", "-s", "narrow.far", "-d", data[:10]); strings.TrimSpace(got) != data[:10] {
		l.t.Errorf("what fits gives %q", got)
	}
}

// large publishes more than travels within a command to sockets of two partitions.
func (l *lab) large(queue, sockets string) {
	text := largeText("published", 3<<20)
	published, to := l.publish(queue, "", text, "")
	if to != sockets {
		l.t.Errorf("%d bytes went to %q", len(text), to)
	}
	for _, call := range published.Calls {
		l.ended(call.Id, "finished")
		if r, err := l.c.Result(l.t.Context(), call.Id, 0); err != nil || r.GetResult() != text {
			l.t.Errorf("socket %s gave %d bytes of %d, %v", call.Socket, len(r.GetResult()), len(text), err)
		}
	}
}

func (l *lab) fullRow() {
	l.cli("add", "queue", "-n", "full", "-t", "fanout", "--max-length", "4")
	l.on("full", "full.near", "near")
	l.on("full", "full.far", "far")
	l.cli("proc", "stop", "near")
	l.cli("proc", "stop", "far")
	for _, target := range []string{"full.near", "full.far"} {
		for range 2 {
			l.submit(target, "1")
		}
		batch := &messages.SubmitBatchRequest{Socket: target, Data: []string{"1", "2", "3"}}
		if _, err := l.c.SubmitBatch(l.t.Context(), batch); !errors.Is(err, messages.Exhausted) || !strings.Contains(err.Error(), "2 calls wait, and 4 are the most") {
			l.t.Errorf("a batch that fits half: %v", err)
		}
		l.queued(target, 2)
	}
	l.publish("full", "", "1", "")
	l.publish("full", "", "1", "")
	l.queued("full.near", 4)
	l.queued("full.far", 4)
	one := "1"
	_, err := l.c.Submit(l.t.Context(), &messages.RunRequest{Socket: "full.far", Data: &one})
	if !errors.Is(err, messages.Exhausted) {
		l.t.Errorf("one call more: %v", err)
	}
	// Both are full: the queue knows of the one that is in its own partition at
	// once, and refuses for both.
	l.rejected("publish", "-q", "full", "-d", "1", "its mailbox is full")
	// Only the one that is not in the queue's partition is full, or the other way
	// round: the home was told of the first, and counts the second.
	for _, free := range []string{"near", "far"} {
		l.cli("proc", "start", free)
		l.queued("full."+free, 0)
		l.rejected("publish", "-q", "full", "-d", "1", "its mailbox is full")
		l.queued("full."+free, 0)
		l.cli("proc", "stop", free)
		for range 4 {
			l.submit("full."+free, "1")
		}
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), soon)
	defer cancel()
	waited := make(chan error, 3)
	go func() {
		_, err := l.c.Publish(ctx, &messages.PublishRequest{Queue: "full", Data: &one, WaitFull: true})
		waited <- err
	}()
	go func() {
		_, err := l.c.SubmitBatch(ctx, &messages.SubmitBatchRequest{Socket: "full.near", Data: []string{"1", "2"}, WaitFull: true})
		waited <- err
	}()
	go func() {
		out, err := l.w.CLI(ctx, l.w.Nodes[0].Address(), nil, "task", "run", "-s", "full.far", "-d", "1", "--wait-for-room")
		waited <- cmp.Or(err, map[bool]error{true: fmt.Errorf("%s", out.Stderr)}[out.Code != 0])
	}()
	select {
	case err := <-waited:
		l.t.Fatalf("what was to wait for room did not wait: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	l.cli("proc", "start", "near")
	l.cli("proc", "start", "far")
	for range 3 {
		if err := <-waited; err != nil {
			l.t.Errorf("what waited for room: %v", err)
		}
	}
	l.queued("full.near", 0)
	l.queued("full.far", 0)
}

// queued waits until a socket holds so many calls.
func (l *lab) queued(socket string, n int64) {
	l.t.Helper()
	l.until(fmt.Sprintf("%s holds %d calls", socket, n), soon, func() bool {
		found, err := l.c.Get(l.t.Context(), messages.Kind_KIND_SOCKET, socket)
		return err == nil && found.Held == n
	})
}

// rateRow: 20 calls at 5/s take 3.8 s or more, by the times in their records,
// though their partition's leader dies, and no matter how many slots there are.
func (l *lab) rateRow() {
	l.cli("add", "queue", "-n", "rate")
	l.on("rate", "rate.near", "near", "--ratelimit", "5/s")
	batch := &messages.SubmitBatchRequest{Socket: "rate.near"}
	for i := range 20 {
		batch.Data = append(batch.Data, fmt.Sprint(i))
	}
	sent, err := l.c.SubmitBatch(l.t.Context(), batch)
	if err != nil {
		l.t.Fatal(err)
	}
	ids, err := client.IDs(sent)
	if err != nil {
		l.t.Fatal(err)
	}
	if waiting := l.call(ids[19]).Waiting; !strings.Contains(waiting, "rate limited until") || !strings.HasSuffix(waiting, "5/s of socket rate.near") {
		l.t.Errorf("the last one waits for %q", waiting)
	}
	victim := l.node(l.leader(l.get(messages.Kind_KIND_SOCKET, "rate.near").GetSocket().GetPartition()))
	victim.Kill()
	var started []int64
	for _, id := range ids {
		started = append(started, l.ended(id, "finished").Started)
	}
	slices.Sort(started)
	for i := range started {
		if i > 0 && started[i]-started[i-1] < 200_000 {
			l.t.Errorf("call %d started %d µs after the one before", i, started[i]-started[i-1])
		}
	}
	if took := started[19] - started[0]; took > 15_000_000 {
		l.t.Errorf("20 calls at 5/s took %d µs", took)
	}
	if err := victim.Start(); err != nil {
		l.t.Fatal(err)
	}
	ready, cancel := context.WithTimeout(l.t.Context(), soon)
	defer cancel()
	if err := l.w.WaitReady(ready, tolerated(len(l.w.Nodes))); err != nil {
		l.t.Fatal(err)
	}
}

// retriesRow: an error that is named is not tried again, others are.
func (l *lab) retriesRow() {
	l.cli("add", "socket", "-n", "retries.fail", "-q", "q", "-pn", "code", "-t", "fail")
	l.cli("add", "socket", "-n", "retries.late", "-q", "q", "-pn", "code", "-t", "succeed_at", "-r", "1")
	once := l.run("retries.fail", "", "failed")
	if once.Tries != 1 || once.Error.GetType() != "ValueError" {
		l.t.Errorf("a %s was tried %d times", once.Error.GetType(), once.Tries)
	}
	shown := l.cli("ls", "socket", "retries.late")
	for _, line := range []string{"Retries: 1, the first after 100ms", "Not tried again: ValueError"} {
		if !strings.Contains(shown, line) {
			l.t.Errorf("ls socket lacks %q:\n%s", line, shown)
		}
	}
	if again := l.run("retries.late", "9", "failed"); again.Tries != 2 || again.Error.GetType() != "RuntimeError" {
		l.t.Errorf("a %s was tried %d times", again.Error.GetType(), again.Tries)
	}
	l.run("retries.late", "2", "finished")
}

// unusedRow: a queue goes with the last of its sockets, or after a time without
// any.
func (l *lab) unusedRow() {
	l.cli("add", "queue", "-n", "auto", "--auto-delete", "true")
	l.on("auto", "auto.near", "near")
	l.cli("add", "queue", "-n", "short", "--expires", "200ms")
	l.cli("delete", "socket", "auto.near")
	for _, queue := range []string{"auto", "short"} {
		l.until("queue "+queue+" is gone", soon, func() bool {
			_, err := l.c.Get(l.t.Context(), messages.Kind_KIND_QUEUE, queue)
			return errors.Is(err, messages.NotFound)
		})
	}
}

func (l *lab) badQueueRow() {
	l.rejected("publish", "-q", "topic", "-k", "a..b", "-d", "1", "word 2 of the routing key")
	l.rejected("publish", "-q", "topic", "-k", "eu.*", "-d", "1", "for the patterns of sockets")
	l.rejected("publish", "-q", "nowhere", "-d", "1", "nowhere")
	l.rejected("publish", "-q", "q", "-k", "retries.late", "-d", "[1, 2, 3]", "wrong arguments")
	l.rejected("update", "socket", "-n", "topic.all", "--binding", "a.b#", "stand for whole words")
	l.rejected("update", "socket", "-n", "topic.all", "--ratelimit", "5/d", "not understood")
	l.rejected("update", "socket", "-n", "topic.all", "--retrydelay", "5s", "nothing is tried again")
	l.rejected("update", "processor", "-n", "code", "--no-retry", "Value Error", "not a type of error")
}

// rejected runs a command that must fail with a reason, the last argument.
func (l *lab) rejected(args ...string) {
	l.t.Helper()
	reason := args[len(args)-1]
	out := try(l.t, l.w, l.w.Nodes[0].Address(), "", args[:len(args)-1]...)
	if out.Code == 0 || !strings.Contains(string(out.Stderr), reason) {
		l.t.Errorf("flowcli %v: exit code %d, %s%s; want …%s…", args[:len(args)-1], out.Code, out.Stdout, out.Stderr, reason)
	}
}
