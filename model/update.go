package model

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model/placement"
)

// settable gives the fields of a kind that Update may change; none: nil. What
// makes an object's identity (its socket's function, its partition) is not
// among them.
func settable(kind messages.Kind) []string {
	switch kind {
	case messages.Kind_KIND_QUEUE:
		return withKept("queue", "queue.auto_delete", "queue.durable", "queue.expires", "queue.max_length", "queue.max_length_bytes",
			"queue.message_ttl", "queue.qtype", "queue.reliable")
	case messages.Kind_KIND_PROCESSOR:
		return []string{"enabled", "processor.beat", "processor.branch", "processor.commit", "processor.concurrency",
			"processor.container_command", "processor.container_image", "processor.container_version", "processor.cron",
			"processor.description", "processor.detached", "processor.endpoint", "processor.gitrepo", "processor.gittag",
			"processor.hasapi", "processor.hostname", "processor.icon", "processor.ignoreresult", "processor.module",
			"processor.modulepath", "processor.no_retry", "processor.overrides", "processor.password", "processor.perworker", "processor.python", "processor.ratelimit",
			"processor.requirements", "processor.resolved_commit", "processor.retries", "processor.retrydelay",
			"processor.timelimit", "processor.uistate", "processor.use_container", "requested_status"}
	case messages.Kind_KIND_SOCKET:
		return withKept("socket", "socket.binding", "socket.correlate", "socket.cron", "socket.description", "socket.gate_timeout", "socket.interval", "socket.missed", "socket.no_retry", "socket.ordered",
			"socket.overflow", "socket.overlap", "socket.queue", "socket.ratelimit", "socket.retries", "socket.retrydelay",
			"socket.schedule_data", "socket.schedule_paused", "socket.schedule_type", "socket.scheduled", "socket.timelimit", "socket.timezone", "socket.wait")
	case messages.Kind_KIND_PLUG:
		return []string{"plug.argument", "plug.description", "plug.queue", "plug.source", "plug.target", "plug.type"}
	case messages.Kind_KIND_NODE:
		return []string{"enabled"}
	case messages.Kind_KIND_SCHEDULER:
		return []string{"scheduler.strategy"}
	case messages.Kind_KIND_NETWORK:
		return keptFields("network")
	}
	return nil
}

// update changes the named fields of an object.
func (c *change) update(m *messages.Update) *messages.Error {
	op := "update " + noun(m.Kind)
	o := find(c, m.Kind, m.Name)
	switch {
	case o == nil:
		return missing(c, op, m.Name, m.Kind, m.Name)
	case o.Status == Deleting:
		return messages.Errorf(messages.Conflict, op, o.Name, "it is being deleted")
	case m.Expect != 0 && m.Expect != o.Version:
		return messages.Errorf(messages.Conflict, op, o.Name, "it was changed: its version is %d, not %d", o.Version, m.Expect).
			WithHint("read it again")
	}
	fresh := clone(o)
	if refusal := setFields(op, fresh, m); refusal != nil {
		return refusal
	}
	if o.Kind == messages.Kind_KIND_PLUG {
		c.followTarget(o, fresh, m)
	}
	if refusal := c.checkUpdate(op, fresh, m); refusal != nil {
		return refusal
	}
	switch fresh.Kind {
	case messages.Kind_KIND_PROCESSOR:
		c.updateProcessor(o, fresh, m)
	case messages.Kind_KIND_NODE, messages.Kind_KIND_SCHEDULER:
		c.save(fresh)
		c.place()
	case messages.Kind_KIND_PLUG:
		c.save(fresh)
		c.rewired(o)
		c.changeQueue(o.GetPlug().Queue, fresh.GetPlug().Queue)
	default:
		if was := o.GetSocket().GetQueue(); was != fresh.GetSocket().GetQueue() {
			c.unbind(was, o.Id)
		}
		c.save(fresh)
		c.configure(fresh)
		c.changeQueue(o.GetSocket().GetQueue(), fresh.GetSocket().GetQueue())
	}
	c.reply.Object = load(c, fresh.Kind, fresh.Id)
	return nil
}

// changeQueue follows what goes from one queue to another.
func (c *change) changeQueue(from, to string) {
	if from != to {
		c.configureQueue(to)
		c.leaveQueue(from)
	}
}

// setFields copies the named fields into an object.
func setFields(op string, o *messages.Object, m *messages.Update) *messages.Error {
	fields := settable(o.Kind)
	if len(m.Fields) == 0 && len(m.Functions) == 0 {
		return messages.Errorf(messages.Invalid, op, o.Name, "no field is named").WithHint("settable: %s", strings.Join(fields, ", "))
	}
	for _, field := range m.Fields {
		if !slices.Contains(fields, field) {
			refusal := messages.Errorf(messages.Invalid, op, o.Name, "%s cannot be set", field)
			if len(fields) == 0 {
				return refusal.WithHint("nothing of a %s can: %s", noun(o.Kind), whyNotAdded(o.Kind))
			}
			return refusal.WithHint("settable: %s", strings.Join(fields, ", "))
		}
		to, from := o.ProtoReflect(), m.GetObject().ProtoReflect()
		if spec, rest, nested := strings.Cut(field, "."); nested {
			descriptor := to.Descriptor().Fields().ByName(protoreflect.Name(spec))
			if !from.Has(descriptor) {
				return messages.Errorf(messages.Invalid, op, o.Name, "%s is named, but there is no %s in the update", field, spec)
			}
			to, from, field = to.Mutable(descriptor).Message(), from.Get(descriptor).Message(), rest
		}
		descriptor := to.Descriptor().Fields().ByName(protoreflect.Name(field))
		if from.Has(descriptor) {
			to.Set(descriptor, from.Get(descriptor))
		} else {
			to.Clear(descriptor)
		}
	}
	return nil
}

