package api

import (
	"context"
	"encoding/base64"
	"strings"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// objectRows is how many objects a page has when the request names no number.
const objectRows = 100

func (o *objects) List(ctx context.Context, request *connect.Request[messages.ListRequest]) (*connect.Response[messages.ListResponse], error) {
	m, op := request.Msg, "list"
	subject := kindWord(m.Kind) + "s"
	if err := knownKind(op, m.Kind); err != nil {
		return nil, err
	}
	rows, err := rowsOf(op, subject, m.Rows, objectRows, messages.MaxPageRows)
	if err != nil {
		return nil, err
	}
	chosen, err := model.ParseFilter(m.Filter)
	if err != nil {
		return nil, err
	}
	filter := filter{chosen}
	after, err := base64.RawURLEncoding.DecodeString(m.PageToken)
	if err != nil {
		return nil, messages.Errorf(messages.Invalid, op, subject, "the page token was not given out by this API")
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	response := &messages.ListResponse{}
	err = o.reads.latest(bounded, m.After, func(view kv.View, applied uint64) error {
		if err := filter.names(view, op); err != nil {
			return err
		}
		page, total := model.List(view, m.Kind, filter.Filter, string(after), rows)
		if len(page) == rows {
			last := fullName(view, page[rows-1])
			if behind, _ := model.List(view, m.Kind, filter.Filter, last, 1); len(behind) > 0 {
				response.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			}
		}
		for _, object := range page {
			response.Objects = append(response.Objects, model.Redacted(object))
		}
		response.Total = int64(total)
		response.AsOf = &messages.Position{Group: uint32(messages.Meta), Index: applied}
		return nil
	})
	return respond(response, explained(ctx, err, op, subject))
}

// knownKind refuses a kind of which there never is an object: an empty list
// would say that there is none now.
func knownKind(op string, kind messages.Kind) error {
	var kinds []string
	for n := range len(messages.Kind_name) {
		if n > 0 {
			kinds = append(kinds, messages.Kind(n).String())
		}
	}
	_, known := messages.Kind_name[int32(kind)]
	switch {
	case kind == messages.Kind_KIND_UNSPECIFIED:
		return messages.Errorf(messages.Invalid, op, "objects", "no kind is given").WithHint("the kinds are %s", strings.Join(kinds, ", "))
	case !known:
		return messages.Errorf(messages.Invalid, op, "objects", "there is no kind %d", kind).WithHint("the kinds are %s", strings.Join(kinds, ", "))
	}
	return nil
}

// fullName is the name that orders an object in its kind: an argument's own is
// unique only in its task.
func fullName(view kv.View, o *messages.Object) string {
	if task, ok := model.Get(view, messages.Kind_KIND_TASK, o.GetArgument().GetTask()); ok {
		return task.Name + "." + o.Name
	}
	return o.Name
}

// filter chooses objects.
type filter struct{ model.Filter }

// names refuses a filter that names an object which is not there: an empty list
// would say that it has nothing.
func (f filter) names(view kv.View, op string) error {
	for _, named := range []struct {
		kind messages.Kind
		name string
	}{
		{messages.Kind_KIND_PROCESSOR, f.Processor}, {messages.Kind_KIND_NODE, f.Node},
		{messages.Kind_KIND_QUEUE, f.Queue}, {messages.Kind_KIND_TASK, f.Task},
	} {
		if _, ok := model.Get(view, named.kind, named.name); !ok && named.name != "" {
			return notFound(view, op, named.kind, named.name)
		}
	}
	return nil
}

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
