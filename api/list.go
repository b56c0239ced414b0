package api

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
)

// objectRows is how many objects a page has when the request names no number.
const objectRows = 100

func (o *objects) List(ctx context.Context, request *connect.Request[messages.ListRequest]) (*connect.Response[messages.ListResponse], error) {
	m, op := request.Msg, "list"
	subject := kindWord(m.Kind) + "s"
	if m.Kind == messages.Kind_KIND_UNSPECIFIED {
		return nil, messages.Errorf(messages.Invalid, op, subject, "no kind is given")
	}
	rows, err := rowsOf(op, subject, m.Rows, objectRows, messages.MaxPageRows)
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(m.PageToken)
	if err != nil {
		return nil, messages.Errorf(messages.Invalid, op, subject, "the page token was not given out by this API")
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response := &messages.ListResponse{}
	err = o.reads.latest(bounded, m.After, func(view kv.View, applied uint64) error {
		wanted, err := filterOf(view, op, m.Kind, m.Filter)
		if err != nil {
			return err
		}
		found := listWhere(view, m.Kind, wanted)
		slices.SortFunc(found, func(a, b *messages.Object) int { return strings.Compare(placeOf(a), placeOf(b)) })
		response.Total = int64(len(found))
		response.AsOf = &messages.Position{Group: uint32(messages.Meta), Index: applied}
		begin, there := slices.BinarySearchFunc(found, string(after), func(o *messages.Object, place string) int { return strings.Compare(placeOf(o), place) })
		if there {
			begin++
		}
		page := found[begin:min(begin+rows, len(found))]
		for _, object := range page {
			response.Objects = append(response.Objects, redacted(object))
		}
		if begin+rows < len(found) {
			response.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(placeOf(page[len(page)-1])))
		}
		return nil
	})
	return respond(response, explained(ctx, err, op, subject))
}

// placeOf orders objects by name, and those of one name by id.
func placeOf(o *messages.Object) string { return o.Name + "\x00" + o.Id }

// rowsOf reads the number of rows of a page; 0: the default.
func rowsOf(op, subject string, asked, usual, most int32) (int, error) {
	switch {
	case asked == 0:
		return int(usual), nil
	case asked < 0 || asked > most:
		return 0, messages.Errorf(messages.Invalid, op, subject, "a page has 1 to %d rows here, and %d are asked for", most, asked)
	}
	return int(asked), nil
}

// filterOf reads a filter: conditions with commas between them, all of which
// must hold.
func filterOf(view kv.View, op string, kind messages.Kind, filter string) (func(*messages.Object) bool, error) {
	var conditions []func(*messages.Object) bool
	for part := range strings.SplitSeq(filter, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		condition, err := conditionOf(view, op, kind, part)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, condition)
	}
	return func(o *messages.Object) bool {
		for _, holds := range conditions {
			if !holds(o) {
				return false
			}
		}
		return true
	}, nil
}

// conditionOf reads KEY=VALUE. Where the key is a kind of object, the value is
// one's name or id, and what hangs on it is meant.
func conditionOf(view kv.View, op string, kind messages.Kind, part string) (func(*messages.Object) bool, error) {
	key, value, ok := strings.Cut(part, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if ok {
		switch key {
		case "name":
			return func(o *messages.Object) bool { return o.Name == value }, nil
		case "status":
			return func(o *messages.Object) bool { return o.Status == value }, nil
		case "owner":
			return func(o *messages.Object) bool { return o.Owner == value }, nil
		}
		if of, known := referrers[key]; known {
			object, found := getObject(view, of.kind, value)
			if !found {
				return nil, notFound(view, op, of.kind, value)
			}
			return func(o *messages.Object) bool { return of.id(o) == object.Id }, nil
		}
	}
	return nil, messages.Errorf(messages.Invalid, op, kindWord(kind)+"s", "the filter %q is not understood", part).
		WithHint("filters are name=, status=, owner=, processor=, queue=, node=, agent=, task= and deployment=, with commas between them")
}

// referrers says, for each kind that others refer to, where they do.
var referrers = map[string]struct {
	kind messages.Kind
	id   func(*messages.Object) string
}{
	"processor": {messages.Kind_KIND_PROCESSOR, func(o *messages.Object) string {
		return first(o.GetSocket().GetProcessor(), o.GetTask().GetProcessor(), o.GetDeployment().GetProcessor(), o.GetWorker().GetProcessor())
	}},
	"queue": {messages.Kind_KIND_QUEUE, func(o *messages.Object) string { return o.GetSocket().GetQueue() }},
	"node": {messages.Kind_KIND_NODE, func(o *messages.Object) string {
		return first(o.GetAgent().GetNode(), o.GetDeployment().GetNode(), o.GetWorker().GetNode())
	}},
	"agent":      {messages.Kind_KIND_AGENT, func(o *messages.Object) string { return o.GetWorker().GetAgent() }},
	"task":       {messages.Kind_KIND_TASK, func(o *messages.Object) string { return first(o.GetSocket().GetTask(), o.GetArgument().GetTask()) }},
	"deployment": {messages.Kind_KIND_DEPLOYMENT, func(o *messages.Object) string { return o.GetWorker().GetDeployment() }},
}

// first gives the first that is not empty: an object has one spec.
func first(ids ...string) string {
	for _, id := range ids {
		if id != "" {
			return id
		}
	}
	return ""
}
