package messages

// Inline is how many bytes of names and values stand in the arguments themselves.
func (a *Arguments) Inline() (n int) {
	for _, value := range a.GetPositional() {
		n += len(value)
	}
	for _, named := range a.GetNamed() {
		n += len(named.Name) + len(named.Value)
	}
	return n
}

// Weight is about how many bytes a call takes, and no fewer: to ask protobuf for the
// very size costs nearly as much as to encode it.
func (c *Call) Weight() int {
	const (
		numbers = 512 // and ids
		field   = 8   // what stands before a text: its number and its length
		event   = 4 * field
	)
	n := numbers + len(c.Socket) + len(c.Name) + len(c.Owner) + len(c.Waiting) + len(c.Session) + len(c.Slot) + len(c.Commit) + len(c.Node) +
		len(c.Plug) + len(c.RoutingKey) + len(c.Content) + len(c.Result) + len(c.Log) + len(c.Output) +
		len(c.Error.GetType()) + len(c.Error.GetMessage()) + len(c.Error.GetTraceback()) +
		c.Arguments.Inline() + field*(len(c.Arguments.GetPositional())+3*len(c.Arguments.GetNamed())) +
		(len(CallID{})+field)*(len(c.Parents)+len(c.Arrivals))
	for _, e := range c.Events {
		n += event + len(e.Name) + len(e.Note) + len(e.Node)
	}
	return n
}
