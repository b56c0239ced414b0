package audit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/elasticcode/flow/messages"
)

// A left and a right source feed a gate; the left one also has a plug to plain,
// and the right one a plug for errors to sorry.
const (
	left, right, plain, sorry, joint = "left", "right", "plain", "sorry", "joint"
)

func plan() Plan {
	p := Plan{}
	for i, name := range []string{left, right, plain, sorry, joint} {
		p[name] = &Socket{ID: name, Name: name, Partition: messages.GroupID(1 + i%2)}
	}
	p[left].Plugs = []Plug{{ID: "p1", Name: "to-one", Target: joint, Argument: "one"}, {ID: "p2", Name: "to-plain", Target: plain}}
	p[right].Plugs = []Plug{{ID: "p3", Name: "to-two", Target: joint, Argument: "two"}, {ID: "p4", Name: "to-sorry", Target: sorry, Error: true}}
	p[joint].Inputs = []string{"one", "two"}
	return p
}

// world makes records as they must be.
type world struct {
	plan     Plan
	records  Records
	accepted []messages.CallID
	seq      uint64
}

func (w *world) call(id messages.CallID, socket, plug string, from *messages.Call, args *messages.Arguments, fails bool) *messages.Call {
	m := &messages.Call{Id: id.Bytes(), Socket: socket, Plug: plug, Arguments: args, Tracking: id.Bytes(), State: messages.CallState_FINISHED}
	if from != nil {
		m.Parent, m.Tracking = from.Id, from.Tracking
	}
	if fails {
		m.State, m.Error = messages.CallState_FAILED, &messages.Failure{Type: "ValueError", Message: "on purpose"}
	} else {
		m.HasResult, m.Result = true, []byte(fmt.Sprintf("%q", id))
	}
	w.records.Calls = append(w.records.Calls, m)
	return m
}

func (w *world) send(socket, key string, fails bool) *messages.Call {
	id := messages.NewCallID(key, w.plan[socket].Partition, 0)
	w.accepted = append(w.accepted, id)
	return w.call(id, socket, "", nil, &messages.Arguments{Positional: [][]byte{[]byte("1")}}, fails)
}

// plugged is a call that a plug makes.
func (w *world) plugged(from *messages.Call, at int, value string) {
	p := w.plan[from.Socket].Plugs[at]
	id := messages.DeriveCallID(messages.CallIDFrom(from.Id).String(), p.ID, 0, w.plan[p.Target].Partition)
	w.call(id, p.Target, p.Name, from, &messages.Arguments{Positional: [][]byte{[]byte(value)}}, false)
}

func (w *world) arrive(from *messages.Call) *messages.Arrival {
	p := w.plan[from.Socket].Plugs[0]
	w.seq++
	a := &messages.Arrival{Id: messages.DeriveCallID(messages.CallIDFrom(from.Id).String(), p.ID, 0, w.plan[p.Target].Partition).Bytes(),
		Socket: p.Target, Input: p.Argument, PlugName: p.Name, Tracking: from.Tracking, Parent: from.Id, Seq: w.seq}
	w.records.Arrivals = append(w.records.Arrivals, a)
	return a
}

// join makes the call of two arrivals, the second of which came last.
func (w *world) join(one, two *messages.Arrival, results ...[]byte) {
	id := messages.DeriveCallID(messages.CallIDFrom(two.Id).String(), "gate", 0, w.plan[joint].Partition)
	m := w.call(id, joint, two.PlugName, nil, &messages.Arguments{Named: []*messages.NamedValue{
		{Name: "one", Value: results[0]}, {Name: "two", Value: results[1]}}}, false)
	m.Parent, m.Tracking = two.Parent, two.Tracking
	for _, a := range []*messages.Arrival{one, two} {
		a.State, a.Joined = messages.ArrivalState_ARRIVAL_CONSUMED, id.Bytes()
	}
}

// good is a world in which all is well: three calls of left, two of right, of
// which one fails.
func good() (w *world, ones, twos []*messages.Arrival) {
	w = &world{plan: plan()}
	var sent []*messages.Call
	for i := range 3 {
		c := w.send(left, fmt.Sprint("left ", i), false)
		w.plugged(c, 1, string(c.Result))
		ones, sent = append(ones, w.arrive(c)), append(sent, c)
	}
	for i := range 2 {
		c := w.send(right, fmt.Sprint("right ", i), false)
		twos = append(twos, w.arrive(c))
		w.join(ones[i], twos[i], sent[i].Result, c.Result)
	}
	failed := w.send(right, "right fails", true)
	w.plugged(failed, 1, fmt.Sprintf(`{"type":"ValueError","message":"on purpose","traceback":"","call":%q}`, messages.CallIDFrom(failed.Id)))
	return w, ones, twos
}

