package api

import (
	"bytes"
	"context"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
)

// merge reads the calls of all partitions as one list.
type merge struct {
	cluster Cluster
	query   *messages.ListCallsRequest // as each partition gets it, but for rows and place
	parts   []*part
}

// part is one partition's list, read in chunks.
type part struct {
	group  messages.GroupID
	after  uint64 // the replica that answers must have applied this
	place  string // after the last row that was taken; empty: before the first
	ahead  []*messages.Call
	asked  bool // ahead, total and asOf are there
	ended  bool // there is nothing behind ahead
	total  int64
	asOf   uint64
	bodies bool // ahead has results
}

func newMerge(cluster Cluster, query *messages.ListCallsRequest, groups []messages.GroupID, begin places, after []*messages.Position) *merge {
	m := &merge{cluster: cluster, query: query}
	for _, group := range groups {
		p := &part{group: group, place: begin[group]}
		for _, position := range after {
			if position.GetGroup() == uint32(group) {
				p.after = max(p.after, position.GetIndex())
			}
		}
		m.parts = append(m.parts, p)
	}
	return m
}

// take gives the next n calls, fewer at the end.
func (m *merge) take(ctx context.Context, n int, results bool) ([]*messages.Call, error) {
	if n == 0 {
		return nil, nil
	}
	var taken []*messages.Call
	for {
		for _, p := range m.parts {
			if results && !p.bodies {
				p.ahead, p.asked, p.ended = nil, false, false
			}
			if err := m.fill(ctx, p, n-len(taken), results); err != nil {
				return nil, err
			}
		}
		next := m.first()
		if next == nil || len(taken) == n {
			return taken, nil
		}
		call := next.ahead[0]
		next.ahead, next.place = next.ahead[1:], placeAfter(call)
		taken = append(taken, call)
	}
}

// fill sees to it that a part has a row ahead, unless it has no more. One row
// more than wanted is read, to know whether there is a next page.
func (m *merge) fill(ctx context.Context, p *part, wanted int, results bool) error {
	if p.asked && (len(p.ahead) > 0 || p.ended) {
		return nil
	}
	query := proto.CloneOf(m.query)
	query.Rows, query.PageToken, query.Results = int32(min(wanted+1, messages.MaxPageRows)), p.place, results
	response, err := m.cluster.Query(ctx, &messages.QueryRequest{Group: uint32(p.group), Index: p.after, Query: &messages.QueryRequest_List{List: query}})
	if err != nil {
		return err
	}
	page := response.GetPage()
	p.ahead, p.ended = page.GetCalls(), len(page.GetNext()) == 0
	p.total, p.asOf, p.after = page.GetTotal(), response.GetIndex(), max(p.after, response.GetIndex())
	p.asked, p.bodies = true, results
	return nil
}

// first is the part whose next row comes first; nil: there is none.
func (m *merge) first() *part {
	var best *part
	for _, p := range m.parts {
		if len(p.ahead) > 0 && (best == nil || m.before(p.ahead[0], best.ahead[0])) {
			best = p
		}
	}
	return best
}

// before orders the calls of different partitions: by time, those of one time
// by id.
func (m *merge) before(a, b *messages.Call) bool {
	if m.query.Ascend {
		a, b = b, a
	}
	if a.Received != b.Received {
		return a.Received > b.Received
	}
	return bytes.Compare(a.Id, b.Id) > 0
}

func (m *merge) more() bool { return m.first() != nil }

func (m *merge) total() (n int64) {
	for _, p := range m.parts {
		n += p.total
	}
	return n
}

func (m *merge) asOf() (positions []*messages.Position) {
	for _, p := range m.parts {
		positions = append(positions, &messages.Position{Group: uint32(p.group), Index: p.asOf})
	}
	return positions
}

// places is where each part has got to.
func (m *merge) places() places {
	reached := places{}
	for _, p := range m.parts {
		if p.place != "" {
			reached[p.group] = p.place
		}
	}
	return reached
}

// placeAfter is the place behind a call in its partition's list.
func placeAfter(c *messages.Call) string { return strconv.FormatUint(c.Seq, 10) }
