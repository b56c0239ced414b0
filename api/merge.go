package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/buggify"
	"github.com/elasticcode/flow/messages"
)

// merge reads the calls of all partitions as one list.
type merge struct {
	cluster Cluster
	query   *messages.ListCallsRequest // as each partition gets it, but for rows and place
	parts   []*part
}

// part is one partition's list, read in chunks. A place is the number of a row
// in the partition's order of arrival; a list goes on behind it.
type part struct {
	group  messages.GroupID
	after  uint64           // the replica that answers must have applied this
	place  string           // of the last row that was taken; empty: before the first
	ahead  []*messages.Call // rows that were read, and not taken
	behind string           // place of the last row of the chunk; empty: there are no more
	read   bool             // ahead and behind are as said
	total  int64
	gates  int64 // messages that wait at gates
	asOf   uint64
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
	taken := make([]*messages.Call, 0, n)
	for {
		// At the end one row more is looked for: it tells whether there is a next page.
		for _, p := range m.parts {
			if err := m.fill(ctx, p, max(n-len(taken), 1), results); err != nil {
				return nil, err
			}
		}
		next := m.first(func(p *part) *messages.Call { return head(p.ahead) })
		if next == nil || len(taken) == n {
			return taken, nil
		}
		call := next.ahead[0]
		next.ahead, next.place = next.ahead[1:], placeOf(call)
		taken = append(taken, call)
	}
}

// skipAtOnce is how many rows are rather read and thrown away than sought.
const skipAtOnce = 200

// skip passes over the next n calls. With k parts, each shows its row number
// n/k: all rows of the part whose row comes first lie among the first n, since
// at most n/k of each other part come before it. So these are passed over, and
// the rest is skipped in the same way.
func (m *merge) skip(ctx context.Context, n int) error {
	for n > skipAtOnce {
		rows, rowOf := n/len(m.parts), map[*part]*messages.Call{}
		for _, p := range m.parts {
			page, err := m.ask(ctx, p, 1, rows-1, false)
			if err != nil {
				return err
			}
			rowOf[p] = head(page.GetCalls())
		}
		foremost := m.first(func(p *part) *messages.Call { return rowOf[p] })
		if foremost == nil {
			break // each part has fewer: the list ends before
		}
		foremost.place = placeOf(rowOf[foremost])
		n -= rows
	}
	err := m.drop(ctx, n)
	for _, p := range m.parts {
		p.ahead, p.read = nil, false // what was read has no results
	}
	return err
}

// drop reads the next n calls and throws them away, a page at a time: n is the
// client's, and may be far more than there are.
func (m *merge) drop(ctx context.Context, n int) error {
	for n > 0 {
		wanted := min(n, messages.MaxPageRows)
		calls, err := m.take(ctx, wanted, false)
		if err != nil || len(calls) < wanted {
			return err
		}
		n -= wanted
	}
	return nil
}

// fill sees to it that a part has a row ahead, unless it has no more.
func (m *merge) fill(ctx context.Context, p *part, wanted int, results bool) error {
	for len(p.ahead) == 0 && !(p.read && p.behind == "") {
		if p.read {
			p.place = p.behind // a chunk may end behind its last row: others did not match
		}
		rows := min(wanted, messages.MaxPageRows)
		if buggify.On(buggify.SmallPage) {
			rows = 1
		}
		page, err := m.ask(ctx, p, rows, 0, results)
		if err != nil {
			return err
		}
		p.ahead, p.behind, p.read = page.GetCalls(), placeIn(page.GetNext()), true
	}
	return nil
}

// ask gives a chunk of a part's list behind its place.
func (m *merge) ask(ctx context.Context, p *part, rows, skip int, results bool) (*messages.CallPage, error) {
	query := proto.CloneOf(m.query)
	query.Rows, query.PageToken, query.Results = int32(rows), p.place, results
	response, err := m.cluster.Query(ctx, &messages.QueryRequest{
		Group: uint32(p.group), Index: p.after, Skip: int64(skip), Query: &messages.QueryRequest_List{List: query}})
	if err != nil {
		return nil, err
	}
	page := response.GetPage()
	if page.GetSkipped() != int64(skip) {
		return nil, messages.Errorf(messages.Unavailable, "list", "calls", "a node of an older version cannot give a page so far behind the first").
			WithHint("go on with the page token of the page before")
	}
	p.total, p.gates = page.GetTotal(), page.GetAtGates()
	p.asOf, p.after = response.GetIndex(), max(p.after, response.GetIndex())
	return page, nil
}

// first is the part of which a row comes first; nil: none has one.
func (m *merge) first(rowOf func(*part) *messages.Call) (best *part) {
	for _, p := range m.parts {
		if row := rowOf(p); row != nil && (best == nil || m.before(row, rowOf(best))) {
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

// more says whether there is a row behind those that were taken.
func (m *merge) more() bool {
	return m.first(func(p *part) *messages.Call { return head(p.ahead) }) != nil
}

func (m *merge) total() (n int64) {
	for _, p := range m.parts {
		n += p.total
	}
	return n
}

func (m *merge) atGates() (n int64) {
	for _, p := range m.parts {
		n += p.gates
	}
	return n
}

func (m *merge) asOf() (positions []*messages.Position) {
	for _, p := range m.parts {
		positions = append(positions, &messages.Position{Group: uint32(p.group), Index: p.asOf})
	}
	return positions
}

// places is where each part has got to. One of which nothing was taken yet has
// its place just before its first row: calls that come later do not belong to
// this list. (When it ascends, they do, at its end.)
func (m *merge) places() places {
	reached := places{}
	for _, p := range m.parts {
		switch {
		case p.place != "":
			reached[p.group] = p.place
		case m.query.Ascend:
		case len(p.ahead) > 0:
			reached[p.group] = strconv.FormatUint(p.ahead[0].Seq+1, 10)
		default:
			reached[p.group] = "0"
		}
	}
	return reached
}

func head(calls []*messages.Call) *messages.Call {
	if len(calls) == 0 {
		return nil
	}
	return calls[0]
}

// placeOf is the place of a call in its partition's list.
func placeOf(c *messages.Call) string { return strconv.FormatUint(c.Seq, 10) }

// placeIn is the place that a chunk's end names: 8 bytes, the highest first.
func placeIn(next []byte) string {
	if len(next) != 8 {
		return ""
	}
	return strconv.FormatUint(binary.BigEndian.Uint64(next), 10)
}
