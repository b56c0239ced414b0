package client

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/elasticcode/flow/messages"
)

// maxNodes bounds the nodes that a client remembers.
const maxNodes = 256

// checkAddress refuses what is no address of a node.
func checkAddress(address string) error {
	hint := "addresses look like 127.0.0.1:7460 or http://node-a:7460"
	u, err := url.Parse(urlOf(address))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return messages.Errorf(messages.Invalid, "read address", address, "it is not host:port, nor a URL").WithHint("%s", hint)
	}
	if !strings.Contains(address, "://") {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return messages.Errorf(messages.Invalid, "read address", address, "it has no port").WithHint("%s", hint)
		}
	}
	return nil
}

// urlOf makes a URL of host:port; URLs stay as they are.
func urlOf(address string) string {
	if strings.Contains(address, "://") {
		return strings.TrimRight(address, "/")
	}
	return "http://" + address
}

// node gives the node in use.
func (c *Client) node(ctx context.Context) (*node, error) {
	c.mu.Lock()
	none := len(c.addresses) == 0
	c.mu.Unlock()
	if none {
		if err := c.discover(ctx); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	address := c.addresses[c.current%len(c.addresses)]
	n := c.nodes[address]
	if n == nil {
		if len(c.nodes) >= maxNodes {
			clear(c.nodes)
		}
		n = c.newNode(address)
		c.nodes[address] = n
	}
	return n, nil
}

// leave goes on to the next node, if the one that failed is still in use. round
// says that all have been gone through.
func (c *Client) leave(failed *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.addresses) > 0 && c.addresses[c.current%len(c.addresses)] == failed.address {
		c.current = (c.current + 1) % len(c.addresses)
	}
}

// discover asks for addresses, and adds those that are new.
func (c *Client) discover(ctx context.Context) error {
	if c.options.Discover == nil {
		return nil
	}
	found, err := c.options.Discover(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, address := range found {
		if checkAddress(address) == nil && !slices.Contains(c.addresses, address) && len(c.addresses) < maxNodes {
			c.addresses = append(c.addresses, address)
		}
	}
	if len(c.addresses) == 0 {
		return messages.Errorf(messages.Unavailable, "find", "node", "there is no live node here").WithHint("start one with `node`, or name one with its address")
	}
	return nil
}

// known gives the addresses that are tried.
func (c *Client) known() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.addresses)
}

// wrote remembers a position, so that later reads of this client see it.
func (c *Client) wrote(p *messages.Position) {
	if p == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[p.Group] = max(c.seen[p.Group], p.Index)
}

// written gives the positions of this client's latest writes to partitions.
func (c *Client) written() (positions []*messages.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for group, index := range c.seen {
		if messages.GroupID(group) != messages.Meta {
			positions = append(positions, &messages.Position{Group: group, Index: index})
		}
	}
	return positions
}
