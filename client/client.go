// Package client is the Go client of a network: it runs calls and changes the
// model over any node's API, and goes on to the next node when one dies.
//
//	c, err := client.New(client.Options{Addresses: []string{"127.0.0.1:7460"}})
//	defer c.Close()
//	call, err := c.Run(ctx, "pyfi.processors.sample.do_something", "HI!!!")
//	var text string
//	err = client.Value(call, &text) // "TEXT:HI!!!"
//
// Each call and each batch goes out under a key that the client makes. When no
// answer comes, the same key is sent again, so the call exists once however
// often it was sent. What was refused for good is not sent again: it comes back
// as a *messages.Error, whose kind errors.Is tells (messages.NotFound, …).
//
// Calls that are made at the same time share a stream, which costs a good deal less
// than a request for each; see Options.Apart.
//
// All times in answers are microseconds since 1970, UTC; all values are JSON
// texts, exactly as they left the other side. A Client may be used by many
// goroutines at once.
package client

import (
	"context"
	"maps"
	"net"
	"net/http"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// UserHeader carries Options.User.
const UserHeader = "Flow-User"

// Bounds and defaults.
const (
	DefaultConnections = 2
	DefaultPatience    = 10 * time.Second
	MaxMessage         = 4*messages.MaxValue + 1<<20 // bytes of one answer: a call's arguments, result and output, and what goes with them

	dialTimeout  = 2 * time.Second
	pingAfter    = 3 * time.Second // without a frame; a node that lost its power does not close its connections
	pingTimeout  = 3 * time.Second
	idleTimeout  = 30 * time.Second
	compressFrom = 64 << 10 // bytes
)

// Options say where the network is and who asks.
type Options struct {
	// Addresses of nodes: host:port, or URLs. The first that answers is used
	// until it fails.
	Addresses []string
	// Discover gives addresses when there are none, and again when none of
	// them answers. It may be nil.
	Discover func(ctx context.Context) ([]string, error)
	// User owns what this client makes. Empty: the operating system's user.
	User string
	// Connections to the node in use; 0: DefaultConnections.
	Connections int
	// Apart makes each call a request of its own. Else calls that are made within
	// convoyAfter of each other share a stream, which costs less, but not every
	// proxy lets through.
	Apart bool
	// Patience is how long one request goes on trying while no node takes it,
	// within its context; 0: DefaultPatience; negative: as long as its context.
	Patience time.Duration
	// Dial connects to host:port; nil: by TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Reach is how long to go on while no node has ever answered, so that a
	// wrong address is told at once; 0: Patience. A request whose context has a
	// deadline has said itself how long it waits: it has Patience.
	Reach time.Duration
}

// Client speaks to a network. Make one with New, and Close it.
type Client struct {
	options   Options
	transport []*http.Transport

	reached atomic.Bool // a node has answered, be it with a refusal

	mu        sync.Mutex
	addresses []string
	current   int // index in addresses
	nodes     map[string]*node
	seen      map[uint32]uint64 // by group: the index of this client's latest write
}

// node is one node's API.
type node struct {
	address string
	lanes   []*lane
	singles *singles // nil: it is reached by TLS or a proxy

	mu   sync.Mutex
	next int
}

// lane is a node's API over one connection.
type lane struct {
	tasks   messagesconnect.TasksClient
	objects messagesconnect.ObjectsClient

	straight *straight // nil: there is no such way
	convoys  convoys
}

// New makes a client. It connects to nobody yet.
func New(options Options) (*Client, error) {
	if len(options.Addresses) == 0 && options.Discover == nil {
		return nil, messages.Errorf(messages.Invalid, "make client", "", "there is no address of a node, and no way to find one")
	}
	if options.Connections <= 0 {
		options.Connections = DefaultConnections
	}
	if options.Patience == 0 {
		options.Patience = DefaultPatience
	}
	if options.User == "" {
		if u, err := user.Current(); err == nil {
			options.User = u.Username
		}
	}
	if strings.ContainsFunc(options.User, unicode.IsControl) { // it travels in a header
		return nil, messages.Errorf(messages.Invalid, "make client", "user "+strconv.Quote(options.User), "a name has no control characters")
	}
	c := &Client{options: options, nodes: map[string]*node{}, seen: map[uint32]uint64{}}
	for _, address := range options.Addresses {
		if err := checkAddress(address); err != nil {
			return nil, err
		}
		c.addresses = append(c.addresses, address)
	}
	for range options.Connections {
		c.transport = append(c.transport, newTransport(options.Dial))
	}
	return c, nil
}

// Close ends the client's idle connections. Requests under way are not ended;
// end their contexts for that.
func (c *Client) Close() {
	c.mu.Lock()
	nodes := slices.Collect(maps.Values(c.nodes))
	c.mu.Unlock()
	for _, n := range nodes {
		n.close()
	}
	for _, t := range c.transport {
		t.CloseIdleConnections()
	}
}

// newTransport speaks HTTP/2, without TLS to http:// addresses.
func newTransport(dial dialer) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}).DialContext
	}
	t := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		DialContext:     dial.gathering,
		IdleConnTimeout: idleTimeout,
		Protocols:       new(http.Protocols),
		HTTP2:           &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	t.Protocols.SetUnencryptedHTTP2(true)
	t.Protocols.SetHTTP2(true)
	return t
}

// lane gives the next of the node's connections.
func (n *node) lane() *lane {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next = (n.next + 1) % len(n.lanes)
	return n.lanes[n.next]
}

func (n *node) close() {
	for _, l := range n.lanes {
		l.convoys.close()
	}
	if n.singles != nil {
		n.singles.forget()
	}
}

func (c *Client) newNode(address string) *node {
	n := &node{address: address, singles: newSingles(urlOf(address), c.options.Dial, c.transport[0])}
	options := []connect.ClientOption{
		connect.WithInterceptors(stateUser(c.options.User)),
		connect.WithReadMaxBytes(MaxMessage),
		connect.WithAcceptCompression("gzip", nil, nil), // nodes are near: compressing costs more than it saves
	}
	straight := newStraight(n.singles, urlOf(address), c.options.User)
	for _, t := range c.transport {
		h := &http.Client{Transport: unaries{n.singles, wholeFrames{t}}}
		l := &lane{
			tasks:   messagesconnect.NewTasksClient(h, urlOf(address), options...),
			objects: messagesconnect.NewObjectsClient(h, urlOf(address), options...),

			straight: straight,
		}
		l.convoys.open, l.convoys.closed = l.tasks.Stream, c.options.Apart
		n.lanes = append(n.lanes, l)
	}
	return n
}

// stateUser puts the user into the header of each request.
type stateUser string

func (u stateUser) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		r.Header().Set(UserHeader, string(u))
		return next(ctx, r)
	}
}

func (u stateUser) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		conn.RequestHeader().Set(UserHeader, string(u))
		return conn
	}
}

func (u stateUser) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}
