package peer

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/elasticcode/flow/messages"
)

// Handler answers a request, or takes a one-way message, of a kind. body is the
// handler's. ctx ends when whoever asked has gone. For a one-way message the
// answer is dropped, and the handler must not block for long: the next message
// of the same peer waits for it.
type Handler func(ctx context.Context, from messages.NodeID, body []byte) ([]byte, error)

// Config says who this node is. What may be nil may be left out.
type Config struct {
	Network   Network // nil: TCP
	Address   string  // where to listen
	Node      messages.NodeID
	NetworkID string // empty: not known yet; everybody is refused until SetNetwork
	// Resolve gives the peer address of a node that lives.
	Resolve func(messages.NodeID) (address string, ok bool)
	// Removed says whether a node was removed from the network for good: it is
	// refused. nil: none was.
	Removed func(messages.NodeID) bool
	// OnRemoved is told each time that a peer refuses this node because it was
	// removed itself. nil: nobody is.
	OnRemoved func(by messages.NodeID)
	Logger    *slog.Logger
}

// Transport is a node's end of all its peer connections.
type Transport struct {
	config   Config
	listener net.Listener
	ctx      context.Context // ends when the transport closes
	cancel   context.CancelFunc
	running  sync.WaitGroup
	requests chan struct{} // a token per handler that runs
	loopback chan loopMessage
	refused  refusals

	mu           sync.Mutex
	network      string
	handlers     map[Kind]Handler
	together     map[Kind]Together
	links        map[messages.NodeID]*link
	layers       map[messages.GroupID]*layer
	conns        map[*conn]struct{}
	onConnect    []func(messages.NodeID)
	onDisconnect []func(messages.NodeID)
}

const (
	maxHandlers   = 16384 // requests of all peers that are being answered at once
	maxMessages   = 4096  // one-way messages of one peer that wait for their handler
	maxHandshakes = 256   // connections that have not said hello yet
)

// New listens and serves.
func New(config Config) (*Transport, error) {
	if config.Network == nil {
		config.Network = TCP{}
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Removed == nil {
		config.Removed = func(messages.NodeID) bool { return false }
	}
	if config.OnRemoved == nil {
		config.OnRemoved = func(messages.NodeID) {}
	}
	listener, err := config.Network.Listen(config.Address)
	if err != nil {
		return nil, messages.Errorf(messages.Unavailable, "listen for peers at", config.Address, "%v", err).WithHint("choose another --port")
	}
	t := &Transport{
		config: config, listener: listener, network: config.NetworkID,
		requests: make(chan struct{}, maxHandlers),
		loopback: make(chan loopMessage, maxMessages),
		handlers: map[Kind]Handler{},
		together: map[Kind]Together{},
		links:    map[messages.NodeID]*link{},
		layers:   map[messages.GroupID]*layer{},
		conns:    map[*conn]struct{}{},
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.running.Go(t.accept)
	t.running.Go(t.runLoopback)
	return t, nil
}

// Address is where the transport listens.
func (t *Transport) Address() string { return t.listener.Addr().String() }

// SetNetwork says which network the node belongs to, once that is known.
func (t *Transport) SetNetwork(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.network = id
}

func (t *Transport) networkID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.network
}

// Handle registers what answers a kind. Kinds are registered before
// SetNetwork, or before New's caller tells anybody the address.
func (t *Transport) Handle(kind Kind, h Handler) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handlers[kind] = h
}

func (t *Transport) handler(kind Kind) (Handler, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h, ok := t.handlers[kind]; ok {
		return h, nil
	}
	return nil, messages.Errorf(messages.Unavailable, "handle message of kind", fmt.Sprint(kind), "node %s does not know it", t.config.Node)
}

// OnConnect calls f each time a message connection to or from a node begins.
func (t *Transport) OnConnect(f func(messages.NodeID)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onConnect = append(t.onConnect, f)
}

// OnDisconnect calls f each time a message connection to or from a node is
// lost. There may be another one still, or already: it is a hint to look.
func (t *Transport) OnDisconnect(f func(messages.NodeID)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onDisconnect = append(t.onDisconnect, f)
}

func (t *Transport) notify(connected bool, node messages.NodeID) {
	t.mu.Lock()
	calls := t.onDisconnect
	if connected {
		calls = t.onConnect
	}
	t.mu.Unlock()
	for _, f := range calls {
		f(node)
	}
}

// Drop ends all connections with a node that is known to be dead: a machine
// without power sends no word of it. Pending requests fail at once.
func (t *Transport) Drop(node messages.NodeID) {
	t.closeConns(func(c *conn) bool { return c.node == node })
}

func (t *Transport) closeConns(which func(*conn) bool) {
	t.mu.Lock()
	var closing []*conn
	for c := range t.conns {
		if which(c) {
			closing = append(closing, c)
		}
	}
	t.mu.Unlock()
	for _, c := range closing {
		c.Close()
	}
}

// Close ends all connections and waits until every handler has returned.
func (t *Transport) Close() error {
	t.cancel()
	err := t.listener.Close()
	t.mu.Lock()
	layers := make([]*layer, 0, len(t.layers))
	for _, l := range t.layers {
		layers = append(layers, l)
	}
	t.mu.Unlock()
	for _, l := range layers {
		l.Close()
	}
	t.closeConns(func(*conn) bool { return true })
	t.running.Wait()
	return err
}
