package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// cli is one run: its streams, its global flags, and the network once a verb
// has asked for it.
type cli struct {
	world
	api     string
	asUser  string
	output  string // "", json or yaml
	wide    bool   // tables whole, however narrow the terminal is
	cut     bool   // a table was not whole, and people were told
	debug   bool
	noColor bool
	unused  unusedFlags

	network *client.Client

	telling sync.Mutex // one note at a time goes to stderr
}

// reach is how long to look for a node that has not answered yet, when nobody
// said --timeout.
const reach = time.Second

func newCLI(w world) *cli { return &cli{world: w} }

// lookPatience is how long a verb that only looks goes on while no node can
// answer: people who ask what is wrong should not have to wait to hear it.
const lookPatience = 2 * time.Second

// connectToLook is connect for verbs that only look.
func (c *cli) connectToLook() (*client.Client, error) {
	if c.patience == 0 {
		c.patience = lookPatience
	}
	return c.connect()
}

// owner is who owns what this run makes.
func (c *cli) owner() string {
	if c.asUser != "" {
		return c.asUser
	}
	return c.world.user()
}

// connect gives the network, from the first of these that says where it is:
// the flag, the environment, the nodes that run on this machine.
func (c *cli) connect() (*client.Client, error) {
	if c.network != nil {
		return c.network, nil
	}
	addresses, err := c.whereToCall()
	if err != nil {
		return nil, err
	}
	c.logger().Debug("nodes to ask", "addresses", addresses)
	c.network, err = client.New(client.Options{
		Addresses: addresses, Discover: c.nobodyAnswers(addresses),
		User: c.owner(), Connections: 1, Patience: c.patience, Reach: reach,
	})
	return c.network, err
}

// nobodyAnswers is what the client asks when all nodes have failed. When that
// goes on it says so once, since people would else look at nothing happening;
// it names the nodes that have come up on this machine, if that is where they
// were found.
func (c *cli) nobodyAnswers(addresses []string) func(context.Context) ([]string, error) {
	told := false
	var since time.Time
	var mu sync.Mutex // guards both: several requests may be under way
	return func(context.Context) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if since.IsZero() {
			since = time.Now()
		}
		if !told && time.Since(since) > reach {
			told = true
			c.notef("no node at %s can serve this now; trying on", strings.Join(addresses, ", "))
		}
		if c.api != "" || c.getenv("FLOW_API") != "" {
			return nil, nil
		}
		return c.live()
	}
}

func (c *cli) whereToCall() ([]string, error) {
	for _, given := range []string{c.api, c.getenv("FLOW_API")} {
		if addresses := splitAddresses(given); len(addresses) > 0 {
			return addresses, nil
		}
	}
	addresses, err := c.live()
	if err != nil {
		return nil, messages.Errorf(messages.Unavailable, "find a node", "", "looking for nodes on this machine failed: %v", err).
			WithHint("name one: flowcli --api HOST:PORT …")
	}
	if len(addresses) == 0 {
		return nil, messages.Errorf(messages.Unavailable, "find a node", "", "none runs on this machine, and neither --api nor FLOW_API names one").
			WithHint("start one with `node`, or name one: flowcli --api HOST:PORT …")
	}
	return addresses, nil
}

func splitAddresses(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

// logger tells what goes on, when asked to.
func (c *cli) logger() *slog.Logger {
	if !c.debug {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// notes is stderr for a program that runs at the same time: it writes between
// what people are told.
type notes struct{ c *cli }

func (n notes) Write(b []byte) (int, error) {
	n.c.telling.Lock()
	defer n.c.telling.Unlock()
	return n.c.err.Write(b)
}

// notef tells people something that is no result.
func (c *cli) notef(format string, args ...any) {
	c.telling.Lock()
	defer c.telling.Unlock()
	fmt.Fprintf(c.err, format+"\n", args...)
}
