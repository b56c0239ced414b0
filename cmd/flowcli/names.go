package main

import (
	"context"
	"strings"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// maxNames bounds the names that one table looks up; beyond it ids are shown.
const maxNames = 20_000

// names looks up the names of objects, a whole class at a time, since the rows
// of one table refer to a few objects of few classes.
type names struct {
	net   *client.Client
	known map[messages.Kind]map[string]string
}

func newNames(net *client.Client) *names {
	return &names{net: net, known: map[messages.Kind]map[string]string{}}
}

// of is a nameOf that asks the network when it has to. Where that fails the id
// must do: a list with ids is better than none.
func (n *names) of(ctx context.Context) nameOf {
	return func(kind messages.Kind, id string) string {
		if id == "" {
			return ""
		}
		if n.known[kind] == nil {
			n.known[kind] = map[string]string{}
			_, _ = everyObject(ctx, n.net, &messages.ListRequest{Kind: kind}, maxNames, func(o *messages.Object) {
				n.known[kind][o.Id] = o.Name
			})
		}
		if name := n.known[kind][id]; name != "" {
			return name
		}
		return id
	}
}

// everyObject goes through the pages of a list, up to a number of objects, and
// gives how many there are.
func everyObject(ctx context.Context, net *client.Client, request *messages.ListRequest, most int, see func(*messages.Object)) (total int64, err error) {
	for seen := 0; ; {
		request.Rows = int32(min(messages.MaxPageRows, most-seen))
		page, err := net.List(ctx, request)
		if err != nil {
			return 0, err
		}
		for _, o := range page.Objects {
			see(o)
		}
		seen += len(page.Objects)
		if page.NextPageToken == "" || seen >= most || len(page.Objects) == 0 {
			return max(page.Total, int64(seen)), nil
		}
		request.PageToken = page.NextPageToken
	}
}

// kindName is a class as people call it.
func kindName(kind messages.Kind) string {
	return strings.TrimPrefix(lower(kind.String()), "kind_")
}

func lower(s string) string { return strings.ToLower(s) }
