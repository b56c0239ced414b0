package model

import (
	"testing"

	"github.com/elasticcode/flow/messages"
)

func (w *world) gone(kind messages.Kind, name string) {
	w.t.Helper()
	if o, ok := Get(w.state, kind, name); ok {
		w.t.Errorf("%s %s is still there: %s", noun(kind), name, o.Status)
	}
}

func TestSocketGoesWhenItsPartitionKnows(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.acknowledge(1)
	changed := w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "s"})
	if len(changed.Deliveries) != 1 {
		t.Fatalf("waits for %v", changed.Deliveries)
	}
	if o := w.get(messages.Kind_KIND_SOCKET, "s"); o.Status != Deleting || !o.GetSocket().Deleting {
		t.Errorf("socket: %v", o)
	}
	other := socket("s", "q", "p", "f")
	other.Object.Id = id("other")
	w.refused(other, messages.Conflict, "being deleted")
	w.refused(&messages.Update{Kind: messages.Kind_KIND_SOCKET, Name: "s", Fields: []string{"socket.ordered"}}, messages.Conflict, "being deleted")
	w.do(&messages.Delivered{To: 2, Seq: 99})
	w.get(messages.Kind_KIND_SOCKET, "s")
	w.do(&messages.Delivered{To: 1, Seq: changed.Deliveries[0].Seq})
	w.gone(messages.Kind_KIND_SOCKET, "s")
	w.do(other)
}

func TestDeleteAgainWithForceHastens(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.acknowledge(1)
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "s"})
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "s"})
	w.do(&messages.Delete{Kind: messages.Kind_KIND_SOCKET, Name: "s", Force: true})
	sent := withoutQueues(w.sent(1))
	if len(sent) != 2 || sent[0].(*messages.RemoveSocket).Force || !sent[1].(*messages.RemoveSocket).Force {
		t.Errorf("sent %v", sent)
	}
	w.acknowledge(1)
	w.gone(messages.Kind_KIND_SOCKET, "s")
}

func TestWhatSocketsNeedGoesOnlyWithForce(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.refused(&messages.Delete{Kind: messages.Kind_KIND_QUEUE, Name: "q"}, messages.Conflict, "s, t", "--force")
	w.refused(&messages.Delete{Kind: messages.Kind_KIND_PROCESSOR, Name: "p"}, messages.Conflict, "s, t", "--force")
	w.refused(&messages.Delete{Kind: messages.Kind_KIND_TASK, Name: "p.f"}, messages.Invalid, "task")
	w.refused(&messages.Delete{Kind: messages.Kind_KIND_QUEUE, Name: "zzz"}, messages.NotFound, "zzz")

	w.do(&messages.Delete{Kind: messages.Kind_KIND_QUEUE, Name: "q", Force: true})
	w.refused(socket("u", "q", "p", "f"), messages.Conflict, "being deleted")
	w.acknowledge(1)
	w.gone(messages.Kind_KIND_QUEUE, "q")
	w.gone(messages.Kind_KIND_SOCKET, "s")
	w.get(messages.Kind_KIND_PROCESSOR, "p")
	w.do(queue("empty"))
	w.do(&messages.Delete{Kind: messages.Kind_KIND_QUEUE, Name: "empty"})
	w.gone(messages.Kind_KIND_QUEUE, "empty")
}

func TestProcessorGoesAfterItsSockets(t *testing.T) {
	w := founded(t, 4)
	w.sample()
	w.reports("a", "p", Running, 2, "")
	w.acknowledge(1)
	w.do(&messages.Delete{Kind: messages.Kind_KIND_PROCESSOR, Name: "p", Force: true})
	if w.deployed() != "" {
		t.Errorf("it keeps the slots %s", w.deployed())
	}
	sent := withoutQueues(w.sent(1))
	if len(sent) != 3 {
		t.Fatalf("sent %v", sent)
	}
	if last, ok := sent[2].(*messages.RemoveProcessor); !ok || last.Processor != id("processor p") {
		t.Errorf("the last message is %v", sent[2])
	}
	w.refused(socket("u", "q", "p", "f"), messages.Conflict, "being deleted")
	w.acknowledge(1)
	for kind, name := range map[messages.Kind]string{
		messages.Kind_KIND_PROCESSOR: "p", messages.Kind_KIND_SOCKET: "t", messages.Kind_KIND_TASK: "p.f", messages.Kind_KIND_ARGUMENT: "p.f.args",
	} {
		w.gone(kind, name)
	}
	w.get(messages.Kind_KIND_QUEUE, "q")
}
