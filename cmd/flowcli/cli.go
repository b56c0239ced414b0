package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// cli is one run: its streams, its global flags, and the network once a verb
// has asked for it.
type cli struct {
	world
	api     string
	asUser  string
	output  string // "", json or yaml
	debug   bool
	noColor bool
	unused  unusedFlags

	addresses []string
	network   network
}

func newCLI(w world) *cli { return &cli{world: w} }

// owner is who owns what this run makes.
func (c *cli) owner() string {
	if c.asUser != "" {
		return c.asUser
	}
	return c.world.user()
}

// connect gives the network, from the first of these that says where it is:
// the flag, the environment, the nodes that run on this machine.
func (c *cli) connect() (network, error) {
	if c.network != nil {
		return c.network, nil
	}
	addresses, err := c.whereToCall()
	if err != nil {
		return nil, err
	}
	c.addresses = addresses
	c.network, err = c.dial(addresses, c.owner(), c.logger())
	return c.network, err
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

// notef tells people something that is no result.
func (c *cli) notef(format string, args ...any) {
	fmt.Fprintf(c.err, format+"\n", args...)
}
