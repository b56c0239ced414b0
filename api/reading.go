package api

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

func decodeObject(v []byte) *messages.Object {
	o := new(messages.Object)
	if proto.Unmarshal(v, o) != nil {
		return nil
	}
	return o
}

func getObject(view kv.View, kind messages.Kind, name string) (*messages.Object, bool) {
	if v, ok := view.Get([]byte("m/o/" + kindWord(kind) + "/" + name)); ok {
		return decodeObject(v), true
	}
	if id, ok := view.Get([]byte("m/n/" + kindWord(kind) + "/" + name)); ok {
		v, ok := view.Get([]byte("m/o/" + kindWord(kind) + "/" + string(id)))
		return decodeObject(v), ok
	}
	return nil, false
}

func listWhere(view kv.View, kind messages.Kind, wanted func(*messages.Object) bool) (found []*messages.Object) {
	prefix := []byte("m/o/" + kindWord(kind) + "/")
	for _, v := range view.Scan(prefix, kv.PrefixEnd(prefix)) {
		if o := decodeObject(v); wanted(o) {
			found = append(found, o)
		}
	}
	return found
}

func taskArguments(view kv.View, task string) []*messages.Object {
	return listWhere(view, messages.Kind_KIND_ARGUMENT, func(o *messages.Object) bool { return o.GetArgument().GetTask() == task })
}

func nearest(kv.View, messages.Kind, string) []string { return nil }

func redacted(o *messages.Object) *messages.Object { return o }

func (r *reads) partitions(ctx context.Context) (groups []messages.GroupID, err error) {
	err = r.model.View(ctx, func(view kv.View, _ uint64) error {
		for _, n := range listWhere(view, messages.Kind_KIND_NETWORK, func(*messages.Object) bool { return true }) {
			for p := range n.GetNetwork().GetPartitions() {
				groups = append(groups, messages.GroupID(p+1))
			}
		}
		return nil
	})
	return groups, err
}
