package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
)

// deadRows is how many dead letters a page has when the request names no number.
const deadRows = 10

// deadPart is the list of one partition. Its place is where it goes on; nothing
// at the beginning.
type deadPart struct {
	group messages.GroupID
	place string
	next  string                 // behind what was read
	ahead []*messages.DeadLetter // read, and not taken
	ended bool
}

// endOfPart is the place of a part that has no more. What dies later does not
// belong to the list: who sends letters again page by page comes to an end.
const endOfPart = "end"

// ListDead reads the dead letters of all partitions as one list.
func (t *tasks) ListDead(ctx context.Context, request *connect.Request[messages.ListDeadRequest]) (*connect.Response[messages.ListDeadResponse], error) {
	const op, subject = "list", "dead letters"
	m := request.Msg
	rows, err := rowsOf(op, subject, m.Rows, deadRows, messages.MaxDead)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	query := &messages.DeadQuery{Type: m.Type, Since: m.Since}
	parts, err := t.deadParts(bounded, op, m, query)
	if err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	response := &messages.ListDeadResponse{}
	for {
		first, err := t.firstLetter(bounded, query, parts, rows-len(response.Letters))
		if err != nil {
			return nil, explained(ctx, err, op, subject)
		}
		if first == nil {
			return connect.NewResponse(response), nil
		}
		if len(response.Letters) == rows {
			break
		}
		response.Letters = append(response.Letters, deadInfo(first.ahead[0]))
		first.place, first.ahead = first.ahead[0].Cursor, first.ahead[1:]
	}
	reached := places{}
	for _, p := range parts {
		reached[p.group] = p.reached()
	}
	response.NextPageToken = encodePlaces(reached)
	return connect.NewResponse(response), nil
}

// deadParts begins the lists of the partitions, and puts the socket that was
// named into the query.
func (t *tasks) deadParts(ctx context.Context, op string, m *messages.ListDeadRequest, query *messages.DeadQuery) ([]*deadPart, error) {
	groups, err := t.reads.partitions(ctx)
	if err != nil {
		return nil, err
	}
	if m.Socket != "" {
		query.Socket, query.Name = m.Socket, m.Socket // letters outlive their socket
		to, err := t.sockets.find(ctx, op, m.Socket)
		switch {
		case err == nil:
			query.Socket = to.id
		case !errors.Is(err, messages.NotFound):
			return nil, err
		case m.PageToken == "" && !t.anyDead(ctx, groups, query):
			return nil, err
		}
	}
	begin, err := decodePlaces(op, m.PageToken)
	if err != nil {
		return nil, err
	}
	var parts []*deadPart
	for _, group := range groups {
		place := begin[group]
		parts = append(parts, &deadPart{group: group, place: place, next: place, ended: place == endOfPart})
	}
	return parts, nil
}

// anyDead says whether there is a letter of a socket that is gone.
func (t *tasks) anyDead(ctx context.Context, groups []messages.GroupID, query *messages.DeadQuery) bool {
	for _, group := range groups {
		p := &deadPart{group: group}
		if err := t.fillDead(ctx, &messages.DeadQuery{Socket: query.Socket, Name: query.Name}, p, 1); err != nil || len(p.ahead) > 0 {
			return true // an error is told where the list is read
		}
	}
	return false
}

// firstLetter sees to it that each part has a letter ahead, unless it has no
// more, and gives the part whose letter comes first; nil: none has one.
func (t *tasks) firstLetter(ctx context.Context, query *messages.DeadQuery, parts []*deadPart, rows int) (first *deadPart, err error) {
	for _, p := range parts {
		if err := t.fillDead(ctx, query, p, max(rows, 1)); err != nil {
			return nil, err
		}
		if len(p.ahead) > 0 && (first == nil || later(p.ahead[0], first.ahead[0])) {
			first = p
		}
	}
	return first, nil
}

func (t *tasks) fillDead(ctx context.Context, query *messages.DeadQuery, p *deadPart, rows int) error {
	for len(p.ahead) == 0 && !p.ended {
		index, err := t.cluster.ReadIndex(ctx, p.group)
		if err != nil {
			return err
		}
		response, err := t.cluster.Query(ctx, &messages.QueryRequest{Group: uint32(p.group), Index: index, Query: &messages.QueryRequest_Dead{Dead: &messages.DeadQuery{
			Socket: query.Socket, Name: query.Name, Type: query.Type, Since: query.Since, Rows: int32(rows), Cursor: p.next}}})
		if err != nil {
			return err
		}
		page := response.GetDead()
		p.ahead, p.next = page.GetLetters(), page.GetNext()
		p.ended = p.next == ""
	}
	return nil
}

// reached is where the part goes on.
func (p *deadPart) reached() string {
	switch {
	case len(p.ahead) > 0 && p.place == "":
		return p.ahead[0].Before
	case len(p.ahead) == 0 && p.ended:
		return endOfPart
	}
	return p.place
}
