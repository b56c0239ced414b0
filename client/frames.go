package client

import (
	"encoding/binary"
	"io"
	"net/http"
)

// wholeFrames sends each message of a stream in one piece. Its length and its bytes
// come as two, each of which would be a frame of HTTP/2, a write, and a wake-up
// of the node.
type wholeFrames struct{ http.RoundTripper }

func (t wholeFrames) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Content-Type") == "application/connect+proto" && r.Body != nil {
		r = r.WithContext(r.Context()) // a RoundTripper may not change the request that it gets
		r.Body = &frames{ReadCloser: r.Body}
	}
	return t.RoundTripper.RoundTrip(r)
}

const prefixBytes = 5 // before each message: a byte of flags, and its length

// frames reads messages, each with its prefix.
type frames struct {
	io.ReadCloser
	left int // bytes of the message under way that are to come
}

// Read gives no prefix without its message, which whoever wrote the one writes next.
func (f *frames) Read(p []byte) (n int, err error) {
	n, err = f.ReadCloser.Read(p)
	if f.left > 0 || n != prefixBytes || err != nil {
		f.left = max(0, f.left-n)
		return n, err
	}
	f.left = int(binary.BigEndian.Uint32(p[1:prefixBytes]))
	if f.left == 0 || len(p) == n {
		return n, nil
	}
	more, err := f.ReadCloser.Read(p[n:min(len(p), n+f.left)])
	f.left -= more
	return n + more, err
}
