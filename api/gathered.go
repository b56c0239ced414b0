package api

import (
	"bufio"
	"net"
	"runtime"
)

// gathering makes connections that read and write what is there together: each
// read and each write is a system call, and a write wakes up the client.
type gathering struct{ net.Listener }

func (l gathering) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return gathered{conn, bufio.NewReaderSize(conn, readTogether)}, nil
}

// readTogether is how much of a connection is read at once. net/http reads the header of
// each frame of HTTP/2 and then its body, and a request has two frames.
const readTogether = 16 << 10

type gathered struct {
	net.Conn
	ahead *bufio.Reader
}

func (g gathered) Read(b []byte) (int, error) { return g.ahead.Read(b) }

// Write gives way first. Answers become ready together, when an entry of the log
// has been applied, and net/http flushes as soon as nobody has anything to write
// just then: whoever writes at once writes the first answer by itself.
func (g gathered) Write(b []byte) (int, error) {
	runtime.Gosched()
	return g.Conn.Write(b)
}