func TestWhatIsRightIsFoundRight(t *testing.T) {
	w, _, _ := good()
	if wrong := Check(w.plan, w.accepted, w.records); len(wrong) > 0 {
		t.Errorf("found wrong: %s", strings.Join(wrong, "\n"))
	}
}

func TestWhatIsWrongIsFound(t *testing.T) {
	call := func(w *world, socket string) int {
		for i, c := range w.records.Calls {
			if c.Socket == socket {
				return i
			}
		}
		panic("no call of " + socket)
	}
	drop := func(socket string) func(*world, []*messages.Arrival, []*messages.Arrival) {
		return func(w *world, _, _ []*messages.Arrival) {
			i := call(w, socket)
			w.records.Calls = append(w.records.Calls[:i], w.records.Calls[i+1:]...)
		}
	}
	for _, row := range []struct {
		what, want string
		plant      func(w *world, ones, twos []*messages.Arrival)
	}{
		{"an accepted call is lost", "was accepted and is not there", drop(left)},
		{"a plug's message is dropped", "plug to-plain of call", drop(plain)},
		{"an ERROR plug's message is dropped", "plug to-sorry of call", drop(sorry)},
		{"a gate's call is dropped", "joint has no call", drop(joint)},
		{"a message to a gate is dropped", "the gate of joint has no message", func(w *world, _, _ []*messages.Arrival) {
			w.records.Arrivals = w.records.Arrivals[:len(w.records.Arrivals)-1]
		}},
		{"a plug has fired twice", "nothing caused it", func(w *world, _, _ []*messages.Arrival) {
			c := w.records.Calls[call(w, plain)]
			w.call(messages.NewCallID("again", 1, 0), plain, "to-plain", w.records.Calls[0], c.Arguments, false)
		}},
		{"a plug has sent to a gate twice", "nothing caused it", func(w *world, _, _ []*messages.Arrival) {
			w.arrive(w.records.Calls[0]).Id = messages.NewCallID("again", 1, 0).Bytes()
		}},
		{"a record stands twice", "has two records", func(w *world, _, _ []*messages.Arrival) {
			w.records.Calls = append(w.records.Calls, w.records.Calls[0])
		}},
		{"both plugs of a failed call have fired", "nothing caused it", func(w *world, _, _ []*messages.Arrival) {
			w.arrive(w.records.Calls[len(w.records.Calls)-2])
		}},
		{"a gate matched the latest first", "it belongs to call", func(w *world, ones, _ []*messages.Arrival) {
			ones[0].Joined, ones[2].Joined = nil, ones[0].Joined
			ones[0].State, ones[2].State = ones[2].State, ones[0].State
		}},
		{"a gate gave a call another's value", "gave", func(w *world, _, _ []*messages.Arrival) {
			i := call(w, joint)
			w.records.Calls[i].Arguments.Named[0].Value = w.records.Calls[i+2].Result
		}},
		{"a message was consumed without a partner", "it has no partner", func(w *world, ones, twos []*messages.Arrival) {
			ones[2].State, ones[2].Joined = messages.ArrivalState_ARRIVAL_CONSUMED, twos[1].Joined
		}},
		{"a plug carried something else", "has 7 from the call", func(w *world, _, _ []*messages.Arrival) {
			w.records.Calls[call(w, plain)].Arguments.Positional[0] = []byte("7")
		}},
		{"an error of another call", "has {", func(w *world, _, _ []*messages.Arrival) {
			w.records.Calls[call(w, sorry)].Arguments.Positional[0] = []byte(`{"type":"ValueError","call":"another"}`)
		}},
		{"a call is stranded", "is stranded: it is QUEUED", func(w *world, _, _ []*messages.Arrival) {
			w.records.Calls[call(w, sorry)].State = messages.CallState_QUEUED
		}},
		{"a run was lost on the way", "of run", func(w *world, _, _ []*messages.Arrival) {
			w.records.Calls[call(w, plain)].Tracking = nil
		}},
	} {
		t.Run(row.what, func(t *testing.T) {
			w, ones, twos := good()
			row.plant(w, ones, twos)
			wrong := strings.Join(Check(w.plan, w.accepted, w.records), "\n")
			if !strings.Contains(wrong, row.want) {
				t.Errorf("found %q, want %q", wrong, row.want)
			}
		})
	}
}

// TestRunsAreJoinedApart: with correlation an arrival waits for those of its run.
func TestRunsAreJoinedApart(t *testing.T) {
	w, ones, _ := good()
	w.plan[joint].ByRun = true
	wrong := strings.Join(Check(w.plan, w.accepted, w.records), "\n")
	if !strings.Contains(wrong, fmt.Sprintf("message %s at joint for one is ARRIVAL_CONSUMED", messages.CallIDFrom(ones[0].Id))) {
		t.Errorf("calls of several runs were joined; found %q", wrong)
	}
}
