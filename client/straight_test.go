package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// sent keeps the request that Connect makes.
type sent struct {
	request *http.Request
	body    []byte
}

func (s *sent) Do(r *http.Request) (*http.Response, error) {
	s.request = r
	s.body, _ = io.ReadAll(r.Body)
	return nil, errors.New("nobody is there")
}

// TestAStraightRequestIsConnects but for what it says of the client, and what it takes.
func TestAStraightRequestIsConnects(t *testing.T) {
	const user = "Zoë"
	data := "[1]"
	m := &messages.RunRequest{Socket: "s", Id: "key", Data: &data}
	for _, url := range []string{"http://node:1", "http://node:1/", "http://[::1]:7/behind/a%20proxy"} {
		for _, limited := range []bool{false, true} {
			ctx := t.Context()
			if limited {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Hour)
				defer cancel()
			}
			want := &sent{}
			_, _ = messagesconnect.NewTasksClient(want, url, connect.WithInterceptors(stateUser(user))).Run(ctx, connect.NewRequest(m))
			want.request.Header.Del("User-Agent")
			want.request.Header.Del("Accept-Encoding")
			b, ok := newStraight(&singles{}, url, user).request(ctx, m)
			if !ok {
				t.Fatal("there is no request")
			}
			got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(got.Body)
			for _, h := range []http.Header{got.Header, want.request.Header} {
				if text := h.Get("Connect-Timeout-Ms"); limited && len(text) == len("3599999") {
					h.Set("Connect-Timeout-Ms", "an hour")
				}
				h.Del("Content-Length") // net/http adds it to Connect's
			}
			if got.Method != want.request.Method || got.URL.RequestURI() != want.request.URL.RequestURI() || got.Host != want.request.Host ||
				!reflect.DeepEqual(got.Header, want.request.Header) || !bytes.Equal(body, want.body) {
				t.Errorf("%s: the request is\n%q\nand Connect's has %s %s %s %v", url, b, want.request.Method, want.request.Host, want.request.URL, want.request.Header)
			}
		}
	}
}

// TestWhatDoesNotGoStraight: net/http knows what to do about it.
func TestWhatDoesNotGoStraight(t *testing.T) {
	for _, url := range []string{"http://me:secret@node:1", "http://node:1/?a=b", "http://nöde:1", "http://[fe80::1%25eth0]:1"} {
		if newStraight(&singles{}, url, "") != nil {
			t.Errorf("%s is reached straight", url)
		}
	}
	if newStraight(nil, "http://node:1", "") != nil {
		t.Error("a node without such connections is reached straight")
	}
	s := newStraight(&singles{}, "http://node:1", "")
	large, foreign := strings.Repeat("x", singleBytes), "\xff"
	for _, data := range []*string{&large, &foreign} {
		if _, ok := s.request(t.Context(), &messages.RunRequest{Data: data}); ok {
			t.Errorf("data of %d bytes goes straight", len(*data))
		}
	}
}

func TestAnswersOfStraightRequests(t *testing.T) {
	text := "a result"
	message, err := proto.Marshal(&messages.CallInfo{Id: "key", Result: &text})
	if err != nil {
		t.Fatal(err)
	}
	ok := "HTTP/1.1 200 OK\r\nContent-Type: application/proto\r\n"
	const refusal = `{"code":"not_found","message":"no such socket"}`
	for _, test := range []struct {
		name, answer string
		taken        bool
		says         string // the error; "": there is none
	}{
		{"a message", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", ok, len(message), message), true, ""},
		{"in chunks", fmt.Sprintf("%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", ok, len(message), message), true, ""},
		{"a refusal", fmt.Sprintf("HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(refusal), refusal), true, "no such socket"},
		{"a refusal of something between", "HTTP/1.1 503 Busy\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy", true, "unavailable: 503 Busy"},
		{"no message", ok + "Content-Length: 3\r\n\r\n\xff\xff\xff", true, "read answer"},
		{"half of one", fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", ok, len(message)+1, message), true, "unexpected EOF"},
		{"elsewhere", "HTTP/1.1 307 Elsewhere\r\nLocation: http://other\r\nContent-Length: 0\r\n\r\n", false, ""},
	} {
		s, _ := answering(t, nil, test.answer)
		info, taken, err := newStraight(s, "http://node:1", "").run(t.Context(), &messages.RunRequest{Id: "key"})
		if err = restored(err); taken != test.taken || (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: taken %v with %v, want %v with %q", test.name, taken, err, test.taken, test.says)
		}
		if test.taken && test.says == "" && info.GetResult() != text {
			t.Errorf("%s: the result is %q", test.name, info.GetResult())
		}
	}
}

// TestAStraightRequestEndsWithItsContext, and gives its place back.
func TestAStraightRequestEndsWithItsContext(t *testing.T) {
	s, _ := answering(t, nil, "HTTP/1.1 200 OK\r\n", "none")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, taken, err := newStraight(s, "http://node:1", "").run(ctx, &messages.RunRequest{}); !taken || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("taken %v, %v", taken, err)
	}
	if s.count != 0 {
		t.Errorf("%d places are held", s.count)
	}
}
