package flow

import (
	"fmt"
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
func (w *waits) explain(rec *call.Record) {
	switch rec.State {
	case messages.CallState_QUEUED:
		rec.Waiting = w.queued(rec)
	case messages.CallState_RUNNING:
		rec.Waiting = w.running(rec)
	}
}

func (w *waits) queued(rec *call.Record) string {
	k := w.socket(rec.Socket)
	if k == nil {
		return ""
	}
	if k.Config.Processor == "" {
		return "its partition has not heard of its socket yet"
	}
	p := w.processor(k.Config.Processor)
	switch p.Config.GetStatus() {
	case "failed":
		return "processor failed: " + p.Config.Message
	case processor.Running:
	case "":
		return "no worker"
	default:
		return p.Config.GetStatus() // paused, stopped
	}
	if rec.RetryAt != 0 {
		return "retry in " + left(rec.RetryAt-w.now)
	}
	if plug := k.HeldBack(); plug != nil {
		return "held back: socket " + plug.TargetName + " is full, where plug " + plug.Name + " leads"
	}
	reason, known := w.idle[p.ID]
	if !known {
		reason = w.noWorker(p)
		w.idle[p.ID] = reason
	}
	if reason != "" {
		return reason
	}
	if reason := limited(k, p); reason != "" {
		return reason
	}
	if k.Config.Ordered && k.Holder.Seq != 0 && k.Holder.Seq != rec.Seq {
		return "behind another call of an ordered socket"
	}
	return "behind other calls"
}

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
	return "no worker"
}

func (w *waits) running(rec *call.Record) string {
	l, ok := slot.Load(w.view, slot.Name{Session: rec.Session, Slot: rec.Slot})
	if ok && len(l.Leases) > 0 && l.Leases[0].Seq != rec.Seq {
		return "behind another call on node " + rec.Node
	}
	return fmt.Sprintf("running on node %s, attempt %d", rec.Node, rec.Attempt)
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
	k, _ := socket.Load(w.view, id)
	w.sockets[id] = k
	return k
}

func (w *waits) processor(id string) *processor.Processor {
	p, ok := w.processors[id]
	if !ok {
		p = processor.Load(w.view, id)
		w.processors[id] = p
	}
	return p
}