// checkUpdate refuses what an object may not become.
func (c *change) checkUpdate(op string, o *messages.Object, m *messages.Update) *messages.Error {
	switch o.Kind {
	case messages.Kind_KIND_QUEUE:
		return c.checkQueue(op, o)
	case messages.Kind_KIND_SOCKET:
		if refusal := c.checkSocket(op, o); refusal != nil {
			return refusal
		}
		return c.checkPause(op, o, m)
	case messages.Kind_KIND_NETWORK:
		return within(op, o.Name, amountsKept(o.GetNetwork()))
	case messages.Kind_KIND_PLUG:
		return c.checkPlug(op, o)
	case messages.Kind_KIND_SCHEDULER:
		if s := o.GetScheduler().Strategy; s != placement.Balanced && s != placement.Efficient {
			return messages.Errorf(messages.Invalid, op, o.Name, "%q is not a strategy", s).
				WithHint("strategies are %s and %s", placement.Balanced, placement.Efficient)
		}
	case messages.Kind_KIND_PROCESSOR:
		if refusal := checkProcessor(op, o); refusal != nil {
			return refusal
		}
		if slices.Contains(m.Fields, "processor.hostname") {
			if refusal := c.checkPin(op, o); refusal != nil {
				return refusal
			}
		}
		if len(m.Functions) > 0 {
			return c.checkFunctions(op, o, m.Functions)
		}
	}
	return nil
}

// updateProcessor carries out a processor's change. Code that works goes on
// until the new code is known to start; otherwise its tasks follow its code at
// once, and its deployments start again where that is due.
func (c *change) updateProcessor(old, fresh *messages.Object, m *messages.Update) {
	before, after := old.GetProcessor(), fresh.GetProcessor()
	serving, wanted := servingCode(before), codeOf(after)
	asked := slices.Contains(m.Fields, "requested_status") || slices.Contains(m.Fields, "enabled")
	if asked || len(m.Functions) > 0 || !sameCode(codeOf(before), wanted) {
		after.GivenUp = false
	}
	restarts := c.restarts(old, fresh, m)
	if restarts {
		after.Restarted = c.index
	}
	deployments := referring(c, reference{fresh.Kind, fresh.Id}, messages.Kind_KIND_DEPLOYMENT)
	if before.Proven && (wantedSlots(old) > 0 || before.Serving != nil) && !sameCode(serving, wanted) {
		after.Serving = serving
		if wantedSlots(old) == 0 && wantedSlots(fresh) > 0 {
			after.Serving.Restarted = c.index
		}
		c.save(fresh)
		c.stage(fresh, m.Functions)
		if restarts {
			c.begin(deployments, false)
		}
	} else {
		after.Serving = nil
		after.Proven = before.Proven && sameCode(serving, wanted)
		c.save(fresh)
		c.Delete(stagedKey(fresh.Id))
		c.replaceFunctions(fresh, m.Functions)
		if restarts {
			c.begin(deployments, serving.Commit != wanted.Commit)
		}
	}
	if beats(before, after) {
		for _, socket := range referring(c, reference{fresh.Kind, fresh.Id}, messages.Kind_KIND_SOCKET) {
			c.configureSocket(socket)
		}
	}
	c.place()
}

// restarts says whether an update begins anew what a processor runs or is to
// run: its code changes, it is restarted, or what failed is to be tried again.
func (c *change) restarts(old, fresh *messages.Object, m *messages.Update) bool {
	failed := func(d *messages.Object) bool { return d.Status == Failed || d.GetDeployment().NextStatus == Failed }
	deployments := referring(c, reference{fresh.Kind, fresh.Id}, messages.Kind_KIND_DEPLOYMENT)
	again := len(m.Functions) > 0
	switch {
	case !sameCode(codeOf(old.GetProcessor()), codeOf(fresh.GetProcessor())):
		return true
	case again && slices.Contains(m.Fields, "requested_status"): // code that was read again together with a status to be in is a restart
		return true
	case again && slices.ContainsFunc(deployments, failed):
		return true
	}
	return wantedSlots(old) == 0 && wantedSlots(fresh) > 0
}

// begin forgets what was reported of code before it was started again.
// replaced: another commit serves from now on.
func (c *change) begin(deployments []*messages.Object, replaced bool) {
	for _, o := range deployments {
		d := o.GetDeployment()
		d.NextStatus, d.NextMessage = "", ""
		if replaced || o.Status == Failed {
			c.restartDeployment(o)
		} else {
			d.Epoch = c.index
			c.save(o)
		}
	}
}
