package links

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// pair is a mesh between two nodes, both of them this process: a stream counts
// as opened by the one that is asked first, node 0.
func pair(t *testing.T) (m *Mesh, port int) {
	t.Helper()
	if _, err := os.Stat(tcpTable); err != nil {
		t.Skipf("NOT TESTED: links between nodes: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.2.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go echo(l)
	port = l.Addr().(*net.TCPAddr).Port
	self := os.Getpid
	m, err = New(Node{Inside: "127.0.2.1", Outside: "127.0.3.1", Packets: []int{port}, PID: self},
		Node{Inside: "127.0.2.2", Outside: "127.0.3.2", Streams: []int{port}, Packets: []int{port}, PID: self})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, port
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for r := bufio.NewReader(c); ; {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				fmt.Fprint(c, line)
			}
		}()
	}
}

func dial(t *testing.T, port int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address("127.0.3.2", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a line and gives how long the answer took.
func ask(t *testing.T, c net.Conn, limit time.Duration) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		return 0, err
	}
	_ = c.SetReadDeadline(time.Now().Add(limit))
	line := make([]byte, 6)
	_, err := c.Read(line)
	return time.Since(began), err
}

func TestStreamsAreCutAndGoOn(t *testing.T) {
	m, port := pair(t)
	c := dial(t, port)
	if _, err := ask(t, c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []way{{0, 1}, {1, 0}} {
		m.Set(cut.from, cut.to, Rule{Cut: true})
		if _, err := ask(t, c, 50*time.Millisecond); err == nil {
			t.Errorf("with %v cut, the answer comes", cut)
		}
		m.Clear()
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 6)); err != nil {
			t.Errorf("after %v was cut: %v", cut, err)
		}
	}
}

func TestStreamsAreDelayedEachWay(t *testing.T) {
	m, port := pair(t)
	c := dial(t, port)
	m.Set(0, 1, Rule{Delay: 30 * time.Millisecond})
	m.Set(1, 0, Rule{Delay: 40 * time.Millisecond})
	if took, err := ask(t, c, 5*time.Second); err != nil || took < 70*time.Millisecond {
		t.Errorf("there and back took %v, %v", took, err)
	}
}

func TestStreamsAreBroken(t *testing.T) {
	m, port := pair(t)
	c := dial(t, port)
	if _, err := ask(t, c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if n := m.Reset(1, 0); n != 1 {
		t.Errorf("%d streams were broken", n)
	}
	if _, err := ask(t, c, 5*time.Second); err == nil {
		t.Error("a broken stream answers")
	}
	if _, err := ask(t, dial(t, port), 5*time.Second); err != nil {
		t.Errorf("a new one: %v", err)
	}
}

func TestPacketsComeFromTheKnownAddress(t *testing.T) {
	m, port := pair(t)
	open := func(host string) net.PacketConn {
		c, err := net.ListenPacket("udp", address(host, port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	one, other := open("127.0.2.1"), open("127.0.2.2")
	send := func() (string, error) {
		to, _ := net.ResolveUDPAddr("udp", address("127.0.3.2", port))
		if _, err := one.WriteTo([]byte("hello"), to); err != nil {
			t.Fatal(err)
		}
		_ = other.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, source, err := other.ReadFrom(make([]byte, 16))
		return fmt.Sprint(source), err
	}
	if source, err := send(); err != nil || source != address("127.0.3.1", port) {
		t.Errorf("a packet comes from %s, %v", source, err)
	}
	m.Set(0, 1, Rule{Cut: true})
	if source, err := send(); err == nil {
		t.Errorf("a packet comes from %s although the way is cut", source)
	}
	m.Set(0, 1, Rule{Delay: 20 * time.Millisecond})
	if _, err := send(); err != nil {
		t.Errorf("a packet that is delayed: %v", err)
	}
}
