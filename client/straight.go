package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// straight sends calls as Connect would, and reads the answer that nearly all have, a message
// of a known length, by itself: of what a request costs its client, Connect, http.Client and
// the header that they make anew each time are the half. Any other answer it leaves to
// Connect, and a request for which there is no connection, too.
type straight struct {
	singles *singles
	url     string
	head    string // of a request, as far as all have the same
}

// newStraight gives nil when a node is not reached so.
func newStraight(singles *singles, base, user string) *straight {
	u, err := url.Parse(base)
	if err != nil || singles == nil || u.User != nil || u.RawQuery != "" || strings.ContainsFunc(u.Host, notPlain) {
		return nil
	}
	head := "POST " + strings.TrimRight(u.EscapedPath(), "/") + messagesconnect.TasksRunProcedure + " HTTP/1.1\r\n" +
		"Host: " + u.Host + "\r\nConnect-Protocol-Version: 1\r\nContent-Type: application/proto\r\n" + UserHeader + ": " + user + "\r\n"
	return &straight{singles: singles, url: base, head: head}
}

// notPlain says what net/http would write in another way, or not at all.
func notPlain(r rune) bool { return r <= ' ' || r > '~' || r == '%' }

// run sends a call and waits for its answer. taken is false when it has to go another way.
func (s *straight) run(ctx context.Context, m *messages.RunRequest) (info *messages.CallInfo, taken bool, err error) {
	if s == nil {
		return nil, false, nil
	}
	request, ok := s.request(ctx, m)
	if !ok {
		return nil, false, nil
	}
	c, ok := s.singles.take()
	if !ok {
		return nil, false, nil
	}
	response, shared, err := s.singles.send(ctx, c, request)
	if err != nil {
		return nil, !shared, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode >= http.StatusMultipleChoices && response.StatusCode < http.StatusBadRequest:
		return nil, false, nil // http.Client knows where it is to go instead
	case !simple(response):
		info, err = answer(messagesconnect.NewTasksClient(came{response}, s.url, connect.WithReadMaxBytes(MaxMessage)).Run(ctx, connect.NewRequest(m)))
		return info, true, err
	}
	body := make([]byte, response.ContentLength)
	if _, err := io.ReadFull(response.Body, body); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, true, err
	}
	info = new(messages.CallInfo)
	if err := proto.Unmarshal(body, info); err != nil {
		return nil, true, messages.Errorf(messages.Invalid, "read", "answer", "%v", err)
	}
	return info, true, nil
}

// request gives the bytes of a request, if it may go by itself.
func (s *straight) request(ctx context.Context, m *messages.RunRequest) (b []byte, ok bool) {
	size := proto.Size(m)
	if size > singleBytes {
		return nil, false
	}
	const rest = 80 // bytes of the header, and some
	b = append(make([]byte, 0, len(s.head)+rest+size), s.head...)
	if deadline, limited := ctx.Deadline(); limited {
		b = append(b, "Connect-Timeout-Ms: "...)
		b = strconv.AppendInt(b, min(max(time.Until(deadline).Milliseconds(), 1), mostTimeout), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, "\r\n\r\n"...)
	b, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
	return b, err == nil // Connect says what is wrong with it
}

// mostTimeout is the longest that the protocol has digits for.
const mostTimeout = 9_999_999_999

// simple says whether an answer is nothing but its message.
func simple(r *http.Response) bool {
	kind := r.Header["Content-Type"]
	return r.StatusCode == http.StatusOK && len(kind) == 1 && kind[0] == "application/proto" && r.Header["Content-Encoding"] == nil &&
		r.ContentLength >= 0 && r.ContentLength <= MaxMessage
}

// came lets Connect read an answer that is there already.
type came struct{ *http.Response }

func (c came) Do(r *http.Request) (*http.Response, error) {
	c.Request = r
	return c.Response, nil
}
