package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	maxHeader = 64 << 10        // bytes before the body of an answer
	quietFor  = 2 * time.Second // after which a node is asked whether it is there
)

// single is a connection of HTTP/1.1 for one request at a time. Whoever has one writes it
// and reads its answer: no other goroutine is woken up for that.
type single struct {
	net.Conn
	presence *presence
	r        *bufio.Reader
	since    time.Time // when it became idle

	there func() error // says whether who waits should go on
	heard int          // bytes of the answer under way
	most  int          // of heard
}

func newSingle(conn net.Conn, presence *presence) *single {
	c := &single{Conn: conn, presence: presence}
	c.r = bufio.NewReader(c)
	return c
}

// exchange sends the bytes of a request, in one write: its header wakes up nobody without its
// body. It gives the answer. When that has been read, leave gets the connection, or nil if
// it can take no other request. After an error leave hears nothing, and the connection is
// closed.
func (c *single) exchange(ctx context.Context, request []byte, leave func(*single)) (*http.Response, error) {
	goesOn := context.AfterFunc(ctx, func() { _ = c.Close() })
	c.there = func() error { return c.presence.felt(ctx) }
	c.heard, c.most = 0, maxHeader
	response, err := c.answer(request)
	if err != nil {
		goesOn()
		_ = c.Close()
		return nil, err
	}
	c.most = math.MaxInt
	var once sync.Once
	response.Body = &answerBody{response.Body, func(whole bool) {
		once.Do(func() {
			if goesOn() && whole && !response.Close && c.r.Buffered() == 0 {
				leave(c)
				return
			}
			_ = c.Close()
			leave(nil)
		})
	}}
	return response, nil
}

func (c *single) answer(request []byte) (*http.Response, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	for {
		response, err := http.ReadResponse(c.r, nil)
		if err != nil || response.StatusCode >= http.StatusOK || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
		// An answer below 200 says that there will be one.
	}
}

// Read waits for as long as the node is there.
func (c *single) Read(b []byte) (int, error) {
	if c.heard > c.most {
		return 0, fmt.Errorf("the header of the answer has more than %d bytes", c.most)
	}
	for {
		_ = c.SetReadDeadline(time.Now().Add(quietFor)) // if it is closed Read says so
		n, err := c.Conn.Read(b)
		c.heard += n
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := c.there(); err != nil {
			return 0, err
		}
	}
}
