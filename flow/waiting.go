package flow

import (
	"fmt"
	"strings"
	"time"

	"github.com/elasticcode/flow/flow/call"
	"github.com/elasticcode/flow/flow/processor"
	"github.com/elasticcode/flow/flow/slot"
	"github.com/elasticcode/flow/flow/socket"
	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// waits words what calls wait for. It reads each socket and processor once, so
// that a page of calls is worded quickly.
type waits struct {
	view       kv.View
	now        int64
	sockets    map[string]*socket.Socket
	processors map[string]*processor.Processor
	idle       map[string]string // why no slot runs a processor
}

func newWaits(view kv.View, now int64) *waits {
	return &waits{view, now, map[string]*socket.Socket{}, map[string]*processor.Processor{}, map[string]string{}}
}

// explain says in the call what it waits for; nothing, once it has ended.
func (w *waits) explain(rec *call.Record) { rec.Waiting = w.why(rec).Text }

// why says what a call waits for; nothing, once it has ended.
func (w *waits) why(rec *call.Record) *messages.Explanation {
	switch rec.State {
	case messages.CallState_QUEUED:
		if k := w.socket(rec.Socket); k != nil {
			return w.queued(k, rec)
		}
	case messages.CallState_RUNNING:
		return w.running(rec)
	}
	return &messages.Explanation{}
}

func (w *waits) queued(k *socket.Socket, rec *call.Record) *messages.Explanation {
	p := w.processor(k.Config.Processor)
	why := &messages.Explanation{Since: waitsSince(rec)}
	if k.Config.Processor == "" {
		return because(why, NoWorker, "its partition has not heard of its socket yet")
	}
	switch status := p.Config.GetStatus(); status {
	case processor.Running:
	case "failed":
		return because(why, BuildFailed, "processor failed: %s", p.Config.Message)
	case "":
		return because(why, NoWorker, noWorker) // it is not known here yet, or not any more
	default:
		return because(why, status, "its processor is %s", status) // paused, stopped
	}
	if rec.RetryAt != 0 {
		why.Until, why.Attempt = rec.RetryAt, rec.Attempt+1
		return because(why, Retry, "retry in %s", left(rec.RetryAt-w.now))
	}
	if plug := k.HeldBack(); plug != nil {
		why.Plug, why.Target = plug.Name, plug.TargetName
		return because(why, Blocked, "held back: socket %s is full, where plug %s leads", plug.TargetName, plug.Name)
	}
	reason, known := w.idle[p.ID]
	if !known {
		reason = w.noWorker(p)
		w.idle[p.ID] = reason
	}
	switch {
	case reason == noWorker:
		return because(why, NoWorker, "%s", reason)
	case strings.HasPrefix(reason, Starting):
		return because(why, Starting, "%s", reason)
	case reason != "":
		return because(why, Building, "%s", reason)
	}
	if reason, until := limited(k, p); reason != "" {
		why.Until = until
		return because(why, RateLimited, "%s", reason)
	}
	if k.Config.Ordered && k.Holder.Seq != 0 && k.Holder.Seq != rec.Seq {
		if first, ok := call.Get(w.view, k.Holder.Seq); ok {
			why.Behind = first.ID().String()
		}
		return because(why, Ordered, "behind another call of an ordered socket")
	}
	return because(why, Turn, "behind other calls")
}

const noWorker = "no worker"

// noWorker says why no slot runs the processor's commit, if none does.
func (w *waits) noWorker(p *processor.Processor) string {
	for _, index := range p.Credits.Indexes() {
		name, _ := slot.Named(w.view, p.ID, index)
		if l, ok := slot.Load(w.view, name); ok && l.Commit == p.Config.Commit && l.Window > 0 {
			return ""
		}
	}
	if p.Config.Message != "" {
		return p.Config.Message // e.g. building environment
	}
	return noWorker
}

func (w *waits) running(rec *call.Record) *messages.Explanation {
	why := &messages.Explanation{Since: waitsSince(rec), Node: rec.Node, Attempt: rec.Attempt}
	l, ok := slot.Load(w.view, slot.Name{Session: rec.Session, Slot: rec.Slot})
	if ok && len(l.Leases) > 0 && l.Leases[0].Seq != rec.Seq {
		why.Behind = l.Leases[0].Call.String()
		return because(why, Leased, "behind another call on node %s", rec.Node)
	}
	return because(why, Running, "running on node %s, attempt %d", rec.Node, rec.Attempt)
}

// waitsSince is when a call began to wait, or to run: its latest event.
func waitsSince(rec *call.Record) int64 {
	if n := len(rec.Events); n > 0 {
		return rec.Events[n-1].Time
	}
	return rec.Received
}

func because(why *messages.Explanation, cause, format string, args ...any) *messages.Explanation {
	why.Cause, why.Text = cause, fmt.Sprintf(format, args...)
	return why
}

// left words a duration for people: no finer than they can follow.
func left(micros int64) string {
	d := time.Duration(max(micros, 0)) * time.Microsecond
	switch {
	case d >= 2*time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	default:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
}

func (w *waits) socket(id string) *socket.Socket {
	if k, ok := w.sockets[id]; ok {
		return k
	}
	k, _ := socket.Load(w.view, id, nil)
	w.sockets[id] = k
	return k
}

func (w *waits) processor(id string) *processor.Processor {
	p, ok := w.processors[id]
	if !ok {
		p = processor.Load(w.view, id, nil)
		w.processors[id] = p
	}
	return p
}
