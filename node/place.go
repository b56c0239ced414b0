package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/elasticcode/flow/cluster/identity"
	"github.com/elasticcode/flow/discovery"
	"github.com/elasticcode/flow/messages"
)

// place is what a node holds of its machine: a data directory, a seat among the
// nodes there, and three ports.
type place struct {
	directory *identity.Directory
	path      string
	seat      *discovery.Seat
	used      bool // the node has come so far that it serves
}

// enter takes a place. Without a data directory of its own the node takes the
// lowest free one below the user's data directory.
func enter(ctx context.Context, c Config) (p *place, err error) {
	runtime := c.Runtime
	if runtime == "" {
		runtime, err = discovery.Dir()
	} else {
		err = os.MkdirAll(runtime, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("find the directory where nodes of this machine meet: %w; name one with --runtime", err)
	}
	p = &place{}
	describe := func(slot, port int) (discovery.Entry, error) {
		if err := p.take(c, slot); err != nil {
			return discovery.Entry{}, err
		}
		who := p.directory.Identity()
		return discovery.Entry{Node: string(who.Node), Name: who.Name, Network: who.Network,
			API: join(c.Advertise, port), Gossip: join(c.Advertise, port+2), PID: os.Getpid()}, nil
	}
	p.seat, err = discovery.Enter(ctx, runtime, discovery.Options{Given: c.Data != "", Bind: c.Bind, Port: c.Port, Describe: describe})
	if err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

// take takes the data directory of a slot, and gives up one that it took before.
func (p *place) take(c Config, slot int) (err error) {
	p.leave()
	p.path = c.Data
	if p.path == "" {
		home, err := dataHome()
		if err != nil {
			return err
		}
		p.path = filepath.Join(home, "node-"+strconv.Itoa(slot+1))
	}
	if p.path, err = filepath.Abs(p.path); err != nil {
		return err
	}
	p.directory, err = identity.Open(p.path, nameOf(c, slot))
	if err != nil {
		p.directory = nil
		if c.Data == "" && errors.Is(err, messages.Conflict) {
			return discovery.ErrTaken
		}
		return err
	}
	return nil
}

// nameOf is the name a new node gets; "" keeps the one that it has.
func nameOf(c Config, slot int) string {
	host, err := os.Hostname()
	switch {
	case c.Name != "":
		return c.Name
	case err != nil:
		host = "node"
	}
	if slot <= 0 {
		return host
	}
	return host + "-" + strconv.Itoa(slot+1)
}

// end leaves the place. A data directory that was made for a start that failed
// goes with it.
func (p *place) end() (err error) {
	if !p.used {
		err = p.directory.Discard()
	}
	p.leave()
	return err
}

func (p *place) leave() {
	if p.seat != nil {
		_ = p.seat.Close() // it ends with the process at the latest
		p.seat = nil
	}
	if p.directory != nil {
		_ = p.directory.Close()
		p.directory = nil
	}
}

func join(host string, port int) string {
	if host == "" {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("%s:%d", host, port)
}
