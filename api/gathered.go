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
	return &gathered{Conn: conn}, nil
}

// readTogether is how much of a connection of HTTP/2 is read at once. net/http reads the
// header of each frame and then its body, and a request has two frames.
const readTogether = 16 << 10

// inPieces is what whoever reads less than that reads: the frames of HTTP/2. Of a connection
// of HTTP/1.1, of which there may be many, net/http reads what there is by itself, and
// one byte to hear whether the client goes away.
const inPieces = 1 << 10

type gathered struct {
	net.Conn
	ahead *bufio.Reader // nil: it was not read in pieces yet
}

func (g *gathered) Read(b []byte) (int, error) {
	if g.ahead == nil {
		if len(b) == 1 || len(b) >= inPieces {
			return g.Conn.Read(b)
		}
		g.ahead = bufio.NewReaderSize(g.Conn, readTogether)
	}
	return g.ahead.Read(b)
}

// Write gives way first. Answers become ready together, when an entry of the log
// has been applied, and net/http flushes as soon as nobody has anything to write
// just then: whoever writes at once writes the first answer by itself.
func (g *gathered) Write(b []byte) (int, error) {
	runtime.Gosched()
	return g.Conn.Write(b)
}
