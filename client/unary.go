package client

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
)

// singleBytes is the most that a request which goes by itself has: it is written before
// any of its answer is read.
const singleBytes = 16 << 10

// unaries sends small requests with one answer over connections of their own, and all
// else over one connection of HTTP/2. What such a request costs over HTTP/2 are mostly
// the goroutines that it wakes up, one after the other and on both sides.
type unaries struct {
	singles *singles // nil: there are none
	shared  http.RoundTripper
}

func (u unaries) RoundTrip(r *http.Request) (*http.Response, error) {
	if u.singles == nil || !goesSingle(r) {
		return u.shared.RoundTrip(r)
	}
	c, ok := u.singles.take()
	if !ok {
		return u.shared.RoundTrip(r)
	}
	var request bytes.Buffer
	if err := r.Write(&request); err != nil {
		u.singles.leave(c)
		return nil, err
	}
	response, shared, err := u.singles.send(r.Context(), c, request.Bytes())
	if err == nil {
		response.Request = r
	}
	if !shared {
		return response, err
	}
	full := isFull(err)
	again, rewindErr := rewound(r)
	if rewindErr != nil {
		return nil, err
	}
	if response, err = u.shared.RoundTrip(again); err == nil && !full {
		u.singles.refuse()
	}
	return response, err
}

// goesSingle says whether a request may go by itself.
func goesSingle(r *http.Request) bool {
	kind := r.Header["Content-Type"]
	return len(kind) == 1 && kind[0] == "application/proto" && r.ContentLength >= 0 && r.ContentLength <= singleBytes
}

// rewound gives a request that may have been sent, to be sent again: keys and ids see
// to it that it is carried out once.
func rewound(r *http.Request) (*http.Request, error) {
	again := r.WithContext(r.Context()) // a RoundTripper may not change the request that it gets
	if r.GetBody == nil {
		return again, nil
	}
	var err error
	again.Body, err = r.GetBody()
	return again, err
}

// direct gives the host:port of a URL that is reached without TLS and without a proxy.
func direct(text string) (address string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" {
		return "", false
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); proxy != nil || err != nil {
		return "", false
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80"), true
	}
	return u.Host, true
}

// answerBody gives its connection back at its end.
type answerBody struct {
	io.ReadCloser
	finish func(whole bool)
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.finish(err == io.EOF)
	}
	return n, err
}

// Close gives up what is left of it.
func (b *answerBody) Close() error {
	b.finish(false)
	return nil
}
