package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/flow"
	"github.com/elasticcode/flow/flow/gate"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/outbox"
	"github.com/elasticcode/flow/sim/audit"
)

const (
	promiseRecords = "records are what plugs and gates give"
	promiseRetries = "a call is tried as often as it may be"
)

// unpack gives the commands that a delivery holds.
func unpack(d *messages.Deliver) (all []proto.Message) {
	for _, parcel := range outbox.Unpack(d) {
		if m, err := parcel.Command.Decode(); err == nil {
			all = append(all, m)
		}
	}
	return all
}

func sortedSlots(slots map[slotName]*ledgerSlot) []slotName {
	return slices.SortedFunc(maps.Keys(slots), func(a, b slotName) int {
		return slices.Compare([]string{a.session, a.slot}, []string{b.session, b.slot})
	})
}

// checkRecords holds the records of all partitions, as their logs give them,
// against what plugs, gates and retries promise.
func checkRecords(all []*replayed, h History) (broken []Violation) {
	plan, retries := planOf(all)
	var r audit.Records
	at := int64(0)
	for _, p := range all {
		at = max(at, lastAt(p.done))
		if p.group == messages.Meta {
			continue
		}
		r.Arrivals = append(r.Arrivals, gate.All(p.state)...)
		for _, c := range recordsOf(p.state) {
			if plan[c.Socket] == nil {
				continue // of a queue: what was published
			}
			r.Calls = append(r.Calls, c)
			if why := overtried(c, retries[c.Socket]); why != "" {
				broken = append(broken, Violation{promiseRetries, at, why})
			}
		}
	}
	for _, text := range audit.Check(plan, roots(r, h), r) {
		broken = append(broken, Violation{promiseRecords, at, text})
	}
	return broken
}

// overtried says that a call was tried more often than it may be.
func overtried(c *messages.Call, retries int64) string {
	if int64(c.Tries) <= retries+1 && c.Crashes <= messages.MaxCrashes && c.Lost <= messages.MaxLost && c.Attempt >= c.Tries+c.Crashes+c.Lost {
		return ""
	}
	return fmt.Sprintf("call %s of %s was tried %d times (it is retried %d times), lost %d workers and %d sessions, in %d attempts",
		messages.CallIDFrom(c.Id), c.Name, c.Tries, retries, c.Crashes, c.Lost, c.Attempt)
}

// roots are the calls that no other call led to: those that clients were told of,
// those of which they did not hear whether they were accepted, what was published,
// and the ticks of schedules.
func roots(r audit.Records, h History) (ids []messages.CallID) {
	known := map[string]bool{}
	for _, e := range h {
		if f := strings.Fields(e.Line); len(f) == 3 && f[0] == "accepted" {
			if id, err := messages.ParseCallID(f[2]); err == nil && !known[f[2]] {
				known[f[2]] = true
				ids = append(ids, id)
			}
		}
	}
	there := map[messages.CallID]bool{}
	for _, c := range r.Calls {
		there[messages.CallIDFrom(c.Id)] = true
	}
	for _, c := range r.Calls {
		id := messages.CallIDFrom(c.Id)
		if !there[messages.CallIDFrom(c.Parent)] && len(c.Arrivals) == 0 && !known[id.String()] {
			ids = append(ids, id)
		}
	}
	return ids
}

// planOf reads sockets, plugs and retries from what the partitions were told.
func planOf(all []*replayed) (audit.Plan, map[string]int64) {
	plan, sockets, retries := audit.Plan{}, map[string]*messages.ConfigureSocket{}, map[string]int64{}
	processors := map[string]*messages.ConfigureProcessor{}
	for _, p := range all {
		for _, d := range p.done {
			commands := []proto.Message{d.command}
			if packed, ok := d.command.(*messages.Deliver); ok {
				commands = unpack(packed)
			}
			for _, m := range commands {
				switch m := m.(type) {
				case *messages.ConfigureSocket:
					sockets[m.Socket] = m
					plan[m.Socket] = &audit.Socket{ID: m.Socket, Name: m.Name, Partition: p.group, ByRun: m.Correlate != "", Inputs: inputs(m)}
				case *messages.ConfigureProcessor:
					processors[m.Processor] = m
				}
			}
		}
	}
	for id, m := range sockets {
		retries[id] = int64(processors[m.Processor].GetRetries())
		if m.Retries != nil {
			retries[id] = int64(*m.Retries)
		}
		for _, p := range m.Plugs {
			plan[id].Plugs = append(plan[id].Plugs, audit.Plug{ID: p.Plug, Name: p.Name, Error: p.Type == "ERROR", Target: p.Target, Argument: p.Argument})
		}
	}
	return plan, retries
}

// inputs are the arguments that the gate of a socket waits for, of functions
// whose arguments have no defaults.
func inputs(m *messages.ConfigureSocket) (names []string) {
	if !slices.ContainsFunc(m.Incoming, func(p *messages.PlugFrom) bool { return p.Argument != "" }) {
		return nil
	}
	for _, p := range m.Parameters {
		names = append(names, p.Name)
	}
	return names
}

// recordsOf reads all calls of a partition, with arguments and results.
func recordsOf(view kv.View) (all []*messages.Call) {
	q := &messages.ListCallsRequest{Ascend: true, Rows: messages.MaxPageRows}
	for cursor := []byte(nil); ; {
		page := flow.ListCalls(view, q, cursor, 0, 0)
		for _, c := range page.Calls {
			if call, ok := flow.GetCall(view, messages.CallIDFrom(c.Id), true, 0); ok {
				all = append(all, call)
			}
		}
		if cursor = page.Next; cursor == nil {
			return all
		}
	}
}
