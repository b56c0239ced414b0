package model

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

func TestRetentionIsThatOfTheSocketThenTheQueueThenTheNetwork(t *testing.T) {
	w := across(t)
	if r := w.told("s").Retention; r != nil {
		t.Fatalf("nothing is said, and told is %v", r)
	}
	network, _, _ := Network(w.state)
	w.do(&messages.Update{Kind: messages.Kind_KIND_NETWORK, Name: network, Fields: []string{"network.keep_age", "network.dead_calls"},
		Object: &messages.Object{Spec: &messages.Object_Network{Network: &messages.Network{KeepAge: 1000, DeadCalls: 7}}}})
	w.do(&messages.Update{Kind: messages.Kind_KIND_QUEUE, Name: "q", Fields: []string{"queue.keep_age", "queue.keep_calls"},
		Object: &messages.Object{Spec: &messages.Object_Queue{Queue: &messages.Queue{KeepAge: 2000, KeepCalls: 50}}}})
	w.do(&messages.Update{Kind: messages.Kind_KIND_SOCKET, Name: "s", Fields: []string{"socket.keep_age"},
		Object: &messages.Object{Spec: &messages.Object_Socket{Socket: &messages.Socket{KeepAge: 3000}}}})
	for socket, age := range map[string]int64{"s": 3000, "u": 2000} {
		if want, got := (&messages.Retention{Age: age, Calls: 50, DeadCalls: 7}), w.told(socket).Retention; !proto.Equal(got, want) {
			t.Errorf("socket %s was told %v, want %v", socket, got, want)
		}
	}
	w.refused(&messages.Update{Kind: messages.Kind_KIND_NETWORK, Name: network, Fields: []string{"network.keep_age"},
		Object: &messages.Object{Spec: &messages.Object_Network{Network: &messages.Network{KeepAge: -1}}}}, messages.Invalid, "keep_age", "below 0")
}
