package firewall

import (
	"bufio"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elasticcode/flow/sim/chaos/links"
)

const port = ":7460"

// in does something in the namespace of a node: what is opened there stays there.
func (w *Wall) in(node int, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with the goroutine
		if err := unix.Setns(int(w.spaces[node].Fd()), unix.CLONE_NEWNET); err != nil {
			w.failed(err)
			return
		}
		do()
	}()
	<-done
}

// echo answers each line that comes to a node with the same.
func echo(t *testing.T, w *Wall, node int) {
	var l net.Listener
	var err error
	w.in(node, func() { l, err = net.Listen("tcp", w.Host(node)+port) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					if _, err := c.Write(append(lines.Bytes(), '\n')); err != nil {
						return
					}
				}
			}()
		}
	}()
}

// ask sends a line and waits for the answer.
func ask(c net.Conn, limit time.Duration) error {
	_ = c.SetDeadline(time.Now().Add(limit))
	_, err := c.Write([]byte("hello\n"))
	if err == nil {
		err = answer(c, limit)
	}
	return err
}

func answer(c net.Conn, limit time.Duration) error {
	_ = c.SetDeadline(time.Now().Add(limit))
	_, err := c.Read(make([]byte, 6))
	return err
}

const (
	soon   = 20 * time.Second
	silent = 300 * time.Millisecond
)

// TestStreamsMeetTheFirewall: TCP between two namespaces is cut in one direction
// or the other and goes on, loses packets and gets through, and is refused.
func TestStreamsMeetTheFirewall(t *testing.T) {
	if !Inside() {
		err := Again(t.Context(), "-test.run=^"+t.Name()+"$", "-test.v")
		if errors.Is(err, ErrNotAllowed) {
			t.Skipf("NOT TESTED: a firewall between nodes: %v", err)
		}
		if err != nil {
			t.Fatalf("in its own network: %v", err)
		}
		return
	}
	w, err := New(2, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	echo(t, w, 1)
	var c net.Conn
	w.in(0, func() { c, err = net.Dial("tcp", w.Host(1)+port) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := ask(c, soon); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []way{{0, 1}, {1, 0}} {
		w.Set(cut.from, cut.to, links.Rule{Cut: true})
		if err := ask(c, silent); err == nil {
			t.Errorf("with %v cut, the answer comes", cut)
		}
		w.Clear()
		if err := answer(c, soon); err != nil {
			t.Errorf("after %v was cut: %v", cut, err)
		}
	}
	w.Set(0, 1, links.Rule{Loss: 0.3})
	if err := ask(c, soon); err != nil {
		t.Errorf("with losses: %v", err)
	}
	w.Clear()
	refused := make(chan int)
	go func() { refused <- w.Reset(0, 1) }()
	broken := false
	for n := 0; ; {
		select {
		case n = <-refused:
			if !broken || n == 0 {
				t.Errorf("%d packets were refused, the stream is broken: %v", n, broken)
			}
			return
		default:
			broken = broken || ask(c, silent) != nil
		}
	}
}
