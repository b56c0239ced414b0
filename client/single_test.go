package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// answering gives singles to a node that answers each request with the next of some
// texts, and then closes. felt says whether it is there.
func answering(t *testing.T, felt error, answers ...string) (s *singles, dialled *int) {
	dialled = new(int)
	texts := make(chan string, len(answers))
	for _, text := range answers {
		texts <- text
	}
	dial := func(context.Context, string, string) (net.Conn, error) {
		*dialled++
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			in := bufio.NewReader(there)
			for len(texts) > 0 {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				if _, err := io.WriteString(there, <-texts); err != nil {
					return
				}
			}
		}()
		return here, nil
	}
	ask := func(context.Context) error { return felt }
	s = &singles{address: "node:1", dial: dial, presence: &presence{ask: ask, turn: make(chan struct{}, 1)}, spoken: true}
	t.Cleanup(s.forget)
	return s, dialled
}

func post(s *singles) (string, error) {
	r, err := http.NewRequest(http.MethodPost, "http://node:1/x", strings.NewReader("request"))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/proto")
	response, err := unaries{singles: s}.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

const plain = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestWhatAnAnswerLeavesOfItsConnection(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		body         string
		again        bool // the connection takes another request
	}{
		{"with a length", plain, "ok", true},
		{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
		{"in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", "ok", true},
		{"after word that it comes", "HTTP/1.1 102 Processing\r\n\r\n" + plain, "ok", true},
		{"the last", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", false},
		{"more than was asked for", plain + plain, "ok", false},
		{"of a header without end", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxHeader), "", false},
		{"of another protocol", "SSH-2.0-x\r\n\r\n", "", false},
	} {
		s, dialled := answering(t, nil, test.answer, plain)
		body, err := post(s)
		if body != test.body || err != nil && test.body != "" || err == nil && test.body == "" && !test.again {
			t.Errorf("%s: read %q, %v", test.name, body, err)
		}
		if body, err := post(s); body != "ok" || err != nil {
			t.Errorf("%s: the next answer was %q, %v", test.name, body, err)
		}
		if (*dialled == 1) != test.again {
			t.Errorf("%s: two requests took %d connections", test.name, *dialled)
		}
	}
}

// TestHalfAnAnswerIsNone: the node may have carried out the request.
func TestHalfAnAnswerIsNone(t *testing.T) {
	s, dialled := answering(t, nil, plain, "HTTP/1.1 200 OK\r\nConte")
	if _, err := post(s); err != nil {
		t.Fatal(err)
	}
	if body, err := post(s); err == nil || *dialled != 1 {
		t.Errorf("read %q, %v, over %d connections; want an error, and one", body, err, *dialled)
	}
}

// TestASilentConnectionIsGivenUpWithItsNode, and those that were idle with it.
func TestASilentConnectionIsGivenUpWithItsNode(t *testing.T) {
	for _, felt := range []error{nil, errors.New("nobody is there")} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := answering(t, felt, plain, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", "none")
			if _, err := post(s); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			c, _ := s.take()
			response, _, err := s.send(ctx, c, []byte("POST /x HTTP/1.1\r\nHost: node\r\nContent-Length: 7\r\n\r\nrequest"))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			began := time.Now()
			_, err = io.ReadAll(response.Body)
			if felt != nil && (!errors.Is(err, errAbsent) || time.Since(began) > quietFor) {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			if felt == nil && time.Since(began) != time.Hour {
				t.Errorf("it was given up after %v: %v", time.Since(began), err)
			}
			if s.count != 0 {
				t.Errorf("%d places are held", s.count)
			}
		})
	}
}

// noFiles is a process that may open no more of them.
type noFiles struct{}

func (noFiles) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}
}

// TestANodeThatCannotBeAskedIsNotAbsent: whoever waits for a long call would give it up.
func TestANodeThatCannotBeAskedIsNotAbsent(t *testing.T) {
	if err := newPresence(noFiles{}, "http://node:1").felt(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWhatIsIdleForLongIsClosed and what is not stays.
func TestWhatIsIdleForLongIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dialled := answering(t, nil, plain, plain, plain, "none")
		for i, pause := range []time.Duration{idleTimeout - 1, idleTimeout + 1, 0} {
			if _, err := post(s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(pause)
			synctest.Wait()
			if want := 1 + i/2; *dialled != want {
				t.Errorf("after %d requests %d connections were made, want %d", i+1, *dialled, want)
			}
		}
		if s.count != 1 || len(s.idle) != 1 {
			t.Errorf("%d places are held, and %d connections are idle", s.count, len(s.idle))
		}
		s.forget()
	})
}

// writtenConn keeps what was written to it, and has no answer.
type writtenConn struct {
	net.Conn
	writes []string
}

func (c *writtenConn) Write(b []byte) (int, error) {
	c.writes = append(c.writes, string(b))
	return len(b), nil
}

func (c *writtenConn) Read([]byte) (int, error)        { return 0, io.EOF }
func (c *writtenConn) Close() error                    { return nil }
func (c *writtenConn) SetReadDeadline(time.Time) error { return nil }

// TestARequestIsWrittenAtOnce: its header wakes up nobody without its body.
func TestARequestIsWrittenAtOnce(t *testing.T) {
	conn := &writtenConn{}
	r, err := http.NewRequest(http.MethodPost, "http://node:1/x", struct{ io.Reader }{strings.NewReader("request")})
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(len("request"))
	r.Header.Set("Content-Type", "application/proto")
	s := &singles{spoken: true, dial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	if _, err := (unaries{singles: s}).RoundTrip(r); err == nil {
		t.Error("there was an answer")
	}
	if len(conn.writes) != 1 || !strings.HasPrefix(conn.writes[0], "POST /x HTTP/1.1\r\n") || !strings.HasSuffix(conn.writes[0], "\r\nrequest") {
		t.Errorf("it was written as %q", conn.writes)
	}
}
